"""How wide a passage is at its narrowest place."""

import numpy as np
from numba import njit
from scipy.ndimage import distance_transform_edt


def narrowest(
    inside: np.ndarray, ends: np.ndarray, beyond: tuple[bool, bool, bool, bool] = (True,) * 4
) -> tuple[float, tuple[int, int]]:
    """Width, in cells, of the narrowest place of the widest passage, and its row and column.

    `inside`: cells of the passage; `ends`: 1 on one end, 2 on the other, which are inside, too.
    `beyond`: whether there is ground outside of the passage beyond the top, bottom, left and right
    of the map. With D, the distance from a centre to the nearest centre outside, the passage takes
    the way whose least D is largest; its width is 2 D - 1. NaN if the ends are not joined.
    """
    away = _away(inside | (ends > 0), beyond)
    order = np.argsort(-away.ravel(), kind="stable")
    order = order[: int((away > 0).sum())]
    at = _join(away, np.ascontiguousarray(ends), order)
    if at < 0:
        return np.nan, (-1, -1)
    row, column = divmod(int(at), away.shape[1])
    return float(2 * away[row, column] - 1), (row, column)


def _away(inside, beyond):
    """Distance to the nearest cell outside, in cells; infinite if there is none."""
    top, bottom, left, right = map(int, beyond)
    framed = np.pad(inside, ((top, bottom), (left, right)))
    if framed.all():
        return np.full(inside.shape, np.inf)
    height, width = inside.shape
    return distance_transform_edt(framed)[top : top + height, left : left + width]


@njit(nogil=True, cache=True)
def _join(away, ends, order):
    """Add cells from the widest place down; the cell that joins the two ends, or -1."""
    height, width = away.shape
    root = np.full(height * width, -1, np.int64)
    holds = np.zeros(height * width, np.uint8)
    for at in order:
        r, c = at // width, at % width
        root[at] = at
        holds[at] = ends[r, c]
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                y, x = r + dr, c + dc
                if y < 0 or x < 0 or y >= height or x >= width or root[y * width + x] < 0:
                    continue
                one, two = _root(root, at), _root(root, y * width + x)
                if one != two:
                    root[two] = one
                    holds[one] |= holds[two]
        if holds[_root(root, at)] == 3:
            return at
    return -1


@njit(nogil=True, cache=True)
def _root(root, at):
    while root[at] != at:
        root[at] = root[root[at]]
        at = root[at]
    return at
