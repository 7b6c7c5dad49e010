"""Exact distance to the nearest source, and its bounded decay, over full-width strips of rows.

A strip needs to know of the rest of the raster only the nearest source row above it and below it
in each column. `profile` finds a strip's own first and last source rows, `scan` turns the
profiles of all strips into those carries, and then every strip is an independent task
(`distance_rows`, `raise_exposure`): a column pass, then along each row the lower envelope of the
parabolas that stand over the columns (Felzenszwalb and Huttenlocher 2012; Meijster et al. 2000).

Squared distances are whole numbers held in float64, exact up to 2**53 (94 million cells across).
Columns count dx = 1; a row of other height weighs (dy / dx) squared.
A source cell is one above zero; an unknown (NaN) cell is not a source.
"""

import threading
from dataclasses import dataclass

import numpy as np
from numba import njit

# Row numbers that stand for "no source": any real row is nearer than FAR rows to no real row.
ABOVE_ALL = -(2**30)
BELOW_ALL = 2**30
FAR = 2**29

# A table of decay by (rows, columns) may take this many entries; beyond, decay is computed.
LARGEST_TABLE = 8_000_000


@dataclass(frozen=True)
class Table:
    """Decay by offset: `values[rows, columns + reach_columns]`, float32, zero beyond the reach."""

    values: np.ndarray
    reach_rows: int
    reach_columns: int


def cell_size(cell):
    """(dx, dy) in metres from one number or a pair; ValueError unless both are positive."""
    dx, dy = (float(side) for side in np.broadcast_to(np.abs(cell), 2))
    if not (np.isfinite([dx, dy]).all() and dx > 0 and dy > 0):
        raise ValueError(f"cell size must be positive, found {cell!r}")
    return dx, dy


def reach_cells(decay, cell):
    """(rows, columns) that the decay can reach, rounded up."""
    dx, dy = cell_size(cell)
    return int(np.ceil(decay.reach_m / dy)), int(np.ceil(decay.reach_m / dx))


def offset_distance(rows, columns, cell):
    """Distance (m) of whole-cell offsets, in the one formula that every kernel agrees with."""
    dx, dy = cell_size(cell)
    return dx * np.sqrt(np.square(columns, dtype="float64") + (dy / dx) ** 2 * np.square(rows))


def decay_table(decay, cell):
    """The `Table` of a decay, or None when the reach holds too many cells for one."""
    rows, columns = reach_cells(decay, cell)
    if (rows + 1) * (2 * columns + 1) > LARGEST_TABLE:
        return None
    across = np.arange(-columns, columns + 1.0)
    values = np.empty((rows + 1, across.size), dtype="float32")
    for row in range(rows + 1):
        values[row] = decay(offset_distance(float(row), across, cell))
    return Table(values, rows, columns)


def sources(block):
    """uint8 array, 1 where a 2-D block is above zero; unknown (NaN) cells are not sources."""
    return np.ascontiguousarray(np.asarray(block) > 0).view("uint8")


def profile(source, row0):
    """(first, last) source row of each column of a strip that begins at `row0`, int32.

    A column without a source has BELOW_ALL and ABOVE_ALL, the neutral values of `scan`.
    """
    first = np.full(source.shape[1], BELOW_ALL, dtype="int32")
    last = np.full(source.shape[1], ABOVE_ALL, dtype="int32")
    _profile(source, row0, first, last)
    return first, last


def scan(profiles):
    """Per strip (above, below): nearest source rows outside it, from all profiles, top down.

    Works inside the arrays of `profiles`, which hold the carries afterwards.
    """
    firsts, lasts = [first for first, _ in profiles], [last for _, last in profiles]
    _shift_running(lasts, np.maximum, ABOVE_ALL)
    _shift_running(firsts[::-1], np.minimum, BELOW_ALL)
    return list(zip(lasts, firsts, strict=True))


def distance_rows(source, row0, above, below, cell):
    """Distance (m, float32) to the nearest source cell centre; infinite if there is none at all.

    `source` is a uint8 strip that begins at row `row0`; `above`, `below` are its carries.
    """
    dx, dy = cell_size(cell)
    out = np.empty(source.shape, dtype="float32")
    # A row's nearest sources above are needed only until its distances take their place.
    _distance_rows(source, row0, above, below, dx, (dy / dx) ** 2, out.view("int32"), out)
    return out


def raise_exposure(out, source, row0, above, below, cell, table, intensity=1.0):
    """Raise `out` (float32, in place) to intensity x decay(distance) where that is more."""
    dx, dy = cell_size(cell)
    _raise_exposure(
        source,
        row0,
        above,
        below,
        (dy / dx) ** 2,
        table.values,
        np.float32(intensity),
        _scratch(source.shape),
        out,
    )


