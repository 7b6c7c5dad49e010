"""Outlines of patches, and sums of maps over patches, units and zones of numbered cells."""

from collections.abc import Callable, Mapping
from functools import partial

import geopandas as gpd
import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from manul.grid.disk_maps import DiskMap
from manul.grid.fields import Fields
from manul.products.patches import strips

KM2 = 1e6
BEFORE = "value_at_risk before"  # of the first scenario: a name that no map of a config can have
CHANGE = "value_at_risk_change_km2"  # the column of what a later scenario puts at risk beyond it


def outlines(numbers: np.ndarray | DiskMap, grid: GeoBox) -> gpd.GeoDataFrame:
    """One valid (multi)polygon for each patch number above 0, with its `patch` and `area_km2`.

    Parts of a patch that meet at corners only are parts of one multipolygon. The map is read strip
    by strip; memory follows the corners of outlines, 60 to 80 bytes each.
    """
    patch, shapes = _shapes(*_corners(numbers), grid)
    table = gpd.GeoDataFrame({"patch": patch}, geometry=shapes, crs=str(grid.crs))
    return table.assign(area_km2=table.area / KM2)


def _corners(numbers) -> tuple[np.ndarray, np.ndarray]:
    """The corners of all patches, and pairs of them at one place, as `rings.scan` finds them."""
    from manul.products import rings  # compiled: takes long to import

    width = numbers.shape[1]
    corners, pinches = rings.new(0), np.empty((2, 0), "int32")
    along, left, right = np.zeros(1, "int32"), *np.zeros((2, width + 1), "int32")
    count = pinched = line = 0
    last = np.zeros((1, width), "int32")
    for strip in [*strips(numbers.shape), None]:
        part = np.zeros((1, width), "int32") if strip is None else numbers[strip]
        rows = np.concatenate([last, part.astype("int32", copy=False)])
        last = rows[-1:].copy()
        along = np.resize(along, max(along.size, int(rows.max(initial=0)) + 1))
        while len(rows) > 1:
            done, count, pinched = rings.scan(
                rows, line, corners, count, pinches, pinched, along, left, right
            )
            line, rows = line + done, rows[done:]
            if len(rows) > 1:
                room = rings.MOST * (width + 1)
                corners = _grown(corners, count + room)
                pinches = _grown(pinches, pinched + room)
    return corners[:, :count], pinches[:, :pinched]


def _grown(table, least) -> np.ndarray:
    """With room for a quarter more columns, and `least` at least."""
    out = np.empty((len(table), max(least, table.shape[1] * 5 // 4)), table.dtype)
    out[:, : table.shape[1]] = table
    return out


def _shapes(corners, pinches, grid) -> tuple[np.ndarray, np.ndarray]:
    """(patch numbers, their shapes) of corners."""
    from manul.products import rings  # compiled: takes long to import

    ring = np.empty(corners.shape[1], "int32")
    rings.part_of_each(corners[5])
    rings.follow(corners[3], corners[4], ring)
    rings.split(corners[3], ring, pinches)
    number = rings.follow(corners[3], corners[4], ring)
    first, size = np.full(number, -1, "int32"), np.zeros(number, "int64")
    rings.describe(ring, first, size)
    del ring
    patch, part = corners[2, first], corners[5, first]
    order = np.lexsort([first, part, patch])
    first, size, patch, part = first[order], size[order], patch[order], part[order]
    ends = np.cumsum(size + 1)
    places = np.empty((int(size.sum() + number), 2))
    outer = first == part
    rings.write(corners, first, outer, ends - size - 1, places)
    del corners
    a = grid.affine
    places *= a.a, a.e
    places += a.c, a.f
    of_ring, of_part = np.flatnonzero(outer), np.flatnonzero(np.diff(patch[outer], prepend=0))
    whole = shapely.from_ragged_array(
        shapely.GeometryType.MULTIPOLYGON, places,
        (np.r_[0, ends], np.r_[of_ring, number], np.r_[of_part, len(of_ring)]),
    )  # fmt: skip
    single = shapely.get_num_geometries(whole) == 1
    whole[single] = shapely.get_geometry(whole[single], 0)
    return patch[outer][of_part].astype(int), whole


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
