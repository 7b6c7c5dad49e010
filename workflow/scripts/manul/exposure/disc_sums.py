"""Sums over discs of cells, in time that grows with the radius and not with its square.

Each row of a disc is a run of cells, and the sum of a run is the difference of two running sums.
Amounts are counted in whole parts of 2**-28, so sums are exact in any order: any block of a raster
gets the bits of the whole, and where nothing is the sum is zero.
"""

import numpy as np
from numba import njit

PARTS = 2.0**28


def half_widths(radius: float) -> np.ndarray:
    """Cells on each side of the middle in each row of a disc (radius in cells), top to bottom.

    A cell belongs to the disc if its centre lies within the radius.
    """
    rows = np.arange(-int(radius), int(radius) + 1)
    # The small addition keeps cells that lie on the rim but for rounding.
    return np.minimum(np.sqrt(radius**2 - rows**2 + 1e-9), int(radius)).astype("int64")


def disc_cells(radius: float) -> int:
    """How many cells a disc has."""
    return int((2 * half_widths(radius) + 1).sum())


def disc_sum(amounts: np.ndarray, radius: float) -> np.ndarray:
    """Sum of `amounts` (2-D, not negative, below 2**35 in all) around each inner cell.

    float64; the result lacks `int(radius)` cells at each side, whose discs are not all there.
    Raises ValueError for amounts that are negative, not finite, or too large.
    """
    if not (np.isfinite(amounts).all() and amounts.min(initial=0) >= 0):
        raise ValueError("amounts must be finite and not negative")
    half, reach = half_widths(radius), int(radius)
    if amounts.max(initial=0) * disc_cells(radius) >= 2.0**31:
        raise ValueError(
            f"amounts up to {amounts.max():g} are too large for a sum; change the unit"
        )
    rows, columns = (side - 2 * reach for side in amounts.shape)
    running = np.zeros((amounts.shape[0], amounts.shape[1] + 1), "int64")
    np.cumsum(np.rint(amounts * PARTS).astype("int64"), axis=1, out=running[:, 1:])
    out = np.zeros((rows, columns), "int64")
    _sum_runs(running, half, out)
    return out / PARTS


@njit(nogil=True, cache=True)
def _sum_runs(running, half, out):
    reach = half.size // 2
    for r in range(out.shape[0]):
        for k in range(half.size):
            row = running[r + k]
            if row[-1] == 0:
                continue
            left, right = reach - half[k], reach + half[k] + 1
            for c in range(out.shape[1]):
                out[r, c] += row[c + right] - row[c + left]
