"""Learning: the trainer with its one step, its optimizer, checkpoints and devices."""

from fosc_tf.training.optimizer import CoupledSGD
from fosc_tf.training.trainer import AdversarialTrainer

__all__ = ["AdversarialTrainer", "CoupledSGD"]
