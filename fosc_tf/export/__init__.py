"""A network as a folder that anything with TensorFlow can evaluate and attack: a SavedModel.

    fosc_tf.export.save(network, "export")
    network = fosc_tf.export.load("export")      # callable, differentiable, attackable

The folder needs none of this project to be used:

    module = tf.saved_model.load("export")
    module.signatures["serving_default"](image=image)["logits"]
    module.signatures["probabilities"](image=image)["probabilities"]
    module.signatures["loss_and_input_gradient"](image=image, label=label)      # loss, gradient
    module.signatures["certified_margin"](image=image, label=label, epsilon=tf.constant(0.1))
    module(image)                                       # logits too
    module.loss_and_input_gradient(image, label)        # labels of int32 or int64

`image` is float32 [batch, height, width, channels] in [0, 1], `label` int32 [batch]. The last one
proves: `margins` [batch, classes] are lower bounds of the label's logit less each other, by
intervals, whatever the image in the linf ball of `epsilon` cut to [0, 1]; `certified` [batch] says
whether all are above 0 by more than rounding. Only networks whose layers
`fosc_tf.bounds` knows have it. Beside the SavedModel lie `network.weights.h5`, the weights for
Keras, and `export.json`, which says what the folder holds.
"""

from fosc_tf.export.reading import Exported, about, load
from fosc_tf.export.signatures import PROOF, SIGNATURES
from fosc_tf.export.writing import save

__all__ = ["PROOF", "SIGNATURES", "Exported", "about", "load", "save"]
