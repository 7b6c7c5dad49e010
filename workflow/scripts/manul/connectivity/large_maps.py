"""Cost distance of maps that do not fit in memory: some large tiles of them at a time."""

import heapq
from collections import OrderedDict

import numpy as np

from manul.connectivity.cost_distance import improve, passable, tiles_of

SIDE = 1024  # cells along the side of a large tile
HELD = 2.4e9  # bytes of tiles that are held, 12 for each cell: 190 tiles


def start(resistance, cost, sources, side: int = SIDE) -> None:
    """Set `cost` to 0 on the sources that can be crossed, infinite elsewhere, window by window.

    All three give and take windows: arrays, `DiskMap`s or the like.
    """
    for window in _windows(cost.shape, side):
        begun = np.asarray(sources[window], bool)
        if begun.any():
            begun = begun & passable(resistance[window])
        cost[window] = np.where(begun, 0.0, np.inf)


def spread(
    resistance,
    cost,
    limit: float = np.inf,
    cell: float = 1.0,
    side: int = SIDE,
    pending: np.ndarray | None = None,
    visits: int | None = None,
) -> np.ndarray:
    """Lower `cost` until no step improves it, as `cost_distance` would.

    It stops after so many `visits` to tiles, if given, and tells what is left: the cost that waits
    in each tile, infinite everywhere when done, to be handed back as `pending`. After a crash
    leave it out: costs only fall, so whatever stands in `cost` is a start, and is looked at again.
    """
    across = tiles_of(cost.shape, side)[1]
    windows = list(_windows(cost.shape, side))
    if pending is None:
        pending = np.array([np.min(cost[window]) for window in windows], float)
    keys = pending.ravel().copy()
    fresh = np.ones(len(windows), bool)
    queue = [(key, t) for t, key in enumerate(keys) if key < np.inf]
    heapq.heapify(queue)
    held = _Held(resistance, cost, windows, across)
    while queue and visits != 0:
        key, t = heapq.heappop(queue)
        if key > keys[t]:
            continue
        keys[t] = np.inf
        visits = None if visits is None else visits - 1
        for other, latest in _visit(held, t, fresh[t], limit, cell):
            if latest < keys[other]:
                keys[other] = latest
                heapq.heappush(queue, (latest, other))
        fresh[t] = False
    held.write()
    return keys.reshape(-1, across)


class _Held:
    """The large tiles that were worked on last: a front soon comes back to one.

    What changed in a tile is written when others take its place, and at the end.
    """

    def __init__(self, resistance, cost, windows: list, across: int):
        self.windows, self._resistance, self._cost, self._across = windows, resistance, cost, across
        self._kept: OrderedDict[int, tuple] = OrderedDict()  # ground and costs, with a ring
        rows, columns = windows[0]
        self._most = max(int(HELD / 12 / (rows.stop * columns.stop)), 1)
        self._changed: set[int] = set()
        # When a tile was last written, and when the ring of a held one was last looked at.
        self._written: dict[int, int] = {}
        self._looked: dict[int, int] = {}
        self._now = 0

    def tile(self, t: int) -> tuple:
        """(ground, costs, the parts of the ring) of a tile with a ring of one cell around it.

        The parts of the ring are (number of the tile there, part of the arrays).
        """
        self._now += 1
        inner, wide = _with_ring(self.windows[t], self._cost.shape)
        if t not in self._kept:
            while len(self._kept) >= self._most:
                self._put_back(self._kept.popitem(last=False))
            ground = np.ascontiguousarray(self._resistance[wide])
            self._kept[t] = ground, np.require(self._cost[wide], requirements=["C", "O", "W"])
            self._looked[t] = self._now
        self._kept.move_to_end(t)
        ground, costs = self._kept[t]
        sides = [
            (t + down * self._across + right, part)
            for (down, right), part in _sides(inner, costs.shape)
            if costs[part].size
        ]
        for other, part in sides:
            if other in self._kept or self._written.get(other, -1) >= self._looked[t]:
                costs[part] = self._of(other, _moved(part, wide))
        self._looked[t] = self._now
        return ground, costs, sides

    def changed(self, t: int) -> None:
        """The costs of this tile were changed."""
        self._changed.add(t)

    def write(self) -> None:
        """Write all that changed."""
        for kept in self._kept.items():
            self._put_back(kept)

    def _of(self, t, window):
        """Costs in a window that lies in one tile."""
        if t not in self._kept:
            return self._cost[window]
        _, wide = _with_ring(self.windows[t], self._cost.shape)
        return self._kept[t][1][_moved(window, wide, -1)]

    def _put_back(self, kept):
        t, (_, costs) = kept
        if t in self._changed:
            inner, _ = _with_ring(self.windows[t], self._cost.shape)
            self._cost[self.windows[t]] = costs[inner]
            self._changed.remove(t)
            self._written[t] = self._now


def _visit(held, t, fresh, limit, cell):
    """Work on a tile and a ring of one cell; the tiles around that get cheaper, and how late.

    Where all that stands in a tile is new, all of it is told on; later only what is on the ring.
    """
    ground, costs, sides = held.tile(t)
    before = [costs[part].copy() for _, part in sides]
    if fresh:
        waiting = (costs < np.inf) & passable(ground)
    else:
        waiting = np.zeros(costs.shape, bool)
        for (_, part), cost in zip(sides, before, strict=True):
            waiting[part] = (cost < np.inf) & passable(ground[part])
    if improve(ground, costs, waiting, limit, cell).any():
        held.changed(t)
    for (other, part), cost in zip(sides, before, strict=True):
        after = costs[part]
        latest = after.max(initial=-np.inf, where=after < cost)
        if latest > -np.inf:
            yield other, float(latest)


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
