"""A run of seconds: real digits, a dozen weight updates, every part of a run used.

    program.run(*small_run.flags(tmp_path / "work", npz=small_run.npz(tmp_path)))

Twelve steps in three epochs of four batches of eight; a checkpoint every third step, so that some
fall within an epoch. c_max="auto" and the augmentation are on because both must survive a resume.
"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from fosc_tf.training.ledger import Ledger

STEPS_PER_EPOCH, EPOCHS = 4, 3
STEPS = STEPS_PER_EPOCH * EPOCHS
HELD_OUT, TEST = 24, 40
UPDATES = 4  # measured at the beginning and at the end, so that some in between are not
FIELDS = {
    "total_epochs": EPOCHS,
    "data.batch_size": 8,
    "data.held_out": HELD_OUT,
    "data.augment": True,
    "model.name": "digits_mlp",
    "optimizer.learning_rate": 0.1,
    "optimizer.drop_epochs": "(2,)",
    "defense.epsilon": "8/255",
    "defense.num_steps": 2,
    "defense.c_max": "auto",
    "defense.control_epochs": 2,
    "evaluation.attacks": "('clean', 'pgd-10')",
    "evaluation.check_examples": 0,
    "checkpoint.every_steps": 3,
    "log.fosc_every": 2,
    "log.updates": UPDATES,
    "log.images": 2,
}
NO_PICTURES = {"log__images": 0, "log__gradient_images": 0}
"""For `flags`: what costs time and changes nothing of the training."""


def arrays(*, train: int = STEPS_PER_EPOCH * 8 + HELD_OUT, test: int = TEST) -> dict[str, Any]:
    """Returns the four arrays of a Keras npz, the first of scikit-learn's digits."""
    bunch = load_digits()
    image = (bunch.images / 16).astype(np.float32)
    whole = slice(train, train + test)
    return {
        "x_train": image[:train],
        "y_train": bunch.target[:train],
        "x_test": image[whole],
        "y_test": bunch.target[whole],
    }


def npz(folder: pathlib.Path, **changed: Any) -> pathlib.Path:
    """Writes the arrays, some of them replaced, and returns the file."""
    path = folder / "digits.npz"
    np.savez(path, **(arrays() | changed))
    return path


def flags(workdir: pathlib.Path, *, npz: pathlib.Path, mode: str = "train", **fields: Any) -> list:
    """Returns the command line; fields are spelled with two underscores for the dot."""
    changed = {name.replace("__", "."): value for name, value in fields.items()}
    values = FIELDS | {"data.npz": npz} | changed
    return [
        "--config=configs/digits_dynamic.py",
        f"--workdir={workdir}",
        f"--mode={mode}",
        *(f"--config.{name}={value}" for name, value in values.items()),
    ]


def outcome(workdir: pathlib.Path) -> dict[str, Any]:
    """Returns what two equal runs must have in common: every number, as bytes.

    Counters of how often something was saved and times are not among them.
    """
    found = {
        str(path.relative_to(workdir)): path.read_bytes()
        for path in (
            *workdir.glob("fosc/*.npy"),
            *workdir.glob("losses/*.npz"),
            *workdir.glob("*.json"),
        )
        if path.name not in ("run.json", "times.json")
    }
    kept = ("ema", "ensemble/0", "ensemble/1")
    more = [f"checkpoints/{name}" for name in kept if (workdir / "checkpoints" / name).is_dir()]
    for folder in ("checkpoints", "checkpoints/best", *more):
        (newest, *_) = newest_first(workdir / folder)
        reader = tf.train.load_checkpoint(str(newest))
        for name in reader.get_variable_to_shape_map():
            if not name.startswith(("save_counter", "_CHECKPOINTABLE")):
                value = reader.get_tensor(name)
                if name.startswith("ledger/"):
                    value = _timeless(value)
                found[f"{folder}/{newest.name}/{name}"] = np.asarray(value)
    return {
        name: value.tobytes() if isinstance(value, np.ndarray) else value
        for name, value in found.items()
    }


def _timeless(ledger: bytes) -> bytes:
    """Returns a saved ledger as it would be without times."""
    known, timeless = Ledger(), Ledger()
    known.deserialize(ledger)
    names = ("rows", "best", "fosc", "loss", "id", "updates", "losses", "errors")
    for name in names:
        setattr(timeless, name, getattr(known, name))
    return timeless.serialize()


def newest_first(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the prefixes of a folder's whole checkpoints.

    TensorFlow writes the index last and in place: a kill meanwhile leaves one that says nothing.
    """
    found = [path.with_suffix("") for path in folder.glob("step-*.index")]
    prefixes = [prefix for prefix in found if _is_whole(prefix)]
    return sorted(prefixes, key=lambda prefix: int(prefix.name.split("-")[1]), reverse=True)


def _is_whole(prefix: pathlib.Path) -> bool:
    try:
        tf.train.load_checkpoint(str(prefix))
    except (tf.errors.OpError, RuntimeError, ValueError):
        return False
    return True
