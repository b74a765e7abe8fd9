"""Several trainers in a row say nothing of retracing; what else TensorFlow warns of is shown."""

import logging

import tensorflow as tf

from fosc_tf.training.retracing import no_word_of_retracing
from tests.training.habits import IMAGE, LABEL, trainer_of


def test_six_trainers_in_a_row_say_nothing(caplog):
    with caplog.at_level("WARNING", "tensorflow"):
        for _ in range(6):
            trainer = trainer_of("unsecured")
            trainer.fit(IMAGE, LABEL, verbose=0, validation_data=(IMAGE, LABEL))
            trainer.evaluate(IMAGE, LABEL, verbose=0)
            trainer.predict(IMAGE, verbose=0)
    assert caplog.text == ""


def test_other_words_are_shown_and_so_are_those_outside(caplog):
    logger = tf.get_logger()
    retraced = "5 out of 5 calls to %s triggered tf.function retracing"
    mine, keras = "<function mine>", "<function TensorFlowTrainer.step>"
    with caplog.at_level("WARNING", "tensorflow"), no_word_of_retracing(), no_word_of_retracing():
        logger.warning(retraced, mine)
        logger.warning(retraced, keras)
    assert (mine in caplog.text, keras in caplog.text) == (True, False)
    with caplog.at_level("WARNING", "tensorflow"):
        logger.warning(retraced, keras)
    assert keras in caplog.text
    assert logging.getLogger("tensorflow").filters == []
