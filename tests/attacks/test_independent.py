"""Other people's PGD handed one of our networks: the same optimum, the same errors."""

import importlib.util
import sys

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import export, models
from fosc_tf.attacks import PGD, Independent, presets
from fosc_tf.attacks.independent import TOOLS
from tests.attacks.toys import Linear, images
from tests.data.three_parts import refused

WEIGHT = [1.0, -2.0, 0.5, 3.0]
SHAPE = (2, 2, 1)
NUMBERS = {"epsilon": 0.1, "step_size": 0.025, "num_steps": 20}


def installed(tool):
    missing = importlib.util.find_spec(tool) is None
    return pytest.param(
        tool, marks=pytest.mark.skipif(missing, reason=f"the extra {tool} is not installed")
    )


@pytest.fixture(autouse=True)
def nobody_elses_seeds():
    """Calls set the global seeds, which other tests of this process may rely on."""
    state = np.random.get_state()
    yield
    np.random.set_state(state)
    tf.random.set_seed(None)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("tool", map(installed, TOOLS))
def test_on_a_linear_network_every_tool_finds_the_only_optimum(tool, norm):
    network = Linear(WEIGHT)
    image = 0.3 + 0.4 * images(6, SHAPE)  # no pixel limit within reach
    label = np.array([0, 1, 0, 1, 0, 1], "int32")
    weight = np.reshape(WEIGHT, SHAPE)
    steepest = np.sign(weight) if norm == "linf" else weight / np.linalg.norm(weight)
    upward = np.where(label == 0, 1.0, -1.0)[:, None, None, None]
    best = image + 0.1 * upward * steepest
    theirs = Independent(tool, **NUMBERS, norm=norm)(network, image, label, seed=3)
    ours = PGD(**NUMBERS, norm=norm)(network, image, label, seed=3)
    # In l2 the steps turn along the sphere and come near the optimum only.
    tolerance = {"linf": 1e-6, "l2": 5e-3}[norm]
    np.testing.assert_allclose(theirs.image, best, atol=tolerance)
    np.testing.assert_allclose(ours.image, best, atol=tolerance)
    assert np.all(theirs.num_gradients == 20)


@pytest.mark.parametrize("tool", map(installed, TOOLS))
def test_it_takes_an_export_and_repeats_itself(tool, tmp_path):
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    export.save(network, tmp_path / "export")
    loaded = export.load(tmp_path / "export")
    image, label = images(5, (8, 8, 1)), np.arange(5, dtype="int32")
    attack = presets.get(f"{tool}:pgd-3", epsilon=0.1)
    first, again, other = (attack(loaded, image, label, seed=seed).image for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    assert np.all(np.abs(first - image) <= 0.1 + 1e-6)
    assert np.all((first >= 0) & (first <= 1))
    name = TOOLS[tool][0]
    assert attack.parameters()["tool"].startswith(name + " ")
    assert attack.parameters()["step_size"] == pytest.approx(0.025)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_missing_tool_names_its_extra(tool, monkeypatch):
    monkeypatch.setitem(sys.modules, tool, None)
    refused(
        lambda: Independent(tool, **NUMBERS),
        rule=f"{tool}:pgd-K needs",
        right=f'pip install "fosc-tf[{tool}]"',
        received=tool,
    )


def test_unknown_tools_and_norms():
    refused(
        lambda: Independent("foolbos", **NUMBERS),
        rule="tool",
        right="foolbox",
        received="foolbos",
    )
    longer = {"epsilon": 0.1, "step_size": 0.15, "num_steps": 5}
    refused(
        lambda: Independent("cleverhans", **longer),
        rule="at most epsilon for cleverhans",
        right="step_size=0.025",
        received="step_size=0.15 with epsilon=0.1",
    )
    refused(lambda: Independent("art", **NUMBERS, norm="l1"), rule="norm", right="l", received="l1")
    refused(
        lambda: presets.get("foolbax:pgd-20", epsilon=0.1),
        rule="attack",
        right="foolbox:pgd-K",
        received="foolbax:pgd-20",
    )
