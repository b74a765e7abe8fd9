"""Learning: the trainer with its one step, what moves with the weights, checkpoints and devices."""

from fosc_tf.training.optimizer import CoupledSGD
from fosc_tf.training.settling import settle
from fosc_tf.training.trainer import AdversarialTrainer
from fosc_tf.training.weight_average import WeightAverage
from fosc_tf.training.weight_perturbation import WeightPerturbation

__all__ = ["AdversarialTrainer", "CoupledSGD", "WeightAverage", "WeightPerturbation", "settle"]
