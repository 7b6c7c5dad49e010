"""Exposure from single source cells: stamped maxima, stamped sums, and sums by Fourier transform.

Every function takes a window of intensities (float32, NaN and 0 are no source) whose first row is
row `row0` of the grid, and fills rows `start` to `stop`; the window must hold all sources within
reach of them. Sources are taken row by row, so that a cell's sum never depends on the window.
"""

import numpy as np
from numba import njit


def stamp_maximum(window, row0, start, stop, table):
    """Largest intensity x decay over all sources, float32; exact, for sources far apart."""
    out = np.zeros((stop - start, window.shape[1]), dtype="float32")
    _stamp_maximum(window, row0 - start, table.values, out)
    return out


def stamp_sum(window, row0, start, stop, table, mass):
    """Sum of intensity x decay over all sources, divided by `mass`, float32."""
    out = np.zeros((stop - start, window.shape[1]), dtype="float64")
    _stamp_sum(window, row0 - start, table.values, out)
    return (out / mass).astype("float32")


def transform_sum(window, row0, start, stop, table, mass):
    """As `stamp_sum`, at a cost that does not grow with the sources.

    Worked in square tiles of a size that depends on the reach only and whose columns begin at
    0; for the same bits always ask for the same rows (`transform_rows` of them at a time).
    Rounding noise, under 1e-12 of one full source, is set to zero.
    """
    size = _transform_size(table)
    down, across = size - 2 * table.reach_rows, size - 2 * table.reach_columns
    kernel = np.fft.rfft2(_wrapped(table, size))
    out = np.zeros((stop - start, window.shape[1]), dtype="float32")
    for top in range(start, stop, down):
        for left in range(0, window.shape[1], across):
            tile = _tile(window, top - table.reach_rows - row0, left - table.reach_columns, size)
            if tile.any():
                part = out[top - start : top - start + down, left : left + across]
                full = np.fft.irfft2(np.fft.rfft2(tile) * kernel, s=tile.shape)
                inner = full[table.reach_rows :, table.reach_columns :]
                part[:] = _without_noise(inner[: part.shape[0], : part.shape[1]], tile) / mass
    return out


def transform_rows(table):
    """Rows of one tile of `transform_sum`."""
    return _transform_size(table) - 2 * table.reach_rows


def kernel_mass(table):
    """Sum of the decay over all offsets: what a source of intensity one adds to the raster."""
    rows = table.values.sum(axis=1, dtype="float64")
    return rows[0] + 2.0 * rows[1:].sum()


def _transform_size(table):
    """A power of two that leaves at least half of each side of a tile useful."""
    widest = max(table.reach_rows, table.reach_columns, 64)
    return 1 << int(np.ceil(np.log2(4 * widest)))


def _wrapped(table, size):
    """The decay around the corner (0, 0) of a periodic tile."""
    kernel = np.zeros((size, size))
    across = np.arange(-table.reach_columns, table.reach_columns + 1)
    for row in range(-table.reach_rows, table.reach_rows + 1):
        kernel[row, across] = table.values[abs(row)]
    return kernel


def _tile(window, top, left, size):
    """A size x size piece of the window, float64, zero outside it and where it is unknown."""
    tile = np.zeros((size, size))
    rows = slice(max(top, 0), max(min(top + size, window.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + size, window.shape[1]), 0))
    piece = np.nan_to_num(window[rows, columns])
    row, column = rows.start - top, columns.start - left
    tile[row : row + piece.shape[0], column : column + piece.shape[1]] = piece
    return tile


def _without_noise(values, tile):
    return np.where(values > 1e-12 * tile.max(), values, 0.0)


@njit(nogil=True, cache=True)
def _stamp_maximum(window, shift, table, out):
    reach_rows, reach_columns = table.shape[0] - 1, table.shape[1] // 2
    height, width = out.shape
    for i in range(window.shape[0]):
        row = i + shift
        for c in range(width):
            intensity = window[i, c]
            if not intensity > 0:
                continue
            first, last = max(c - reach_columns, 0), min(c + reach_columns + 1, width)
            for r in range(max(row - reach_rows, 0), min(row + reach_rows + 1, height)):
                curve = table[abs(r - row)]
                for x in range(first, last):
                    out[r, x] = max(out[r, x], intensity * curve[x - c + reach_columns])


@njit(nogil=True, cache=True)
def _stamp_sum(window, shift, table, out):
    reach_rows, reach_columns = table.shape[0] - 1, table.shape[1] // 2
    height, width = out.shape
    for i in range(window.shape[0]):
        row = i + shift
        for c in range(width):
            intensity = np.float64(window[i, c])
            if not intensity > 0:
                continue
            first, last = max(c - reach_columns, 0), min(c + reach_columns + 1, width)
            for r in range(max(row - reach_rows, 0), min(row + reach_rows + 1, height)):
                curve = table[abs(r - row)]
                for x in range(first, last):
                    out[r, x] += intensity * curve[x - c + reach_columns]
