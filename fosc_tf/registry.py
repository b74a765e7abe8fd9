"""Names for things that configs select: one `Registry` for each kind of thing.

defenses = Registry("defense")

@defenses.register("dynamic")
def dynamic(*, epsilon): ...

defenses.get("dynamic", epsilon=0.3)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from fosc_tf.errors import UserError, unknown_name


class Registry:
    """Factories of one kind under their names.

    Args:
        kind: the word used in messages.
        takes: what a function of this kind is called with.
    """

    def __init__(self, kind: str, takes: Sequence[str] = ()) -> None:
        self.kind, self.takes = kind, takes
        self._factories: dict[str, Callable[..., Any]] = {}

    def register(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Returns a decorator that files a factory under `name`, which must be free.

        A file that is read again, as a sweep reads a config file for each run, may file the same
        again.
        """

        def file(factory: Callable[..., Any]) -> Callable[..., Any]:
            known = self._factories.get(name)
            if known is not None and _place(known) != _place(factory):
                raise UserError(
                    f"each {self.kind} has a name of its own", "a name not yet taken", repr(name)
                )
            self._factories[name] = factory
            return factory

        return file

    def names(self) -> list[str]:
        """Returns all known names, sorted."""
        return sorted(self._factories)

    def factory(self, name: str) -> Callable[..., Any]:
        """Returns the factory called `name`; an unknown name raises `UserError`."""
        if not isinstance(name, str) or name not in self._factories:
            raise unknown_name(self.kind, name, self._factories)
        return self._factories[name]

    def find(self, value: Any) -> Any:
        """Returns what the name `value` stands for, or `value` itself where it can be called.

        Raises:
            UserError: an unknown name, a class, a function that takes something else.
        """
        if not callable(value):
            return self.get(value)
        check_takes(self.kind, value, self.takes)
        return value

    def get(self, name: str, **arguments: Any) -> Any:
        """Calls the factory called `name`; an argument it does not take raises `UserError`."""
        factory = self.factory(name)
        parameters = inspect.signature(factory).parameters
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            for argument in arguments:
                if argument not in parameters:
                    raise unknown_name(f"argument of {self.kind} {name}", argument, parameters)
        missing = [
            p.name
            for p in parameters.values()
            if p.default is p.empty
            and p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
            and p.name not in arguments
        ]
        if missing:
            raise UserError(
                f"{self.kind} {name} needs {', '.join(missing)}",
                f"{name}({', '.join(f'{m}=...' for m in missing)})",
                f"only {', '.join(arguments) or 'no argument'}",
            )
        return factory(**arguments)


def check_takes(kind: str, function: Callable[..., Any], takes: Sequence[str]) -> None:
    """Raises `UserError` for a class, or a function that cannot be called with what `takes` names.

    What a function of another language takes nobody knows.
    """
    right = f"a function of {', '.join(takes)}"
    if isinstance(function, type):
        raise UserError(
            f"the {kind} must be made, not its class",
            f"{function.__name__}(...), or {right}",
            f"the class {function.__name__}",
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*takes)
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise UserError(
            f"the {kind} must take what it is called with", right, f"{name}{signature}"
        ) from error


def _place(factory: Callable[..., Any]) -> Any:
    """Returns what a factory and its like of another reading of the file have in common.

    What a function made, such as a partial one, is like nothing but itself.
    """
    function = inspect.unwrap(factory)
    code = getattr(function, "__code__", None)
    if isinstance(function, type):
        return function.__module__, function.__qualname__
    if code is None or function.__closure__:
        return id(factory)
    return code.co_filename, code.co_firstlineno, function.__qualname__
