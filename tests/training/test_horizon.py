"""Schedules that outlast the training are told of as it begins."""

import pytest

import fosc_tf
from tests.training.habits import IMAGE, LABEL, linear


@pytest.mark.parametrize(
    ("name", "arguments", "epochs", "told"),
    [
        (
            "dynamic",
            {"control_epochs": 3},
            2,
            "3 is not over then: threshold = fosc_threshold(",
        ),
        ("dynamic", {"control_epochs": 2}, 2, None),
        ("fgsm_pgd", {"fgsm_epochs": 3}, 2, "3 is not over then: step_size = switch("),
        ("fgsm_pgd", {"fgsm_epochs": 1}, 2, None),
        # Lessons 0, 1, 2 of two epochs each: the last begins with epoch 4.
        (
            "curriculum",
            {"total_epochs": 6},
            3,
            "4 is not over then: strength = staircase(",
        ),
        ("curriculum", {"total_epochs": 6}, 4, None),
        ("standard", {}, 1, None),
    ],
)
def test_what_changes_after_the_last_epoch(name, arguments, epochs, told, caplog):
    defense = fosc_tf.defenses.get(name, epsilon=0.1, num_steps=2, **arguments)
    trainer = fosc_tf.AdversarialTrainer(linear(), defense)
    trainer.compile("sgd")
    with caplog.at_level("WARNING"):
        trainer.fit(IMAGE[:4], LABEL[:4], epochs=epochs, verbose=0)
        assert (told or "") in caplog.text
        assert caplog.text.count("changes for") == (told is not None)
        trainer.fit(IMAGE[:4], LABEL[:4], epochs=1, verbose=0)  # says it no second time
    assert caplog.text.count("changes for") == (told is not None)
