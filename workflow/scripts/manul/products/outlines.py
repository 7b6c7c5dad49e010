"""Outlines of patches, and sums of maps over patches, units and zones of numbered cells."""

from collections.abc import Callable, Mapping
from functools import partial

import geopandas as gpd
import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from rasterio.features import shapes

from manul.grid.disk_maps import NumbersOnDisk
from manul.grid.fields import Fields

KM2 = 1e6
BEFORE = "value_at_risk before"  # of the first scenario: a name that no map of a config can have
CHANGE = "value_at_risk_change_km2"  # the column of what a later scenario puts at risk beyond it


def outlines(numbers: np.ndarray | NumbersOnDisk, grid: GeoBox) -> gpd.GeoDataFrame:
    """One valid (multi)polygon for each patch number above 0, with its `patch` and `area_km2`.

    Parts of a patch that meet at corners only are parts of one multipolygon.
    """
    if isinstance(numbers, NumbersOnDisk):
        source = numbers.bands()
    else:
        source = [numbers.astype("int32", copy=False), numbers > 0]
    found = shapes(*source, connectivity=4, transform=grid.affine)
    parts = [(int(number), shapely.geometry.shape(geometry)) for geometry, number in found]
    parts.sort(key=lambda part: part[0])
    patch, which = np.unique([number for number, _ in parts], return_inverse=True)
    whole = shapely.multipolygons([shape for _, shape in parts], indices=which) if parts else []
    single = shapely.get_num_geometries(whole) == 1
    whole = np.where(single, shapely.get_geometry(whole, 0), whole)
    table = gpd.GeoDataFrame({"patch": patch.astype(int)}, geometry=whole, crs=str(grid.crs))
    return table.assign(area_km2=table.area / KM2)


def sums(
    fields: Fields, numbers: Callable, count: int, wanted: Mapping[str, Callable]
) -> dict[str, np.ndarray]:
    """Sum over the known cells of each patch, and their number, for several maps, block by block.

    `numbers(rows, columns)` gives patch numbers 0 to `count` of a window; each of `wanted` takes
    the maps of a window by name and gives an array. Returns name -> (2, count + 1): sum, number.
    """
    out = {name: np.zeros((2, count + 1)) for name in wanted}
    for rows, columns in fields.blocks():
        patch = numbers(rows, columns)
        if not patch.any():
            continue
        maps = fields.at(rows, columns)
        for name, what in wanted.items():
            values = np.broadcast_to(np.asarray(what(maps), "float64"), patch.shape)
            known = np.isfinite(values)
            # In place: sums of all patches of the region for each block would take time by both.
            np.add.at(out[name][0], patch[known], values[known])
            np.add.at(out[name][1], patch[known], 1.0)
    return out


def mean(found: np.ndarray) -> np.ndarray:
    """Mean over the known cells from (sum, number); NaN where none is known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return found[0] / found[1]


def amounts(threats) -> dict[str, Callable]:
    """For each threat its part of the value at risk of a cell: H_reference x T x share.

    Parts add up to the value at risk, so shares of any piece of land are shares of one amount.
    """
    return {name: partial(_part_at_risk, name) for name in threats}


def change(maps) -> np.ndarray:
    """By how much more of its value a cell is at risk than in the first scenario."""
    return maps["value_at_risk"] - maps[BEFORE]


def _part_at_risk(name, maps):
    return maps["value_at_risk"] * maps[f"share_{name}"]


def top_threats(parts: Mapping[str, np.ndarray], titles: Mapping[str, str], most: int = 3) -> list:
    """`most` columns of text such as 'Tracks 12 %': the largest parts of each row."""
    names = list(parts)
    if not names:
        return [[]] * most
    table = np.nan_to_num(np.array([parts[name] for name in names])).T.reshape(-1, len(names))
    total = table.sum(1)
    order = np.argsort(-table, axis=1, kind="stable")
    columns = [[""] * len(table) for _ in range(most)]
    for row, (best, whole) in enumerate(zip(order, total, strict=True)):
        for column, j in zip(columns, best, strict=False):
            if table[row, j] > 0:
                column[row] = f"{titles[names[j]]} {100 * table[row, j] / whole:.0f} %"
    return columns
