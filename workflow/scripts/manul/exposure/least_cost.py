"""Least-cost distance over a grid of costs: eight neighbours, exact, in 16 bytes a cell.

A step from a cell to a neighbour costs the mean of the two cells' costs times the distance between
their centres (1, or the square root of 2). Dijkstra (1959), doi:10.1007/BF01386390, with a heap.
"""

import numpy as np
from numba import njit

DIAGONAL = np.sqrt(2.0)


def cost_distance(cost: np.ndarray, sources: np.ndarray, limit: float = np.inf) -> np.ndarray:
    """Least cost from each cell to the nearest source, float64, infinite where none is in reach.

    `cost` (rows, columns): per cell side; NaN, infinite or not positive cannot be crossed.
    `sources`: true where the cost is 0; a source that cannot be crossed is left out. Cells that
    cost more than `limit` are infinite too.
    """
    out = np.full(cost.shape, np.inf)
    _spread(np.ascontiguousarray(cost, "float32"), np.argwhere(sources), float(limit), out)
    return out


@njit(nogil=True, cache=True)
def _spread(cost, starts, limit, out):
    height, width = cost.shape
    keys, cells = np.empty(1024), np.empty(1024, np.int64)
    size = 0
    for k in range(starts.shape[0]):
        r, c = starts[k]
        if _passable(cost[r, c]) and out[r, c] > 0:
            out[r, c] = 0.0
            keys, cells, size = _push(keys, cells, size, 0.0, r * width + c)
    while size > 0:
        key, cell = keys[0], cells[0]
        size = _pop(keys, cells, size)
        r, c = cell // width, cell % width
        if key > out[r, c]:
            continue
        here = np.float64(cost[r, c])
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                y, x = r + dr, c + dc
                if (dr == 0 and dc == 0) or y < 0 or x < 0 or y >= height or x >= width:
                    continue
                there = cost[y, x]
                if not _passable(there):
                    continue
                step = DIAGONAL if dr != 0 and dc != 0 else 1.0
                total = key + step * (here + there) / 2
                if total < out[y, x] and total <= limit:
                    out[y, x] = total
                    keys, cells, size = _push(keys, cells, size, total, y * width + x)


@njit(inline="always")
def _passable(cost):
    return cost > 0 and cost < np.inf


@njit(nogil=True, cache=True)
def _push(keys, cells, size, key, cell):
    if size == keys.size:
        more_keys, more_cells = np.empty(2 * size), np.empty(2 * size, np.int64)
        more_keys[:size], more_cells[:size] = keys, cells
        keys, cells = more_keys, more_cells
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if keys[above] <= key:
            break
        keys[i], cells[i] = keys[above], cells[above]
        i = above
    keys[i], cells[i] = key, cell
    return keys, cells, size + 1


@njit(nogil=True, cache=True)
def _pop(keys, cells, size):
    """Take the smallest key away; the new size."""
    size -= 1
    key, cell = keys[size], cells[size]
    i = 0
    while True:
        below = 2 * i + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if key <= keys[below]:
            break
        keys[i], cells[i] = keys[below], cells[below]
        i = below
    keys[i], cells[i] = key, cell
    return size
