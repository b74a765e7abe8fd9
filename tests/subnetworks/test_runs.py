"""Runs on own weights and on signs: where they begin, resumed to the bit, looked at afterwards."""

import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import digits_binary_connect, digits_hydra, digits_magnitude_pruning, digits_subnetwork
from fosc_tf import build, config_check
from fosc_tf.errors import UserError
from fosc_tf.runs import trained
from fosc_tf.subnetworks.masking import masked_layers
from fosc_tf.subnetworks.plain import computed_layers, plain
from tests import faults, small_run
from tests.data.three_parts import refused
from tests.subnetworks.networks import images
from tests.subnetworks.test_own_weights import close

CHOOSES = {"subnetwork__weights": "own", "subnetwork__rate": 0.8, "subnetwork__gamma": 0.5}
CLEAN = {"evaluation__attacks": "('clean',)"}
TRAINS = CHOOSES | CLEAN | {"subnetwork__trained": "weights"}
SIGNS = CLEAN | {"subnetwork__trained": "signs", "optimizer__weight_decay": 0.0}


def run(program, npz, workdir, before="", **fields):
    fields = {"log__updates": 0, "log__dead_images": 0, "log__gradient_images": 0} | fields
    return program.run(*small_run.flags(workdir, npz=npz, **fields), before=before)


def network_of(workdir):
    return trained.load(workdir).network


@pytest.fixture(scope="module")
def chosen(program, npz, undisturbed, tmp_path_factory):
    """A finished run of HYDRA's first stage on the small dense run."""
    workdir = tmp_path_factory.mktemp("chosen") / "work"
    ended = run(program, npz, workdir, model__weights=undisturbed, **CHOOSES)
    assert ended.code == 0, ended.err
    return workdir


def test_scores_of_a_dense_run(chosen, undisturbed):
    found, dense = network_of(chosen), network_of(undisturbed)
    kernels = {layer.name: layer for layer in dense.layers}
    for layer in masked_layers(found):
        np.testing.assert_array_equal(layer.values, kernels[layer.name].kernel)
        np.testing.assert_array_equal(layer.bias, kernels[layer.name].bias)
        assert layer.bias.numpy().any()
        kernel = layer.kernel.numpy()
        assert np.count_nonzero(kernel) == layer.kept
    assert found.layers[-1].name == "logits"


@pytest.mark.parametrize(
    "kind", [pytest.param("scores", marks=pytest.mark.slow), "weights", "signs"]
)
def test_killed_and_resumed_is_uninterrupted(kind, program, npz, undisturbed, chosen, tmp_path):
    fields = {"scores": CHOOSES, "weights": TRAINS, "signs": SIGNS}[kind]
    fields = fields | {"model__weights": chosen if kind == "weights" else undisturbed}
    saving = "fosc_tf.callbacks.saving:Saving.on_train_batch_end"
    cut = tmp_path / "cut"
    ended = run(program, npz, cut, faults.killed(saving, call=5, when="before"), **fields)
    assert ended.code == -9
    assert run(program, npz, cut, **fields).code == 0
    whole = chosen
    if kind != "scores":
        whole = tmp_path / "whole"
        assert run(program, npz, whole, **fields).code == 0
    expected, received = small_run.outcome(whole), small_run.outcome(cut)
    assert received.keys() == expected.keys()
    assert [name for name in expected if received[name] != expected[name]] == []
    if kind == "weights":
        # The mask is that of the first stage, and its weights have moved on.
        for one, other in zip(
            *(masked_layers(network_of(each)) for each in (chosen, cut)), strict=True
        ):
            np.testing.assert_array_equal(one.mask, other.mask)
            assert np.any(one.kernel.numpy() != other.kernel.numpy())
    if kind == "signs":
        largest = [np.abs(layer.values).max() for layer in computed_layers(network_of(cut))]
        assert max(largest) <= 1
        record = json.loads((cut / "results.json").read_text())
        assert run(program, npz, cut, mode="evaluate", **fields).code == 0
        assert json.loads((cut / "results.json").read_text()) == record


@pytest.mark.parametrize("mode", ["evaluate", "report", "analyze"])
def test_a_finished_run_is_looked_at(mode, program, npz, undisturbed, chosen):
    ended = run(program, npz, chosen, mode=mode, model__weights=undisturbed, **CHOOSES)
    assert ended.code == 0, ended.err


