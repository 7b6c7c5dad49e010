"""Rings around patches of numbered cells, found line by line of a map: kernels of `outlines`.

Where the corners of cells meet, each patch that turns there has a corner of its own, joined to one
along the line (`across`) and to one along the column (`down`). Corners of a patch that meets itself
over the corner of two cells alone are two, as what touches so is not one part. Corners are found in
reading order, so the first of a part lies on its outer ring.
"""

import numpy as np
from numba import njit

MOST, PINCHES = 4, 2  # corners of patches where four cells meet, and pairs of them


def new(number: int) -> np.ndarray:
    """Room for so many corners: row, column, patch, across, down, part; (number, 6), int32."""
    return np.empty((number, 6), "int32")


@njit(nogil=True, cache=True)
def scan(rows, line, corners, count, pinches, pinched, along, left, right):
    """Find the corners on the lines above each of `rows` but the first, which lies above them.

    `line` is the number of the first of these lines, `corners` as `new`, of which `count` are
    found; `pinches` (n, 2) are pairs of them at one place, `pinched` how many. What is open is
    kept in `along` (by patch), `left` and `right` (by column line: of the cell there). Gives how
    many lines were done for want of room, and both counts.
    """
    width = rows.shape[1]
    for i in range(1, rows.shape[0]):
        if (
            count + MOST * (width + 1) > corners.shape[0]
            or pinched + PINCHES * width > pinches.shape[0]
        ):
            return i - 1, count, pinched
        for c in range(width + 1):
            nw, ne, sw, se = _around(rows, i, c)
            if (nw == sw and ne == se) or (nw == ne and sw == se):
                continue
            was_left, was_right = left[c], right[c]
            for k in range(4):
                p, mask = _turning(nw, ne, sw, se, k)
                if p == 0:
                    continue
                twice = mask == 6 or mask == 9
                first = count
                for _ in range(2 if twice else 1):
                    corners[count, 0], corners[count, 1] = line + i - 1, c
                    corners[count, 2], corners[count, 5] = p, count
                    count += 1
                last = count - 1  # the one with the edge below
                # Which of them ends the edge on the left, and which begins that on the right.
                ends, begins = (last, first) if mask == 6 else (first, last)
                if (nw == p) != (sw == p):
                    _join(corners, 3, along[p], ends)
                if (ne == p) != (se == p):
                    along[p] = begins
                if (nw == p) != (ne == p):
                    _join(corners, 4, was_left if nw == p else was_right, first)
                if (sw == p) != (se == p):
                    if sw == p:
                        left[c] = last
                    else:
                        right[c] = last
                if twice:
                    pinches[pinched, 0], pinches[pinched, 1] = first, last
                    pinched += 1
        _join_runs(rows[i], line + i - 1, corners, left, right)
    return rows.shape[0] - 1, count, pinched


@njit(nogil=True, cache=True)
def count(rows, line, corners, first, last):
    """Count the corners that `scan` would find, by patch; the first and last rows of cells there.

    All three by number, as they stand so far.
    """
    width = rows.shape[1]
    for i in range(1, rows.shape[0]):
        for c in range(width + 1):
            nw, ne, sw, se = _around(rows, i, c)
            if (nw == sw and ne == se) or (nw == ne and sw == se):
                continue
            for k in range(4):
                p, mask = _turning(nw, ne, sw, se, k)
                if p > 0:
                    corners[p] += 2 if mask == 6 or mask == 9 else 1
                    first[p], last[p] = min(first[p], line + i - 1), line + i - 2


@njit(inline="always")
def _around(rows, i, c):
    """The cells around the corner of a row and a column: two above it, two below; 0 beyond."""
    width, none = rows.shape[1], np.int32(0)
    nw, sw = (rows[i - 1, c - 1], rows[i, c - 1]) if c > 0 else (none, none)
    ne, se = (rows[i - 1, c], rows[i, c]) if c < width else (none, none)
    return nw, ne, sw, se


