"""The loss around a network's weights: on a plane through them, and at random weights.

directions = random_directions(network, seed=0)      # or hessian_eigenvalues(...).vectors[:2]
arrays = loss_surface(network, image, label, directions)
arrays["x"], arrays["y"], arrays["loss"]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.weight_loss import BATCH_SIZE, WeightLoss, trainable
from fosc_tf.errors import UserError
from fosc_tf.number import flag, inside, whole


def random_directions(network: Any, seed: int = 0, *, count: int = 2) -> np.ndarray:
    """Returns Gaussian directions in the weights, each filter as long as the network's own.

    Source: Li et al. 2018, section 4: filter normalisation. A filter is what makes one output: all
    weights with the same last index. Directions are 0 in weights of one axis, biases and those of
    batch norms, as in the paper's code.

    Args:
        network: has `trainable_variables`.
        seed: of the directions.
        count: directions, at least 1.

    Returns:
        [count, weights] float64, the weights one after the other as in
        `network.trainable_variables`.

    Raises:
        UserError: no trainable weights, a seed or count that is no such number.
    """
    count, weights = whole("count", count, least=1), trainable(network)
    random = np.random.default_rng(whole("seed", seed, least=0, below=2**63))
    return np.stack([np.concatenate([*_direction(random, weights)]) for _ in range(count)])


def _direction(random: np.random.Generator, weights: list[Any]) -> Iterator[np.ndarray]:
    for variable in weights:
        values = np.array(variable, np.float64)
        drawn, axes = random.standard_normal(values.shape), tuple(range(values.ndim - 1))
        if values.ndim < 2:
            yield np.zeros(values.size)
            continue
        own, its = (np.sqrt(np.sum(each**2, axis=axes)) for each in (values, drawn))
        yield (drawn * (own / its)).ravel()


def loss_surface(
    network: Any,
    image: np.ndarray,
    label: np.ndarray,
    directions: np.ndarray,
    *,
    reach: float = 1.0,
    points: int = 21,
    again: bool = False,
    epsilon: float = 0.0,
    norm: str = "linf",
    num_steps: int = 10,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Arrays:
    """Returns the (adversarial) loss at weights + x * first + y * second direction.

    The perturbations are those found at the network's own weights, so that the surface is the one
    whose curvature `hessian_eigenvalues` tells. The weights are moved and put back.

    Source: Liu 2022 (thesis), Figure 4.6, along the first two eigenvectors of the Hessian. The
    figure's L_eps is that of an attack at each point: `again`.

    Args:
        network: maps images to logits; has `trainable_variables`.
        image: [n, height, width, channels] float32 in [0, 1].
        label: [n] int in 0..num_classes-1.
        directions: [2, weights] floating.
        reach: largest x and y.
        points: of the grid along each axis, at least 2; an odd number has the network's own weights
            in the middle.
        again: attacks anew at each point, for num_steps gradients each.
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; 0 for the clean loss.
        norm: of the ball.
        num_steps: of PGD, each epsilon / 4 long, from a random start.
        seed: of random starts.
        batch_size: images that the network sees together.

    Returns:
        `x`, `y` [points], lengths of the directions, and `loss` [points of y, points of x], the
        mean cross-entropy in nats in evaluation mode; float64.

    Raises:
        UserError: images or labels that do not fit, directions of another shape or not finite, a
            number out of its range, no trainable weights.
    """
    reach = inside("reach", reach, "reach=1.0", ends="()")
    points, again = whole("points", points, least=2), flag("again", again)
    loss = WeightLoss(
        network,
        image,
        label,
        epsilon=epsilon,
        norm=norm,
        num_steps=num_steps,
        seed=seed,
        batch_size=batch_size,
    )
    directions = np.asarray(directions, np.float64)
    if directions.shape != (2, loss.size) or not np.isfinite(directions).all():
        raise UserError(
            "a surface has two finite directions over all trainable weights",
            f"an array [2, {loss.size}], such as random_directions(network)",
            f"an array of shape {list(directions.shape)}"
            + " with NaN or infinite values" * (not np.isfinite(directions).all()),
        )
    loss.attack()
    grid = np.linspace(-reach, reach, points)
    heights = np.zeros([points, points])
    with loss.elsewhere() as weights:
        for place in np.ndindex(points, points):
            y, x = grid[list(place)]
            loss.move(weights + x * directions[0] + y * directions[1])
            if again:
                loss.attack()
            heights[place] = loss.value()
    return {"x": grid, "y": grid, "loss": heights}


def random_loss(
    network: Any,
    image: np.ndarray,
    label: np.ndarray,
    *,
    draws: int = 5,
    epsilon: float = 0.0,
    norm: str = "linf",
    num_steps: int = 10,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> float:
    """Returns the mean (adversarial) loss at random weights, the unit of a normalised spectrum.

    Source: Liu 2022 (thesis), section 4.2.3. It does not say how weights are drawn: here each from
    the initializer of its layer, whose seed is replaced. The attack runs anew at each draw. What is
    not trainable, such as the statistics of batch norms, stays; all weights are put back.

    Args:
        network: a Keras model from images to logits.
        image: [n, height, width, channels] float32 in [0, 1].
        label: [n] int in 0..num_classes-1.
        draws: random weights, at least 1.
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; 0 for the clean loss.
        norm: of the ball.
        num_steps: of PGD, each epsilon / 4 long, from a random start.
        seed: of weights and random starts.
        batch_size: images that the network sees together.

    Returns:
        In nats.

    Raises:
        UserError: images or labels that do not fit, a number out of its range, a trainable weight
            whose layer has no initializer by its name.
    """
    draws = whole("draws", draws, least=1)
    loss = WeightLoss(
        network,
        image,
        label,
        epsilon=epsilon,
        norm=norm,
        num_steps=num_steps,
        seed=seed,
        batch_size=batch_size,
    )
    laws = [_law(network, variable) for variable in loss.weights]
    seeds = np.random.default_rng(int(loss.seed)).integers(2**31, size=[draws, len(laws)])
    found = []
    with loss.elsewhere():
        for row in seeds.tolist():
            for variable, law, own in zip(loss.weights, laws, row, strict=True):
                variable.assign(_drawn(law, variable, own))
            loss.attack()
            found.append(loss.value())
    return float(np.mean(found))


def _law(network: Any, variable: Any) -> keras.initializers.Initializer:
    """Returns the initializer of a weight: that of `kernel` is its layer's `kernel_initializer`."""
    for layer in _layers(network):
        if getattr(layer, variable.name, None) is variable:
            law = getattr(layer, f"{variable.name}_initializer", None)
            if isinstance(law, keras.initializers.Initializer):
                return law
    raise UserError(
        "random weights come from the initializers of their layers",
        "weights such as `kernel` of layers with a `kernel_initializer`",
        f"the weight {getattr(variable, 'path', variable.name)}",
    )


def _layers(network: Any) -> Iterator[Any]:
    for layer in getattr(network, "layers", ()):
        yield layer
        yield from _layers(layer)


def _drawn(law: keras.initializers.Initializer, variable: Any, seed: int) -> Any:
    config = law.get_config()
    again = type(law).from_config(config | {"seed": seed} if "seed" in config else config)
    return again(tuple(variable.shape), dtype=variable.dtype)
