"""A scenario held against the first one in every draw: the same draws on both sides.

What both have in common cancels out, so a difference is told surer than either side. Cells whose
inputs are the same on both sides under one model do not differ, and are not worked out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from manul.grid import block_maps, rasters, vectors
from manul.products.key_habitat import cell_km2
from manul.products.units import REGION
from manul.uncertainty import passes, summary
from manul.uncertainty.key_draws import Counts, Draws, Tally
from manul.uncertainty.passes import Uncertain
from manul.uncertainty.tables import interval, of_told

SUMS = ("cells", "told", "habitat", "suitable", "threat", "value_at_risk")
SPREAD = {"mean": "mean change", "p05": "5th percentile", "p95": "95th percentile"}
KEY = {"p_gained": "P(key habitat is gained)", "p_lost": "P(key habitat is lost)"}
RISES = "value_at_risk_rises"


@dataclass(frozen=True)
class Sides:
    """The first scenario and another, told `alike`: what their jobs are told is the same."""

    before: Uncertain
    after: Uncertain
    told_alike: bool

    @property
    def alike(self) -> bool:
        """Are models and draws the same, so that cells with the same inputs do not differ?"""
        (read, fit, taken), other = (
            (
                {name: bands for name, (_, bands) in side.files.items()},
                side.fit and side.fit[1:],
                side.draws.fitted,
            )
            for side in (self.before, self.after)
        )
        same = (read, fit) == other[:2] and np.array_equal(taken, other[2])
        return self.told_alike and same


def on_block(
    of: Sides, known: Callable, mask: list, units: list, keep: Callable, grid: GeoBox,
    threats: bool, at,
) -> dict:  # fmt: skip
    """The bands of each map on (row0, row1, column0, column1); sums go to `keep(block, sums)`.

    `known(at)` gives, for habitat, threat and value_at_risk, where they are known on both sides.
    """
    part = block_maps.part(grid, at)
    unit, inside = passes.unit_numbers(units, part), vectors.inside(mask, part).ravel()
    told = {name: there.ravel() & inside for name, there in known(at).items()}
    out = {
        f"change_{name}": {b: np.where(there, np.float32(0), np.float32(np.nan)) for b in SPREAD}
        for name, there in told.items()
    }
    sums = np.zeros((unit.max(initial=0) + 1, len(SUMS), of.after.draws.number))
    for i, name in enumerate(("habitat", "threat")):  # cells, told
        if name in told:
            sums[:, i] = np.bincount(unit[told[name]], minlength=len(sums))[:, None]
    arrays = [side.read(at) for side in (of.before, of.after)]
    here = np.flatnonzero(inside & (_differ(*arrays) if of.alike else True))
    here = of.before.grouped(arrays[0], of.after.grouped(arrays[1], here))
    pieces = of.before.pieces(arrays[0], here), of.after.pieces(arrays[1], here)
    for (cells_, was), (_, now) in zip(*pieces, strict=True):
        before = passes.measured(of.before, was, len(cells_), threats)
        after = passes.measured(of.after, now, len(cells_), threats)
        for i, name in enumerate(SUMS[2:], 2):
            if name not in before:
                continue
            there = told.get(name, told["habitat"])[cells_]
            change = _change(before[name], after[name], there)
            passes.add_by_unit(sums[:, i], unit[cells_], np.nan_to_num(change))
            if name in told:
                bands = summary.spread(change)
                for band, values in out[f"change_{name}"].items():
                    values[cells_] = bands[band]
    keep(at, sums)
    return {m: {b: a.reshape(part.shape) for b, a in bands.items()} for m, bands in out.items()}


def known_on_both(sides: Sequence[Mapping[str, str]], names: Sequence[str]) -> Callable:
    """Where maps are known on both sides, by block: from the files of the means of the draws."""

    def known(at) -> dict[str, np.ndarray]:
        both = {n: [rasters.read_bands(side[n], at, (1,))[0] for side in sides] for n in names}
        return {name: np.isfinite(a) & np.isfinite(b) for name, (a, b) in both.items()}

    return known


class KeyChange(Counts):
    """In how many draws each cell is gained or lost as key habitat."""

    def maps(self, rows: slice, columns: slice) -> dict[str, dict[str, np.ndarray]]:
        """The chances in a window."""
        return {"change_key": self.chances(rows, columns)}


def key_change(
    good: Sequence[str], core_km2: Sequence[float], number: int, known: Callable, grid: GeoBox,
    units: list, folder: Path | None = None,
) -> KeyChange:  # fmt: skip
    """Key habitat gained and lost in each draw, with the rule of patches on each side.

    `good` are the maps of both sides with a bit for each draw; `known(rows)` tells where habitat is
    known on both. `units` and `folder`: see `key_draws.find`. A draw in which the maps are the same
    is not looked at further.
    """
    sides = [Draws(path, number, grid) for path in good]
    told = Tally(KEY, number, grid, units, folder)
    strips = sides[0].strips
    differs = np.full(number, core_km2[0] != core_km2[1])
    for strip in range(len(strips)):
        of_draws = zip(*(side.masks(strip) for side in sides), strict=True)
        differs |= [not np.array_equal(*masks) for masks in of_draws]
    for strip, rows in enumerate(strips):
        told.begin(rows)
        is_known = known(rows)
        for draw, masks in enumerate(zip(*(side.masks(strip) for side in sides), strict=True)):
            if not differs[draw]:
                continue
            sized = [side.sized(strip, draw, mask) for side, mask in zip(sides, masks, strict=True)]
            was, now = (
                (km2 >= least - 1e-9)[patch]
                for (patch, km2), least in zip(sized, core_km2, strict=True)
            )
            for name, there in zip(KEY, (now & ~was, was & ~now), strict=True):
                told.add(name, draw, there & is_known)
        told.end(is_known)
    return KeyChange(number, told.known, told.counts, told.areas)


def of_units(names: Sequence, sums: np.ndarray, key: KeyChange, grid: GeoBox) -> pd.DataFrame:
    """One row for each unit and the region: each change's mean, 5th and 95th percentile.

    Key habitat gained and lost (km2), suitable land (km2), mean habitat and threat, value at risk
    (km2 of full habitat), and in which share of the draws that rises; NaN where no threat is known.
    """
    rows = []
    named = [(name, slice(i, i + 1)) for i, name in enumerate(names, 1)]
    for name, at in [*named, (REGION, slice(None))]:
        of = dict(zip(SUMS, sums[at].sum(0), strict=True))
        gained, lost = (area[at].sum(0) for area in key.areas.values())
        cells = np.maximum(of["cells"], 1)
        row = {"unit": name} | interval("key_gained_km2", gained) | interval("key_lost_km2", lost)
        row |= interval("suitable_km2", of["suitable"] * cell_km2(grid))
        row |= interval("mean_habitat", of["habitat"] / cells)
        told = of["told"]
        row |= interval("mean_threat", of_told(of["threat"] / np.maximum(told, 1), told))
        row |= interval("value_at_risk_km2", of_told(of["value_at_risk"] * cell_km2(grid), told))
        rows.append(row | {RISES: np.mean(of_told(of["value_at_risk"] > 0, told))})
    return pd.DataFrame(rows).round(6)


# ------------------------------------------------------------------------------------- helpers


def _differ(was: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray]) -> np.ndarray:
    """The cells in which any input differs; unknown on both sides is the same."""
    found = np.zeros(next(iter(now.values())).shape[1], bool)
    for name, array in now.items():
        other = was[name]
        found |= ((array != other) & ~(np.isnan(array) & np.isnan(other))).any(0)
    return found


def _change(was, now, known: np.ndarray) -> np.ndarray:
    """Now minus was, (cells, draws or 1), NaN where not known; either may stand with its mask."""
    numbers = [side[0] if isinstance(side, tuple) else side for side in (was, now)]
    change = np.subtract(np.asarray(numbers[1], "float32"), np.asarray(numbers[0], "float32"))
    return np.where(known[:, None], change, np.float32(np.nan))
