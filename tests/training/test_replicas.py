"""Two replicas of half the batch train what one replica of the whole batch trains.

One process of its own does nearly all of it, see `replica_run`; it takes a minute or two.
"""

import pytest

from fosc_tf import defenses
from tests import faults, small_run
from tests.training.replica_run import ALL_PARTS, COMPOSED
from tests.training.two_replicas import printed

pytestmark = pytest.mark.slow
NAMES = [name for name in defenses.names() if name not in COMPOSED]
NAMES += ["dynamic, all options", "dynamic, annealed"]
NAMES += ["dynamic, batch norm", "grad_align, batch norm"]
CERTIFIED = ("ibp", "crown_ibp", "adv_ibp", "sabr", "mtl_ibp", "cc_ibp", "per", "kw")
NAMES += ["ibp, batch norm"]
NAMES += ["standard, binary", "standard, pruned"]
NAMES += [ALL_PARTS, f"{ALL_PARTS}, batch norm"]


@pytest.fixture(scope="module")
def found(program):
    """What the process prints."""
    return printed(program, "tests.training.replica_run")


def tolerance(name):
    """Returns how far weights may be apart, of a first layer that moves by 0.02 to 1.5."""
    # Over several replicas a variance is the difference of two means, which costs digits; and
    # through each layer intervals widen by what a batch norm divides by.
    normalised, bounded = "batch norm" in name, name.split(",")[0] in CERTIFIED
    return 1e-6 * (10 if normalised else 1) * (10 if bounded else 1)


@pytest.mark.parametrize("name", NAMES)
def test_two_replicas_train_what_one_trains(found, name):
    difference = found["defenses"][name]
    assert difference["finite"]
    assert difference["moved"] > 1e-3
    # Over several replicas a variance is the difference of two means, which costs digits.
    assert difference["weights"] < tolerance(name)


@pytest.mark.parametrize("name", NAMES)
def test_two_replicas_log_what_one_logs(found, name):
    assert found["defenses"][name]["names"]
    assert found["defenses"][name]["logs"] < max(1e-5, tolerance(name))


def test_shares_of_the_replicas_add_up_to_the_mean(found):
    # (1 + 2) / 4 on one, (3 + 6) / 4 on the other.
    assert found["rows"]["mean"] == 3.0


def test_replicas_take_their_rows_of_the_global_batch(found):
    assert found["rows"]["noise"] < 1e-6
    assert found["rows"]["noise differs"]
    assert found["rows"]["steps"] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert found["rows"]["gathered"] == [[1.0, 2.0, 3.0, 6.0]] * 2


def test_batch_norm_of_replicas_folds_and_its_weights_fit_a_network_of_one_device(found):
    assert found["normalised"]["synchronized"] == [True, False]
    assert found["normalised"]["folds"]
    assert found["normalised"]["itself"] < 1e-5
    assert found["normalised"]["folded"] < 1e-5


def test_a_mean_without_the_dropped_is_that_of_the_global_batch(found):
    two, one = found["aligned"]
    assert two > 0.1
    assert abs(two - one) < 1e-6


def test_the_sum_of_the_shares_is_clipped(found):
    # (3, 0) + (0, 4) has norm 5; each clipped alone would give (1, 1).
    assert found["clipped"] == pytest.approx([-0.6, -0.8], rel=1e-6)


def test_a_batch_that_replicas_cannot_share_is_refused_wherever_fit_is_called(found):
    rule, right, received = found["odd batch"]
    assert "divisible by the 2 replicas" in rule
    assert right == "batch_size=2"
    assert received == "batch_size=3"


def test_a_killed_run_with_batch_norm_goes_on_as_if_it_had_not_been(program, tmp_path):
    npz, cpus = small_run.npz(tmp_path), faults.logical_cpus(2)
    fields = {"distribution": "mirrored", "model__name": "mnist_cnn", "npz": npz}
    fields |= {"evaluation__attacks": "('clean',)", **small_run.NO_PICTURES}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert program.run(*small_run.flags(whole, **fields), before=cpus).code == 0
    flags = small_run.flags(broken, **fields)
    saved = "fosc_tf.callbacks.saving:Saving.on_train_batch_end"
    killed = faults.killed(saved, call=7, when="after")
    assert program.run(*flags, before=cpus + killed).code == -9
    assert small_run.newest_first(broken / "checkpoints")[0].name == "step-6"
    steps = tmp_path / "steps"
    assert program.run(*flags, before=cpus + faults.steps_written(steps)).code == 0
    assert steps.read_text().split()[0] == "7"
    expected, received = small_run.outcome(whole), small_run.outcome(broken)
    assert received.keys() == expected.keys()
    assert [name for name in expected if received[name] != expected[name]] == []
