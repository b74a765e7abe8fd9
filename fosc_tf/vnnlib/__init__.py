"""Network and robustness as ONNX and VNN-LIB: complete verifiers check what our bounds say.

    fosc_tf.vnnlib.save(network, image, label, epsilon=0.1, path="properties")

Needs the extra `vnnlib`.
"""

from fosc_tf.vnnlib.onnx_layers import model_of, register
from fosc_tf.vnnlib.properties import save

__all__ = ["model_of", "register", "save"]
