"""Files that are there whole or not at all.

write(path, "text")      # a reader, or a kill in between, sees the old file or the new one
"""

from __future__ import annotations

import os
import pathlib


def write(path: pathlib.Path, content: str | bytes) -> None:
    """Writes `content` to `path` in one stroke."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(unfinished, path)
