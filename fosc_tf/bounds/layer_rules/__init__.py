"""What each kind of layer is to bounds: one rule a kind, and users may add their own.

@register(MyScaling)
def my_scaling(layer, shapes):
    return [Affine(lambda weigh, x: weigh(layer.factor) * x, mixes=False)]
"""

from fosc_tf.bounds.layer_rules import (  # noqa: F401  (importing a file of rules files them)
    merging,
    pooling,
    reshaping,
    weighted,
)
from fosc_tf.bounds.layer_rules.activations import of_activation
from fosc_tf.bounds.layer_rules.rule import Primitive, of_layer, register, version
from fosc_tf.bounds.layer_rules.scaling import BatchNormalized

__all__ = ["BatchNormalized", "Primitive", "of_activation", "of_layer", "register", "version"]