def config_of(npz, leaf, weights, /, **fields):
    config = leaf.get_config()
    given = {"data.npz": str(npz), "data.batch_size": 8, "data.held_out": 24}
    given |= {"model.name": "digits_mlp", "model.weights": str(weights)}
    given |= {f"subnetwork.{name}": value for name, value in fields.items()}
    config.update_from_flattened_dict(given)
    config_check.check(config)
    return config


def test_where_training_begins(npz, undisturbed, chosen):
    dense, half = network_of(undisturbed), network_of(chosen)
    whole = build.starting_network(config_of(npz, digits_hydra, undisturbed, rate=1e-9))
    close(whole, dense)
    # Pruned further: of those that were kept only.
    further = build.starting_network(
        config_of(npz, digits_magnitude_pruning, chosen, rate=0.9, gamma=0.5)
    )
    for one, other in zip(masked_layers(half), masked_layers(further), strict=True):
        assert np.all(one.mask.numpy() >= other.mask.numpy())
        np.testing.assert_array_equal(other.kernel, one.kernel * other.mask)
    # Fine-tuned at its own rate: the same network.
    alike = config_of(npz, digits_magnitude_pruning, chosen, rate=0.8, gamma=0.5)
    close(build.starting_network(alike), half)
    # A network of any stage is rebuilt with the variables that its checkpoints name by their order.
    for config in (alike, config_of(npz, digits_hydra, chosen)):
        began, rebuilt = build.starting_network(config), build.network(config)
        assert [v.path for v in began.variables] == [v.path for v in rebuilt.variables]
    for weights, source in ((undisturbed, dense), (chosen, plain(half))):
        signs = build.starting_network(config_of(npz, digits_binary_connect, weights))
        layers = {layer.name: layer for layer in source.layers}
        for layer in computed_layers(signs):
            np.testing.assert_array_equal(layer.values, layers[layer.name].kernel)
    assert signs.layers[-1].name == "last_batch_norm"


@pytest.mark.parametrize(
    ("leaf", "of_chosen", "fields", "rule"),
    [
        (digits_subnetwork, False, {}, "random weights are drawn"),
        (digits_subnetwork, True, {"weights": "signed_kaiming"}, "random weights are drawn"),
        (digits_subnetwork, True, {"rate": 0.0}, "of which all weights are trained begins"),
    ],
)
def test_other_beginnings_are_refused(leaf, of_chosen, fields, rule, npz, undisturbed, chosen):
    config = config_of(npz, leaf, chosen if of_chosen else undisturbed, **fields)
    refused(lambda: build.starting_network(config), rule=rule, right="own", received="work")


@pytest.mark.parametrize(
    ("section", "rule"),
    [
        ({"rate": 0.9, "weights": "binary"}, "biases and affine parts"),
        ({"rate": 0.0, "trained": "signs"}, "biases and affine parts"),
        ({"rate": 0.9, "weights": "own", "last_batch_norm": True}, "a last batch norm stays"),
    ],
)
def test_runs_that_own_weights_are_not_read_from(section, rule, npz, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"config": {"subnetwork": section}}))
    config = config_of(npz, digits_hydra, tmp_path)
    with pytest.raises(UserError, match=rule):
        build.starting_network(config)


def test_a_file_of_weights_is_one_of_a_dense_network(npz, undisturbed, tmp_path):
    dense = network_of(undisturbed)
    dense.save_weights(tmp_path / "dense.weights.h5")
    config = config_of(npz, digits_hydra, tmp_path / "dense.weights.h5")
    first = build.starting_network(config)
    other = build.starting_network(config_of(npz, digits_hydra, undisturbed))
    np.testing.assert_array_equal(*(each(images(), training=False) for each in (first, other)))


@pytest.mark.parametrize(
    ("fields", "rule", "right"),
    [
        ({"rate": 0.9, "weights": "own"}, "those of a trained network", "model.weights=FOLDER"),
        ({"rate": 0.9, "trained": "weights"}, "of a random network", "weights=own"),
        ({"rate": 0.9, "trained": "signs"}, "signs are those of all weights", "rate=0.0"),
        ({"rate": 0.0, "trained": "weights"}, "without a rate", "rate=0.9"),
        ({"rate": 0.0, "weights": "own"}, "without a rate", "rate=0.9"),
        ({"trained": "both"}, "kind of trained variables", "signs"),
        ({"last_batch_norm": "yes"}, "True or False", "True"),
    ],
)
def test_sections_that_cannot_be(fields, rule, right):
    config = digits_subnetwork.get_config().to_dict()
    config["subnetwork"] |= fields
    refused(lambda: config_check.check(ConfigDict(config)), rule=rule, right=right, received="")
