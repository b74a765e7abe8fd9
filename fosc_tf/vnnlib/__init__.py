"""Network and robustness as ONNX and VNN-LIB: complete verifiers check what our bounds say.

    fosc_tf.vnnlib.save(network, image, label, epsilon=0.1, path="properties")

Needs the extra `vnnlib`.
"""

from fosc_tf.vnnlib import (  # noqa: F401  (importing a file of rules files them)
    onnx_activations,
    onnx_merging,
    onnx_pooling,
    onnx_reshaping,
    onnx_scaling,
    onnx_weighted,
)
from fosc_tf.vnnlib.onnx_model import model_of
from fosc_tf.vnnlib.onnx_rule import register
from fosc_tf.vnnlib.properties import save

__all__ = ["model_of", "register", "save"]
