"""Corridors between neighbouring cores: where, how long, how wide, how much dearer than the best.

Normalised least-cost corridor: cost from a + cost from b - least cost between them, 0 on the best
path (McRae & Kavanagh 2011, Linkage Mapper). Costs of a core are worked out only as far as its
corridors need them, and the maps of all pairs are never held at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.spatial import cKDTree

from manul.connectivity.cost_distance import (
    DIAGONAL,
    as_float,
    least_cost_path,
    nearest,
    path_length,
)
from manul.connectivity.reaches import Reach, Reaches
from manul.connectivity.widths import narrowest

ROUNDING = 1e-6  # of a cost: corridors cost as much as the best path below it


@dataclass(frozen=True)
class Contact:
    """Two cores whose nearest-core areas touch: cell pairs by side, by side or corner, and a cost.

    `cost_at_most`: over the cheapest of these cell pairs; less is possible through a third core.
    """

    sides: int
    sides_and_corners: int
    cost_at_most: float


@dataclass(frozen=True)
class Width:
    """A corridor at one cut-off, without its two cores.

    `narrowest_m`: of the widest passage, at `narrowest_at` (row, column); infinite if nothing lies
    outside the corridor. Where it `meets_the_border` of the map its width is not known.
    """

    area_km2: float
    mean_width_km: float
    narrowest_m: float
    narrowest_at: tuple[int, int]
    meets_the_border: bool


@dataclass(frozen=True)
class Link:
    """The best way between two cores, and the corridor around it in a box of the grid.

    `path` (n, 2): rows and columns from the last cell of a to the first of b; `corridor`: cost
    above the best (box). `cost_over_path`: mean resistance along the path. `other_cores`: through
    which the path runs. `widths`: by cut-off.
    """

    a: int
    b: int
    cost: float
    path: np.ndarray
    length_m: float
    straight_m: float
    box: tuple[slice, slice]
    corridor: np.ndarray
    cores: np.ndarray  # 1 on a, 2 on b, 0 elsewhere, in the box
    cell_m: float
    grid: tuple[int, int]
    other_cores: list[int]
    widths: dict[float, Width] = field(default_factory=dict)

    @property
    def cost_over_straight(self) -> float:
        """Cost for each metre as the crow flies."""
        return self.cost / self.straight_m

    @property
    def cost_over_path(self) -> float:
        """Mean resistance along the path."""
        return self.cost / self.length_m

    @property
    def touches(self) -> bool:
        """Whether the cores lie side by side or corner to corner."""
        return self.straight_m <= DIAGONAL * self.cell_m * (1 + 1e-9)

    def area_km2(self, cutoff: float) -> float:
        """Area outside the two cores that costs at most `cutoff` more than the best path."""
        inside = (self.corridor <= cutoff) & (self.cores == 0)
        return float(inside.sum()) * self.cell_m**2 / 1e6

    def cutoff_of_area(self, km2: float) -> float:
        """The cut-off that gives this area; infinite if the corridor was not followed so far."""
        want = max(int(np.ceil(km2 * 1e6 / self.cell_m**2)), 1)
        costs = self.corridor[(self.cores == 0) & np.isfinite(self.corridor)]
        return float(np.partition(costs, want - 1)[want - 1]) if want <= costs.size else np.inf

    def width(self, cutoff: float) -> Width:
        """Area, mean width and narrowest place at a cut-off."""
        inside = self.corridor <= cutoff
        area = self.area_km2(cutoff)
        narrow, at = narrowest(inside, self.cores, _open_sides(self.box, self.grid))
        return Width(
            area, area / (self.length_m / 1000), narrow * self.cell_m,
            (at[0] + self.box[0].start, at[1] + self.box[1].start),
            _meets_the_border(inside & (self.cores == 0), self.box, self.grid),
        )  # fmt: skip


def contacts(
    resistance: np.ndarray, cost: np.ndarray, allocation: np.ndarray, cell: float = 1.0
) -> dict[tuple[int, int], Contact]:
    """The pairs (a < b) of cores whose areas in the map of the nearest core touch."""
    found: dict[tuple[int, int], list] = {}
    resistance = as_float(resistance)
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one, two = _beside(allocation, shift)
        meet = (one != two) & (one > 0) & (two > 0)
        step = cell * (DIAGONAL if shift[0] and shift[1] else 1.0)
        costs = sum(side[meet] for side in _beside(cost, shift))
        costs += step * sum(side[meet].astype(float) for side in _beside(resistance, shift)) / 2
        _note(found, one[meet], two[meet], costs, side=0 in shift)
    return {pair: Contact(*found[pair]) for pair in sorted(found)}


def links(
    resistance: np.ndarray,
    cores: np.ndarray,
    cell_m: float,
    cutoffs: Sequence[float] = (),
    follow: float | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> Iterator[Link]:
    """The links of neighbouring cores, one after the other, from the top of the map down.

    `cores`: numbers from 1, 0 = none. `cutoffs`: costs above the best path at which widths are
    measured. Corridors are followed up to `follow`, the largest cut-off if not given; infinite
    gives all of the map. Cores that cannot be reached have no link: see `alone`.
    """
    follow = max(cutoffs, default=0.0) if follow is None else follow
    reaches, touching = _neighbours(resistance, cores, cell_m)
    for found in _corridors(reaches, touching, cores, follow, pairs):
        link = _link(found, reaches, cores)
        link.widths.update({cut: link.width(cut) for cut in cutoffs})
        yield link


def alone(numbers: Sequence[int], found: Sequence[Link]) -> list[int]:
    """Cores without any link: on an island, or where nobody can pass."""
    joined = {core for link in found for core in (link.a, link.b)}
    return [int(core) for core in numbers if core not in joined]


def mosaic(found: Iterator[Link] | Sequence[Link], shape: tuple[int, int]) -> np.ndarray:
    """Over all links the least cost above the best path, float64; infinite outside of corridors."""
    out = np.full(shape, np.inf)
    for link in found:
        np.minimum(out[link.box], link.corridor, out=out[link.box])
    return out


def lowest(resistance: np.ndarray, cores: np.ndarray, cell_m: float, follow: float) -> np.ndarray:
    """The `mosaic` of the `links` of neighbouring cores, without all else that these tell."""
    out = np.full(cores.shape, np.inf)
    for found in _corridors(*_neighbours(resistance, cores, cell_m), cores, follow):
        np.minimum(out[found.box], found.above, out=out[found.box])
    return out


def _beside(values, shift):
    """Two views: each cell and the one that lies `shift` (rows, columns) from it."""
    down, right = shift
    height, width = values.shape
    left, rest = max(-right, 0), width - max(right, 0)
    return (
        values[: height - down, left:rest],
        values[down:, left + right : rest + right],
    )


def _note(found, one, two, costs, side):
    low, high = np.minimum(one, two).astype(np.int64), np.maximum(one, two).astype(np.int64)
    keys, at = np.unique(low << 32 | high, return_inverse=True)
    least = np.full(keys.size, np.inf)
    np.minimum.at(least, at, costs)
    for key, number, cost in zip(keys.tolist(), np.bincount(at), least, strict=True):
        entry = found.setdefault((key >> 32, key & 0xFFFFFFFF), [0, 0, np.inf])
        entry[0] += int(number) if side else 0
        entry[1] += int(number)
        entry[2] = min(entry[2], float(cost))


def _neighbours(resistance, cores, cell) -> tuple[Reaches, dict[tuple[int, int], Contact]]:
    """What gives the reaches of the cores, and which of these touch."""
    cost, allocation = nearest(resistance, cores, cell=cell)
    return Reaches(resistance, cores, cell, cost), contacts(resistance, cost, allocation, cell)


def _at_most(pairs, touching) -> dict[int, dict[int, float]]:
    """For each core what each of those that it is to be linked to costs at most."""
    out: dict[int, dict[int, float]] = {}
    for a, b in pairs:
        most = touching[a, b].cost_at_most if (a, b) in touching else np.inf
        out.setdefault(a, {})[b] = out.setdefault(b, {})[a] = most
    return out


def _from_the_top(pairs, reaches):
    """Pairs in the order of their cores' first cells: few reaches are held at once."""
    first = {core: int(cells[0]) for core, cells in reaches.cells.items()}
    return sorted(pairs, key=lambda pair: (min(map(first.get, pair)), max(map(first.get, pair))))


