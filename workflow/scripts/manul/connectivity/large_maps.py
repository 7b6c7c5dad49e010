"""Cost distance of maps that do not fit in memory: a large tile at a time, from files."""

import heapq
from pathlib import Path

import numpy as np

from manul.connectivity.cost_distance import improve, passable, tiles_of

SIDE = 2048  # cells of a large tile: about 150 MiB


class FileMap:
    """A plain file of numbers, row by row, of which windows are read and written.

    It is mapped for each window alone, so that no more than that counts as memory.
    """

    def __init__(self, path: Path, shape: tuple[int, int], dtype: str):
        self.path, self.shape, self.dtype = Path(path), shape, np.dtype(dtype)
        size = shape[0] * shape[1] * self.dtype.itemsize
        if not self.path.exists() or self.path.stat().st_size != size:
            with self.path.open("wb") as file:
                file.truncate(size)

    def __getitem__(self, window) -> np.ndarray:
        """A copy of the window."""
        return np.array(self._mapped("r")[window])

    def __setitem__(self, window, values) -> None:
        """Write a window."""
        self._mapped("r+")[window] = values

    def _mapped(self, mode):
        return np.memmap(self.path, self.dtype, mode, shape=self.shape)


def start(resistance, cost, sources, side: int = SIDE) -> None:
    """Set `cost` to 0 on the sources that can be crossed, infinite elsewhere, window by window.

    All three give and take windows: arrays, `FileMap`s or the like.
    """
    for window in _windows(cost.shape, side):
        begun = np.asarray(sources[window], bool) & passable(resistance[window])
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
    while queue and visits != 0:
        key, t = heapq.heappop(queue)
        if key > keys[t]:
            continue
        keys[t] = np.inf
        visits = None if visits is None else visits - 1
        for shift, latest in _visit(resistance, cost, windows[t], fresh[t], limit, cell):
            other = t + shift[0] * across + shift[1]
            if latest < keys[other]:
                keys[other] = latest
                heapq.heappush(queue, (latest, other))
        fresh[t] = False
    return keys.reshape(-1, across)


def _windows(shape, side):
    for top in range(0, shape[0], side):
        for left in range(0, shape[1], side):
            rows = slice(top, min(top + side, shape[0]))
            yield rows, slice(left, min(left + side, shape[1]))


def _visit(resistance, cost, window, fresh, limit, cell):
    """Work on a tile and a ring of one cell; the tiles around that get cheaper, and how late.

    Where all that stands in a tile is new, all of it is told on; later only what is on the ring.
    """
    inner, wide = _with_ring(window, cost.shape)
    ground, before = np.ascontiguousarray(resistance[wide]), cost[wide]
    waiting = np.isfinite(before) & passable(ground)
    if not fresh:
        waiting[inner] = False
    after = before.copy()
    improve(ground, after, waiting, limit, cell)
    if (after[inner] < before[inner]).any():
        cost[window] = after[inner]
    lowered = np.where(after < before, after, -np.inf)
    return [
        (shift, float(latest)) for shift, part in _sides(inner, lowered.shape)
        if (latest := lowered[part].max(initial=-np.inf)) > -np.inf
    ]  # fmt: skip


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
