"""Defenses by name: all of them build, and mistakes are told in three parts."""

import inspect

import keras
import pytest

from fosc_tf import defenses
from fosc_tf.types import Defense
from tests.data.three_parts import refused
from tests.defenses.arguments import arguments_of


def test_the_papers_five_are_there():
    papers = {"curriculum", "dynamic", "fgsm_pgd", "standard", "unsecured"}
    assert papers <= set(defenses.names())


@pytest.mark.parametrize("name", defenses.names())
def test_each_returns_a_defense_and_tells_where_it_is_from(name):
    defense = defenses.get(name, **arguments_of(name))
    assert isinstance(defense, Defense)
    assert callable(defense.objective)
    assert all(isinstance(variable, keras.Variable) for variable in defense.state)
    factory = defenses.factory(name)
    for word in ("Algorithm:", "Source:"):
        assert word in inspect.getdoc(factory)


@pytest.mark.parametrize("name", defenses.names())
def test_hyper_parameters_are_keyword_only_and_documented(name):
    factory = defenses.factory(name)
    for parameter in inspect.signature(factory).parameters.values():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert f"{parameter.name}:" in inspect.getdoc(factory)


BAD = [
    ({"epsilon": 8}, "epsilon must lie in (0, 1]", "epsilon=8"),
    ({"epsilon": 0}, "epsilon must lie in (0, 1]", "epsilon=0"),
    ({"step_size": 0}, "step_size must be positive", "step_size=0"),
    ({"step_size": 0.9}, "at most 2 * epsilon", "step_size=0.9"),
    ({"num_steps": 0}, "num_steps must be a whole number >= 1", "num_steps=0"),
    ({"num_steps": 2.5}, "num_steps must be a whole number >= 1", "num_steps=2.5"),
    ({"norm": "linv"}, "norm must be a known one", "norm='linv'"),
    ({"steps_per_epoch": 0}, "steps_per_epoch must be at least 1", "steps_per_epoch=0"),
]


def takes(name, argument):
    return argument in inspect.signature(defenses.factory(name)).parameters


@pytest.mark.parametrize(
    ("name", "bad", "rule", "received"),
    [(name, *case) for name in defenses.names() for case in BAD if takes(name, *case[0])],
)
def test_numbers_out_of_range(name, bad, rule, received):
    refused(
        lambda: defenses.get(name, **(arguments_of(name) | bad)),
        rule=rule,
        right="",
        received=received,
    )


def test_unknown_name_and_arguments():
    refused(
        lambda: defenses.get("dynamik"),
        rule="defense must be a known one",
        right="nearest: dynamic",
        received="defense='dynamik'",
    )
    error = refused(
        lambda: defenses.get("dynamic", epsilon=0.3, steps_per_epoch=1, cmax=0.5),
        rule="argument of defense dynamic must be a known one",
        right="nearest: c_max",
        received="cmax",
    )
    assert "control_epochs" in error.right  # all are listed
    refused(
        lambda: defenses.get("dynamic", epsilon=0.3),
        rule="dynamic needs steps_per_epoch",
        right="steps_per_epoch=...",
        received="epsilon",
    )
