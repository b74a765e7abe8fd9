"""What certified objectives descend besides: regularisers of a short warm-up, and sizes of weights.

objective = interval(epsilon=ramp, penalties=(short_warm_up(0.5, ramp), magnitudes(1e-6)))
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.primitives import Affine, Nonlinear
from fosc_tf.bounds.program import Program
from fosc_tf.objectives.bounded import Bounded, Penalty
from fosc_tf.replicas import global_mean, num_replicas
from fosc_tf.schedules import Curve

TOLERANCE = 0.5
"""tau of Shi et al.: what is better than this share costs nothing."""
_TINY = 1e-12


def magnitudes(weight: float) -> Penalty:
    """Returns weight * the sum of the magnitudes of all kernels.

    Source: SABR and MTL-IBP in the code of their authors; the former also counts biases and the
    scales of batch norms.
    """

    def penalty(here: Bounded, step: tf.Tensor) -> tf.Tensor:
        del step
        kernels = [each for each in here.network.trainable_variables if len(each.shape) > 1]
        sizes = [tf.reduce_sum(tf.abs(tf.convert_to_tensor(each))) for each in kernels]
        return weight * tf.add_n([tf.zeros([]), *sizes])

    return penalty


def short_warm_up(weight: float, epsilon: Curve) -> Penalty:
    """Returns weight * (1 - epsilon_t / epsilon) * (loose intervals + unbalanced ReLUs).

    Of the input of each nonlinear step, means over batch and units: the first part is
    relu(tau - r_0 / r) / tau with r the radius of its intervals and r_0 that of what enters the
    first layer that mixes pixels. The second, of steps with free slopes such as ReLU, is
    relu(tau - ratio) / tau for the ratio, at most 1, of the centres' mean over active units to that
    over inactive ones, and the same for their variances; a step without active or inactive units
    counts 0. Both are means over the steps.

    Source: Shi et al. 2021, section 4.2 and their code; lambda is `weight`, 0.5 there.

    Args:
        weight: lambda.
        epsilon: the ramp. It should never be 0: of points nothing is loose.
    """
    final = epsilon.arguments["final"]

    def penalty(here: Bounded, step: tf.Tensor) -> tf.Tensor:
        share = 1.0 - epsilon(step) / final

        def regularised() -> tf.Tensor:
            return weight * share * _loose_or_unbalanced(here)

        # Several replicas cannot add up what only one branch has.
        if num_replicas() > 1:
            return regularised()
        return tf.cond(share > 0, regularised, lambda: tf.zeros([]))

    return penalty


def _loose_or_unbalanced(here: Bounded) -> tf.Tensor:
    """Returns the mean of both parts over the nonlinear steps, a scalar."""
    inputs = [
        (each.inputs[0], each.primitive)
        for each in here.program.steps
        if isinstance(each.primitive, Nonlinear)
    ]
    if not inputs:
        return tf.zeros([])
    entry = _radius(here.ends[_entry(here.program)])
    found = tf.zeros([])
    for number, primitive in inputs:
        ends = here.ends[number]
        found += _hinge(entry / tf.maximum(_radius(ends), _TINY))
        if primitive.slopes(*ends) is not None:
            found += _unbalanced(ends)
    return found / len(inputs)


def _entry(program: Program) -> int:
    """Returns the number of the value that the first step reads which mixes pixels."""
    for step in program.steps:
        if not isinstance(step.primitive, Affine) or step.primitive.mixes:
            return step.inputs[0]
    return program.result


def _hinge(ratio: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(TOLERANCE - ratio) / TOLERANCE


def _radius(ends: Interval) -> tf.Tensor:
    return global_mean(0.5 * (ends.upper - ends.lower))


def _unbalanced(ends: Interval) -> tf.Tensor:
    centre = 0.5 * (ends.lower + ends.upper)
    active = tf.cast(tf.stop_gradient(ends.lower) > 0, centre.dtype)
    inactive = tf.cast(tf.stop_gradient(ends.upper) < 0, centre.dtype)
    up, down, middle = map(global_mean, (centre * active, centre * inactive, centre))
    square = tf.square(centre - middle)
    wide_up, wide_down = map(global_mean, (square * active, square * inactive))
    both = (up > _TINY) & (down < -_TINY) & (wide_up > _TINY) & (wide_down > _TINY)

    def ratio(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        a, b = tf.where(both, a, 1.0), tf.where(both, b, 1.0)
        return tf.minimum(a / b, b / a)

    return _hinge(ratio(up, -down)) + _hinge(ratio(wide_up, wide_down))
