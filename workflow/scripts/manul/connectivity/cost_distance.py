"""Least-cost distance over a grid of resistance: eight neighbours, exact, for any tiling the same.

A step from a cell to a neighbour costs the mean of the two resistances times the distance between
the centres; a step between two corners of impassable cells is allowed. The grid is worked on in
tiles that fit in the cache, each with a queue in buckets (Dial 1969, doi:10.1145/363269.363610;
order within a bucket corrects itself, Meyer & Sanders 2003), the tile with the least waiting cost
first, until no border improves. Beside the two maps, this takes about 1 MiB.
"""

import numpy as np
from numba import njit

from manul.connectivity.heap import grown, pop, push

TILE = 64  # cells along a side: costs, resistances and queue of a tile fit in the second cache
BUCKETS = 1024
FREE, RING = -1, -2  # instead of a bucket: not in the queue; of another tile
DIAGONAL = np.sqrt(2.0)
NO_LINK = -1
# Directions of a back-link, clockwise from the north.
ROWS = np.array([-1, -1, 0, 1, 1, 1, 0, -1])
COLUMNS = np.array([0, 1, 1, 1, 0, -1, -1, -1])


def cost_distance(
    resistance: np.ndarray,
    sources: np.ndarray,
    limit: float = np.inf,
    cell: float = 1.0,
    tile: int = TILE,
) -> np.ndarray:
    """Least cost from each cell to the nearest source, float64, infinite where none is in reach.

    `resistance` (rows, columns): per unit of length; NaN, infinite or not positive cannot be
    crossed. `sources`: true where the cost is 0; a source that cannot be crossed is left out.
    `cell`: side of a cell. Cells that cost more than `limit` are infinite too.
    """
    resistance = as_float(resistance)
    out = np.full(resistance.shape, np.inf)
    out[np.asarray(sources, bool) & passable(resistance)] = 0.0
    improve(resistance, out, out == 0, limit, cell, tile)
    return out


