"""Images clean, attacked, and what was changed, as one picture.

panel = image_panel(image, image_adv, epsilon=0.3)      # [rows, columns, channels]
panel = named_panel(image, image_adv, 0.3, label=label, clean=clean, taken=taken)      # uint8, RGB

The second is drawn in every epoch of a training: Pillow, which Matplotlib brings along, needs a
hundredth of Matplotlib's time for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 64  # pixels an image is at least drawn with
GAP, LINE, MARGIN = 6, 24, 92  # pixels between images, of a line of text, left of the images
ROWS = ("clean", "attacked", "change")
_LETTERS = 17  # pixels; TensorBoard leaves out three in ten of a panel of six images
_INK, _RIGHT, _WRONG = (28, 35, 48), (0, 100, 72), (166, 58, 0)
_GROUND = (232, 235, 240)
"""Neither black nor white, so that images end where they end; words have a contrast of 5 on it."""


def image_panel(image: np.ndarray, image_adv: np.ndarray, epsilon: float) -> np.ndarray:
    """Returns one picture of three rows: clean, adversarial, difference around grey.

    Args:
        image: [n, h, w, c] float32 in [0, 1].
        image_adv: the same, attacked.
        epsilon: a difference of +epsilon is white, of -epsilon black.

    Returns:
        [3 * h * k, n * w * k, c] float32 in [0, 1], small images enlarged k times.
    """
    rows = (image, image_adv, _difference(image, image_adv, epsilon))
    return np.concatenate([np.concatenate(list(_enlarged(row)), axis=1) for row in rows])


def named_panel(
    image: np.ndarray,
    image_adv: np.ndarray,
    epsilon: float,
    *,
    label: np.ndarray,
    clean: np.ndarray,
    taken: np.ndarray,
    classes: Sequence[str] = (),
) -> np.ndarray:
    """Returns the same with gaps and words: each image's class, and what it is taken for.

    Args:
        image: [n, h, w, c] float32 in [0, 1].
        image_adv: the same, attacked.
        epsilon: as for `image_panel`.
        label: [n] int, true classes.
        clean: [n] int, what the network takes the images for.
        taken: [n] int, what it takes the adversarial ones for; wrong ones are orange.
        classes: names of the classes; none shows their numbers.

    Returns:
        [rows, columns, 3] uint8.
    """
    rows = (image, image_adv, _difference(image, image_adv, epsilon))
    rows = [[_pixels(each) for each in _enlarged(row)] for row in rows]
    height, width = rows[0][0].shape[:2]
    across, down = width + GAP, height + LINE + GAP
    panel = Image.new("RGB", (MARGIN + len(image) * across, 3 * down), _GROUND)
    draw, font = ImageDraw.Draw(panel), ImageFont.load_default(_LETTERS)

    def write(left: int, top: int, text: str, colour: tuple[int, int, int], room: int) -> None:
        while draw.textlength(text, font) > room:
            text = text.removesuffix("…")[:-1] + "…"
        draw.text((left, top), text, colour, font)

    def named(number: int) -> str:
        return classes[number] if classes else str(number)

    write(2, 1, "class", _INK, MARGIN)
    for column, number in enumerate(label):
        write(MARGIN + column * across, 1, named(number), _INK, width)
    for place, (row, name) in enumerate(zip(rows, ROWS, strict=True)):
        top = LINE + place * down
        write(2, top + height // 2 - LINE // 2, name, _INK, MARGIN)
        for column, each in enumerate(row):
            panel.paste(Image.fromarray(each), (MARGIN + column * across, top))
    for place, numbers in enumerate((clean, taken)):
        top = LINE + place * down + height + 2
        write(2, top, "taken for", _INK, MARGIN)
        for column, (number, right) in enumerate(zip(numbers, label, strict=True)):
            colour = _RIGHT if number == right else _WRONG
            write(MARGIN + column * across, top, named(number), colour, width)
    return np.asarray(panel)


def _difference(image: np.ndarray, image_adv: np.ndarray, epsilon: float) -> np.ndarray:
    return np.clip(0.5 + (image_adv - image) / (2 * epsilon), 0, 1)


def _enlarged(images: np.ndarray) -> np.ndarray:
    times = max(1, -(-SIDE // images.shape[1]))
    return images.repeat(times, axis=1).repeat(times, axis=2)


def _pixels(image: np.ndarray) -> np.ndarray:
    """Returns the image in RGB, [h, w, 3] uint8; one that is neither grey nor RGB as its mean."""
    colours = image if image.shape[-1] == 3 else image.mean(-1, keepdims=True).repeat(3, axis=-1)
    return (255 * np.clip(colours, 0, 1)).round().astype(np.uint8)
