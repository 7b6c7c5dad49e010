"""Saturating exposure of features: 1 - prod(1 - intensity x decay(distance)) at each cell.

The product runs over features (camps, events, polygons), not over cells, so the map does not
depend on the cell size. Points keep their exact coordinates; distance is taken from the point (or
from the rim of its disc) to cell centres. Coordinates are metres right of and down from the
outer top left corner of the grid, and may lie outside it: no padding is needed.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from manul.exposure.nearest import (
    cell_size,
    distance_rows,
    profile,
    raise_exposure,
    reach_cells,
    sources,
)

# Decay of a point is read from this many steps of distance and interpolated: exact up to a
# displacement of reach / CURVE_STEPS, and to 1e-7 on the smooth curves with a reach of 4 scales.
CURVE_STEPS = 8192


@dataclass(frozen=True)
class Points:
    """Features sorted by y: x, y, radius (m) and intensity (0..1), all float64. See `points`."""

    x_m: np.ndarray
    y_m: np.ndarray
    intensity: np.ndarray
    radius_m: np.ndarray


@dataclass(frozen=True)
class Extended:
    """A line or polygon: its cells (2-D mask), where the mask's corner lies, and its intensity.

    `row0` and `column0` count cells of the grid and may be negative.
    """

    mask: np.ndarray
    row0: int
    column0: int
    intensity: float

    def __post_init__(self):
        if not 0 <= self.intensity <= 1:
            raise ValueError(f"feature intensity must lie in 0..1, found {self.intensity}")


def points(x_m, y_m, intensity=1.0, radius_m=0.0):
    """Checked `Points`; inside its radius a feature acts at full intensity.

    Raises ValueError for coordinates that are not finite, intensities outside 0..1 (also NaN:
    the caller decides what an unknown intensity means) and radii that are negative or unknown.
    """
    columns = np.broadcast_arrays(np.atleast_1d(x_m), y_m, intensity, radius_m)
    x, y, strength, radius = (np.asarray(column, dtype="float64") for column in columns)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("point coordinates must be finite")
    if not ((strength >= 0) & (strength <= 1)).all():
        raise ValueError("point intensities must lie in 0..1")
    if not ((radius >= 0) & np.isfinite(radius)).all():
        raise ValueError("point radii must be finite and not negative")
    # Sorted by all columns, so that the order of the records cannot change a bit of the map.
    order = np.lexsort((radius, strength, x, y))
    return Points(x[order], y[order], strength[order], radius[order])


def spread(decay):
    """The decay at CURVE_STEPS + 1 even distances from 0 to the reach, float64."""
    return decay(np.linspace(0.0, decay.reach_m, CURVE_STEPS + 1))


def absence(features, curve, reach_m, cell, rows, columns):
    """prod(1 - intensity x decay) over points, float64, for cells rows x columns (start, stop)."""
    dx, dy = cell_size(cell)
    shape = (rows[1] - rows[0], columns[1] - columns[0])
    out = np.ones(shape, dtype="float64")
    far = reach_m + (features.radius_m.max() if features.radius_m.size else 0.0)
    first, last = np.searchsorted(features.y_m, [rows[0] * dy - far, rows[1] * dy + far])
    near = slice(first, last)
    _absence(
        features.x_m[near],
        features.y_m[near],
        features.intensity[near],
        features.radius_m[near],
        curve,
        reach_m,
        (dx, dy),
        (rows[0], columns[0]),
        out,
    )
    return out


def absence_of_extended(feature, decay, table, cell, rows, columns):
    """1 - intensity x decay of one extended feature: (float32 window, its row and column slice).

    None when the feature reaches no cell of rows x columns (start, stop).
    """
    down, across = reach_cells(decay, cell)
    top, bottom = (
        max(rows[0], feature.row0 - down),
        min(rows[1], feature.row0 + feature.mask.shape[0] + down),
    )
    left, right = (
        max(columns[0], feature.column0 - across),
        min(columns[1], feature.column0 + feature.mask.shape[1] + across),
    )
    if top >= bottom or left >= right:
        return None
    low, high = left - across, right + across
    window = _cut(feature, top - down, bottom + down, low, high)
    effect = _effect(window, down, decay, table, cell)[:, across : across + right - left]
    where = slice(top - rows[0], bottom - rows[0]), slice(left - columns[0], right - columns[0])
    return 1.0 - feature.intensity * effect, where


def _cut(feature, top, bottom, left, right):
    """The mask of a feature on a window of the grid, 0 outside it."""
    window = np.zeros((bottom - top, right - left), dtype="uint8")
    rows = np.arange(top, bottom) - feature.row0
    columns = np.arange(left, right) - feature.column0
    r = np.flatnonzero((rows >= 0) & (rows < feature.mask.shape[0]))
    c = np.flatnonzero((columns >= 0) & (columns < feature.mask.shape[1]))
    window[np.ix_(r, c)] = sources(feature.mask)[np.ix_(rows[r], columns[c])]
    return window


def _effect(window, down, decay, table, cell):
    """Decay of the distance to a window's sources, on the rows within its margin of `down`."""
    above = profile(window[:down], 0)[1]
    below = profile(window[-down:], window.shape[0] - down)[0]
    core = np.ascontiguousarray(window[down:-down])
    if table is None:
        return decay(distance_rows(core, down, above, below, cell))
    out = np.zeros(core.shape, dtype="float32")
    raise_exposure(out, core, down, above, below, cell, table)
    return out


@njit(nogil=True, cache=True)
def _absence(x, y, intensity, radius, curve, reach, cell, corner, out):
    # Rows and columns count from the grid's corner, never the strip's: the same bits in any strip.
    dx, dy = cell
    row0, column0 = corner
    bottom, right = row0 + out.shape[0], column0 + out.shape[1]
    steps = (curve.size - 1) / reach
    slope = np.append(np.diff(curve), 0.0)
    at, index = np.empty(out.shape[1], np.float64), np.empty(out.shape[1], np.int32)
    for p in range(x.size):
        at_x, at_y = x[p], y[p]
        far = reach + radius[p]
        first = max(int(np.ceil((at_y - far) / dy - 0.5)), row0)
        for r in range(first, min(int(np.floor((at_y + far) / dy - 0.5)) + 1, bottom)):
            up = (r + 0.5) * dy - at_y
            half = np.sqrt(max(far * far - up * up, 0.0))
            left = max(int(np.ceil((at_x - half) / dx - 0.5)), column0)
            stop = min(int(np.floor((at_x + half) / dx - 0.5)) + 1, right)
            if left < stop:
                line = out[r - row0, left - column0 : stop - column0]
                start = (left + 0.5) * dx - at_x
                _distances(start, dx, up, radius[p], steps, at[: line.size])
                _let_through(line, intensity[p], curve, slope, at, index)


@njit(nogil=True, cache=True)
def _distances(start, dx, up, rim, steps, out):
    """Distance from the rim to each cell of a row, in steps of the curve."""
    for k in range(out.size):
        across = start + np.float64(np.int32(k)) * dx
        out[k] = max(np.sqrt(across * across + up * up) - rim, 0.0) * steps


@njit(nogil=True, cache=True)
def _let_through(line, strength, curve, slope, at, index):
    """Multiply a row by 1 - strength x curve. Loops of one kind each run twice as fast as one."""
    for k in range(line.size):
        index[k] = np.int32(at[k])
        at[k] -= index[k]
    for k in range(line.size):
        at[k] = curve[index[k]] + at[k] * slope[index[k]]
    for k in range(line.size):
        line[k] *= 1.0 - strength * at[k]
