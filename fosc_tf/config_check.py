"""Everything wrong with a config that no single part can see, told before anything is loaded.

check(config)
"""

from __future__ import annotations

import inspect
from typing import Any

from ml_collections import ConfigDict

from fosc_tf import data, defenses, models, sections
from fosc_tf.attacks import presets
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.bounds.envelope import LINEAR
from fosc_tf.callbacks.collapse import ACTIONS
from fosc_tf.command import check_fields
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.evaluation.stages import stages
from fosc_tf.models.masked import RANKS, TRAINED
from fosc_tf.number import flag, inside, number, whole
from fosc_tf.schedules.learning_rate import RATES
from fosc_tf.schedules.periodic import RISES
from fosc_tf.subnetworks.masking import WEIGHTS
from fosc_tf.training.checkpoints import AVERAGE, BEST, ENSEMBLE
from fosc_tf.training.distribution import NAMES as DISTRIBUTIONS
from fosc_tf.training.optimizer import OPTIMIZERS

PRECISIONS = ("float32", "mixed_bfloat16")
INITIALIZATIONS = ("keras", "ibp")
CHECKPOINTS = ("last", BEST, AVERAGE, ENSEMBLE)
_FIELDS = {
    "": "seed total_epochs distribution deterministic precision jit_compile",
    "data": "name npz dir batch_size held_out augment",
    "model": "name",
    "defense": "name",
    "optimizer": "name schedule learning_rate scale_with_replicas",
    "perturbation": "gamma from_epoch",
    "average": "decay from_epoch",
    "evaluation": "attacks checkpoints others epsilon epsilons norm batch_size examples surrogates "
    "stop_when_wrong check_examples held_out_attack held_out_every",
    "analysis": "others epochs",
    "certification": "",
    "report": "sweep_examples sweep_attack others",
    "checkpoint": "every_steps keep",
    "log": "fosc_every images",
}
"""Without these nothing runs, by section."""


def _dead_images(name: str, value: Any, _: Any) -> None:
    if whole(name, value, least=0) == 1:
        raise UserError(
            f"{name} is 0, or several images: one alone tells of no layer that it is dead",
            f"{name}=500",
            f"{name}=1",
        )


sections.rules(
    "analysis",
    others=sections.each_of(sections.text),
    epochs=sections.each_of(sections.epoch_of_run),
    upper=sections.between(0, float("inf"), "analysis.upper=0.1", above=True),
    views=sections.each_of(sections.text),
    epsilons=sections.each_of(lambda *_: None),
    **dict.fromkeys(
        (
            "num_steps",
            "bins",
            "traced",
            "examples",
            "cross_examples",
            "eigenvalues",
            "curvature_examples",
            "curve_degree",
            "curve_epochs",
        ),
        sections.whole(1),
    ),
)
sections.rules(
    "certification",
    methods=sections.each_of(sections.text),
    attacks=sections.each_of(sections.text),
    alone=sections.flag,
    examples=sections.whole(0),
    curve_examples=sections.whole(0),
    boxes=sections.whole(0),
    time_limit=sections.between(0, float("inf"), "certification.time_limit=60", above=True),
    radius_method=sections.one_of("method of envelopes", LINEAR),
)
sections.rules("data", npz=sections.path, dir=sections.path, augment=sections.flag)
sections.rules(
    "monitor",
    action=sections.one_of("action of the monitor", ACTIONS),
    fall=sections.between(0, 1, "0.25", above=True),
)
sections.rules(
    "periods",
    lengths=sections.each_of(sections.whole(1)),
    peak=sections.between(1, float("inf"), "periods.peak=2.0"),
    lowest=sections.between(float("-inf"), 1, "periods.lowest=0.0"),
    shape=sections.one_of("shape of the rise", RISES),
)
sections.rules(
    "log",
    lipschitz=sections.flag,
    dead_images=_dead_images,
    **dict.fromkeys(("gradient_images", "updates", "losses"), sections.whole(0)),
)
sections.rules("", label_smoothing=sections.between(0, 1, "0.1"))
sections.rules(
    "model",
    weights=sections.path,
    initialization=sections.one_of("initialization", INITIALIZATIONS),
)
sections.rules(
    "subnetwork",
    rate=sections.between(0, 1, "subnetwork.rate=0.99"),
    gamma=lambda name, value, _: inside(name, value, "gamma=0.1", below=1, ends="[]") and None,
    weights=sections.one_of("kind of weights", WEIGHTS),
    last_batch_norm=lambda name, value, _: value is None or (flag(name, value) and None),
    rank=sections.one_of("rank", RANKS),
    trained=sections.one_of("kind of trained variables", (*TRAINED, "signs")),
)
sections.rules("report", others=sections.each_of(sections.text))
sections.rules(
    "evaluation",
    stop_when_wrong=sections.flag,
    **dict.fromkeys(("others", "surrogates"), sections.each_of(sections.text)),
    **dict.fromkeys(("attacks", "checkpoints", "epsilons"), sections.each_of(lambda *_: None)),
)


