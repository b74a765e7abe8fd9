"""A figure as bytes, for a file or a page.

files.write(path, encoded(figure))      # a PNG
"""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from fosc_tf.show import style

_UNDATED = {"png": {"Software": None}, "svg": {"Date": None}}


@style.applied()
def encoded(figure: Figure, form: str = "png") -> bytes:
    """Returns the file of a picture; equal figures give equal bytes.

    Args:
        figure: drawn in the style of `fosc_tf.show.style`.
        form: "png" or "svg".
    """
    file = io.BytesIO()
    figure.savefig(file, format=form, metadata=_UNDATED[form])
    return file.getvalue()
