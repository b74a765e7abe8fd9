import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import losses
from fosc_tf.errors import UserError

LOGITS = tf.constant([[5.0, 3.0, 1.0, 0.0], [1.0, 4.0, 2.0, 0.0]])
LABEL = tf.constant([0, 0])


def test_values_by_hand():
    # Right: -(5 - 3) / (5 - 1). Wrong: -(1 - 4) / (4 - 1).
    np.testing.assert_allclose(losses.dlr(LOGITS, LABEL), [-0.5, 1.0])


def test_targeted_values_by_hand():
    # -(5 - 1) / (5 - (1 + 0) / 2) and -(1 - 2) / (4 - (1 + 0) / 2).
    found = losses.targeted_dlr(LOGITS, LABEL, np.array([2, 2]))
    np.testing.assert_allclose(found, [-4 / 4.5, 1 / 3.5], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("shift", [0.0, -7.0])
def test_scale_and_shift_change_nothing(scale, shift):
    target = np.array([2, 3])
    moved = scale * (LOGITS + shift)
    np.testing.assert_allclose(losses.dlr(moved, LABEL), losses.dlr(LOGITS, LABEL), rtol=1e-5)
    np.testing.assert_allclose(
        losses.targeted_dlr(moved, LABEL, target),
        losses.targeted_dlr(LOGITS, LABEL, target),
        rtol=1e-5,
    )


def test_equal_logits_give_zero():
    np.testing.assert_array_equal(losses.dlr(tf.ones([1, 3]), tf.constant([1])), [0.0])


def test_has_a_name():
    np.testing.assert_allclose(losses.get("dlr")(LOGITS, LABEL), [-0.5, 1.0])


def test_too_few_classes():
    with pytest.raises(UserError, match="at least 3 classes"):
        losses.dlr(LOGITS[:, :2], LABEL)
    with pytest.raises(UserError, match="at least 4 classes"):
        losses.targeted_dlr(LOGITS[:, :3], LABEL, np.array([1, 1]))
