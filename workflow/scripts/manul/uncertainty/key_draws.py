"""Key habitat in every draw: patches need the whole map, so they are found draw by draw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import rasterio
from odc.geo.geobox import GeoBox

from manul.products.confidence import HIGH, LOW
from manul.products.key_habitat import cats, cell_km2, numbered
from manul.products.units import REGION
from manul.uncertainty.passes import KEY_TITLES, unit_numbers
from manul.uncertainty.tables import interval


@dataclass(frozen=True)
class Counts:
    """In how many of `number` draws something is true of each cell, and areas (km2).

    `counts` are maps of uint16 by name, `areas` by the same names (units + 1, draws): unit 0 is
    land in none; `known` tells where habitat is known.
    """

    number: int
    known: np.ndarray
    counts: Mapping[str, np.ndarray]
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
    good: str, number: int, known: np.ndarray, grid: GeoBox, rules: Mapping, units: list,
    sites: np.ndarray,
) -> KeyDraws:  # fmt: skip
    """Key habitat in each draw, from the map `good` with a bit for each; `rules`: `key_habitat`.

    `known` tells where habitat is known, `units` holds a file of polygons, or nothing, `sites` are
    the numbers of key areas, 0 in none. Takes 18 bytes a cell and, for a while, those of the
    patches of one draw.
    """
    unit = unit_numbers(units, grid).reshape(grid.shape)
    counts = {name: np.zeros(grid.shape, "uint16") for name in KEY_TITLES}
    areas = {name: np.zeros((unit.max(initial=0) + 1, number)) for name in KEY_TITLES}
    in_sites = np.zeros((int(sites.max(initial=0)) + 1, number))
    cell = cell_km2(grid)
    for draw, mask in enumerate(each_draw(good, number)):
        patches, km2 = numbered(mask, cell, rules["core_km2"])
        large = km2 >= rules["breeding_km2"] - 1e-9
        large[0] = False
        for name, wanted in zip(KEY_TITLES, (np.arange(len(km2)) > 0, large), strict=True):
            there = wanted[patches]
            counts[name] += there
            areas[name][:, draw] = np.bincount(unit[there], minlength=len(areas[name])) * cell
        of_sites = np.bincount(sites[patches > 0], minlength=len(in_sites))
        in_sites[:, draw] = of_sites * cell
    return KeyDraws(number, known, counts, areas, in_sites)


def each_draw(good: str, number: int) -> Iterable[np.ndarray]:
    """Where habitat is good enough in each draw, from the map with a bit for each."""
    with rasterio.open(good) as source:
        for draw in range(number):
            if draw % 8 == 0:
                bits = source.read(draw // 8 + 1)
            yield (bits >> (7 - draw % 8)) & 1 > 0
