"""A trainer that nobody holds any more leaves nothing behind: sweeps and notebooks make many."""

import gc

import keras
import pytest

from tests.training.habits import history_of, trainer_of


def graphs():
    """Returns how many graphs of functions are alive."""
    keras.backend.clear_session()
    gc.collect()
    return sum(type(each).__name__ == "FuncGraph" for each in gc.get_objects())


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        lambda: keras.optimizers.Adam(gradient_accumulation_steps=2, clipnorm=1.0),
    ],
    ids=["sgd", "accumulated"],
)
@pytest.mark.parametrize("name", ["dynamic", "unsecured"])
def test_no_graph_outlives_its_trainer(name, optimizer):
    history_of(trainer_of(name, optimizer=optimizer()))
    before = graphs()
    for _ in range(2):
        history_of(trainer_of(name, optimizer=optimizer()))
    assert graphs() <= before