def nearest(
    resistance: np.ndarray, cores: np.ndarray, limit: float = np.inf, cell: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """(cost, number of the nearest core); 0 where none is in reach. `cores`: numbers, 0 = none.

    Where two cores cost the same, the one that the back-links lead to.
    """
    resistance = as_float(resistance)
    cost = cost_distance(resistance, cores != 0, limit, cell)
    out = np.where(cost == 0, cores, 0).astype(np.int32, copy=False)
    _follow(back_links(resistance, cost, cell), out)
    return cost, out


def back_links(resistance: np.ndarray, cost: np.ndarray, cell: float = 1.0) -> np.ndarray:
    """For each cell the neighbour it is reached from: 0 = north, clockwise to 7; -1 = none."""
    out = np.empty(cost.shape, np.int8)
    _link_all(as_float(resistance), cost, float(cell), out)
    return out


def least_cost_path(
    resistance: np.ndarray, cost: np.ndarray, end: tuple[int, int], cell: float = 1.0
) -> np.ndarray:
    """(n, 2) rows and columns of the cells from a source to `end`; no cell if it is not reached."""
    if not np.isfinite(cost[end]):
        return np.zeros((0, 2), np.int64)
    steps = _walk(as_float(resistance), cost, int(end[0]), int(end[1]), float(cell))
    return steps[::-1].copy()


def path_length(path: np.ndarray, cell: float = 1.0) -> float:
    """Length along the centres of the cells of a path, in the unit of `cell`."""
    steps = np.abs(np.diff(path, axis=0)).sum(axis=1)
    return float(cell * ((steps == 1).sum() + DIAGONAL * (steps == 2).sum()))


def passable(resistance: np.ndarray) -> np.ndarray:
    """True where a cell can be crossed."""
    return (resistance > 0) & (resistance < np.inf)


def improve(
    resistance, cost, waiting, limit=np.inf, cell=1.0, tile=TILE, keys=None, ahead=None
) -> np.ndarray:
    """Lower `cost` in place until no step improves it; True for the tiles that were changed.

    `waiting` (rows, columns): true where a cost may lower those around it; all false afterwards.
    `keys` (tile rows, tile columns): the least such cost in each tile, infinite if none. `ahead`:
    what is still to be paid from each cell, which counts for the `limit` (A*, Hart et al. 1968).
    """
    if ahead is None or limit == np.inf:
        ahead = np.empty((0, 0))
    if keys is None:
        keys = np.full(tiles_of(cost.shape, tile), np.inf)
        _least_waiting(cost, waiting, tile, keys)
    changed = np.zeros(keys.size, bool)
    _improve(
        resistance, cost, keys.ravel(), waiting, changed, keys.shape[1],
        float(limit), float(cell), int(tile), ahead,
    )  # fmt: skip
    return changed.reshape(keys.shape)


def wait_at_the_edge(cost, waiting, box: tuple[slice, slice], tile: int = TILE) -> np.ndarray:
    """Let reached cells wait that have a neighbour out of reach; the keys of their tiles.

    So `improve` goes on from what it reached to a larger limit. Nothing is reached beyond `box`.
    """
    keys = np.full(tiles_of(cost.shape, tile), np.inf)
    rows, columns = box
    _wait_at_the_edge(
        cost, waiting, keys, tile, rows.start, rows.stop, columns.start, columns.stop
    )  # fmt: skip
    return keys


def tiles_of(shape: tuple[int, ...], tile: int = TILE) -> tuple[int, int]:
    """Number of tile rows and columns."""
    return -(-shape[0] // tile), -(-shape[1] // tile)


def as_float(resistance: np.ndarray) -> np.ndarray:
    """As the kernels take it: float32 or float64, row by row."""
    dtype = "float32" if resistance.dtype == np.float32 else "float64"
    return np.ascontiguousarray(resistance, dtype)


@njit(nogil=True, cache=True)
def _least_waiting(cost, waiting, tile, keys):
    for r in range(cost.shape[0]):
        for c in range(cost.shape[1]):
            if waiting[r, c] and cost[r, c] < keys[r // tile, c // tile]:
                keys[r // tile, c // tile] = cost[r, c]


@njit(nogil=True, cache=True)
def _wait_at_the_edge(cost, waiting, keys, tile, top, bottom, left, right):
    height, width = cost.shape
    for r in range(top, bottom):
        for c in range(left, right):
            if cost[r, c] == np.inf:
                continue
            for k in range(8):
                y, x = r + ROWS[k], c + COLUMNS[k]
                if 0 <= y < height and 0 <= x < width and cost[y, x] == np.inf:
                    waiting[r, c] = True
                    t, u = r // tile, c // tile
                    keys[t, u] = min(keys[t, u], cost[r, c])
                    break


@njit(nogil=True, cache=True)
def _improve(resistance, cost, keys, waiting, changed, across, limit, cell, tile, ahead):
    height, width = cost.shape
    cells = (tile + 2) ** 2
    half, costs, limits = np.empty(cells), np.empty(cells), np.full(cells, limit)
    after, before = np.empty(cells, np.uint32), np.empty(cells, np.uint32)
    bucket, head = np.empty(cells, np.int32), np.zeros(BUCKETS, np.uint32)
    latest = np.empty(9)
    heap_keys, heap, size = np.empty(256), np.empty(256, np.int64), 0
    for t in range(keys.size):
        if keys[t] < np.inf:
            heap_keys, heap = grown(heap_keys, heap, size)
            size = push(heap_keys, heap, size, keys[t], t)
    while size > 0:
        key, t = heap_keys[0], heap[0]
        size = pop(heap_keys, heap, size)
        if key > keys[t]:
            continue
        keys[t] = np.inf
        top, left = t // across * tile, t % across * tile
        high, wide = min(tile, height - top), min(tile, width - left)
        delta = _load(resistance, cost, top, left, high, wide, cell, half, costs, bucket)
        if ahead.size > 0:
            _limit(ahead, limit, top, left, high, wide, limits)
        n = _seed(half, costs, head, after, before, bucket, waiting, top, left, high, wide, limits)
        if n == 0:
            continue
        _run(half, costs, head, after, before, bucket, wide + 2, delta, n, limits)
        changed[t] = True
        for r in range(high):
            at = (r + 1) * (wide + 2) + 1
            for c in range(wide):
                cost[top + r, left + c] = costs[at + c]
        _latest(cost, costs, top, left, high, wide, latest)
        for k in range(9):
            other = t + (k // 3 - 1) * across + k % 3 - 1
            if latest[k] > -np.inf and latest[k] < keys[other]:
                keys[other] = latest[k]
                heap_keys, heap = grown(heap_keys, heap, size)
                size = push(heap_keys, heap, size, latest[k], other)


@njit(nogil=True, cache=True)
def _latest(cost, costs, top, left, high, wide, latest):
    """For each tile around: the largest cost of its cells on the ring that got cheaper, or -inf.

    Not the least: a tile is worked on when the whole front has come to it, not its first cell,
    which makes visits rare (about three a tile).
    """
    latest[:] = -np.inf
    for r in range(high + 2):
        step = 1 if r == 0 or r == high + 1 else wide + 1
        for c in range(0, wide + 2, step):
            y, x = top + r - 1, left + c - 1
            if y < 0 or x < 0 or y >= cost.shape[0] or x >= cost.shape[1]:
                continue
            now = costs[r * (wide + 2) + c]
            if now < cost[y, x]:
                k = (0 if r == 0 else 6 if r > high else 3) + (
                    0 if c == 0 else 2 if c > wide else 1
                )
                latest[k] = max(latest[k], now)


@njit(nogil=True, cache=True)
def _load(resistance, cost, top, left, high, wide, cell, half, costs, bucket):
    """Copy a tile and a ring of one cell around it; the width of a bucket."""
    height, width = cost.shape
    total, number, least = 0.0, 0, np.inf
    at = 0
    for r in range(top - 1, top + high + 1):
        for c in range(left - 1, left + wide + 1):
            half[at], costs[at], bucket[at] = np.nan, np.inf, FREE
            if 0 <= r < height and 0 <= c < width:
                costs[at] = cost[r, c]
                value = np.float64(resistance[r, c])
                if value > 0 and value < np.inf:
                    half[at] = value * cell / 2
                    total += half[at]
                    number += 1
                    least = min(least, half[at])
            at += 1
    side = wide + 2
    bucket[:side] = RING
    bucket[(high + 1) * side : (high + 2) * side] = RING
    for r in range(1, high + 1):
        bucket[r * side] = bucket[r * side + wide + 1] = RING
    return max(2 * least, total / number / 2) if number else 1.0


@njit(nogil=True, cache=True)
def _limit(ahead, limit, top, left, high, wide, limits):
    """What a tile and a ring of one cell around it may cost, where more is to be paid ahead."""
    height, width = ahead.shape
    at = 0
    for r in range(top - 1, top + high + 1):
        for c in range(left - 1, left + wide + 1):
            inside = 0 <= r < height and 0 <= c < width
            limits[at] = limit - ahead[r, c] if inside else -np.inf
            at += 1


@njit(nogil=True, cache=True)
def _seed(half, costs, head, after, before, bucket, waiting, top, left, high, wide, limits):
    """Queue, in the last bucket, cells that wait and cells that cost less from the ring."""
    side = wide + 2
    n = 0
    for r in range(1, high + 1):
        for c in range(1, wide + 1):
            at = r * side + c
            queued = waiting[top + r - 1, left + c - 1]
            if r == 1 or r == high or c == 1 or c == wide:
                for dr in range(-1, 2):
                    for dc in range(-1, 2):
                        near = at + dr * side + dc
                        if bucket[near] != RING:
                            continue
                        length = DIAGONAL if dr != 0 and dc != 0 else 1.0
                        total = costs[near] + length * (half[at] + half[near])
                        if total < costs[at] and total <= limits[at]:
                            costs[at] = total
                            queued = True
            if queued:
                waiting[top + r - 1, left + c - 1] = False
                _link(head, after, before, bucket, np.uint64(at), BUCKETS - 1)
                n += 1
    return n


@njit(nogil=True, cache=True)
def _run(half, costs, head, after, before, bucket, side, delta, n, limits):
    """Empty the queue: take a cell of the lowest bucket and lower the costs around it."""
    last = BUCKETS - 1
    per, base, now = 1 / delta, 0.0, last
    # Unsigned, so that the compiler need not look for negative indices.
    one, row = np.uint64(1), np.uint64(side)
    around = (one, row, row + one, row - one)
    diagonal = (1.0, 1.0, DIAGONAL, DIAGONAL)
    while n > 0:
        if now == last:
            base = _rebase(costs, head, after, before, bucket, per)
            now = 0
        at = np.uint64(head[now])
        if at == 0:
            now += 1
            continue
        following = after[at]
        head[now], before[following], bucket[at] = following, 0, FREE
        n -= 1
        here, own = costs[at], half[at]
        for k in range(4):
            for near in (at - around[k], at + around[k]):
                total = here + (own + half[near]) * diagonal[k]
                if total < costs[near] and total <= limits[near]:
                    costs[near] = total
                    old = bucket[near]
                    if old == RING:
                        continue
                    to = min(np.int64((total - base) * per), last)
                    if to == old:
                        continue
                    if old == FREE:
                        n += 1
                    else:
                        following, previous = after[near], before[near]
                        if previous > 0:
                            after[previous] = following
                        else:
                            head[old] = following
                        before[following] = previous
                    # As `_link`, but a call here would count references: a fifth of the time.
                    to = max(to, now)
                    first = head[to]
                    after[near], before[near], before[first] = first, 0, near
                    head[to], bucket[near] = near, to


@njit(nogil=True, cache=True)
def _rebase(costs, head, after, before, bucket, per):
    """Deal the cells of the last bucket out over all of them; the cost where the first begins."""
    last = BUCKETS - 1
    first, base = np.uint64(head[last]), np.inf
    at = first
    while at > 0:
        base = min(base, costs[at])
        at = np.uint64(after[at])
    head[last] = 0
    at = first
    while at > 0:
        following = np.uint64(after[at])
        to = min(np.int64((costs[at] - base) * per), last)
        _link(head, after, before, bucket, at, to)
        at = following
    return base


@njit(nogil=True, cache=True)
def _link(head, after, before, bucket, at, to):
    """Put a cell first into a bucket. Cell 0 lies on the ring, so that 0 can mean: none."""
    first = head[to]
    after[at], before[at] = first, 0
    before[first] = at  # of cell 0, too, where nobody reads it
    head[to] = at
    bucket[at] = to


@njit(nogil=True, cache=True)
def _best_link(resistance, cost, r, c, cell):
    """Direction of the neighbour from which a cell costs least; -1 at a source."""
    best, direction = np.inf, NO_LINK
    own = np.float64(resistance[r, c])
    if not (cost[r, c] > 0 and cost[r, c] < np.inf and own > 0):
        return direction
    for k in range(8):
        y, x = r + ROWS[k], c + COLUMNS[k]
        if y < 0 or x < 0 or y >= cost.shape[0] or x >= cost.shape[1]:
            continue
        if cost[y, x] < cost[r, c]:
            half = np.float64(resistance[y, x]) * cell / 2 + own * cell / 2
            total = cost[y, x] + half * (DIAGONAL if k & 1 else 1.0)
            if total == cost[r, c]:
                return k
            if total < best:
                best, direction = total, k
    return direction


@njit(nogil=True, cache=True)
def _link_all(resistance, cost, cell, out):
    """Row by row: first by way of what costs exactly as much, many cells at once."""
    height, width = cost.shape
    half, exact = np.empty((3, width)), np.empty(width)
    for r in range(min(height, 2)):
        _halve(resistance[r], cell, half[r])
    for r in range(height):
        inner = 0 < r < height - 1
        if inner:
            _halve(resistance[r + 1], cell, half[(r + 1) % 3])
            _link_row(cost, half, r, exact)
        for c in range(width):
            k = np.int64(exact[c]) if inner and 0 < c < width - 1 else NO_LINK
            if k == NO_LINK and 0 < cost[r, c] < np.inf:
                k = _best_link(resistance, cost, r, c, cell)
            out[r, c] = k


@njit(nogil=True, cache=True)
def _halve(resistances, cell, out):
    for c in range(out.size):
        out[c] = np.float64(resistances[c]) * cell / 2


@njit(nogil=True, cache=True)
def _link_row(cost, half, r, out):
    """The first direction from which each cell costs exactly what it does, -1 if none; no border.

    Numbers with a point, as a compiler works on several cells at once if all are of one size.
    """
    inner = cost.shape[1] - 2
    out[:] = NO_LINK
    here, own = cost[r, 1:-1], half[r % 3, 1:-1]
    for k in range(7, -1, -1):
        row, left, length = r + ROWS[k], 1 + COLUMNS[k], DIAGONAL if k & 1 else 1.0
        there, other = cost[row, left : left + inner], half[row % 3, left : left + inner]
        for c in range(inner):
            total = there[c] + (other[c] + own[c]) * length
            if total == here[c] and there[c] < here[c]:
                out[1 + c] = k


@njit(nogil=True, cache=True)
def _follow(links, out):
    """Number each reached cell like the source at the end of its back-links.

    Down the map, and up, most cells need to ask one neighbour alone.
    """
    trail = np.empty(1024, np.int64)
    width = out.shape[1]
    steps = np.append(ROWS * width + COLUMNS, 0)  # the last one where there is no link
    links, out = links.ravel(), out.ravel()
    for at in range(out.size):
        out[at] = out[at + min(steps[links[at]], 0)]
    for start in range(out.size - 1, -1, -1):
        if out[start] == 0:
            out[start] = out[start + steps[links[start]]]
        if out[start] != 0 or links[start] == NO_LINK:
            continue
        at, n = start, 0
        while out[at] == 0 and links[at] != NO_LINK:
            if n == trail.size:
                longer = np.empty(2 * n, np.int64)
                longer[:n] = trail
                trail = longer
            trail[n] = at
            n += 1
            at += steps[links[at]]
        number = out[at]
        for i in range(n):
            out[trail[i]] = number


@njit(nogil=True, cache=True)
def _walk(resistance, cost, r, c, cell):
    steps, n = np.empty((256, 2), np.int64), 0
    while True:
        if n == steps.shape[0]:
            longer = np.empty((2 * n, 2), np.int64)
            longer[:n] = steps
            steps = longer
        steps[n, 0], steps[n, 1] = r, c
        n += 1
        k = _best_link(resistance, cost, r, c, cell)
        if k == NO_LINK:
            return steps[:n]
        r, c = r + ROWS[k], c + COLUMNS[k]