def block_mean(fine, k):
    """Mean over k x k cells (float32), summed in a fixed order so that strips cannot matter."""
    if k == 1:
        return fine
    out = np.empty((fine.shape[0] // k, fine.shape[1] // k), dtype="float32")
    _block_mean(np.ascontiguousarray(fine), k, out)
    return out


def _shift_running(arrays, extreme, neutral):
    """Give each array the running extreme of those before it, in place."""
    running = np.full_like(arrays[0], neutral) if arrays else None
    for array in arrays:
        own = array.copy()
        array[:] = running
        running = extreme(running, own)


_OWN = threading.local()


def _scratch(shape):
    """An int32 array that this thread uses again: a new one for each strip costs page faults."""
    if getattr(_OWN, "array", np.empty((0, 0))).shape != shape:
        _OWN.array = np.empty(shape, dtype="int32")
    return _OWN.array


@njit(nogil=True, cache=True)
def _profile(source, row0, first, last):
    for r in range(source.shape[0]):
        row = np.int32(row0 + r)
        for c in range(source.shape[1]):
            if source[r, c]:
                last[c] = row
                first[c] = min(first[c], row)


@njit(nogil=True, cache=True)
def _rows_above(source, row0, above, last):
    """Put the row of the nearest source at or above each cell into `last`."""
    for r in range(source.shape[0]):
        row = np.int32(row0 + r)
        for c in range(source.shape[1]):
            previous = last[r - 1, c] if r > 0 else above[c]
            last[r, c] = row if source[r, c] else previous


@njit(nogil=True, cache=True)
def _gaps(row, last, following, gap):
    """Rows to the nearest source in each column; returns the smallest of the row."""
    smallest = np.int32(BELOW_ALL)
    for c in range(last.size):
        if last[c] == row:
            following[c] = row
        gap[c] = min(row - last[c], following[c] - row)
        smallest = min(smallest, gap[c])
    return smallest


@njit(nogil=True, cache=True)
def _envelope(gap, limit, weight, columns, starts, heights):
    """Columns on the lower envelope, the first cell each rules, and heights; returns how many.

    The inside of a run of sources is left out: its cells are their own nearest source, which the
    callers write afterwards.
    """
    width = gap.size
    n = 0
    # The top of the stack is kept in these three, out of memory: a fifth of the time.
    column, start, height = 0, 0, 0.0
    for c in range(width):
        if gap[c] > limit:
            continue
        if gap[c] == 0 and 0 < c < width - 1 and gap[c - 1] == 0 and gap[c + 1] == 0:
            continue
        own = weight * np.float64(gap[c]) * np.float64(gap[c])
        while n > 0 and _square(start - column) + height >= _square(start - c) + own:
            n -= 1
            if n > 0:
                column, start, height = columns[n - 1], starts[n - 1], heights[n - 1]
        begin = 0
        if n > 0:
            apart = np.float64(c - column)
            excess = apart * np.float64(c + column) + (own - height)
            border = np.floor(excess / (2.0 * apart)) + 1.0
            if border >= width:
                continue
            begin = np.int64(border)
        columns[n], starts[n], heights[n] = c, begin, own
        column, start, height = c, begin, own
        n += 1
    starts[n] = width
    return n


@njit(nogil=True, cache=True)
def _square(whole):
    return np.float64(whole) * np.float64(whole)


@njit(nogil=True, cache=True)
def _distance_rows(source, row0, above, below, dx, weight, last, out):
    height, width = source.shape
    _rows_above(source, row0, above, last)
    following = below.copy()
    gap = np.empty(width, np.int32)
    columns = np.empty(width, np.int64)
    starts = np.empty(width + 1, np.int64)
    heights = np.empty(width, np.float64)
    for r in range(height - 1, -1, -1):
        if _gaps(np.int32(row0 + r), last[r], following, gap) >= FAR:
            out[r, :] = np.inf
            continue
        n = _envelope(gap, FAR, weight, columns, starts, heights)
        for v in range(n):
            c = columns[v]
            for x in range(starts[v], starts[v + 1]):
                out[r, x] = dx * np.sqrt(_square(x - c) + heights[v])
        for x in range(width):
            if gap[x] == 0:
                out[r, x] = 0.0


@njit(nogil=True, cache=True)
def _raise_exposure(source, row0, above, below, weight, table, intensity, last, out):
    height, width = source.shape
    reach_rows, reach_columns = table.shape[0] - 1, table.shape[1] // 2
    most = intensity * table[0, reach_columns]
    _rows_above(source, row0, above, last)
    following = below.copy()
    gap = np.empty(width, np.int32)
    columns = np.empty(width, np.int64)
    starts = np.empty(width + 1, np.int64)
    heights = np.empty(width, np.float64)
    for r in range(height - 1, -1, -1):
        if _gaps(np.int32(row0 + r), last[r], following, gap) > reach_rows:
            continue
        if not _any_below(out[r], most):
            continue
        n = _envelope(gap, reach_rows, weight, columns, starts, heights)
        for v in range(n):
            c = columns[v]
            offset = reach_columns - c
            curve = table[gap[c]]
            for x in range(
                max(starts[v], c - reach_columns), min(starts[v + 1], c + reach_columns + 1)
            ):
                out[r, x] = max(out[r, x], intensity * curve[x + offset])
        for x in range(width):
            if gap[x] == 0:
                out[r, x] = max(out[r, x], most)


@njit(nogil=True, cache=True)
def _any_below(row, level):
    for value in row:  # noqa: SIM110 -- compiled: a loop that stops is faster than a generator
        if value < level:
            return True
    return False


@njit(nogil=True, cache=True)
def _block_mean(fine, k, out):
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            total = 0.0
            for i in range(k):
                for j in range(k):
                    total += fine[r * k + i, c * k + j]
            out[r, c] = total / (k * k)
