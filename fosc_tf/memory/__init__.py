"""What is remembered of each training example from epoch to epoch."""

from fosc_tf.memory.memory import ANEW, Memory
from fosc_tf.memory.spec import Spec

__all__ = ["ANEW", "Memory", "Spec"]
