"""Believing: how robust a network is, measured by attacks."""

from fosc_tf.evaluation.white_box import white_box

__all__ = ["white_box"]
