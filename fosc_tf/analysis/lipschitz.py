"""How far the logits of a network move at most while its image moves: a bound, layer by layer.

found = lipschitz_bound(network)
found.bound, found.layers      # 812.4, {"conv1": 1.9, "bn1": 2.4, ...}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from fosc_tf.analysis.spectral_norm import finite, spectral_norm
from fosc_tf.bounds.primitives import Affine, as_tensor
from fosc_tf.bounds.program import Program, Step, read
from fosc_tf.errors import UserError
from fosc_tf.number import inside, whole


class Lipschitz(NamedTuple):
    """What `lipschitz_bound` returns, all of it in l2.

    Attributes:
        bound: |logits(x) - logits(y)| <= bound * |x - y| for all images x and y.
        layers: spectral norm of each linear layer of one input, by its name.
        blocks: spectral norm of linear layers that follow each other, by their names with " + ".
        activations: constant of each activation and max pooling, by the name of its layer.
        branches: constants, from the image on, that each layer of several inputs adds, by its name.
    """

    bound: float
    layers: dict[str, float]
    blocks: dict[str, float]
    activations: dict[str, float]
    branches: dict[str, tuple[float, ...]]


def lipschitz_bound(network: Any, *, tolerance: float = 1e-5, seed: int = 0) -> Lipschitz:
    """Returns an upper bound of a network's Lipschitz constant, a product of norms.

    Linear layers that follow each other, such as a convolution and its batch norm, are composed
    exactly: the norm of their one matrix is at most the product of theirs. Activations count with
    their steepest slope, a max pooling with the root of how many windows an entry is in, which is 1
    where they do not overlap. A layer of several inputs adds the constants of its branches. The
    network is in evaluation mode: batch norms scale by their running statistics.

    Small matrices are written out. Of others Lanczos' method finds the norm from below, to a
    relative tolerance by which it is raised here.

    Source: Liu 2022 (thesis), section 4.3.4 and Table 4.5, with AutoLip of Scaman and Virmaux 2018.
    Departures: Lanczos in place of power iteration, from a seed, so that there are no 20 runs to
    average; linear layers that follow each other are one.

    Args:
        network: a functional or sequential Keras model, image to logits, float32.
        tolerance: relative, of each norm, in (0, 0.1).
        seed: of the vectors that iterations start from.

    Raises:
        UserError: a layer without a rule, an activation whose rule does not say its slope, a weight
            that is no number, a number out of its range.
    """
    inside("tolerance", tolerance, "tolerance=1e-5", below=0.1, ends="()")
    whole("seed", seed, least=0)
    return _Walk(read(network), tolerance, seed).found()


class _Walk:
    """Goes through a program; `constants` are those of values at which no block is under way."""

    def __init__(self, program: Program, tolerance: float, seed: int) -> None:
        self.program, self.tolerance, self.seed = program, tolerance, seed
        self.layers, self.blocks, self.activations, self.branches = {}, {}, {}, {}
        self.constants, self.under_way = {0: 1.0}, {}

    def found(self) -> Lipschitz:
        reads = Counter(number for step in self.program.steps for number in step.inputs)
        for value, step in enumerate(self.program.steps, start=1):
            if not isinstance(step.primitive, Affine):
                slope = _slope(step)
                self.activations[_free(step.name, self.activations)] = slope
                self.constants[value] = slope * self.constant(step.inputs[0])
            elif len(step.inputs) > 1:
                parts = tuple(
                    self.norm([step], branch) * self.constant(number)
                    for branch, number in enumerate(step.inputs)
                )
                self.branches[_free(step.name, self.branches)] = parts
                self.constants[value] = sum(parts)
            else:
                (before,) = step.inputs
                goes_on = reads[before] == 1 and before in self.under_way
                block = self.under_way[before][0] if goes_on else []
                norm = self.norm([step])
                self.layers[_free(step.name, self.layers)] = norm
                self.under_way[value] = [*block, step], norm
        bound = self.constant(self.program.result)
        return Lipschitz(bound, self.layers, self.blocks, self.activations, self.branches)

    def constant(self, value: int) -> float:
        """Returns the constant of one value, from the image to it; a block ends there."""
        if value not in self.constants:
            block, norm = self.under_way[value]
            if len(block) > 1:
                norm = self.norm(block)
                name = " + ".join(step.name for step in block)
                self.blocks[_free(name, self.blocks)] = norm
            self.constants[value] = norm * self.constant(block[0].inputs[0])
        return self.constants[value]

    def norm(self, block: Sequence[Step], branch: int = 0) -> float:
        """Returns the norm of steps that follow each other, raised by the tolerance."""
        shape = self.program.shapes[block[0].inputs[branch]]
        others = [self.program.shapes[number] for number in block[0].inputs]

        def apply(x: tf.Tensor) -> tf.Tensor:
            first = [tf.zeros([tf.shape(x)[0], *each], x.dtype) for each in others]
            first[branch] = x
            for step in block:
                first = [step.primitive.apply(lambda weight: as_tensor(weight, x.dtype), *first)]
            return first[0]

        if not any(step.primitive.mixes for step in block):
            scale = tf.abs(apply(tf.ones([1, *shape], tf.float64)))
            return float(finite(scale.numpy()).max())
        found = spectral_norm(apply, shape, tolerance=self.tolerance, seed=self.seed)
        return found * (1.0 + self.tolerance)


def _slope(step: Step) -> float:
    if step.primitive.lipschitz is None:
        raise UserError(
            "a bound of the Lipschitz constant needs that of each activation",
            "Elementwise(..., lipschitz=1.0) in the layer's rule, see fosc_tf.bounds.register",
            f"layer {step.name!r}, whose rule does not say it",
        )
    return step.primitive.lipschitz


def _free(name: str, taken: dict[str, Any]) -> str:
    """Returns a name that is not taken: a layer may be called twice, or do two things."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
