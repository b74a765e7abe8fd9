"""Masks and signs as bytes, and back: a bit a weight, or gaps between the kept ones.

name, k, content = encoded_mask(mask)
mask = decoded_mask(name, k, content, size, kept)
"""

from __future__ import annotations

import math

import numpy as np


def packed(bits: np.ndarray) -> bytes:
    """Returns the bits [n], eight in a byte, the last byte filled up with 0."""
    return np.packbits(np.asarray(bits, np.uint8)).tobytes()


def unpacked(content: bytes, count: int) -> np.ndarray:
    """Returns the first `count` bits as uint8; what fills up the last byte must be 0.

    Raises:
        ValueError: another number of bytes, or something there.
    """
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    if len(content) != math.ceil(count / 8) or bits[count:].any():
        raise ValueError(f"{len(content)} bytes that do not hold {count} bits")
    return bits[:count]


def encoded_mask(mask: np.ndarray) -> tuple[str, int, bytes]:
    """Returns the shortest form of a mask [n] of 0 and 1: its name, k and the bytes.

    * all: every weight is kept, nothing is said.
    * bitmap: a bit for each weight.
    * gaps: a Rice code of the number of pruned weights before each kept one, g = q * 2^k + r: all
      q, each as q ones and a zero, then all r of k bits. At a rate of 0.99 this is close to the
      entropy, 8.1 bits for a kept weight, where the bitmap takes 100.
    """
    mask = np.asarray(mask, bool)
    if mask.all():
        return "all", 0, b""
    gaps = np.diff(np.flatnonzero(mask), prepend=-1) - 1
    lengths = [int((gaps >> k).sum()) + len(gaps) * (1 + k) for k in range(32)]
    k = int(np.argmin(lengths))
    if lengths[k] + 8 >= len(mask):  # the two parts may fill up a byte each
        return "bitmap", 0, packed(mask)
    quotients = gaps >> k
    unary = np.ones(int(quotients.sum()) + len(gaps), np.uint8)
    unary[np.cumsum(quotients + 1) - 1] = 0
    rest = (gaps[:, None] >> np.arange(k)) & 1
    return "gaps", k, packed(unary) + packed(rest.ravel())


def decoded_mask(name: str, k: int, content: bytes, size: int, kept: int) -> np.ndarray:
    """Returns the mask [size] of which `encoded_mask` made the bytes, as bool.

    Raises:
        ValueError: bytes that are no such mask with `kept` weights.
    """
    if name == "all":
        mask = np.ones(size, bool)
    elif name == "bitmap":
        mask = unpacked(content, size).astype(bool)
    elif name == "gaps" and 0 <= k < 32:
        rest_bytes = math.ceil(kept * k / 8)
        split = len(content) - rest_bytes
        unary = np.unpackbits(np.frombuffer(content[:split], np.uint8))
        ends = np.flatnonzero(unary == 0)[:kept]
        quotients = np.diff(ends, prepend=-1) - 1
        rest = unpacked(content[split:], kept * k).reshape(kept, k).astype(np.int64)
        gaps = (quotients << k) + (rest << np.arange(k)).sum(axis=1)
        places = np.cumsum(gaps + 1) - 1
        if len(places) != kept or (kept and places[-1] >= size):
            raise ValueError(f"gaps that do not stand for {kept} of {size} weights")
        mask = np.zeros(size, bool)
        mask[places] = True
    else:
        raise ValueError(f"a mask of the unknown form {name!r}")
    if mask.sum() != kept:
        raise ValueError(f"a mask of {mask.sum()} weights where {kept} are kept")
    return mask
