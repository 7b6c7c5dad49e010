"""Cost distance of maps that do not fit in memory: some large tiles of them at a time."""

import heapq
from collections import OrderedDict

import numpy as np
from numba import njit

from manul.connectivity.cost_distance import TILE, improve, passable, tiles_of
from manul.grid.disk_maps import TILES_HELD, fill

SIDE = 1024  # cells along the side of a large tile
NEVER = -1  # before anything was written


def start(resistance, cost, sources, side: int = SIDE) -> np.ndarray:
    """Set `cost`, infinite everywhere, to 0 on the sources that can be crossed.

    All three give and take windows: arrays, `DiskMap`s or the like. Returns what `spread` takes as
    `pending`: 0 in a tile with a source, NaN in one where nothing is reached yet.
    """
    pending = np.full(tiles_of(cost.shape, side), np.nan)
    for t, window in enumerate(_windows(cost.shape, side)):
        begun = np.asarray(sources[window], bool)
        if begun.any():
            begun = begun & passable(resistance[window])
        if begun.any():
            cost[window] = np.where(begun, 0.0, np.inf)
            pending.flat[t] = 0
    return pending


def spread(
    resistance,
    cost,
    limit: float = np.inf,
    cell: float = 1.0,
    side: int = SIDE,
    pending: np.ndarray | None = None,
    visits: int | None = None,
    held: float = TILES_HELD,
) -> np.ndarray:
    """Lower `cost` until no step improves it, as `cost_distance` would.

    `pending` is what `start` gave, or an earlier call: it stops after so many `visits` to tiles, if
    given, and tells the cost that waits in each tile, infinite where none does, NaN where nothing
    is reached, so no number is finite when it is done. After a crash leave `pending` out: costs
    only fall, so whatever stands in `cost` is a start, and is looked at again. Tiles of so many
    bytes are `held` in memory, 12 for each cell; one at least.
    """
    across = tiles_of(cost.shape, side)[1]
    windows = list(_windows(cost.shape, side))
    if pending is None:
        least = np.array([np.min(cost[window]) for window in windows], float)
        pending = np.where(least < np.inf, least, np.nan)
    keys, blank = pending.ravel().copy(), np.isnan(pending).ravel()
    keys[blank] = np.inf
    fresh = ~blank
    queue = [(key, t) for t, key in enumerate(keys) if key < np.inf]
    heapq.heapify(queue)
    tiles = _Held(resistance, cost, windows, across, blank, held)
    while queue and visits != 0:
        key, t = heapq.heappop(queue)
        if key > keys[t]:
            continue
        keys[t] = np.inf
        visits = None if visits is None else visits - 1
        for other, latest in _visit(tiles, t, fresh[t], limit, cell):
            if latest < keys[other]:
                keys[other] = latest
                heapq.heappush(queue, (latest, other))
        fresh[t] = False
    tiles.write()
    return np.where(blank & (keys == np.inf), np.nan, keys).reshape(-1, across)


class _Held:
    """The large tiles that were worked on last: a front soon comes back to one.

    What changed in a tile is written when others take its place, and at the end. `blank` tiles are
    infinite everywhere and need not be read.
    """

    def __init__(self, resistance, cost, windows: list, across: int, blank, held):
        self.windows, self.shape = windows, cost.shape
        self._resistance, self._cost, self._across = resistance, cost, across
        self._kept: OrderedDict[int, tuple] = OrderedDict()  # ground and costs, with a ring
        rows, columns = windows[0]
        self._most = max(int(held / 12 / (rows.stop * columns.stop)), 1)
        self._blank, self._changed = blank, set[int]()
        # When a tile was last written, and when the ring of a held one was last looked at.
        self._written: dict[int, int] = {}
        self._looked: dict[int, int] = {}
        self._now = 0

    def tile(self, t: int) -> tuple:
        """(ground, costs, the parts of the ring) of a tile with a ring of one cell around it.

        The parts of the ring are (number of the tile there, part of the arrays).
        """
        self._now += 1
        inner, wide = _with_ring(self.windows[t], self.shape)
        if t not in self._kept:
            spare = None
            while len(self._kept) >= self._most:
                spare = self._put_back(self._kept.popitem(last=False))
            self._kept[t] = self._read(t, wide, spare)
            self._looked[t] = NEVER if self._blank[t] else self._now
        self._kept.move_to_end(t)
        ground, costs = self._kept[t]
        sides = [
            (t + down * self._across + right, part)
            for (down, right), part in _sides(inner, costs.shape)
            if costs[part].size
        ]
        for other, part in sides:
            if self._blank[other]:
                continue
            if other in self._kept or self._written.get(other, 0) >= self._looked[t]:
                costs[part] = self._of(other, _moved(part, wide))
        self._looked[t] = self._now
        return ground, costs, sides

    def changed(self, t: int) -> None:
        """The costs of this tile were changed."""
        self._changed.add(t)
        self._blank[t] = False

    def write(self) -> None:
        """Write all that changed."""
        for kept in self._kept.items():
            self._put_back(kept)

    def _read(self, t, wide, spare):
        """Ground and costs of a tile and its ring, in the arrays of another one if they fit."""
        shape = tuple(span.stop - span.start for span in wide)
        if spare is None or spare[0].shape != shape:
            spare = np.empty(shape, self._resistance.dtype), np.empty(shape)
        ground, costs = spare
        fill(ground, self._resistance, wide)
        if self._blank[t]:
            costs.fill(np.inf)
        else:
            fill(costs, self._cost, wide)
        return spare

    def _of(self, t, window):
        """Costs in a window that lies in one tile."""
        if t not in self._kept:
            return self._cost[window]
        _, wide = _with_ring(self.windows[t], self.shape)
        return self._kept[t][1][_moved(window, wide, -1)]

    def _put_back(self, kept):
        t, (_, costs) = kept
        if t in self._changed:
            inner, _ = _with_ring(self.windows[t], self.shape)
            self._cost[self.windows[t]] = costs[inner]
            self._changed.remove(t)
            self._written[t] = self._now
        return kept[1]


