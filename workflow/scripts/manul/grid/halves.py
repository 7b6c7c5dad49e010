"""One cell in the place of 2 x 2, of (bands, rows, columns): kernels of overviews."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def mean_of_known(values):
    """Of floats: the mean of those that are not NaN; NaN where all four are."""
    bands, rows, columns = values.shape
    out = np.empty((bands, (rows + 1) // 2, (columns + 1) // 2), np.float32)
    for b in range(bands):
        for r in range(out.shape[1]):
            for c in range(out.shape[2]):
                total, n = 0.0, 0
                for y in range(2 * r, min(2 * r + 2, rows)):
                    for x in range(2 * c, min(2 * c + 2, columns)):
                        value = values[b, y, x]
                        if not np.isnan(value):
                            total += value
                            n += 1
                out[b, r, c] = total / n if n > 0 else np.nan
    return out


@njit(nogil=True, cache=True)
def most_frequent(values, nodata):
    """Of classes (uint8): the most frequent, among equals the first; `nodata` does not count."""
    bands, rows, columns = values.shape
    out = np.full((bands, (rows + 1) // 2, (columns + 1) // 2), nodata, np.uint8)
    for b in range(bands):
        for r in range(out.shape[1]):
            for c in range(out.shape[2]):
                most = 0
                for y in range(2 * r, min(2 * r + 2, rows)):
                    for x in range(2 * c, min(2 * c + 2, columns)):
                        value = values[b, y, x]
                        if value == nodata:
                            continue
                        n = 0
                        for j in range(2 * r, min(2 * r + 2, rows)):
                            for i in range(2 * c, min(2 * c + 2, columns)):
                                if values[b, j, i] == value:
                                    n += 1
                        if n > most:
                            most = n
                            out[b, r, c] = value
    return out