class _Corridor(NamedTuple):
    """The cost above the best way of a pair in a box of the grid, and where that way ends.

    `from_a`: the costs from the first core, in the box `whole`, in which `end` lies.
    """

    pair: tuple[int, int]
    box: tuple[slice, slice]
    above: np.ndarray
    cost: float
    whole: tuple[slice, slice]
    from_a: np.ndarray
    end: tuple[int, int]


def _corridors(reaches, touching, cores, follow, pairs=None) -> Iterator[_Corridor]:
    """The corridors of all pairs that can be reached, from the top of the map down."""
    wanted = [(min(p), max(p)) for p in (touching if pairs is None else pairs)]
    at_most = _at_most(wanted, touching)
    held: dict[int, Reach] = {}
    order = _from_the_top(wanted, reaches)
    last = {core: i for i, pair in enumerate(order) for core in pair}
    for i, pair in enumerate(order):
        for core in pair:
            if core not in held:
                held[core] = reaches.to(core, at_most[core], follow)
        cells = np.unravel_index(reaches.cells[pair[1]], cores.shape)
        found = _corridor(pair, held[pair[0]], held[pair[1]], cells, follow)
        if found is not None:
            yield found
        held = {core: reach for core, reach in held.items() if last[core] > i}


def _corridor(pair, a, b, cells, follow) -> _Corridor | None:
    """`cells`: rows and columns of the second core."""
    rows, columns = (
        slice(max(p.start, q.start), max(min(p.stop, q.stop), p.start, q.start))
        for p, q in zip(a.box, b.box, strict=True)
    )
    whole = rows, columns
    from_a, from_b = a.within(whole), b.within(whole)
    row, column = cells[0] - rows.start, cells[1] - columns.start
    inside = (row >= 0) & (row < from_a.shape[0]) & (column >= 0) & (column < from_a.shape[1])
    row, column = row[inside], column[inside]
    there = from_a[row, column]
    if not np.isfinite(there).any():
        return None
    at = np.argmin(there)
    end, cost = (int(row[at]), int(column[at])), float(there[at])
    above, top, bottom, left, right = _above(from_a, from_b, cost, follow * (1 + 1e-9))
    part = slice(top, bottom), slice(left, right)
    return _Corridor(pair, _inside(whole, part), above[part].copy(), cost, whole, from_a, end)


