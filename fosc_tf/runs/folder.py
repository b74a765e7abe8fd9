"""A work folder before a run writes into it: it can be written and holds nothing in the way.

prepare(pathlib.Path("runs/digits_dynamic"))
"""

from __future__ import annotations

import os
import pathlib
import tempfile

from fosc_tf.errors import UserError

FOLDERS = (
    "analysis",
    "checkpoints",
    "checkpoints/best",
    "checkpoints/ema",
    "checkpoints/good",
    "fosc",
    "gradients",
    "tensorboard",
)
FOLDERS += ("export", "export_best", "export_ema")
FILES = (
    *("run.json", "results.json", "results.md", "checks.json", "evaluation.jsonl", "epsilons.json"),
    *(
        "history.json",
        "times.json",
        "adapted.npz",
        "report.html",
        "certified.json",
        "certified.md",
        "certified.npz",
        "contradictions.npz",
        "report.md",
        "model_info.json",
        ".lock",
        "sizes.json",
    ),
    *(f"subnetwork{whose}.{kind}" for whose in ("", "_best", "_ema") for kind in ("bin", "tflite")),
)


def prepare(folder: pathlib.Path) -> None:
    """Makes `folder` if missing.

    Raises:
        UserError: it cannot be written, or holds a link, a file where a run needs a folder, or a
            folder where it needs a file.
    """
    # TensorFlow could write there, but not find again what it wrote.
    if any(character in folder.resolve().as_posix() for character in "*?[\\"):
        raise UserError(
            "the path of a work folder must be free of * ? [ and \\, which make it a pattern",
            "--workdir=runs/my_run",
            f"{folder.resolve()}",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(
            "the work folder must be one that can be written",
            "--workdir=runs/my_run",
            f"{folder}: {error.strerror}",
        ) from error
    for path in map(folder.joinpath, FOLDERS):
        if os.path.lexists(path) and not path.is_dir():
            raise _in_the_way(path, "no folder")
    for path in map(folder.joinpath, FILES):
        if path.exists() and not path.is_file():
            raise _in_the_way(path, "no file")
    for path in (
        *folder.iterdir(),
        *(each for own in FOLDERS for each in folder.glob(f"{own}/**/*")),
    ):
        if path.is_symlink():
            raise _in_the_way(path, "a link: what it leads to would be written over")


def _in_the_way(path: pathlib.Path, what: str) -> UserError:
    return UserError(
        "a work folder holds the files and folders of its run under their names",
        "another --workdir, or this one after what is in the way was moved",
        f"{path}, {what}",
    )
