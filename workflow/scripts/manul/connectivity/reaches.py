"""Cost distance of each core by itself, only as far as it is needed."""

from dataclasses import dataclass

import numpy as np

from manul.connectivity.cost_distance import TILE, as_float, improve, passable, tiles_of


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

    `resistance` as in `cost_distance`; `cores`: numbers from 1, 0 = none; `cell`: side of a cell.
    """

    def __init__(self, resistance: np.ndarray, cores: np.ndarray, cell: float):
        self.resistance, self.cell = as_float(resistance), cell
        self.cells = _cells_of(cores)
        self._open = {k: v[passable(self.resistance.ravel()[v])] for k, v in self.cells.items()}
        self._cost = np.full(cores.shape, np.inf)
        self._waiting = np.zeros(cores.shape, bool)

    def of(self, core: int, limit: float = np.inf) -> Reach:
        """What the core reaches at a cost of `limit` or less."""
        at = self._open[core]
        self._cost.ravel()[at] = 0.0
        self._waiting.ravel()[at] = True
        rows, columns = np.unravel_index(at, self._cost.shape)
        keys = np.full(tiles_of(self._cost.shape), np.inf)
        keys[rows // TILE, columns // TILE] = 0.0
        changed = improve(
            self.resistance, self._cost, self._waiting, limit, self.cell, keys=keys
        )  # fmt: skip
        box = _box(changed, self._cost.shape)
        cost = self._cost[box].copy()
        self._cost[box] = np.inf
        return Reach(box, cost)

    def everywhere(self, core: int) -> np.ndarray:
        """Its costs on the whole grid."""
        reach = self.of(core)
        out = np.full(self._cost.shape, np.inf)
        out[reach.box] = reach.cost
        return out

    def costs_to_cores(self, core: int, limit: float = np.inf) -> dict[int, float]:
        """Least cost to each core, infinite where it is out of reach."""
        reach = self.of(core, limit)
        self._cost[reach.box] = reach.cost
        found = {
            k: float(self._cost.ravel()[at].min(initial=np.inf)) for k, at in self._open.items()
        }
        self._cost[reach.box] = np.inf
        return found


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