@njit(inline="always")
def _turning(nw, ne, sw, se, k):
    """The patch of the kth of four cells, and which are its own, if it turns where they meet.

    (0, 0) if not, or if an earlier cell is of the same patch.
    """
    p = nw if k == 0 else ne if k == 1 else sw if k == 2 else se
    if p == 0 or (k > 0 and p == nw) or (k > 1 and p == ne) or (k > 2 and p == sw):
        return np.int32(0), 0
    mask = (nw == p) + 2 * (ne == p) + 4 * (sw == p) + 8 * (se == p)
    if mask == 3 or mask == 5 or mask == 10 or mask == 12:
        return np.int32(0), 0
    return p, mask


@njit(nogil=True, cache=True)
def _join(corners, way, one, other):
    """Two corners at the ends of an edge."""
    corners[one, way], corners[other, way] = other, one
    _unite(corners, one, other)


@njit(nogil=True, cache=True)
def _join_runs(cells, line, corners, left, right):
    """Rings on both sides of cells beside each other are those of one part."""
    width, start = cells.size, 0
    for c in range(1, width + 1):
        if c == width or cells[c] != cells[start]:
            if cells[start] > 0:
                one, other = right[start], left[c]
                if corners[one, 0] == line or corners[other, 0] == line:  # else it is known
                    _unite(corners, one, other)
            start = c


@njit(nogil=True, cache=True)
def _root(corners, at):
    while corners[at, 5] != at:
        corners[at, 5] = corners[corners[at, 5], 5]
        at = corners[at, 5]
    return at


@njit(nogil=True, cache=True)
def _unite(corners, one, other):
    """Two corners of one part, which is known by its first."""
    one, other = _root(corners, one), _root(corners, other)
    corners[max(one, other), 5] = min(one, other)


@njit(nogil=True, cache=True)
def find_parts(corners):
    """Write the first corner of its part to each corner."""
    for at in range(corners.shape[0]):  # what stands there was looked at before
        corners[at, 5] = corners[corners[at, 5], 5]


@njit(nogil=True, cache=True)
def follow(corners, ring):
    """Number the corners by their rings, from 0, in the order of their first corners."""
    ring[:] = -1
    number = 0
    for start in range(ring.size):
        if ring[start] >= 0:
            continue
        at = start
        while True:
            beside = corners[at, 3]
            ring[at] = ring[beside] = number
            at = corners[beside, 4]
            if at == start:
                break
        number += 1
    return number


@njit(nogil=True, cache=True)
def split(corners, ring, pinches):
    """Make two rings of one that touches itself, at each such place: both stay as they were else.

    A ring does not cross itself, so one split leaves the corners of another on one ring.
    """
    for k in range(pinches.shape[0]):
        one, other = pinches[k, 0], pinches[k, 1]
        if ring[one] == ring[other]:
            a, b = corners[one, 3], corners[other, 3]
            corners[one, 3], corners[other, 3] = b, a
            corners[a, 3], corners[b, 3] = other, one


@njit(nogil=True, cache=True)
def describe(ring, first, size):
    """The first corner of each ring, and how many it has; `first` is -1 everywhere, `size` 0."""
    for at in range(ring.size):
        number = ring[at]
        if first[number] < 0:
            first[number] = at
        size[number] += 1


@njit(nogil=True, cache=True)
def write(corners, first, outer, start, out):
    """Column and row of the corners of rings to `out`, each from `start` on, closed.

    Outer rings run down first, against the clock on a map; holes with it.
    """
    for k in range(first.size):
        at, n, downwards = first[k], start[k], outer[k]
        while True:
            out[n, 0], out[n, 1] = corners[at, 1], corners[at, 0]
            at = corners[at, 4 if downwards else 3]
            downwards = not downwards
            n += 1
            if at == first[k] and downwards == outer[k]:
                break
        out[n] = out[start[k]]
