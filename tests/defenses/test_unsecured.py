"""Unsecured: no attack, the clean loss."""

from fosc_tf import defenses
from fosc_tf.objectives import adversarial


def test_attacks_nobody():
    defense = defenses.get("unsecured")
    assert defense.attack is None
    assert defense.objective is adversarial
    assert not defense.schedules
    assert defense.state == ()
