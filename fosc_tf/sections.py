"""What each field of a config may be, said in the file of what the field configures.

rules("average", decay=between(0, 1, "0.999"), from_epoch=epoch_of_run)
check(config)      # all fields that have a rule
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from absl import logging

from fosc_tf import number
from fosc_tf.errors import UserError, unknown_name

Rule = Callable[[str, Any, Mapping[str, Any]], None]
"""`rule(name, value, config)` raises `UserError`; `name` is "section.field"."""
_RULES: dict[str, Rule] = {}


def rules(section: str, **of_fields: Rule) -> None:
    """Files the rules of a section's fields; "" is the config itself."""
    _RULES.update({f"{section}.{name}".lstrip("."): rule for name, rule in of_fields.items()})


def check(config: Mapping[str, Any]) -> None:
    """Applies all rules to the fields that are there.

    Raises:
        UserError: a value that its rule refuses.
    """
    for field, rule in _RULES.items():
        section, _, name = field.rpartition(".")
        fields = config.get(section, {}) if section else config
        if name in fields:
            rule(field, fields[name], config)


def check_known(
    config: Mapping[str, Any], fields: Mapping[str, str], by_name: Collection[str] = ()
) -> None:
    """Raises `UserError` for a field that nothing reads; a section of one's own gets a warning.

    Args:
        config: all sections.
        fields: names with spaces between them, by section; what has a rule is known besides.
        by_name: sections of which whoever is named there knows the fields.
    """
    for section, names in fields.items():
        if section in by_name:
            continue
        ruled = [each.rpartition(".") for each in _RULES]
        known = {*names.split(), *(name for of, _, name in ruled if of == section)}
        for name in config.get(section, ()) if section else ():
            if name not in known:
                raise unknown_name(f"field of {section}", name, known)
    sections = {*fields, *fields[""].split(), *(each.partition(".")[0] for each in _RULES)}
    for name in config:
        if name not in sections:
            logging.warning("config.%s is none of fosc_tf's: nothing here reads it", name)


def whole(least: int, below: int = number.COUNT) -> Rule:
    """Returns the rule for whole numbers from `least` on."""
    return lambda name, value, _: number.whole(name, value, least=least, below=below) and None


def between(least: float, below: float, right: str, *, above: bool = False) -> Rule:
    """Returns the rule for numbers in [least, below), with `above` in (least, below)."""

    def rule(name: str, value: Any, _: Mapping[str, Any]) -> None:
        ends = "()" if above else "[)"
        number.inside(name, value, right, least=least, below=below, ends=ends)

    return rule


def one_of(kind: str, known: Callable[[], list[str]] | tuple[str, ...]) -> Rule:
    """Returns the rule for names, `kind` being the word used in messages."""

    def rule(name: str, value: Any, _: Mapping[str, Any]) -> None:
        names = known() if callable(known) else known
        if value not in names:
            raise unknown_name(kind, value, names)

    return rule


def each_of(rule: Rule) -> Rule:
    """Returns the rule for tuples and lists of what `rule` allows."""

    def of_all(name: str, value: Any, config: Mapping[str, Any]) -> None:
        if not isinstance(value, tuple | list):
            raise UserError(f"{name} must be a tuple", f"{name}=() or (A, B)", f"{name}={value!r}")
        for each in value:
            rule(name, each, config)

    return of_all


def text(name: str, value: Any, _: Mapping[str, Any]) -> None:
    """Raises `UserError` for what is no name or path."""
    if not isinstance(value, str):
        raise UserError(f"{name} must hold names", f"{name}=('...',)", f"{value!r}")


def path(name: str, value: Any, _: Mapping[str, Any]) -> None:
    """Raises `UserError` for what is no path; "" is none."""
    if not isinstance(value, str):
        raise UserError(f'{name} must be a path, or "" for none', f'{name}=""', f"{name}={value!r}")


def flag(name: str, value: Any, _: Mapping[str, Any]) -> None:
    """Raises `UserError` for what is neither True nor False."""
    number.flag(name, value)


def epoch_of_run(name: str, value: Any, config: Mapping[str, Any]) -> None:
    """Raises `UserError` for what is no 0-based epoch of this run."""
    if number.whole(name, value, least=0) >= config["total_epochs"]:
        raise UserError(
            f"{name} must be below total_epochs",
            f"{name}={config['total_epochs'] // 2}, or more total_epochs",
            f"{name}={value} with total_epochs={config['total_epochs']}",
        )


def at_most_all_epochs(name: str, value: Any, config: Mapping[str, Any]) -> None:
    """Raises `UserError` for more epochs than this run has."""
    if number.whole(name, value, least=0) > config["total_epochs"]:
        raise UserError(
            f"{name} must not exceed total_epochs",
            f"{name}={max(1, config['total_epochs'] * 4 // 5)}, or more total_epochs",
            f"{name}={value} with total_epochs={config['total_epochs']}",
        )


rules(
    "",
    seed=whole(0, below=2**32),  # Keras takes no larger one
    total_epochs=whole(1),
    deterministic=flag,
    jit_compile=flag,
)