@njit(nogil=True, cache=True)
def _above(from_a, from_b, cost, most):
    """Cost above the best way, infinite if more than `most`, and the part where it is finite."""
    height, width = from_a.shape
    out = np.empty((height, width))
    top, bottom, left, right = height, 0, width, 0
    for r in range(height):
        for c in range(width):
            more = from_a[r, c] + from_b[r, c] - cost
            if more < ROUNDING:
                more = 0.0
            if not more <= most or more == np.inf:
                out[r, c] = np.inf
                continue
            out[r, c] = more
            top, bottom = min(top, r), r + 1
            left, right = min(left, c), max(right, c + 1)
    return out, top, bottom, left, right


def _link(found, reaches, cores) -> Link:
    (a, b), resistance, cell = found.pair, reaches.resistance, reaches.cell
    path = least_cost_path(as_float(resistance[found.whole]), found.from_a, found.end, cell)
    on_path = np.unique(cores[found.whole][tuple(path.T)]).tolist()
    path += [side.start for side in found.whole]
    numbers = cores[found.box]
    return Link(
        a, b, found.cost, path, path_length(path, cell),
        _straight(reaches, found.pair, cores.shape) * cell, found.box, found.above,
        (numbers == a) + np.uint8(2) * (numbers == b), cell, cores.shape,
        [int(k) for k in on_path if k not in (0, a, b)],
    )  # fmt: skip


def _inside(box, part):
    """A part of a box, in rows and columns of the grid."""
    (r, c), (rows, columns) = box, part
    return (
        slice(r.start + rows.start, r.start + rows.stop),
        slice(c.start + columns.start, c.start + columns.stop),
    )


def _straight(reaches, pair, shape) -> float:
    """Least distance between centres of cells of the two cores, in cells."""
    a, b = (np.column_stack(np.unravel_index(reaches.cells[core], shape)) for core in pair)
    few, many = (a, b) if len(a) < len(b) else (b, a)
    return float(cKDTree(many).query(few)[0].min())


def _open_sides(box, grid) -> tuple[bool, bool, bool, bool]:
    """Whether there is ground beyond the top, bottom, left and right of the box."""
    rows, columns = box
    return rows.start > 0, rows.stop < grid[0], columns.start > 0, columns.stop < grid[1]


def _meets_the_border(inside, box, grid) -> bool:
    top, bottom, left, right = _open_sides(box, grid)
    sides = ((top, inside[0]), (bottom, inside[-1]), (left, inside[:, 0]), (right, inside[:, -1]))
    return any(bool(cells.any()) for beyond, cells in sides if not beyond)
