"""Lines that are hard to cross - roads, railways, fences - on the cells of a grid."""

from collections.abc import Iterable
from itertools import count, pairwise

import numpy as np
import shapely
from numba import njit
from odc.geo.geobox import GeoBox
from shapely.ops import substring

from manul.grid.burn import burn


def with_barriers(
    resistance: np.ndarray,
    barriers: Iterable[tuple[Iterable, float | np.ndarray]],
    grid: GeoBox,
    openings: Iterable = (),
) -> np.ndarray:
    """Resistance times the factor of each kind of barrier on the cells it crosses; dtype is kept.

    `barriers`: (lines, factor, or one for each line) for each kind; a cell that two lines of one
    kind cross is multiplied once, by the larger, a road beside a railway by both. `openings`:
    shapes (bridges, underpasses) where nothing is multiplied. An infinite factor cannot be crossed;
    unknown stays unknown.
    """
    out = resistance.copy()
    through = _touched(openings, grid)
    for lines, factor in barriers:
        lines = list(lines)
        each = np.broadcast_to(np.asarray(factor, float), len(lines))
        times = np.ones(grid.shape, out.dtype)
        for f in np.unique(each):  # the larger ones later
            times[line_cells([lines[i] for i in np.flatnonzero(each == f)], grid) & ~through] = f
        out *= times
    return out


def line_cells(lines: Iterable, grid: GeoBox) -> np.ndarray:
    """True in the cells that lines run through, so that no step slips between two of them.

    Each cell of a line shares a side with the next, and a step to a corner needs one of them.
    """
    out = np.zeros(grid.shape, bool)
    for part in _parts(lines):
        a, b, c, d, e, f = (~grid.affine)[:6]
        x, y = shapely.get_coordinates(part).T
        _run_through(d * x + e * y + f, a * x + b * y + c, out)
    return out


def cut(line: shapely.LineString, piece_m: float) -> list[shapely.LineString]:
    """The line in pieces of equal length near `piece_m`, at least one."""
    ends = np.linspace(0, line.length, max(round(line.length / piece_m), 1) + 1)
    return [substring(line, start, end) for start, end in pairwise(ends)]


def number_cells(
    pieces: Iterable[shapely.LineString], grid: GeoBox, numbers: Iterable[int] | None = None
) -> np.ndarray:
    """The cells of each piece with its number (else from 1 in their order), int32; 0 off all.

    A cell of two pieces belongs to the first: lines of several kinds, which may lie beside each
    other, need a map for each kind.
    """
    out = np.zeros(grid.shape, np.int32)
    for number, piece in zip(count(1) if numbers is None else numbers, pieces, strict=False):
        window = _around(piece, grid)
        part = out[window]
        part[line_cells([piece], grid[window]) & (part == 0)] = number
    return out


def _around(shape, grid) -> tuple[slice, slice]:
    """The window of a grid in which a shape lies, with two cells around it; one cell at least."""
    left, bottom, right, top = shape.bounds
    corners = np.array([~grid.affine @ (x, y) for x in (left, right) for y in (bottom, top)])
    low, high = np.floor(corners.min(axis=0)) - 2, np.ceil(corners.max(axis=0)) + 2
    spans = []
    for start, stop, size in zip(low[::-1], high[::-1], grid.shape, strict=True):
        start = int(np.clip(start, 0, size - 1))
        spans.append(slice(start, int(np.clip(stop, start + 1, size))))
    return spans[0], spans[1]


def _touched(shapes, grid):
    return burn(((shape, 1) for shape in shapes), grid).astype(bool)


def _parts(lines):
    for shape in lines:
        if shape is None or shape.is_empty:
            continue
        for part in shapely.get_parts(shape):
            yield part.boundary if part.geom_type == "Polygon" else part


@njit(nogil=True, cache=True)
def _run_through(rows, columns, out):
    """Walk from cell to cell over a side each time (after Amanatides & Woo 1987)."""
    for i in range(rows.size - 1):
        part = _clip(rows[i], columns[i], rows[i + 1], columns[i + 1], out.shape)
        if not part[0] <= part[1]:
            continue
        down, right = rows[i + 1] - rows[i], columns[i + 1] - columns[i]
        r = int(np.floor(rows[i] + part[0] * down))
        c = int(np.floor(columns[i] + part[0] * right))
        last_r = int(np.floor(rows[i] + part[1] * down))
        last_c = int(np.floor(columns[i] + part[1] * right))
        _mark(out, r, c)
        while r != last_r or c != last_c:
            if _row_first(rows[i], columns[i], down, right, r, c, last_r, last_c):
                r += 1 if last_r > r else -1
            else:
                c += 1 if last_c > c else -1
            _mark(out, r, c)


@njit(nogil=True, cache=True)
def _clip(r0, c0, r1, c1, shape):
    """The part of a segment, 0..1, within two cells of the grid (Liang & Barsky 1984)."""
    first, last = 0.0, 1.0
    for start, end, size in ((r0, r1, shape[0]), (c0, c1, shape[1])):
        if start == end:
            if start < -2 or start > size + 2:
                return 1.0, 0.0
            continue
        one, two = (-2 - start) / (end - start), (size + 2 - start) / (end - start)
        first, last = max(first, min(one, two)), min(last, max(one, two))
    return first, last


@njit(nogil=True, cache=True)
def _row_first(r0, c0, down, right, r, c, last_r, last_c):
    """Whether the next side of a cell that is met leads to another row."""
    if r == last_r:
        return False
    if c == last_c:
        return True
    edge_r, edge_c = r + (1 if last_r > r else 0), c + (1 if last_c > c else 0)
    return (edge_r - r0) / down <= (edge_c - c0) / right


@njit(nogil=True, cache=True)
def _mark(out, r, c):
    if 0 <= r < out.shape[0] and 0 <= c < out.shape[1]:
        out[r, c] = True
