"""A network to look at, with what is known of its training.

subject = Subject("dynamic", network, fingerprint="5e1f", recording=Recording(folder))
"""

from __future__ import annotations

import dataclasses
from typing import Any

from fosc_tf.analysis.recording import Recording


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A network to look at.

    Attributes:
        name: what pictures call it.
        network: maps images to logits; has an `input_shape`.
        fingerprint: of its weights; another one makes its arrays anew.
        recording: what its training recorded, None without a work folder.
        criterion: the FOSC that its training measured, "ball" or "box".
    """

    name: str
    network: Any
    fingerprint: str
    recording: Recording | None = None
    criterion: str = "ball"
