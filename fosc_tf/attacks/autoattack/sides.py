"""How large the squares of the Square Attack are, query by query.

sides(5000, height=28, width=28, p_init=0.8, stretch=False)      # [25, 25, ..., 2]
"""

from __future__ import annotations

import math

HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


def share(query: int, p_init: float) -> float:
    """Returns p, the share of pixels that a query changes, of a schedule of 10,000 queries.

    p is halved after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 queries.
    Source: Andriushchenko et al. 2020 (Square Attack), section 3.2. Departure: the paper's list
    lacks 500, which the authors' released attack has.
    """
    return p_init / 2 ** sum(query > after for after in HALVED_AFTER)


def sides(
    num_queries: int,
    *,
    height: int,
    width: int,
    p_init: float,
    stretch: bool,
    smallest: int = 1,
    odd: bool = False,
) -> list[int]:
    """Returns the side of the square for each query, sqrt(p * height * width) rounded.

    Args:
        num_queries: length of the list.
        height: of the image in pixels.
        width: of the image in pixels.
        p_init: share of pixels changed at first, in (0, 1].
        stretch: whether the schedule of 10,000 queries is made as long as `num_queries`.
        smallest: least side, where the image has room for it.
        odd: whether even sides grow by one, or shrink where the image has no room.
    """
    room = min(height, width)
    found = []
    for query in range(num_queries):
        passed = query * 10000 // num_queries if stretch else query
        side = round(math.sqrt(share(passed, p_init) * height * width))
        side = min(max(side, smallest), room)
        if odd and side % 2 == 0:
            side += 1 if side < room else -1
        found.append(side)
    return found