def _visit(held, t, fresh, limit, cell):
    """Work on a tile and a ring of one cell; the tiles around that get cheaper, and how late.

    Where all that stands in a tile is new, all of it is told on; later only what is on the ring.
    """
    ground, costs, sides = held.tile(t)
    before = [costs[part].copy() for _, part in sides]
    if fresh:
        waiting, keys = (costs < np.inf) & passable(ground), None
    else:
        inner, _ = _with_ring(held.windows[t], held.shape)
        waiting, keys = np.zeros(costs.shape, bool), np.full(tiles_of(costs.shape), np.inf)
        _wait_on_the_ring(
            ground, costs, waiting, keys, TILE,
            inner[0].start, inner[0].stop, inner[1].start, inner[1].stop,
        )  # fmt: skip
    if improve(ground, costs, waiting, limit, cell, keys=keys).any():
        held.changed(t)
    for (other, part), cost in zip(sides, before, strict=True):
        after = costs[part]
        latest = after.max(initial=-np.inf, where=after < cost)
        if latest > -np.inf:
            yield other, float(latest)


@njit(nogil=True, cache=True)
def _wait_on_the_ring(ground, costs, waiting, keys, tile, top, bottom, left, right):
    """Let the cells beyond an inner window wait that can be crossed and are reached."""
    height, width = costs.shape
    for r in range(height):
        # All of a row above or below, else what lies left and right of the window.
        across = top <= r < bottom
        for i in range(width - (right - left) if across else width):
            c = i + (right - left) if across and i >= left else i
            if costs[r, c] < np.inf and 0 < ground[r, c] < np.inf:
                waiting[r, c] = True
                keys[r // tile, c // tile] = min(keys[r // tile, c // tile], costs[r, c])


def _moved(window, by, sign=1):
    """A window counted from the corner of another one, or to it."""
    return tuple(
        slice(part.start + sign * whole.start, part.stop + sign * whole.start)
        for part, whole in zip(window, by, strict=True)
    )


def _windows(shape, side):
    for top in range(0, shape[0], side):
        for left in range(0, shape[1], side):
            rows = slice(top, min(top + side, shape[0]))
            yield rows, slice(left, min(left + side, shape[1]))


def _with_ring(window, shape):
    """Where the tile lies in the window with its ring, and that window."""
    wide = tuple(
        slice(max(span.start - 1, 0), min(span.stop + 1, size))
        for span, size in zip(window, shape, strict=True)
    )
    inner = tuple(
        slice(span.start - whole.start, span.stop - whole.start)
        for span, whole in zip(window, wide, strict=True)
    )
    return inner, wide


def _sides(inner, shape):
    """The eight parts of the ring, each with the way to the tile it lies in."""
    spans = [
        ((-1, slice(0, span.start)), (0, span), (1, slice(span.stop, size)))
        for span, size in zip(inner, shape, strict=True)
    ]
    for down, rows in spans[0]:
        for right, columns in spans[1]:
            if down or right:
                yield (down, right), (rows, columns)
