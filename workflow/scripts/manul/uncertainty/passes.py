"""All draws of the model in one pass over the surfaces, block by block and piece by piece.

A piece of a block is so small that its draws stay in a processor's cache; no raster is ever made
for a draw. What comes out are maps of all draws together, a bit for each draw that says where
habitat is good enough for key habitat, and sums of each draw over the region and its units.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import product
from typing import NamedTuple

import dask
import numpy as np
from odc.geo.geobox import GeoBox

from manul.config.nodes import Value, known_in_all, known_in_any, valued
from manul.grid import block_maps, rasters, vectors
from manul.grid.burn import number_inside
from manul.model import cells, gains
from manul.model.cumulative import CUMULATIVE, known_effects, least_dominant
from manul.uncertainty import alternatives, design, summary
from manul.uncertainty.design import Draws
from manul.uncertainty.measure import NONE, Behind

BLOCK = 512
FIRST: tuple[int, ...] = (1,)  # the band of a surface
PIECE = 64  # cells, at least, whose draws are worked out at once
NUMBERS = 204_800  # of a piece: cells times draws, as many as a cache holds of an array or two
LATTICE = 8  # tiles along each side of the region from which the top tenth is estimated
TILE = 64  # cells along the side of such a tile
SAMPLE = 2**14  # cells of the tiles that are looked at, at most
PART = 2**12  # of them at once
TOP = 0.9
SPREAD = {
    "mean": "mean",
    "sd": "standard deviation",
    "p05": "5th percentile",
    "p95": "95th percentile",
}
REFERENCES = ("habitat_reference", "reference:")  # how such parts of a habitat are called
OF_SPREAD = ("habitat", "threat", "value_at_risk")
MORE = {
    "habitat": {"p_suitable": "P(suitable)", "p_key_cell": "P(good enough for key habitat)"},
    "threat": {"agreement": "agreement on the strongest threat"},
    "value_at_risk": {"p_top_tenth": "P(among the top tenth of the region)"},
}
KEY_TITLES = {"p_key": "P(key habitat)", "p_breeding": "P(breeding patch)"}
BITS = {0: "a bit for each draw, the first draw in the highest"}
SUMS = ("cells", "told", "threat", "value_at_risk", "habitat", "suitable", "key_cell")


NOTHING = Value(np.zeros((1, 1), "float32"), None)  # of a surface, in all cells and draws
NO_THREAT = Value(np.full((1, 1), np.nan, "float32"), np.zeros((1, 1), bool))


class ByMode:
    """Effects of threats, (cells, draws) or (cells, 1), apart by the mode in which draws add up."""

    def __init__(self, e: Sequence[np.ndarray], draws: Draws):
        self.draws = draws
        alone = len(draws.modes) == 1
        self._which = {mode: slice(None) if alone else of for mode, of in draws.modes.items()}
        self._back = np.argsort(np.concatenate(list(draws.modes.values())))
        self._parts = {m: [_of_draws(one, of) for one in e] for m, of in self._which.items()}

    def total(self, changed: Mapping[int, Value] | None = None) -> np.ndarray:
        """The cumulative threat, float32; with other effects in some places, 0 where unknown."""
        found = []
        for mode, of in self._which.items():
            parts = list(self._parts[mode])
            for place, (number, known) in (changed or {}).items():
                number = number if known is None else np.where(known, number, 0)
                parts[place] = _of_draws(np.asarray(number, "float32"), of)
            found.append(np.asarray(CUMULATIVE[mode].total(parts), "float32"))
        if len(found) == 1:
            return found[0]
        cells_ = max(map(len, found))
        each = zip(found, self.draws.modes.values(), strict=True)
        whole = [np.broadcast_to(part, (cells_, len(of))) for part, of in each]
        return _of_draws(np.concatenate(whole, axis=1), self._back)


class Outcome(NamedTuple):
    """The model in every draw: numbers (cells, draws) or (cells, 1), and where they are known."""

    given: Mapping[str, Value]  # surfaces
    parts: Mapping[str, Value]  # what `cells.habitat_values` gives
    effects: Mapping[str, Value]
    threat: Value
    added: "ByMode"

    @property
    def habitat(self) -> Value:
        """Habitat now."""
        return self.parts["habitat"]

    @property
    def reference(self) -> Value:
        """Habitat before the loss."""
        return self.parts["habitat_reference"]

    def named(self) -> dict[str, Value]:
        """Everything by the names that cell expressions know it by."""
        out = {**self.given, **{f"effect_{n}": e for n, e in self.effects.items()}}
        out |= {name.replace(":", "_"): part for name, part in self.parts.items()}
        out["quality"] = self.of_reference(1 - self.threat.number)
        return out | {"threat": self.threat, "value_at_risk": self.value_at_risk}

    def of_reference(self, part) -> Value:
        """The reference habitat times a part of it."""
        known = known_in_all([self.reference, self.threat])
        return Value(self.reference.number * part, known)

    def gain(self, lever: gains.Lever, of: "Uncertain") -> Value:
        """What an action on a threat regains or keeps: of the quality, or of key habitat."""
        how, name = lever[0], gains.threat_of(lever)
        if how == gains.AGAIN:
            before = self.parts[gains.before_the_loss(name, of.model)]
            return gains.again(self.habitat, before, of.key)
        if how == gains.WITHOUT and not self.effects[name].number.any():
            return Value(NOTHING.number, known_in_all([self.reference, self.threat]))
        place = {n: i for i, n in enumerate(self.effects)}

        def total(changed):
            known = known_in_any([(1, {**self.effects, **changed}[n]) for n in self.effects])
            return Value(self.added.total({place[n]: e for n, e in changed.items()}), known)

        threats = of.model["threats"]
        return gains.gain(lever, self.effects, threats, self.threat, self.reference, total)

    @property
    def value_at_risk(self) -> Value:
        """H_reference T."""
        return self.of_reference(self.threat.number)


class Fit(NamedTuple):
    """A map of suitability that is fitted to records, and how its values stand for the expert's.

    Between the thresholds of both: `fitted` (ascending, 0 to 1) become `expert`.
    """

    path: str
    fitted: tuple[float, ...]
    expert: tuple[float, ...]


@dataclass(frozen=True)
class Uncertain:
    """What a pass needs to know: the model with arrays in place of what is drawn, and the draws.

    `files` are the surfaces by name, or the files of their alternatives, with the numbers of the
    bands to read; `between` makes surfaces of alternatives; `errors` maps surfaces to the file and
    band with their coefficient of variation; `fit` is what some draws take for the habitat.
    """

    model: dict
    draws: Draws
    files: Mapping[str, tuple[str, tuple[int, ...]]]
    between: Mapping[str, alternatives.Between]
    errors: Mapping[str, tuple[str, int]]
    suitable: float | np.ndarray
    key: float | np.ndarray
    fit: Fit | None = None

    def narrowed(self) -> "Uncertain":
        """The same, reading the alternatives alone that its draws need: for a few draws."""
        files, between = dict(self.files), dict(self.between)
        for name, of in self.between.items():
            between[name], used = of.narrowed()
            path, bands_ = files[name]
            files[name] = path, tuple(bands_[n] for n in used)
        return replace(self, files=files, between=between)

    def read(self, block) -> dict[str, np.ndarray]:
        """The arrays of a block, flat: (bands, cells) by surface; `NAME cv` for errors."""
        named = dict(self.files)
        named |= {f"{name} cv": (path, (band,)) for name, (path, band) in self.errors.items()}
        if self.fit and self.draws.fitted.any():
            named[design.FITTED] = self.fit.path, FIRST
        return {
            name: rasters.read_bands(path, block, bands).reshape(len(bands), -1)
            for name, (path, bands) in named.items()
        }

    def given(self, arrays: Mapping[str, np.ndarray]) -> dict[str, Value]:
        """The surfaces of some cells as values, with an axis for the draws."""
        out = {}
        for name in self.files:
            bands = arrays[name]
            if name in self.of_threats and not bands.any():
                out[name] = NOTHING
                continue
            known = valued(bands[0]).known
            known = None if known is None else known[:, None]
            between = self.between.get(name)
            number = between(bands) if between else bands[0][:, None]
            if name in self.errors:
                number = number * _errors(arrays[f"{name} cv"][0], self.draws.errors[name])
            out[name] = Value(number, known)
        return out

    def outcome(self, arrays: Mapping[str, np.ndarray]) -> Outcome:
        """The model in every draw, for some cells."""
        given = self.given(arrays)
        found = cells.habitat_values(given, self.model["habitat"])
        if self.fit and design.FITTED in arrays:
            found |= _fitted(found, arrays[design.FITTED][0], self.fit, self.draws.fitted)
        effects = cells.effect_values(given, found, self.model)
        e, known = known_effects(list(effects.values())) if effects else ([], None)
        added = ByMode(e, self.draws)
        n = next(iter(arrays.values())).shape[1]
        threat = Value(_rows(added.total(), n), known) if effects else NO_THREAT
        return Outcome(given, found, effects, threat, added)

    @cached_property
    def of_threats(self) -> frozenset[str]:
        """The surfaces that threats alone read."""
        of_habitat = cells.inputs(*cells.parts(self.model["habitat"]))
        return frozenset(cells.threat_inputs(self.model["threats"])) - frozenset(of_habitat)

    def grouped(self, arrays: Mapping[str, np.ndarray], here: np.ndarray) -> np.ndarray:
        """The cells `here`, those together in which the same surfaces of threats are 0.

        Most threats are far from most cells, and what is 0 in all cells of a piece is not worked
        out in each draw.
        """
        there = [arrays[name][:, here].any(0) for name in self.files if name in self.of_threats]
        there.sort(key=np.count_nonzero)
        pattern = np.zeros(len(here), "uint64")
        for one in reversed(there):  # the last decides most: the threat of the fewest cells
            pattern = (pattern >> np.uint64(1)) | (one.astype("uint64") << np.uint64(63))
        return here[np.argsort(pattern, kind="stable")]

    def pieces(self, arrays: Mapping[str, np.ndarray], here: np.ndarray | None = None):
        """(cells, outcome) of the cells `here` (numbers within the block), piece by piece.

        None: of all cells of the arrays, as they come, which saves to copy them.
        """
        step = max(PIECE, NUMBERS // self.draws.number)
        every = len(next(iter(arrays.values()))[0]) if here is None else len(here)
        for start in range(0, every, step):
            stop = min(start + step, every)
            at = slice(start, stop) if here is None else here[start:stop]
            outcome = self.outcome({name: bands[:, at] for name, bands in arrays.items()})
            yield np.arange(start, stop) if here is None else at, outcome


def uncertain(
    told, draws: Draws, key: Mapping, files: Mapping, others: Mapping, dead: Mapping,
    fit: Fit | None = None,
) -> Uncertain:  # fmt: skip
    """What a job is told as an `Uncertain`; `files` and `others` are surfaces and alternatives.

    `dead` maps surfaces to the parameters that change nothing of them.
    """
    levels = {}
    for name in ("suitable", "key"):
        drawn = draws.values.get(f"key_habitat.{name}") if key["thresholds"] == "expert" else None
        levels[name] = key[name] if drawn is None else np.asarray(drawn, "float32")
    at = {name: (path, FIRST) for name, path in files.items()}
    between = {}
    for name, spec in told.specs.items():
        labels = rasters.descriptions(others[name])
        made = alternatives.Between(spec, draws, name in told.saturating, dead.get(name, ()))
        at[name] = (others[name], tuple(labels.index(band) + 1 for band in made.bands))
        between[name] = made
    errors = {name: (files[name], band) for name, band in told.errors.items()}
    model = design.applied(told.model, draws.values)
    return Uncertain(model, draws, at, between, errors, levels["suitable"], levels["key"], fit)


def maps(threats: bool) -> dict[str, dict[str, str]]:
    """The maps of a pass: by name their bands with their titles."""
    names = OF_SPREAD if threats else OF_SPREAD[:1]
    return {name: SPREAD | MORE[name] for name in names}


def bits(draws: int) -> list[str]:
    """The bands of the map with one bit for each draw."""
    return [f"draws {i + 1} to {min(i + 8, draws)}" for i in range(0, draws, 8)]


def on_block(
    of: Uncertain, top: np.ndarray | None, mask: list, units: list, keep: Callable, grid: GeoBox,
    behind: Behind, at,
) -> dict:  # fmt: skip
    """The bands of each map on (row0, row1, column0, column1); sums go to `keep(block, sums)`.

    `top` is the value at risk from which a cell is in the top tenth, in each draw; None without
    threats. `units` holds a file of polygons, or nothing; `behind` tells what to measure.
    """
    part = block_maps.part(grid, at)
    unit = unit_numbers(units, part)
    number, n = of.draws.number, len(unit)
    out = {
        name: {band: np.full(n, np.nan, "float32") for band in bands}
        for name, bands in maps(top is not None).items()
    }
    good = np.zeros((n, len(bits(number))), "uint8")
    out["what_to_measure"] = {
        band: np.full(n, NONE, "uint8") for band in to_measure(top is not None)
    }
    sums = np.zeros((unit.max(initial=0) + 1, len(SUMS), number))
    arrays = of.read(at)
    here = of.grouped(arrays, np.flatnonzero(vectors.inside(mask, part)))
    for cells_, outcome in of.pieces(arrays, here):
        results = _results(of, outcome, top, len(cells_))
        for name, bands in results.maps.items():
            for band, values in bands.items():
                out[name][band][cells_] = values
        for name, codes in out["what_to_measure"].items():
            codes[cells_] = _codes(behind, *results.sums[name])
        good[cells_] = np.packbits(results.good, axis=1)
        add(sums, unit[cells_], results.sums)
    keep(at, sums)
    shaped = {m: {b: a.reshape(part.shape) for b, a in bands.items()} for m, bands in out.items()}
    labels = bits(number)
    return shaped | {"good": {b: good[:, i].reshape(part.shape) for i, b in enumerate(labels)}}


def to_measure(threats: bool) -> list[str]:
    """The bands of the map of what to measure."""
    return ["habitat", "threat"] if threats else ["habitat"]


def top_tenth(of: Uncertain, mask: list, grid: GeoBox) -> np.ndarray:
    """The value at risk above which a tenth of the cells lies, in each draw; shape (draws,).

    From the whole of a small region, else from tiles on a lattice; of many cells from every n-th,
    `SAMPLE` at most, whose share above a value is that of the region to 0.23 % (standard error).
    """
    tiles = [(*r, *c) for r, c in product(*(_tiles(n) for n in grid.shape))]
    inside = [np.flatnonzero(vectors.inside(mask, block_maps.part(grid, at))) for at in tiles]
    step = -(-sum(map(len, inside)) // SAMPLE) or 1
    found = []
    for at, here in zip(tiles, inside, strict=True):
        arrays, here = dask.delayed(of.read)(at), here[::step]
        parts = [here[start : start + PART] for start in range(0, len(here), PART)]
        found += [dask.delayed(_at_risk)(of, arrays, part) for part in parts]
    found = dask.compute(found)[0]
    every = np.concatenate(found) if found else np.zeros((0, of.draws.number), "float32")
    if not len(every):
        return np.full(of.draws.number, np.inf, "float32")
    return np.quantile(every, TOP, axis=0).astype("float32")


def measured(of: Uncertain, outcome: Outcome, n: int, threats: bool) -> dict:
    """What is summed of `n` cells, by names of SUMS: masks, or numbers and where they are known."""
    habitat, known = outcome.habitat.number, _column(outcome.habitat.known, n)
    suitable, good = (_true(habitat >= level, known) for level in (of.suitable, of.key))
    found = {"cells": known, "habitat": (habitat, known), "suitable": suitable, "key_cell": good}
    if threats:
        told, both = (_column(v.known, n) for v in (outcome.threat, outcome.value_at_risk))
        found["told"] = told & known
        found["threat"] = outcome.threat.number, found["told"]
        found["value_at_risk"] = outcome.value_at_risk.number, both
    return found


def add(sums: np.ndarray, unit: np.ndarray, found: Mapping) -> None:
    """Add what is `measured` of a piece to the sums of its units: (units, SUMS, draws)."""
    for i, name in enumerate(SUMS):
        if name in found:
            of = found[name]
            values = _known_or_0(*of) if isinstance(of, tuple) else of
            add_by_unit(sums[:, i], unit, values[:, None] if values.ndim == 1 else values)


def add_by_unit(sums: np.ndarray, unit: np.ndarray, values: np.ndarray) -> None:
    """Add `values` (cells, draws) to the sums (units, draws) of the unit of each cell."""
    first = unit[0] if len(unit) else 0
    if (unit == first).all():  # as nearly all pieces are
        sums[first] += values.sum(0, dtype="float64")
        return
    for u in np.unique(unit):
        sums[u] += values[unit == u].sum(0, dtype="float64")


# ------------------------------------------------------------------------------------- helpers


class _Results(NamedTuple):
    maps: dict
    good: np.ndarray
    sums: dict


def _results(of, outcome, top, n) -> _Results:
    number, sums = of.draws.number, measured(of, outcome, n, top is not None)
    habitat, known = sums["habitat"]
    good = sums["key_cell"]
    found = {"habitat": _blank(summary.spread(habitat), known)}
    chances = {"p_suitable": sums["suitable"], "p_key_cell": good}
    found["habitat"] |= _blank({k: summary.share(v, number) for k, v in chances.items()}, known)
    if top is not None:
        threat, told = outcome.threat.number, _column(outcome.threat.known, n)
        found["threat"] = _blank(summary.spread(threat), told)
        found["threat"] |= _blank({"agreement": _agreement(outcome, of)}, told)
        value, both = sums["value_at_risk"]
        found["value_at_risk"] = _blank(summary.spread(value), both)
        above = _true(value >= np.maximum(top, np.float32(1e-9)), both)
        found["value_at_risk"] |= _blank({"p_top_tenth": summary.share(above, number)}, both)
    good = np.broadcast_to(good, (n, number))
    return _Results(found, good, sums)


def _at_risk(of, arrays, here) -> np.ndarray:
    """Value at risk in each draw of the cells `here` of a window that know it."""
    found = [np.zeros((0, of.draws.number), "float32")]
    for cells_, outcome in of.pieces(arrays, of.grouped(arrays, here)):
        value, known = outcome.value_at_risk
        value = np.broadcast_to(value, (len(cells_), of.draws.number))
        found.append(value[_column(known, len(cells_))])
    return np.concatenate(found)


def _codes(behind, numbers, known) -> np.ndarray:
    return np.where(known, behind(_known_or_0(numbers, known)), NONE)


def _known_or_0(numbers, known) -> np.ndarray:
    """Numbers (cells, draws), 0 where a cell is not known."""
    return numbers if known.all() else np.where(known[:, None], numbers, 0)


def _errors(cv, z) -> np.ndarray:
    """A factor for each cell and draw: lognormal with mean 1, the same error everywhere."""
    sigma = np.sqrt(np.log1p(np.nan_to_num(cv) ** 2)).astype("float32")[:, None]
    return np.exp(sigma * np.asarray(z, "float32") - sigma * sigma / 2)


def _fitted(found, values, fit, which) -> dict[str, Value]:
    """The habitat, now and before the loss, with that of the fit in some draws.

    What is lost is the same part of it. Where the fit is unknown, the expert's stays.
    """
    now = found["habitat"]
    of_fit = np.interp(values, fit.fitted, fit.expert).astype("float32")[:, None]
    there = np.isfinite(of_fit) & which
    out = {}
    for name in [name for name in found if name == "habitat" or name.startswith(REFERENCES)]:
        value = found[name]
        lost = np.where(now.number > 0, value.number / np.where(now.number > 0, now.number, 1), 1)
        number = np.where(there, np.minimum(of_fit * lost, 1), value.number)
        out[name] = Value(np.asarray(number, "float32"), value.known)
    return out


def _rows(values, n) -> np.ndarray:
    """One row for each of `n` cells."""
    return np.broadcast_to(values, (n, values.shape[1]))


def cumulated(effects, draws) -> Value:
    """The cumulative threat, in each draw by its own mode."""
    if not effects:
        return NO_THREAT
    e, known = known_effects(effects)
    return Value(ByMode(e, draws).total(), known)


def _of_draws(values, which) -> np.ndarray:
    """Some of the draws; all where there is one answer for them."""
    if values.shape[1] == 1 or isinstance(which, slice):
        return values
    return values.take(which, axis=1, mode="clip")  # no place lies outside; not looking is faster


def _agreement(outcome, of) -> np.ndarray:
    """The share of the draws in which the most frequent strongest threat is the strongest.

    Where none reaches the floor, "none" is what draws agree on.
    """
    e, _ = known_effects(list(outcome.effects.values()))
    best = reduce(np.maximum, e)
    enough = best >= least_dominant(of.model["dominant_floor"])
    number = of.draws.number
    most = summary.share(~enough, number)
    for effect in e:
        most = np.maximum(most, summary.share((effect == best) & enough, number))
    return most


def _column(known, n) -> np.ndarray:
    """Where the cells are known, (n,): `known` is None, one answer for all, or (n or 1, 1)."""
    return np.ones(n, bool) if known is None else np.broadcast_to(np.ravel(known), n)


def _true(condition, known) -> np.ndarray:
    return condition & known[:, None]


def _blank(bands, known) -> dict:
    if known.all():
        return bands
    return {name: np.where(known, values, np.float32(np.nan)) for name, values in bands.items()}


def unit_numbers(units: list, grid: GeoBox) -> np.ndarray:
    """The number of the unit over each cell, flat, from 1; 0 in none. `units`: a file, or none."""
    shapes = vectors.read_vector(units[0]).geometry if units else []
    return number_inside(shapes, grid).ravel()


def _tiles(cells_: int) -> list[tuple[int, int]]:
    """Windows along one axis: all of it if it is short, or LATTICE tiles spread evenly."""
    if cells_ <= LATTICE * TILE:
        return [(0, cells_)]
    starts = np.linspace(0, cells_ - TILE, LATTICE).astype(int)
    return [(start, start + TILE) for start in starts]
