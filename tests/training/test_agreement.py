"""Workers tell each other what they hold; here the others' lines are made up."""

import json

import tensorflow as tf

from fosc_tf.training.agreement import check_agreement
from tests.data.three_parts import refused


class Told:
    """Takes the place of a strategy: this worker's line, then those of the others."""

    def __init__(self, *others):
        self.others = [tf.constant(list(f"{json.dumps(each)}\n".encode())) for each in others]

    def run(self, function):
        return function()

    def gather(self, line, axis):
        return tf.concat([line, *self.others], axis)


def test_workers_that_hold_the_same():
    held = {"step": 300, "optimizer.drop_epochs": (20, 26)}
    check_agreement(Told(held, held), held)


def test_every_difference_is_told_with_the_values_of_all_workers():
    refused(
        lambda: check_agreement(
            Told({"step": 0, "seed": 1}, {"step": 300, "seed": 1, "model.width": 2}),
            {"step": 300, "seed": 1},
        ),
        rule="same step",
        right="--workdir that all of them share",
        received="step is 300 and 0 and 300; model.width is None and None and 2",
    )
