"""What an evaluation has already found, on disk: a killed one goes on with equal results.

    journal = Journal(folder / "evaluation.jsonl")
    journal.known("last/pgd-20/batch 3")      # None the first time
    journal.keep("last/pgd-20/batch 3", mask, farthest=1.0)

Each line is one finding behind its length and checksum; one that a kill cut short, or that was
damaged later, is passed over and found anew.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import zlib
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf import __version__, files
from fosc_tf.attacks.slope import input_gradient
from fosc_tf.errors import UserError

FORM = 2
"""Part of every key: raise it when what an evaluation finds changes, so that nothing found by older
code of the same version is taken for known."""


class Known(NamedTuple):
    """What a journal keeps under one key.

    Attributes:
        mask: [n] bool.
        numbers: further facts by name.
    """

    mask: np.ndarray
    numbers: dict[str, float]


class Journal:
    """Masks and numbers by key; without a path they live in memory only."""

    def __init__(self, path: pathlib.Path | None = None) -> None:
        self.path = path
        self._found: dict[str, tuple[str, dict[str, float]]] = {}
        if path is not None and path.exists():
            text = path.read_text(errors="replace")
            whole = [line for line in text.splitlines(keepends=True) if _is_whole(line)]
            for line in whole:
                key, mask, numbers = json.loads(line.split(" ", 2)[2])
                self._found[key] = mask, numbers
            if "".join(whole) != text:
                # New lines must not join one cut short.
                files.write(path, "".join(whole))

    def known(self, key: str) -> Known | None:
        """Returns what was kept under `key`, or None."""
        if key not in self._found:
            return None
        bits, numbers = self._found[key]
        return Known(np.frombuffer(bits.encode(), np.uint8) == ord("1"), numbers)

    def keep(self, key: str, mask: np.ndarray, **numbers: float) -> None:
        """Keeps `mask` [n] bool and numbers under `key`, at once on disk."""
        bits = "".join("1" if bit else "0" for bit in mask)
        self._found[key] = bits, numbers
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(_line(json.dumps([key, bits, numbers])))


def check_journal(journal: Any) -> None:
    """Raises `UserError` for what is neither None nor a `Journal`, such as its path."""
    if not isinstance(journal, Journal | None):
        raise UserError(
            "journal must be one that was opened",
            'fosc_tf.evaluation.Journal(pathlib.Path("evaluation.jsonl"))',
            f"journal={journal!r}",
        )


def _line(content: str) -> str:
    return f"{len(content)} {zlib.crc32(content.encode()):08x} {content}\n"


def _is_whole(line: str) -> bool:
    return line == _line(line.rstrip("\n").split(" ", 2)[-1])


def fingerprint(network: Any, sample: np.ndarray) -> str:
    """Returns a digest of how `network` answers `sample` [n, h, w, c], equal for equal weights.

    Networks of equal logits may still differ in their gradients, which decide what attacks find:
    one may mask them. Of a gradient only three digits of its sum along a random direction count,
    as the last ones may change from process to process.
    """
    image = tf.convert_to_tensor(sample, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        logits = tf.cast(network(image, training=False), tf.float32)
        # No loss: where that saturates its gradient is 0.
        weighted = tf.reduce_sum(logits * tf.range(1.0, logits.shape[-1] + 1.0), axis=1)
    gradient = input_gradient(tape, weighted, image)
    digest = hashlib.sha256(logits.numpy().tobytes())
    if gradient is not None:
        direction = np.random.default_rng(0).standard_normal(image.shape[1:], np.float32)
        for along in np.sum(gradient.numpy() * direction, axis=(1, 2, 3)):
            digest.update(f"{along:.2e}".encode())
    return digest.hexdigest()[:16]


def key(*parts: Any) -> str:
    """Returns one string for parts that JSON can hold and for the code that would find it now."""
    return json.dumps([FORM, __version__, tf.__version__, *parts], sort_keys=True)
