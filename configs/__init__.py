"""Experiments: each leaf is a docstring (paper, command, time, numbers) and its differences."""
