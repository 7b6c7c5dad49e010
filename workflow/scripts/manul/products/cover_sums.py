"""Sums over cells by zone: kernels of `products.cover` and `products.outlines`.

`values` is a window of a map; runs are given as row, first column, how many cells, and the zone.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def add(values, row, column, length, zone, weight, total, covered):
    """Add the known cells of each run, and their weights, to those of its zone."""
    for r in range(len(row)):
        part, n = 0.0, 0
        for value in values[row[r], column[r] : column[r] + length[r]]:
            if np.isfinite(value):
                part += value
                n += 1
        total[zone[r]] += part * weight[r]
        covered[zone[r]] += n * weight[r]


@njit(nogil=True, cache=True)
def find_ends(values, row, column, length, zone, low, high):
    """The smallest and the largest value of each zone, of cells that are not NaN."""
    for r in range(len(row)):
        for value in values[row[r], column[r] : column[r] + length[r]]:
            if not np.isnan(value):
                if not value >= low[zone[r]]:
                    low[zone[r]] = value
                if not value <= high[zone[r]]:
                    high[zone[r]] = value


@njit(nogil=True, cache=True)
def add_cells(values, zone, total, number):
    """Add the known cells of a window to those of the zone of each, and count them."""
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            if np.isfinite(values[i, j]):
                total[zone[i, j]] += values[i, j]
                number[zone[i, j]] += 1
