"""What an attack declares of itself, and what wraps one."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, Attack, Mixed, Traits, declared, fosc_above
from fosc_tf.attacks import ball as balls
from fosc_tf.types import Found
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused

GOOD = {"epsilon": 0.3, "step_size": 0.075}


def _refused(call, rule, received):
    return refused(call, rule=rule, right="", received=received)


@pytest.mark.parametrize(
    ("attack", "traits"),
    [
        (PGD(**GOOD, num_steps=3), Traits()),
        (PGD(**GOOD, num_steps=3, gate=fosc_above(0.1)), Traits(fixed_shapes=False, gated=True)),
        (PGD(**GOOD, num_steps=Mixed(3)), Traits(fixed_shapes=False)),
    ],
)
def test_a_wrapper_has_the_traits_of_what_it_wraps(attack, traits):
    assert attack.traits == traits
    lambda_around = declared(lambda *given, **options: attack(*given, **options))
    assert lambda_around.traits == traits
    assert (lambda_around.epsilon, lambda_around.norm) == (0.3, "linf")
    assert declared(attack) is attack


def test_a_wrapper_finds_what_the_attack_finds():
    attack, network = PGD(**GOOD, num_steps=3), mlp()
    wrapped = declared(lambda *given, **options: attack(*given, **options))
    one, other = (each(network, images(4), labels(4), seed=3, step=1) for each in (attack, wrapped))
    np.testing.assert_array_equal(one.image, other.image)
    assert wrapped.parameters()["num_steps"] == 3


def test_a_schedule_is_asked_at_its_step():
    attack = PGD(epsilon=lambda step: tf.cast(step, tf.float32), step_size=0.1, num_steps=1)
    attack.check([4, 4, 1], step=1)
    attack.check([4, 4, 1], step=0)  # images stay clean
    for step, received in ((-1, "epsilon=-1"), (2, "epsilon=2")):
        _refused(lambda step=step: attack.check([4, 4, 1], step), "epsilon must lie", received)
    nan = PGD(epsilon=0.1, step_size=lambda step: tf.constant(float("nan")), num_steps=1)
    _refused(lambda: nan.check([4, 4, 1], 7), "must be a number at every step", "NaN at step 7")
    few = PGD(epsilon=0.1, step_size=0.1, num_steps=lambda step: step - 1)
    _refused(lambda: few.check([4, 4, 1]), "num_steps must be a whole number >= 0", "=-1")


def test_what_is_no_attack():
    for wrong in ("pgd-10", PGD, 3):
        _refused(lambda wrong=wrong: declared(wrong), "an attack must be one of", "attack=")


class Corner(Attack):
    """Whoever writes an attack says these three things."""

    epsilon, norm = 0.1, "linf"

    def parameters(self):
        return {"epsilon": self.epsilon, "norm": self.norm}

    def find(self, network, batch, *, seed, step, final_fosc):
        del network, seed, step, final_fosc
        ball = balls.get(self.norm)
        return Found.at(ball.project(batch.image + self.epsilon, batch.image, self.epsilon))


def test_an_attack_of_ones_own():
    found = Corner()(mlp(), images(3), labels(3))
    np.testing.assert_allclose(found.image, np.minimum(images(3) + 0.1, 1.0), atol=1e-6)
    np.testing.assert_array_equal(found.num_gradients, [0, 0, 0])
    _refused(lambda: Corner()(mlp(), 255 * images(3), labels(3)), "must lie in [0, 1]", "values")


class Half(Attack):
    def parameters(self):
        return {}


def test_an_attack_must_say_how_it_finds():
    with pytest.raises(TypeError, match="find"):
        Half()
