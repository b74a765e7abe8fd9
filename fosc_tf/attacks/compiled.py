"""Functions of a network compiled once for all batch sizes and for all attacks of equal settings.

logits = compiled(member, member.logits, network, image)

What is compiled is kept with the network and dies with it: as an attribute of its own, since its
graphs know the network, and one more name for it anywhere else would keep both alive for ever.
As with every `tf.function`, what a network computes is looked at once: weights may change, layers
may come and go, but an attribute of Python that changes its answers needs another network.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

_ATTRIBUTE = "_fosc_tf_compiled"
_MOST = 32  # of a network; the one not used for longest goes first.


class _Shelf:
    """The compiled functions of one network; a copy of the network begins with none.

    Args:
        owner: the network; a copy's belongs to nobody.
    """

    def __init__(self, owner: Any = type) -> None:
        self.owner, self.functions = weakref.ref(owner), {}

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return _Shelf, ()


def compiled(
    attack: Any, function: Callable[..., Any], network: Any, *given: Any, anew: bool = False
) -> Any:
    """Returns `function(network, *given)`.

    Args:
        attack: whose attributes, with the name of `function`, decide what is computed.
        function: of the attack, from nests of tensors to a nest of tensors.
        network: handed on as it is.
        given: nests of scalars, and of tensors and arrays [batch, ...]; other values do not compile
            anew, nor do other numbers of rows.
        anew: lets the second number of rows compile once more, for all others: what is compiled
            for the first alone may round in another way.
    """
    rows = [tf.convert_to_tensor(row) for row in tf.nest.flatten(given)]
    # Survivors come in any number.
    any_batch = [
        tf.TensorSpec([None, *row.shape[1:]] if row.shape.rank else [], row.dtype) for row in rows
    ]
    shelf = _shelf(network)
    layers = network.layers if isinstance(network, keras.Model) else ()
    asked = function.__name__, repr(tf.nest.pack_sequence_as(given, any_batch)), *layers
    key = asked, type(attack), _settings(vars(attack))
    try:
        found = shelf.pop(key, None)
    except TypeError:  # An attribute cannot be compared: nobody is equal to this attack.
        key = asked, attack
        found = shelf.pop(key, None)
    if found is None:
        found = tf.function(
            lambda *rows: function(network, *tf.nest.pack_sequence_as(given, rows)),
            autograph=False,
            reduce_retracing=True,
        )
    shelf[key] = found
    if len(shelf) > _MOST:
        del shelf[next(iter(shelf))]
    # Called by itself it would warn of compiling in vain, counting the functions of all attacks.
    return found.get_concrete_function(*(rows if anew else any_batch))(*rows)


def _settings(value: Any) -> Any:
    """Returns what is equal for equal settings: an object of this package is its attributes."""
    if isinstance(value, dict):
        return tuple((name, _settings(one)) for name, one in value.items())
    if isinstance(value, tuple):
        return tuple(map(_settings, value))
    own = type(value).__module__.startswith("fosc_tf.") and hasattr(value, "__dict__")
    return (type(value), _settings(vars(value))) if own else value


def _shelf(network: Any) -> dict[Any, Any]:
    try:
        attributes = vars(network)
        if attributes.setdefault(_ATTRIBUTE, _Shelf(network)).owner() is not network:
            attributes[_ATTRIBUTE] = _Shelf(network)
        return attributes[_ATTRIBUTE].functions
    except TypeError:  # It takes no attribute.
        return {}
