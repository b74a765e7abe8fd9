"""Defenses by name: all of them build, and mistakes are told in three parts."""

import inspect

import keras
import pytest

from fosc_tf import defenses
from fosc_tf.types import Defense
from tests.data.three_parts import refused
from tests.defenses.arguments import arguments_of


def test_the_papers_are_there():
    papers = {"curriculum", "dynamic", "fgsm_pgd", "standard", "unsecured"}
    assert papers <= set(defenses.names())
    faster = {"amata", "fast", "fat", "grad_align", "n_fgsm"}
    assert faster <= set(defenses.names())


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
    ({"epsilon": "8/255"}, "epsilon must be a number", "epsilon='8/255'"),
    ({"step_size": "0.02"}, "step_size must be a number", "step_size='0.02'"),
    ({"num_steps": "10"}, "num_steps must be a whole number >= 1", "num_steps='10'"),
    ({"total_epochs": 0}, "total_epochs must be a whole number >= 1", "total_epochs=0"),
    ({"total_epochs": "50"}, "total_epochs must be a whole number >= 1", "total_epochs='50'"),
    ({"fgsm_epochs": "20"}, "fgsm_epochs must be a whole number >= 0", "fgsm_epochs='20'"),
    ({"control_epochs": "40"}, "control_epochs must be a whole", "control_epochs='40'"),
    ({"steps_per_epoch": 2.5}, "steps_per_epoch must be a whole", "steps_per_epoch=2.5"),
    ({"c_max": None}, "c_max must be a number", "c_max=None"),
    ({"c_max": float("nan")}, "c_max must be a number", "c_max=nan"),
    ({"c_min": "0"}, "c_min must be a number", "c_min='0'"),
    ({"norm": "linv"}, "norm must be a known one", "norm='linv'"),
    ({"steps_per_epoch": 0}, "steps_per_epoch must be a whole number >= 1", "steps_per_epoch=0"),
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


@pytest.mark.parametrize("name", ["curriculum", "fgsm_pgd", "amata"])
@pytest.mark.parametrize("argument", ["epsilon", "num_steps"])
def test_no_schedule_where_the_defense_makes_its_own(name, argument):
    bad = {argument: lambda step: step, "step_size": 0.02}
    refused(
        lambda: defenses.get(name, **(arguments_of(name) | bad)),
        rule=f"{argument} must be",
        right="",
        received="<function",
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
        lambda: defenses.get("dynamic", c_max=0.3),
        rule="dynamic needs epsilon",
        right="epsilon=...",
        received="c_max",
    )
