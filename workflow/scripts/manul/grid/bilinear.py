"""A raster between its pixels: the kernel of `warp`."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def bilinear(values, row, column, wide_y, wide_x):
    """Values at fractional places: a triangular kernel of half widths (pixels) over known pixels.

    Unknown where the pixel is unknown in which the place lies.
    """
    height, width = values.shape
    out = np.full(row.shape, np.nan, np.float32)
    for i in range(row.shape[0]):
        for j in range(row.shape[1]):
            y, x = row[i, j], column[i, j]
            own_y, own_x = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
            if not (0 <= own_y < height and 0 <= own_x < width):
                continue
            if np.isnan(values[own_y, own_x]):
                continue
            total = weight = 0.0
            top, left = int(np.ceil(y - wide_y)), int(np.ceil(x - wide_x))
            for r in range(max(top, 0), min(int(np.floor(y + wide_y)) + 1, height)):
                for c in range(max(left, 0), min(int(np.floor(x + wide_x)) + 1, width)):
                    w = (1 - abs(y - r) / wide_y) * (1 - abs(x - c) / wide_x)
                    if w > 0 and not np.isnan(values[r, c]):
                        total += w * values[r, c]
                        weight += w
            if weight > 0:
                out[i, j] = total / weight
    return out
