"""What the views cannot look at."""

import dataclasses
import json

import numpy as np
import pytest

from fosc_tf.analysis.settings import Settings
from tests.data.three_parts import refused


@pytest.mark.parametrize(
    ("change", "rule", "received"),
    [
        ({"epsilon": None}, "epsilon must be a number", "epsilon=None"),
        ({"epsilon": "8/255"}, "epsilon must be a number", "epsilon='8/255'"),
        ({"epsilon": 8}, "epsilon must lie in (0, 1]", "epsilon=8"),
        ({"norm": "l3"}, "norm must be a known one", "norm='l3'"),
        ({"num_steps": 0}, "num_steps must be a whole number >= 1", "num_steps=0"),
        ({"upper": "0.1"}, "upper must be a number", "upper='0.1'"),
        ({"upper": 0}, "the FOSC range must end above 0", "upper=0"),
        ({"traced": 2.5}, "traced must be a whole number >= 1", "traced=2.5"),
        ({"seed": 2**63}, "seed must be below 2**63", "seed=9223372036854775808"),
        ({"seed": None}, "seed must be a whole number >= 0", "seed=None"),
    ],
)
def test_settings_that_cannot_work(change, rule, received):
    refused(lambda: Settings(**{"epsilon": 0.3} | change), rule=rule, right="", received=received)


def test_a_radius_told_twice_is_looked_at_once():
    assert Settings(epsilon=0.3, epsilons=(0.1, 0, 0.1, 0.0)).epsilons == (0.1, 0.0)


def test_numbers_of_numpy_become_plain_ones():
    given = {"num_steps": np.int64(3), "examples": np.int32(7), "seed": np.uint8(1)}
    made = Settings(epsilon=np.float32(0.5), upper=np.float64(0.1), **given)
    plain = Settings(epsilon=0.5, upper=0.1, num_steps=3, examples=7, seed=1)
    assert json.dumps(dataclasses.asdict(made)) == json.dumps(dataclasses.asdict(plain))