def check(config: ConfigDict) -> None:
    """Raises `UserError` for what no single part can see, before anything is loaded."""
    check_fields(config, _FIELDS)
    defenses.factory(config.defense.name)
    if config.model.name not in models.names():
        raise unknown_name("model", config.model.name, models.names())
    if config.distribution not in DISTRIBUTIONS:
        raise unknown_name("distribution", config.distribution, DISTRIBUTIONS)
    shape, defense = data.get(config.data.name).image_shape, config.defense
    check_epsilon(defense.get("epsilon"), defense.get("norm", "linf"), shape)
    if config.precision not in PRECISIONS:
        raise unknown_name("precision", config.precision, PRECISIONS)
    sections.check(config)
    if config.jit_compile and config.deterministic:
        raise UserError(
            "XLA promises no equal bits, and Keras leaves it out where they are asked for",
            "deterministic=False with jit_compile=True",
            f"jit_compile=True with deterministic={config.deterministic}",
        )
    sections.check_known(config, _FIELDS, by_name=("model", "defense", "optimizer"))
    _check_whole_numbers(config)
    of_run = ["fgsm_epochs", "weak_epochs", "warm_up_epochs"]
    if defense.get("c_max") != 0:  # else no threshold is ever asked
        of_run.append("control_epochs")
    for field in of_run:
        sections.at_most_all_epochs(f"defense.{field}", defense.get(field, 0), config)
    if config.defense.name == "fine_tuning" and not config.model.get("weights"):
        raise UserError(
            "fine-tuning begins with the weights of a trained network",
            "model.weights=FOLDER of a finished run, or its export",
            'defense.name=fine_tuning with model.weights=""',
        )
    _check_subnetwork(config)
    _check_taken(config.optimizer)
    _check_evaluation(config)


def _check_subnetwork(config: ConfigDict) -> None:
    part = config.get("subnetwork", {})
    rate, weights = part.get("rate", 0.0), part.get("weights", "binary")
    trained = part.get("trained", "scores")
    received = f"subnetwork.trained={trained} with subnetwork.weights={weights} and rate={rate}"
    if trained == "signs":
        if rate:
            raise UserError("signs are those of all weights", "subnetwork.rate=0.0", received)
        return
    if not rate:
        if (trained, weights) != ("scores", "binary"):
            raise UserError(
                "without a rate all weights are trained, and of a part nothing is asked",
                "subnetwork.rate=0.9, or the other fields of subnetwork as they were",
                received,
            )
        return
    if trained == "weights" and weights != "own":
        raise UserError(
            "of a random network the scores are trained",
            "subnetwork.trained=scores, or subnetwork.weights=own",
            received,
        )
    if weights == "own" and not config.model.get("weights"):
        raise UserError(
            "own weights are those of a trained network",
            "model.weights=FOLDER of a finished run, or its export",
            'subnetwork.weights=own with model.weights=""',
        )


