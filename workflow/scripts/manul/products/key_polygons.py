"""The polygons of key habitat, with their numbers: area, means, strongest threats, cats."""

from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from manul.config.types import KeyHabitat
from manul.grid import disk_maps
from manul.grid.fields import Fields
from manul.products import patches
from manul.products.key_areas import names
from manul.products.key_habitat import cats, cell_km2
from manul.products.outlines import amounts, cut, in_parts, mean, part_of, sums, top_threats
from manul.products.stamp import identities

MEANS = ("habitat", "habitat_reference", "threat", "value_at_risk", "p_key")
MAPS = (*MEANS, "suitable", "key", "breeding", "key_degraded", "key_area")
LAYERS = {
    "suitable": "suitable",
    "key": "key",
    "breeding_patch": "breeding",
    "key_area": "key_area",
    "key_degraded": "key_degraded",
}


def tables(
    fields: Fields,
    threats: dict[str, str],
    rules: KeyHabitat,
    animals: str,
    stamped: dict,
    towns: gpd.GeoDataFrame | None = None,
    folder: Path | None = None,
    of_draws: pd.DataFrame | None = None,
) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
    """The polygon layers with their names: suitable, key, breeding_patch, key_area, key_degraded.

    `threats` are the titles of the assessed threats, `rules` the config block `key_habitat`,
    `animals` what columns call the species, `stamped` the columns of `stamp.stamp`, `towns` the
    places from which key areas are named. With draws, `mean_p_key` is the chance of key habitat of
    an area's cells, `expected_key_km2` of a key area what follows for its size, and `of_draws` the
    table of `with_intervals`. Numbers of large maps lie in `folder`, if there is one, while they
    are worked on, and one layer after the other is made, a large one in parts under the same name,
    so that one part alone takes memory, beside some numbers of each patch. A patch whose outline
    has millions of corners is cut into squares: rows with the same `patch`, each with the numbers
    of its own piece.
    """
    for name, of in LAYERS.items():
        known: Counter[str] = Counter()
        for table, whole in _described(fields, of, threats, rules, animals, folder):
            if of == "key_area":
                table.insert(0, "name", names(table.geometry, towns))
            if of == "key_area" and of_draws is not None:
                table = with_intervals(table, of_draws[of_draws["patch"].isin(whole)])
            table.insert(0, "id", identities(name, table.geometry, known))
            made = table.assign(**stamped)
            del table
            yield name, made
            del made  # before the next part is made


def with_intervals(areas: gpd.GeoDataFrame, of_draws: pd.DataFrame) -> gpd.GeoDataFrame:
    """Key areas with the 5th and 95th percentile of their key habitat, from a table by `patch`.

    The ground of an area is that of the values of the config; in a draw it holds more or less.
    """
    known, out = of_draws.set_index("patch"), areas.copy()
    at = out.columns.get_loc("key_km2") + 1
    for i, end in enumerate(("p05", "p95")):
        out.insert(at + i, f"key_km2_{end}", out["patch"].map(known[f"key_km2_{end}"]))
    return out


# ------------------------------------------------------------------------------------- helpers


def _described(fields, of, threats, rules, animals, folder) -> Iterator[tuple]:
    """Outlines with their numbers, part by part, and the patches that were not cut."""
    numbers = disk_maps.empty(fields.grid.shape, "int32", folder)
    every = slice(0, fields.grid.width)
    strips = patches.strips(fields.grid.shape)
    if of == "key_area":
        count = 0
        for rows in strips:
            part = np.nan_to_num(fields.window(of, rows, every)).astype("int32")
            numbers[rows] = part
            count = max(count, int(part.max(initial=0)))
    else:
        areas = patches.number(lambda rows: fields.window(of, rows, every), strips, numbers, 1, 0)
        count = len(areas) - 1
    patch = cut(numbers)
    count = max(count, len(patch) - 1)
    means = [name for name in MEANS if fields.has(name)]
    wanted = amounts(threats)
    wanted |= {name: itemgetter(name) for name in (*means, "suitable", "key")}
    found = sums(fields, lambda rows, columns: numbers[rows, columns], count, wanted)
    for table in in_parts(numbers, fields.grid):
        made = _with_numbers(table, of, found, means, threats, rules, animals, fields.grid)
        if len(patch):
            made["patch"] = patch[made["patch"]]
        whole = table["patch"]
        del table
        yield made, whole
        del made, whole


def _with_numbers(table, of, found, means, threats, rules, animals, grid) -> gpd.GeoDataFrame:
    """Outlines with what `sums` found of their patches."""
    at = table["patch"].to_numpy(int)
    for name in means:
        table[f"mean_{name}"] = mean(found[name])[at].round(3)
    parts = {name: found[part_of(name)][0][at] for name in threats}
    for rank, column in enumerate(top_threats(parts, threats), 1):
        table[f"threat_{rank}"] = column or ""
    suitable, key = (found[name][0][at] * cell_km2(grid) for name in ("suitable", "key"))
    low, high = cats(suitable, key, rules["density_per_100_km2"])
    if of == "key_area":  # the ground between its patches is not key habitat
        table.insert(2, "key_km2", key.round(2))
        if "p_key" in means:
            expected = found["p_key"][0][at] * cell_km2(grid)
            table.insert(3, "expected_key_km2", expected.round(2))
    return table.assign(**{f"{animals}_low": low.round(1), f"{animals}_high": high.round(1)})
