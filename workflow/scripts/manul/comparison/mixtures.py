"""The numbers of the model with some causes of a change and without the others, block by block.

Surfaces and blocks of the model come from the earlier run, or from the later one where all causes
behind them are among those that count. One pass over the surfaces serves every subset of causes;
where a block holds no difference, subsets are the same and are worked out once. Of each subset one
bit a cell is kept, good enough for key habitat or not, since patches are found on the whole map.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dask
import numpy as np

from manul.comparison import shares
from manul.comparison.causes import MASK, Cause, find, model_of, swapped, together
from manul.comparison.kept import Run
from manul.config import selection
from manul.grid import vectors
from manul.grid.burn import burn_inside, number_inside
from manul.grid.fields import TILE, Fields
from manul.model import cells
from manul.products import units
from manul.products.key_habitat import cell_km2
from manul.products.patches import numbered

NUMBERS = {
    "key_km2": ("Key habitat", "km²"),
    "mean_threat": ("Mean threat", "0 to 1"),
    "value_at_risk_km2": ("Value at risk", "km²"),
}
SUMS = ("threat", "known", "value")
TOGETHER = 32  # windows whose sums are held at once
ROWS = 128  # of a tile at once: what fits a processor cache takes half the time

At = tuple[slice, slice]


@dataclass(frozen=True)
class Split:
    """Why the numbers changed, for the region and each unit (`areas`).

    Arrays have the shape (numbers, areas): `before` and `after` as the runs made them, `parts` by
    cause in the order of `causes`, and `code`, what is left: the code of the model.
    """

    areas: list[str]
    before: np.ndarray
    after: np.ndarray
    causes: list[Cause]
    parts: list[np.ndarray]
    code: np.ndarray
    shapley: bool


class Pair:
    """Two runs on one grid, with the units of the later one."""

    def __init__(self, before: Run, after: Run):
        self.runs, self.grid = (before, after), after.grid
        self.names = list(dict.fromkeys([*before.about["surfaces"], *after.about["surfaces"]]))
        self.fields = tuple(Fields(self._sources(run), self.grid) for run in self.runs)
        self.models = tuple(model_of(run) for run in self.runs)
        self.masks = tuple(_shapes(run.file("mask")) for run in self.runs)
        self.have = tuple({n for n in self.names if n in run.maps} for run in self.runs)

    @cached_property
    def units(self) -> list[str]:
        """The names of the units, in the order of their numbers from 1."""
        return [] if self._polygons is None else units.names(self._polygons)

    @property
    def areas(self) -> list[str]:
        """The region, and each unit."""
        return [self.runs[1].config["region"]["title"], *self.units]

    @cached_property
    def numbers(self) -> np.ndarray:
        """The number of the unit over each cell's centre (uint16), 0 where there is none."""
        shapes = [] if self._polygons is None else self._polygons.geometry
        return number_inside(shapes, self.grid, "uint16")

    @cached_property
    def _polygons(self):
        path = self.runs[1].file("units")
        return vectors.read_vector(path) if path else None

    def _sources(self, run):
        made = ("habitat", "threat", "value_at_risk", "key")
        return {name: run.maps.get(name) for name in [*self.names, *made]}

    def blocks(self) -> list[At]:
        """Windows of ROWS rows that cover the grid, tile after tile."""
        return [
            (slice(row, min(row + ROWS, rows.stop)), columns)
            for rows, columns in self.fields[0].blocks(TILE)
            for row in range(rows.start, rows.stop, ROWS)
        ]

    def surfaces(self, side: int, at: At) -> dict[str, np.ndarray]:
        """The surfaces of one side over a window, NaN where there is none, and MASK: 1 inside."""
        found = {n: np.asarray(self.fields[side].window(n, *at), "float32") for n in self.names}
        return found | {MASK: self._inside(side, at)}

    def made(self, side: int, name: str, at: At) -> np.ndarray:
        """A map that one side made, over a window."""
        return np.asarray(self.fields[side].window(name, *at))

    def _inside(self, side, at):
        grid, shapes = self.grid[at], self.masks[side]
        if shapes is None:
            return np.ones(grid.shape, "float32")
        return burn_inside(shapes, grid).astype("float32")

    @cached_property
    def differ(self) -> set[str]:
        """The surfaces that are not the same in both runs, MASK among them."""
        return set().union(*_each(self._differ_at, self.blocks()))

    def _differ_at(self, at) -> set[str]:
        return unlike(*(self.surfaces(side, at) for side in (0, 1)))

    def total(self, side: int) -> np.ndarray:
        """NUMBERS by area as a run made them itself."""
        summed = sum(_each(lambda at: self._made_sums(side, at), self.blocks()))
        return self.by_area(summed, self.km2(lambda at: self.made(side, "key", at).astype(bool)))

    def km2(self, cells_at: Callable) -> np.ndarray:
        """km2 of the cells that `cells_at(window)` tells, by area."""
        counts = [
            np.bincount(self.numbers[at][cells_at(at)], minlength=len(self.units) + 1)
            for at in self.blocks()
        ]
        return _of_areas(np.sum(counts, axis=0)) * cell_km2(self.grid)

    def by_area(self, summed: np.ndarray, key_km2: np.ndarray) -> np.ndarray:
        """NUMBERS by area from the `sums` of all blocks."""
        threat, known, value = (_of_areas(row) for row in summed)
        mean = np.divide(threat, known, out=np.full(len(threat), np.nan), where=known > 0)
        return np.stack([key_km2, mean, value * cell_km2(self.grid)])

    def _made_sums(self, side, at):
        maps = {name: self.made(side, name, at) for name in ("habitat", "threat", "value_at_risk")}
        return sums(maps, self.numbers[at], len(self.units))


