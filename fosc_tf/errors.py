"""The one kind of error a user's mistake raises, always in three parts.

raise UserError(
    rule="epsilon must lie in (0, 1]: pixels are in [0, 1]",
    right="8/255 = 0.0314 for the usual CIFAR-10 ball",
    received="epsilon=8",
)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def visible(text: str) -> str:
    """Returns `text` with an escape, such as \\x1b, for what a terminal or a file would not show.

    The names of folders may hold anything: commands to the terminal, line breaks, no text at all.
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


class UserError(ValueError):
    """A mistake in what the user gave: the rule, what would be right, what was received.

    Args:
        rule: the condition that does not hold, as a sentence without its full stop.
        right: an input that would be accepted.
        received: what was given instead.
    """

    def __init__(self, rule: str, right: str, received: str) -> None:
        self.rule, self.right, self.received = map(visible, (rule, right, received))
        super().__init__(
            f"{self.rule}.\n  Right would be: {self.right}.\n  Received: {self.received}."
        )


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UserError:
    """Returns the error for an unknown name: it lists every known one and the nearest."""
    known = sorted(known)
    nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)
    listing = ", ".join(known) or "none is registered"
    right = f"one of {listing}" + (f" (nearest: {nearest[0]})" if nearest else "")
    return UserError(f"the {kind} must be a known one", right, f"{kind}={name!r}")


def cannot_write(folder: object, error: Exception) -> UserError:
    """Returns the error for a disk that is full or fails while a run writes into `folder`."""
    return UserError(
        "a run needs a work folder with room that can be written",
        "a folder on a disk with free space; start again and the run goes on from its last "
        "checkpoint",
        f"{folder}: {(str(error).splitlines() or [type(error).__name__])[0]}",
    )
