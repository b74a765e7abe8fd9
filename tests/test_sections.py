"""What a config may hold, and what nothing would read."""

import logging

import numpy as np
import pytest

from configs import arguments, common
from fosc_tf import config_check
from tests.data.three_parts import refused


def config(section, field, value):
    """Returns the digits' Dynamic training with a field put there, whatever it held."""
    found = common.digits("dynamic", **arguments.dynamic(control_epochs=24))
    found = found.copy_and_resolve_references().unlock()
    fields = found[section] if section else found
    if field in fields:
        del fields[field]
    fields[field] = value
    return found


@pytest.mark.parametrize(
    ("section", "field", "value", "rule"),
    [
        ("data", "npz", 5, "data.npz must be a path"),
        ("data", "dir", None, "data.dir must be a path"),
        ("model", "weights", 5, "model.weights must be a path"),
        ("data", "augment", "no", "data.augment must be True or False"),
        ("", "deterministic", "no", "deterministic must be True or False"),
        ("", "jit_compile", 0.5, "jit_compile must be True or False"),
        ("evaluation", "stop_when_wrong", "no", "stop_when_wrong must be True or False"),
        ("optimizer", "nesterov", None, "nesterov must be True or False"),
        ("optimizer", "scale_with_replicas", 1, "scale_with_replicas must be True or False"),
        ("optimizer", "drop_epochs", None, "ascending epochs"),
        ("optimizer", "drop_epochs", 20, "ascending epochs"),
        ("optimizer", "drop_epochs", b"a", "ascending epochs"),
        ("defense", "control_epochs", None, "control_epochs must be a whole number"),
        ("defense", "control_epochs", (24,), "control_epochs must be a whole number"),
        ("data", "shuffle", False, "field of data must be a known one"),
        ("evaluation", "attack", "pgd-20", "field of evaluation must be a known one"),
    ],
)
def test_a_field_that_cannot_be(section, field, value, rule):
    given = config(section, field, value)
    error = refused(lambda: config_check.check(given), rule=rule, right="", received=field)
    if "known one" in rule:
        assert "nearest" in error.right
    else:
        assert repr(value) in error.received


def test_a_section_of_ones_own_gets_a_warning(caplog):
    given = common.digits("standard").unlock()
    with caplog.at_level(logging.WARNING):
        config_check.check(given)
        assert "none of fosc_tf's" not in caplog.text
        given.scheduler = common.Config({"name": "cosine"})
        config_check.check(given)
    assert "config.scheduler is none of fosc_tf's" in caplog.text


def test_flags_of_numpy_are_flags():
    config_check.check(config("data", "augment", np.bool_(True)))