def _check_evaluation(config: ConfigDict) -> None:
    evaluation = config.evaluation
    if not evaluation.attacks:
        raise UserError(
            "evaluation.attacks must name at least one attack",
            "('clean', 'pgd-20')",
            f"evaluation.attacks={tuple(evaluation.attacks)}",
        )
    if not evaluation.checkpoints:
        raise UserError(
            "evaluation.checkpoints must name at least one network", "('last',)", "none of them"
        )
    for name in evaluation.checkpoints:
        if name not in CHECKPOINTS:
            raise unknown_name("checkpoint", name, CHECKPOINTS)
    for name in (*evaluation.attacks, evaluation.held_out_attack, config.report.sweep_attack):
        stages(str(name), epsilon=evaluation.epsilon, norm=evaluation.norm)
    measured = config.data.held_out and 0 < evaluation.held_out_every <= config.total_epochs
    if tuple(evaluation.checkpoints) == (AVERAGE,) and not config.average.decay:
        raise UserError(
            "a run that keeps no moving average of its weights has no network of them",
            "average.decay=0.999, or evaluation.checkpoints=('last',)",
            "evaluation.checkpoints=('ema',) with average.decay=0.0",
        )
    lengths = config.get("periods", {}).get("lengths", ())
    if tuple(evaluation.checkpoints) == (ENSEMBLE,) and len(lengths) < 2:
        raise UserError(
            "an ensemble is made of the networks of several periods",
            "periods.lengths=(100, 50, 50), or evaluation.checkpoints=('last',)",
            f"evaluation.checkpoints=('ensemble',) with periods.lengths={tuple(lengths)}",
        )
    if tuple(evaluation.checkpoints) == (BEST,) and not measured:
        raise UserError(
            "the best network is chosen on held-out images, of which this run measures none",
            "evaluation.checkpoints=('last',), or data.held_out above 0 and "
            "evaluation.held_out_every from 1 to total_epochs",
            f"evaluation.checkpoints=('best',) with data.held_out={config.data.held_out}, "
            f"evaluation.held_out_every={evaluation.held_out_every}, "
            f"total_epochs={config.total_epochs}",
        )
    if config.get("monitor", {}).get("action") == "go_back" and not measured:
        raise UserError(
            "the monitor watches held-out images, of which this run measures none",
            "data.held_out and evaluation.held_out_every above 0, or monitor.action='warn'",
            f"monitor.action='go_back' with data.held_out={config.data.held_out}, "
            f"evaluation.held_out_every={evaluation.held_out_every}",
        )
    radii = (evaluation.epsilon, *evaluation.epsilons)
    for epsilon in radii:
        number("evaluation.epsilons", epsilon, "evaluation.epsilons=(0.1,0.2)")
        check_epsilon(epsilon, evaluation.norm, data.get(config.data.name).image_shape)
    for field, values in (("attacks", evaluation.attacks), ("epsilons", radii)):
        if len(set(values)) < len(values):
            raise UserError(
                f"evaluation.{field} must name each once; epsilon itself is the first radius",
                f"evaluation.{field} without repetition",
                ", ".join(map(str, values)),
            )
    for kind, name in (
        ("held-out attack", evaluation.held_out_attack),
        ("attack of the sweep", config.report.sweep_attack),
    ):
        if not stages(name, epsilon=evaluation.epsilon, norm=evaluation.norm).attacks:
            raise unknown_name(kind, name, presets.names())


def _check_whole_numbers(config: ConfigDict) -> None:
    least = {"checkpoint.keep": 1, "checkpoint.every_steps": 0}
    least |= {"data.batch_size": 1, "data.held_out": 0, "evaluation.batch_size": 1}
    least |= {"evaluation.examples": 0, "evaluation.check_examples": 0}
    least |= {"evaluation.held_out_every": 0, "log.fosc_every": 0, "log.images": 0}
    least |= {"report.sweep_examples": 0}
    for field, smallest in least.items():
        section, _, name = field.rpartition(".")
        whole(field, (config[section] if section else config)[name], least=smallest)


def _check_taken(settings: ConfigDict) -> None:
    """Raises `UserError` for a field of the optimizer that would do nothing."""
    chosen = (OPTIMIZERS.factory(settings.name), RATES.factory(settings.schedule))
    every = [
        registry.factory(name) for registry in (OPTIMIZERS, RATES) for name in registry.names()
    ]
    parameters = [inspect.signature(factory).parameters for factory in every]
    defaults = {name: each.default for of in parameters for name, each in of.items()}
    taken = {name for factory in chosen for name in inspect.signature(factory).parameters}
    for name in set(settings) - taken - {"name", "schedule", "scale_with_replicas"}:
        if name not in defaults:
            raise unknown_name("field of optimizer", name, taken)
        if settings[name] not in (defaults[name], False, ()):
            raise UserError(
                f"optimizer.{name} does nothing with name={settings.name} and "
                f"schedule={settings.schedule} of the optimizer",
                f"optimizer.{name}={defaults[name]!r}, or one that takes it",
                f"optimizer.{name}={settings[name]!r}",
            )
