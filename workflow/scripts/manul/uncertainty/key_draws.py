"""Key habitat in every draw, with the rule of patches: strip by strip, all draws of a strip."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from manul.grid import vectors
from manul.grid.burn import number_inside
from manul.grid.disk_maps import DiskMap, empty
from manul.grid.fields import Fields
from manul.products import patches
from manul.products.confidence import HIGH, LOW
from manul.products.key_habitat import cats, cell_km2
from manul.products.units import REGION
from manul.uncertainty.passes import KEY_TITLES
from manul.uncertainty.tables import interval


@dataclass(frozen=True)
class Counts:
    """In how many of `number` draws something is true of each cell, and areas (km2).

    `counts` are maps of uint16 by name, `areas` by the same names (units + 1, draws): unit 0 is
    land in none; `known` tells where habitat is known.
    """

    number: int
    known: np.ndarray | DiskMap
    counts: Mapping[str, np.ndarray | DiskMap]
    areas: Mapping[str, np.ndarray]

    def chances(self, rows: slice, columns: slice) -> dict[str, np.ndarray]:
        """The counts in a window as shares of the draws, float32, NaN where not known."""
        at = rows, columns
        found = {}
        for name, count in self.counts.items():
            share = (count[at] / np.float32(self.number)).astype("float32")
            found[name] = np.where(self.known[at], share, np.float32(np.nan))
        return found


@dataclass(frozen=True)
class KeyDraws(Counts):
    """In how many draws each cell is key habitat, or in a breeding patch.

    `sites` is the key habitat (km2) in each key area and draw: (areas + 1, draws), 0 is the rest.
    """

    sites: np.ndarray

    def maps(self, rows: slice, columns: slice) -> dict[str, dict[str, np.ndarray]]:
        """The chances in a window."""
        return {"key_habitat": self.chances(rows, columns)}

    def of_draws(self) -> pd.DataFrame:
        """One row for each draw: km2 of key habitat and of breeding patches."""
        found = {f"{name.removeprefix('p_')}_km2": of.sum(0) for name, of in self.areas.items()}
        return pd.DataFrame({"draw": range(1, self.number + 1), **found})

    def of_sites(self) -> pd.DataFrame:
        """One row for each key area by its number: its key habitat with 90 % of the draws."""
        rows = [
            {"patch": number, **interval("key_km2", values)}
            for number, values in enumerate(self.sites[1:], 1)
        ]
        columns = ["patch", *interval("key_km2", np.zeros(1))]
        return pd.DataFrame(rows, columns=columns).round(2)

    def of_units(self, names: Sequence, density: dict, animals: str, suitable) -> pd.DataFrame:
        """One row for each unit and the region: key habitat with 90 % of the draws, and animals.

        The animals' range is that of the draws at the lower and the higher `density`; `suitable`
        (units + 1, draws) is the suitable land in km2.
        """
        rows = []
        units = [(name, slice(i, i + 1)) for i, name in enumerate(names, 1)]
        for name, of in [*units, (REGION, slice(None))]:
            key, breeding, land = (
                table[of].sum(0) for table in (*self.areas.values(), np.asarray(suitable))
            )
            low, high = cats(land, key, density)
            ends = np.quantile(low, LOW), np.quantile(high, HIGH)
            rows.append(
                {
                    "unit": name,
                    **interval("key_km2", key),
                    **interval("breeding_km2", breeding),
                    f"{animals}_low": ends[0],
                    f"{animals}_high": ends[1],
                }
            )
        return pd.DataFrame(rows).round(2)


def find(
    good: str, number: int, fields: Fields, rules: Mapping, units: list, folder: Path | None = None
) -> KeyDraws:
    """Key habitat in each draw, from the map `good` with a bit for each; `rules`: `key_habitat`.

    `fields` holds habitat_mean, which is known where habitat is, and key_area, `units` a file of
    polygons, or nothing. Counts of large maps lie in `folder` while they are worked on; without one
    all are held in memory.
    """
    grid, of_sites = fields.grid, np.zeros((1, number))
    of, told = Draws(good, number, grid), Tally(KEY_TITLES, number, grid, units, folder)
    for strip, rows in enumerate(of.strips):
        maps = fields.at(rows, slice(0, grid.width))
        site = np.nan_to_num(maps["key_area"]).astype("int32")
        more = max(int(site.max(initial=0)) + 1 - len(of_sites), 0)
        of_sites = np.pad(of_sites, ((0, more), (0, 0)))
        told.begin(rows)
        for draw, mask in enumerate(of.masks(strip)):
            patch, km2 = of.sized(strip, draw, mask)
            key = km2 >= rules["core_km2"] - 1e-9
            levels = (key, key & (km2 >= rules["breeding_km2"] - 1e-9))
            for name, level in zip(KEY_TITLES, levels, strict=True):
                told.add(name, draw, level[patch])
            in_sites = np.bincount(site[key[patch]], minlength=len(of_sites))
            of_sites[:, draw] += in_sites * of.cell_km2
        told.end(np.isfinite(maps["habitat_mean"]))
    return KeyDraws(number, told.known, told.counts, told.areas, of_sites)


class Tally:
    """In how many draws something is true of each cell, and areas by unit, strip by strip.

    `known`, `counts` and `areas` are those of `Counts` when each strip was begun and ended.
    """

    def __init__(self, names, number: int, grid: GeoBox, units: list, folder: Path | None):
        """`units` and `folder`: see `find`."""
        self.known = empty(grid.shape, "bool", folder)
        self.counts = {name: empty(grid.shape, "uint16", folder) for name in names}
        self._shapes = vectors.read_vector(units[0]).geometry if units else []
        self.areas = {name: np.zeros((len(self._shapes) + 1, number)) for name in names}
        self._grid, self._cell_km2 = grid, cell_km2(grid)

    def begin(self, rows: slice) -> None:
        """The next strip."""
        self._rows, self._unit = rows, number_inside(self._shapes, self._grid[rows, :])
        self._found = {name: np.zeros(self._unit.shape, "uint16") for name in self.counts}

    def add(self, name: str, draw: int, there: np.ndarray) -> None:
        """Where it is true in the strip, in one draw."""
        self._found[name] += there
        inside = np.bincount(self._unit[there], minlength=len(self._shapes) + 1)
        self.areas[name][:, draw] += inside * self._cell_km2

    def end(self, known: np.ndarray) -> None:
        """All draws of the strip were added; `known`: where habitat is known in it."""
        for name, part in self._found.items():
            self.counts[name][self._rows] = part
        self.known[self._rows] = known


class Draws:
    """Where habitat is good enough in each draw, and its patches, strip by strip of the map."""

    def __init__(self, good: str, number: int, grid: GeoBox):
        self.good, self.number, self.cell_km2 = good, number, cell_km2(grid)
        self.strips = patches.strips(grid.shape)
        self._joined = self._look() if len(self.strips) > 1 else [patches.ALONE] * number

    def masks(self, strip: int) -> Iterable[np.ndarray]:
        """Where it is good enough in each draw, in a strip."""
        rows = self.strips[strip]
        with rasterio.open(self.good) as source:
            at = Window(0, rows.start, source.width, rows.stop - rows.start)
            for draw in range(self.number):
                if draw % 8 == 0:
                    bits = source.read(draw // 8 + 1, window=at)
                yield (bits >> (7 - draw % 8)) & 1 > 0

    def sized(self, strip: int, draw: int, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number of each cell's patch in a strip of a draw, and the area of each (km2).

        `mask` is that of `masks`. The area is of the whole patch, on other strips too; that of 0,
        which is no patch, is NaN.
        """
        numbers, cells = patches.label(mask)
        km2 = self._joined[draw].sizes(strip, cells) * self.cell_km2
        km2[0] = np.nan
        return numbers, km2

    def _look(self) -> list[patches.Joined]:
        joining = [patches.Joining() for _ in range(self.number)]
        for strip in range(len(self.strips)):
            for one, mask in zip(joining, self.masks(strip), strict=True):
                one.add(*patches.label(mask))
        return [one.done() for one in joining]
