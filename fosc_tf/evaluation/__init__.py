"""Believing: how robust a network is, measured by attacks."""

from fosc_tf.evaluation.black_box import black_box
from fosc_tf.evaluation.certified import certified
from fosc_tf.evaluation.journal import Journal
from fosc_tf.evaluation.linearity import Linearity, linearity
from fosc_tf.evaluation.radii import sweep
from fosc_tf.evaluation.white_box import white_box

__all__ = ["Journal", "Linearity", "black_box", "certified", "linearity", "sweep", "white_box"]
