"""A network of which a part counts: training finds the part, or trains its weights.

subnetwork = masked(network, rate=0.99, gamma=0.1, weights="binary")
trainer = fosc_tf.AdversarialTrainer(subnetwork, defense)      # trains scores, by any defense
pruned = masked(trained, rate=0.9, weights="own", trained="weights")      # by magnitude, one shot
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import keras
import numpy as np

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.masked import RANKS, TRAINED, Masked, MaskedConv2D, MaskedDense
from fosc_tf.number import flag, inside, whole
from fosc_tf.subnetworks.allocation import allocation
from fosc_tf.subnetworks.plain import is_computed, plain
from fosc_tf.subnetworks.replacing import (
    again,
    cloned,
    in_place_of,
    is_batch_norm,
    replaceable,
    with_last_batch_norm,
)

WEIGHTS = ("binary", "signed_kaiming", "own")
_KINDS = {keras.layers.Dense: MaskedDense, keras.layers.Conv2D: MaskedConv2D}


def masked(
    network: keras.Model,
    rate: float = 0.99,
    gamma: float = 0.1,
    weights: str = "binary",
    seed: int = 0,
    last_batch_norm: bool | None = None,
    rank: str = "score",
    scores_scale: float | None = None,
    trained: str = "scores",
) -> keras.Model:
    """Returns a network like `network` of which a part counts, and which trains one of two things.

    Each Dense and Conv2D layer becomes a `MaskedDense` or `MaskedConv2D` of the same name, of
    which exactly as many weights count as `allocation` says, those of the best scores. Penalties
    on the old weights go. Other layers are copied.

    * trained="scores", edge-popup: weights never move, and a straight-through gradient reaches all
      scores.
    * trained="weights": scores never move, so the mask is that of this moment for good, and the
      gradient reaches the weights that count. Of random weights that is a random part, trained.

    Random weights, binary and signed_kaiming, are drawn without biases; the affine parts of batch
    norms go, and statistics begin anew. With own weights all of that is kept as `network` has it,
    scales, offsets and biases being trained where weights are, else held.

    Own weights begin with the largest of each layer:

    * masked(network, weights="own", trained="weights") is magnitude pruning, the training after
      it fine-tuning; the same again at a higher rate, on what that has trained, iterative pruning.
      A masked network is taken as `plain` has it: pruned weights are 0, their scores too, and they
      stay pruned as long as no layer keeps more than before.
    * masked(network, weights="own") trained, then `with_fixed_mask` trained, is HYDRA.

    Source: Liu's thesis, section 5.1, algorithm 5.1 (adversarial edge-popup: this network with the
    defense "standard") and section 5.1.3 (binary weights and last batch norm); of own weights
    Sehwag et al., HYDRA (NeurIPS 2020), section 3, for scores, their beginning and the two stages,
    and Han et al. (NeurIPS 2015), section 3, for magnitude pruning.
    Departures: the fan-in of signed Kaiming weights, which the thesis calls the fan-out of the
    layer before, and its 1 - r, are those of the layer and of the whole network. Layers keep what
    `allocation` says in pruning by magnitude too; gamma=1 is an equal share of each. The code of
    HYDRA's authors ranks by magnitude, and its first stage trains affine parts besides scores.

    Args:
        network: built, functional or sequential, also with such models within; it stays as it is.
        rate: share of all weights that goes, in [0, 1).
        gamma: in [0, 1]: at 1 each layer keeps the same share, at 0 the same number.
        weights: binary, -1 or 1 with equal chances; signed_kaiming, plus or minus
            sqrt(2 / (fan_in * (1 - rate))); own, those that `network` has.
        seed: whole number >= 0. Together with a layer's name it fixes its weights and scores.
        last_batch_norm: whether a batch norm without affine part stands on the logits; without it
            they grow with the weights. None is with one but for own weights. There is never a
            second one.
        rank: score, the highest count (the thesis); magnitude, the ones farthest from 0 (the
            authors' code), which passes the gradient times the score's sign.
        scores_scale: a of scores uniform in [-a, a]; None is 0.01 for binary weights and
            sqrt(1 / fan_in) for signed_kaiming. Scores of own weights w begin at
            a * w / max |w|, in rank score of |w|; None is sqrt(6 / fan_in).
        trained: scores or weights.

    Raises:
        UserError: a number out of its range; another network; a layer with weights of another
            kind; a layer that would keep no weight at all.
    """
    for kind, value, known in (
        ("kind of weights", weights, WEIGHTS),
        ("rank", rank, RANKS),
        ("kind of trained variables", trained, TRAINED),
    ):
        if value not in known:
            raise unknown_name(kind, value, known)
    seed = whole("seed", seed, least=0, below=2**63)
    own = weights == "own"
    last_batch_norm = not own if last_batch_norm is None else last_batch_norm
    last_batch_norm = flag("last_batch_norm", last_batch_norm)
    if scores_scale is not None:
        inside("scores_scale", scores_scale, "scores_scale=0.01", ends="()")
    if is_computed(network):
        network = plain(network)
    layers = replaceable(network)
    kept = allocation([_size(layer) for layer in layers], rate, gamma)
    for layer, count in zip(layers, kept, strict=True):
        if not count:
            raise UserError(
                "each layer must keep a weight: through one without any no image is seen",
                "a smaller rate or gamma",
                f"0 of {_size(layer)} weights in layer {layer.name!r} at rate={rate}, "
                f"gamma={gamma}",
            )
    counts = {id(layer): count for layer, count in zip(layers, kept, strict=True)}
    arguments = {"rank": rank, "trained": trained}

    def copied(layer: Any) -> Any:
        if id(layer) in counts:
            use_bias = own and layer.use_bias
            given = {"kept": counts[id(layer)], "use_bias": use_bias, **arguments}
            return in_place_of(layer, _KINDS[type(layer)], given)
        return again(layer, affine=own, held=trained == "scores")

    found, copies = cloned(network, copied)
    if last_batch_norm:
        found = with_last_batch_norm(found)
    for layer, copy in copies:
        if isinstance(copy, Masked):
            _draw(layer, copy, rate, weights, seed, scores_scale)
            if copy.use_bias:
                copy.bias.assign(layer.bias)
        elif layer.weights and (own or not is_batch_norm(copy)):
            copy.set_weights(layer.get_weights())
    return found


def with_fixed_mask(network: keras.Model) -> keras.Model:
    """Returns a masked network whose weights are trained, its scores and all else as they are.

    The second stage of HYDRA: what `masked(trained, weights="own")` found is fine-tuned. Biases
    and the affine parts of batch norms, held until then, are trained with the weights.

    Source: Sehwag et al., HYDRA (NeurIPS 2020), section 3.

    Args:
        network: masked; it stays as it is.

    Raises:
        UserError: it is not masked.
    """
    masked_layers(network)

    def copied(layer: Any) -> Any:
        if isinstance(layer, Masked):
            return type(layer).from_config(layer.get_config() | {"trained": "weights"})
        return again(layer)

    found, copies = cloned(network, copied)
    for layer, copy in copies:
        for variable, value in zip(copy.variables, layer.variables, strict=True):
            variable.assign(value)
    return found


def masked_layers(network: keras.Model) -> list[Masked]:
    """Returns the masked layers of a network, those of models within it too, in order.

    Raises:
        UserError: it has none.
    """
    found = [layer for layer in all_layers(network) if isinstance(layer, Masked)]
    if not found:
        raise UserError(
            "the network must be masked: one of which a part counts",
            "fosc_tf.subnetworks.masked(network)",
            f"{getattr(network, 'name', network)!r}, which has no masked layer",
        )
    return found


def _size(layer: Any) -> int:
    return math.prod(layer.kernel.shape)


def _draw(
    layer: Any, copy: Masked, rate: float, weights: str, seed: int, scale: float | None
) -> None:
    """Gives a masked layer its weights and first scores."""
    digest = hashlib.sha256(f"{seed}/{layer.name}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    shape = tuple(copy.values.shape)
    fan_in = math.prod(shape[:-1])
    if weights == "own":
        values = np.asarray(layer.kernel)
        largest = np.abs(values).max() or 1.0
        scores = values * ((scale or math.sqrt(6.0 / fan_in)) / largest)
        scores = np.abs(scores) if copy.rank == "score" else scores
    else:
        binary = weights == "binary"
        size = 1.0 if binary else math.sqrt(2.0 / (fan_in * (1.0 - rate)))
        values = np.where(random.integers(2, size=shape), size, -size)
        most = scale or (0.01 if binary else math.sqrt(1.0 / fan_in))
        scores = random.uniform(-most, most, shape)
    copy.values.assign(values.astype(np.float32))
    copy.scores.assign(scores.astype(np.float32))