def explained(before: Run, after: Run) -> Split:
    """The change between two runs on one grid, split among its causes."""
    pair = Pair(before, after)
    causes = find(before, after, pair.differ)
    try:
        _try(pair, causes)
    except KeyError:  # a threat of one run on a component of the other
        causes = together(causes)
    values = evaluated(pair, causes)
    parts = shares.split(causes, values.__getitem__)
    ours = values[frozenset(causes)] - values[frozenset()]
    was, now = (pair.total(side) for side in (0, 1))
    every = [parts[cause] for cause in causes]
    exact = len(causes) <= shares.MOST
    return Split(pair.areas, was, now, causes, every, (now - was) - ours, exact)


def evaluated(pair: Pair, causes: Sequence[Cause]) -> dict[frozenset, np.ndarray]:
    """The numbers, (numbers, areas), with each subset of causes that a split needs."""
    wanted = shares.subsets(causes)
    height, width = pair.grid.shape
    good = {subset: np.zeros((height, -(-width // 8)), "uint8") for subset in wanted}

    def on(at):
        return _on_block(pair, causes, wanted, good, at)

    summed: dict[frozenset, Any] = dict.fromkeys(wanted, 0)
    for found in _each(on, pair.blocks()):
        summed = {subset: summed[subset] + found[subset] for subset in wanted}
    keys: dict[tuple, np.ndarray] = {}
    out = {}
    for subset in wanted:
        core = mixed(pair, causes, subset)["key_habitat"]["core_km2"]
        name = hashlib.sha256(good[subset].data).digest(), core
        if name not in keys:
            keys[name] = pair.km2(_patches(good[subset], width, pair.grid, core))
        out[subset] = pair.by_area(summed[subset], keys[name])
    return out


def mixed(pair: Pair, causes: Sequence[Cause], subset) -> dict[str, Any]:
    """The model with some of the causes."""
    before, after = pair.models
    if not subset or len(subset) == len(causes):
        return after if subset else before
    return swapped(before, after, [path for c in causes if c in subset for path in c.blocks])


def unlike(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> set[str]:
    """The names under which two mappings hold different arrays; NaN is like NaN."""
    return {n for n in one if not np.array_equal(one[n], other[n], equal_nan=True)}


def sums(maps: Mapping[str, np.ndarray], numbers: np.ndarray, count: int) -> np.ndarray:
    """SUMS by unit number 0 to `count`, over the cells of known habitat: (3, count + 1).

    `maps` holds habitat, threat and value_at_risk; a cell of unknown threat counts for nothing.
    """
    known = np.isfinite(maps["habitat"]) & np.isfinite(maps["threat"])
    at = numbers[known]
    told = (maps["threat"][known], None, np.nan_to_num(maps["value_at_risk"][known]))
    return np.stack([np.bincount(at, of, count + 1) for of in told])


# ------------------------------------------------------------------------------------- helpers


def _on_block(pair, causes, wanted, good, at) -> dict[frozenset, np.ndarray]:
    """The sums with each subset over a window; their bits of good habitat go into `good`."""
    old, new = (pair.surfaces(side, at) for side in (0, 1))
    differ = unlike(old, new)
    active = frozenset(c for c in causes if c.blocks or c.surfaces & differ)
    behind = {s: {c for c in causes if s in c.surfaces} for s in differ}
    done: dict[frozenset, tuple] = {}
    out = {}
    columns = slice(at[1].start // 8, -(-at[1].stop // 8))
    for subset in wanted:
        acting = subset & active
        if acting not in done:
            taken = {s for s in differ if behind[s] <= acting}
            given = {name: (new if name in taken else old)[name] for name in old}
            have = {n for n in pair.names if n in pair.have[n in taken]}
            model = mixed(pair, causes, subset if acting != active else frozenset(causes))
            model = model if acting else pair.models[0]
            maps = evaluate(given, have, model)
            bits = np.packbits(maps["habitat"] >= model["key_habitat"]["key"], axis=1)
            done[acting] = sums(maps, pair.numbers[at], len(pair.units)), bits
        out[subset], good[subset][at[0], columns] = done[acting]
    return out


def evaluate(given: Mapping[str, np.ndarray], have: set[str], model: dict) -> dict:
    """habitat, threat and value_at_risk of a block, NaN outside MASK.

    `have` are the surfaces that there are; a threat that rests on no such surface is not assessed.
    """
    threats = {n: t for n, t in model["threats"].items() if selection.surfaces_of(t) & have}
    told = {"habitat": model["habitat"], "threats": threats, "absent": [], "dominant_floor": 0.0}
    told["cumulative"] = model["cumulative"]
    there = {name: given[name] for name in have}
    shape, inside = given[MASK].shape, given[MASK] > 0
    found = dict(cells.habitat(there, told["habitat"]))
    if threats:
        found |= cells.threats(there, found, told)
    unknown = np.full((), np.nan, "float32")
    return {
        name: np.where(inside, np.broadcast_to(found.get(name, unknown), shape), np.float32(np.nan))
        for name in ("habitat", "threat", "value_at_risk")
    }


def _try(pair, causes) -> None:
    """Evaluate every subset on one unknown cell; KeyError where blocks do not fit each other."""
    given = dict.fromkeys([*pair.names, MASK], np.full((1, 1), np.nan, "float32"))
    for subset in shares.subsets(causes):
        evaluate(given, set(pair.names), mixed(pair, causes, subset))


def _patches(bits, width, grid, core_km2):
    """Which cells of a window lie in a patch that is large enough."""
    good = np.unpackbits(bits, axis=1, count=width).view(bool)
    patches, _ = numbered(good, cell_km2(grid), core_km2)
    return lambda at: patches[at] > 0


def _each(function, windows) -> Iterator[Any]:
    """The results of a function over windows, in their order, on the threads of this job."""
    for i in range(0, len(windows), TOGETHER):
        some = windows[i : i + TOGETHER]
        yield from dask.compute(*(dask.delayed(function, pure=False)(at) for at in some))


def _of_areas(of_units) -> np.ndarray:
    """Of the region, and of each unit."""
    return np.concatenate([[of_units.sum()], of_units[1:]])


def _shapes(path) -> Any:
    return None if path is None else vectors.read_vector(path).geometry
