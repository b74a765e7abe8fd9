"""What watches a run: Keras callbacks for guarding, recording, saving and showing it."""

from fosc_tf.callbacks.collapse import CollapseMonitor
from fosc_tf.callbacks.dead_layers import DeadLayers
from fosc_tf.callbacks.example_losses import ExampleLosses
from fosc_tf.callbacks.fosc_histogram import FoscHistogram
from fosc_tf.callbacks.input_gradients import InputGradients
from fosc_tf.callbacks.lipschitz_bound import LipschitzBound
from fosc_tf.callbacks.nan_guard import NanGuard, NotFinite
from fosc_tf.callbacks.progress import Progress
from fosc_tf.callbacks.proof import HeldOutProof
from fosc_tf.callbacks.saving import Saving
from fosc_tf.callbacks.selection import HeldOut
from fosc_tf.callbacks.tensorboard import TensorBoard
from fosc_tf.callbacks.updates import Updates

__all__ = [
    "CollapseMonitor",
    "DeadLayers",
    "ExampleLosses",
    "FoscHistogram",
    "HeldOut",
    "HeldOutProof",
    "InputGradients",
    "LipschitzBound",
    "NanGuard",
    "NotFinite",
    "Progress",
    "Saving",
    "TensorBoard",
    "Updates",
]
