"""Asserts that a call fails with the three parts of a user's error.

refused(lambda: load("cifar11"), rule="known one", right="cifar10", received="cifar11")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fosc_tf.errors import UserError


def refused(call: Callable[[], Any], *, rule: str, right: str, received: str) -> UserError:
    """Returns the error of `call`; each of its parts must contain the words given for it."""
    with pytest.raises(UserError) as caught:
        call()
    error = caught.value
    assert rule in error.rule
    assert right in error.right
    assert received in error.received
    return error
