"""Cost distance of each core by itself, only as far as it is needed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from manul.connectivity.cost_distance import (
    TILE,
    as_float,
    improve,
    passable,
    tiles_of,
    wait_at_the_edge,
)

GROWTH = 2  # of the limit, as long as a core is not met


@dataclass(frozen=True)
class Reach:
    """Cost distance of one core (float64, infinite out of reach) in a box of the grid."""

    box: tuple[slice, slice]
    cost: np.ndarray

    def within(self, box: tuple[slice, slice]) -> np.ndarray:
        """The costs in a box that lies inside this one."""
        rows, columns = (
            slice(want.start - have.start, want.stop - have.start)
            for want, have in zip(box, self.box, strict=True)
        )
        return self.cost[rows, columns]


class Reaches:
    """Gives the reach of one core after the other; holds one map of the whole grid, not one each.

    `resistance` as in `cost_distance`; `cores`: numbers from 1, 0 = none; `cell`: side of a cell;
    `to_nearest`: cost to the nearest core, which keeps ways `to` others from leading astray.
    """

    def __init__(
        self,
        resistance: np.ndarray,
        cores: np.ndarray,
        cell: float,
        to_nearest: np.ndarray | None = None,
    ):
        self.resistance, self.cell, self._to_nearest = as_float(resistance), cell, to_nearest
        self.cells = _cells_of(cores)
        self._open = {k: v[passable(self.resistance.ravel()[v])] for k, v in self.cells.items()}
        self._cost = np.full(cores.shape, np.inf)
        self._waiting = np.zeros(cores.shape, bool)

    def of(self, core: int, limit: float = np.inf) -> Reach:
        """What the core reaches at a cost of `limit` or less."""
        return self._taken(self._improved(self._started(core), limit))

    def to(self, core: int, others: Mapping[int, float], follow: float) -> Reach:
        """What the core reaches at the cost of the dearest of `others`, and at `follow` more.

        `others`: what each costs at most, which may be far more than it does. So the limit grows
        from the least of these until all are met; what is reached is kept, and may be a little
        more than was asked for. A cell from which no core is reached within the limit is left out:
        no way to another core leads over it.
        """
        most, limit = (_with(end(others.values()), follow) for end in (max, min))
        if most == np.inf:
            return self.of(core)
        changed = self._improved(self._started(core), limit, self._to_nearest)
        while limit < most:
            wanted = _with(max(self._least(other) for other in others), follow)
            if wanted <= limit:
                break
            limit = min(wanted if wanted < np.inf else GROWTH * limit, most)
            keys = wait_at_the_edge(self._cost, self._waiting, _box(changed, self._cost.shape))
            changed |= self._improved(keys, limit, self._to_nearest)
        return self._taken(changed)

    def everywhere(self, core: int) -> np.ndarray:
        """Its costs on the whole grid."""
        reach = self.of(core)
        out = np.full(self._cost.shape, np.inf)
        out[reach.box] = reach.cost
        return out

    def costs_to_cores(self, core: int, limit: float = np.inf) -> dict[int, float]:
        """Least cost to each core, infinite where it is out of reach."""
        changed = self._improved(self._started(core), limit)
        found = {other: self._least(other) for other in self._open}
        self._taken(changed)
        return found

    def _started(self, core) -> np.ndarray:
        """The core costs nothing, and its cells wait; the keys of their tiles."""
        at = self._open[core]
        self._cost.ravel()[at] = 0.0
        self._waiting.ravel()[at] = True
        rows, columns = np.unravel_index(at, self._cost.shape)
        keys = np.full(tiles_of(self._cost.shape), np.inf)
        keys[rows // TILE, columns // TILE] = 0.0
        return keys

    def _improved(self, keys, limit, ahead=None) -> np.ndarray:
        """The tiles that were changed when all that waits was looked at."""
        return improve(
            self.resistance, self._cost, self._waiting, limit, self.cell, keys=keys, ahead=ahead
        )

    def _least(self, core) -> float:
        """What the cheapest cell of a core costs now."""
        return float(self._cost.ravel()[self._open[core]].min(initial=np.inf))

    def _taken(self, changed) -> Reach:
        """The costs, which are forgotten here."""
        box = _box(changed, self._cost.shape)
        cost = self._cost[box].copy()
        self._cost[box] = np.inf
        return Reach(box, cost)


def _with(cost, follow) -> float:
    """A cost and more, and a little for sums of the same steps in another order."""
    return (cost + follow) * (1 + 1e-9)


def least_cost_matrix(
    resistance: np.ndarray, cores: np.ndarray, cell: float = 1.0, limit: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """(numbers of the cores, least costs between them); infinite where it is more than `limit`.

    A core that cannot be crossed is 0 from itself and out of reach for the others.
    """
    reaches = Reaches(resistance, cores, cell)
    rows = [list(reaches.costs_to_cores(core, limit).values()) for core in reaches.cells]
    matrix = np.array(rows, float).reshape(len(rows), len(rows))
    np.fill_diagonal(matrix, 0.0)
    return np.array(list(reaches.cells), int), np.minimum(matrix, matrix.T)


def _cells_of(cores) -> dict[int, np.ndarray]:
    at = np.flatnonzero(cores)
    if not at.size:
        return {}
    numbers = cores.ravel()[at]
    at = at[np.argsort(numbers, kind="stable")]
    found, starts = np.unique(np.sort(numbers), return_index=True)
    return {int(k): part for k, part in zip(found, np.split(at, starts[1:]), strict=True)}


def _box(tiles, shape) -> tuple[slice, slice]:
    if not tiles.any():
        return slice(0, 0), slice(0, 0)
    rows, columns = (np.flatnonzero(tiles.any(axis=axis)) for axis in (1, 0))
    return (
        slice(int(rows[0]) * TILE, min(int(rows[-1] + 1) * TILE, shape[0])),
        slice(int(columns[0]) * TILE, min(int(columns[-1] + 1) * TILE, shape[1])),
    )
