"""Names for things that configs select: one `Registry` for each kind of thing.

defenses = Registry("defense")

@defenses.register("dynamic")
def dynamic(*, epsilon): ...

defenses.get("dynamic", epsilon=0.3)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fosc_tf.errors import UserError, unknown_name


class Registry:
    """Factories of one kind (`kind` is the word used in messages) under their names."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
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
        """Returns what the name `value` stands for, or `value` itself where it can be called."""
        return value if callable(value) else self.get(value)

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
