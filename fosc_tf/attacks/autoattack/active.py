"""The loop whose batch shrinks: an example that is broken leaves, so cost follows the survivors.

left, problem, state = shrink(step, problem, state, num_steps=100)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf


class Problem(NamedTuple):
    """What is given for each example still in the batch.

    Attributes:
        row: [active] int32, the example's row in the batch that the attack was called with.
        image: [active, ...] float32, clean.
        label: [active] int32.
        target: [active] int32, the class to reach; attacks without a target ignore it.
        restart: [active] int32, how many runs towards this target came before.
        key: [active] uint64, see `noise`.
    """

    row: tf.Tensor
    image: tf.Tensor
    label: tf.Tensor
    target: tf.Tensor
    restart: tf.Tensor
    key: tf.Tensor


class Left(NamedTuple):
    """What the examples that left took with them, in the rows of the original batch.

    Attributes:
        image: [batch, ...] float32; the clean image for those who never left.
        num_steps: [batch] int32, steps taken, the one that broke the example included.
    """

    image: tf.Tensor
    num_steps: tf.Tensor


Step = Callable[[Problem, Any, tf.Tensor], tuple[Any, tf.Tensor, tf.Tensor]]


def shrink(step: Step, problem: Problem, state: Any, num_steps: int) -> tuple[Left, Problem, Any]:
    """Repeats `step` until `num_steps` are done or everyone has left.

    Args:
        step: `step(problem, state, done) -> state, image_adv, broken`; who is broken leaves at
            once with its row of `image_adv` and costs nothing from then on.
        problem: the batch.
        state: any nest of tensors [active, ...], at least one.
        num_steps: the most steps that anyone takes.

    Returns:
        Who left, then problem and state of those who stayed to the end.
    """

    def unfinished(done: tf.Tensor, problem: Problem, state: Any, left: Left) -> tf.Tensor:
        del state, left
        return (done < num_steps) & (tf.size(problem.row) > 0)

    def body(
        done: tf.Tensor, problem: Problem, state: Any, left: Left
    ) -> tuple[tf.Tensor, Problem, Any, Left]:
        state, image_adv, broken = step(problem, state, done)

        def let_go() -> tuple[Problem, Any, Left]:
            row = tf.boolean_mask(problem.row, broken)[:, None]
            gone = Left(
                tf.tensor_scatter_nd_update(left.image, row, tf.boolean_mask(image_adv, broken)),
                tf.tensor_scatter_nd_update(
                    left.num_steps, row, tf.fill([tf.shape(row)[0]], done + 1)
                ),
            )
            going_on = tf.where(~broken)[:, 0]
            stay = tf.nest.map_structure(lambda rows: tf.gather(rows, going_on), (problem, state))
            return (*stay, gone)

        # Copying everyone's rows in every step would cost as much as a small network.
        return (
            done + 1,
            *tf.cond(tf.reduce_any(broken), let_go, lambda: (problem, state, left)),
        )

    left = Left(problem.image, tf.fill(tf.shape(problem.row), num_steps))
    loop = (tf.constant(0), problem, state, left)
    shapes = tf.nest.map_structure(lambda rows: tf.TensorShape([None, *rows.shape[1:]]), loop[1:])
    _, problem, state, left = tf.while_loop(
        unfinished,
        body,
        loop,
        shape_invariants=(tf.TensorShape([]), *shapes),
        parallel_iterations=1,
    )
    return left, problem, state
