"""Outlines of patches, and sums of maps over patches, units and zones of numbered cells."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import geopandas as gpd
import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from manul.grid.disk_maps import DiskMap
from manul.grid.fields import Fields
from manul.products.patches import strips

KM2 = 1e6
OF_A_ROW = 14  # corners for which the numbers and words of a row take memory
SIDE = 2048  # cells along a side of the squares into which patches of more corners are cut
MOST = 8_000_000  # corners of patches that are outlined at once, at 100 bytes each until written
BEFORE = "value_at_risk before"  # of the first scenario: a name that no map of a config can have
CHANGE = "value_at_risk_change_km2"  # the column of what a later scenario puts at risk beyond it


def outlines(numbers: np.ndarray | DiskMap, grid: GeoBox) -> gpd.GeoDataFrame:
    """One valid (multi)polygon for each patch number above 0, with its `patch` and `area_km2`.

    Parts of a patch that meet at corners only are parts of one multipolygon. The map is read strip
    by strip; memory follows the corners of outlines, 60 to 80 bytes each. Rows of `grid` run east.
    """
    found = _outlined(_corners(numbers, strips(numbers.shape)), grid)
    single = found.geometry.count_geometries() == 1
    found.loc[single, "geometry"] = shapely.get_geometry(found.geometry[single].to_numpy(), 0)
    return found


def in_parts(
    numbers: np.ndarray | DiskMap, grid: GeoBox, most: int = MOST
) -> Iterator[gpd.GeoDataFrame]:
    """The same of some patches at a time, by their numbers, so that memory follows `most` corners.

    A patch that has more, because `cut` did not cut it, is outlined alone. Where there are several
    parts, all their shapes are multipolygons, so that one layer can hold them.
    """
    height, width = numbers.shape
    if (4 + OF_A_ROW) * (height + 1) * (width + 1) <= most:  # no map of so many cells has more
        yield outlines(numbers, grid)
        return
    corners, first, last = _counts(numbers)
    groups = _groups(corners, most)
    if len(groups) < 2:
        yield outlines(numbers, grid)
        return
    for low, high in groups:
        there = corners[low:high] > 0
        rows = slice(int(first[low:high][there].min()), int(last[low:high][there].max()) + 1)
        part = strips((rows.stop - rows.start, width))
        moved = [slice(rows.start + s.start, rows.start + s.stop) for s in part]
        yield _outlined(_corners(numbers, moved, low, high), grid)


def cut(numbers: np.ndarray | DiskMap, most: int = MOST, side: int = SIDE) -> np.ndarray:
    """Cut patches of more than `most` corners into squares, as one shape of them fits no memory.

    Their cells in each square of `side` cells get a number of their own, in place; returns the
    patch that each number is of, which is itself for all that stay whole; nothing if all do.
    """
    height, width = numbers.shape
    if 4 * (height + 1) * (width + 1) <= most:
        return np.arange(0)
    corners, _, _ = _counts(numbers)
    large = np.flatnonzero(corners > most)
    if not len(large):
        return np.arange(0)
    across = -(-width // side)
    squares = across * -(-height // side)
    begin = np.full(len(corners), -1, "int32")
    begin[large] = len(corners) + np.arange(len(large)) * squares
    column = np.arange(width, dtype="int32") // side
    for rows in strips(numbers.shape):
        part = numbers[rows]
        first = begin[np.maximum(part, 0)]
        row = np.arange(rows.start, rows.stop, dtype="int32")[:, None] // side
        numbers[rows] = np.where(first < 0, part, first + (row * across + column))
    return np.r_[np.arange(len(corners)), np.repeat(large, squares)]


# ------------------------------------------------------------------------------------- helpers


def _counts(numbers) -> tuple:
    """(corners, first row, last row) by patch number."""
    from manul.products import rings  # compiled: takes long to import

    found = [np.zeros(1, "int64"), np.full(1, numbers.shape[0]), np.full(1, -1)]
    for rows, line in _overlapping(numbers, strips(numbers.shape)):
        more = int(rows.max(initial=0)) + 1 - len(found[0])
        if more > 0:
            fills = 0, numbers.shape[0], -1
            found = [np.r_[of, np.full(more, v)] for of, v in zip(found, fills, strict=True)]
        rings.count(rows, line, *found)
    return tuple(found)


def _groups(corners, most) -> list[tuple[int, int]]:
    """Runs of numbers, from and to, with `most` corners at most, or one number of more.

    A row takes memory beside its corners: that of OF_A_ROW.
    """
    ends, start, total = [], 1, 0
    for number in np.flatnonzero(corners):
        size = corners[number] + OF_A_ROW
        if total and total + size > most:
            ends.append((start, int(number)))
            start, total = int(number), 0
        total += size
    return [*ends, (start, len(corners))] if total else []


def _overlapping(numbers, parts, low=1, high=None) -> Iterator[tuple[np.ndarray, int]]:
    """The numbers from `low` to `high` of each strip, below the last row of the strip before.

    With the line above the first of its rows. A row of zeros lies above and below all.
    """
    width, line = numbers.shape[1], parts[0].start if parts else 0
    last = np.zeros((1, width), "int32")
    for strip in [*parts, None]:
        part = np.zeros((1, width), "int32") if strip is None else numbers[strip]
        own = part >= low if high is None else (part >= low) & (part < high)
        rows = np.concatenate([last, np.where(own, part, 0).astype("int32", copy=False)])
        last = rows[-1:].copy()
        yield rows, line
        line += len(rows) - 1


def _corners(numbers, parts, low=1, high=None) -> tuple:
    """The corners of patches, and pairs of them at one place, as `rings.scan` finds them."""
    from manul.products import rings  # compiled: takes long to import

    width = numbers.shape[1]
    corners, pinches = rings.new(0), np.empty((0, 2), "int32")
    along, left, right = np.zeros(1, "int32"), *np.zeros((2, width + 1), "int32")
    count = pinched = 0
    for whole, line in _overlapping(numbers, parts, low, high):
        rows = whole
        along = np.resize(along, max(along.size, int(rows.max(initial=0)) + 1))
        while len(rows) > 1:
            done, count, pinched = rings.scan(
                rows, line, corners, count, pinches, pinched, along, left, right
            )
            line, rows = line + done, rows[done:]
            if len(rows) > 1:
                _enlarge(corners, count + rings.MOST * (width + 1))
                _enlarge(pinches, pinched + rings.PINCHES * width)
    return corners[:count], pinches[:pinched]


def _outlined(found, grid) -> gpd.GeoDataFrame:
    """Multipolygons of what `_corners` found."""
    patch, places, ends = _rings(*found)
    a = grid.affine
    places *= a.a, a.e
    places += a.c, a.f
    shapes = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, places, ends)
    table = gpd.GeoDataFrame({"patch": patch}, geometry=shapes, crs=str(grid.crs))
    return table.assign(area_km2=table.area / KM2)


def _enlarge(table, least) -> None:
    """Room for a quarter more rows, and `least` at least, in place: the system moves no memory."""
    rows, columns = table.shape
    table.resize((max(least, rows * 5 // 4), columns), refcheck=False)


def _rings(corners, pinches) -> tuple:
    """(patch numbers, columns and rows of their rings, where each ring, part and patch ends)."""
    from manul.products import rings  # compiled: takes long to import

    ring = np.empty(len(corners), "int32")
    rings.find_parts(corners)
    rings.follow(corners, ring)
    rings.split(corners, ring, pinches)
    number = rings.follow(corners, ring)
    first, size = np.full(number, -1, "int32"), np.zeros(number, "int64")
    rings.describe(ring, first, size)
    del ring
    patch, part = corners[first, 2], corners[first, 5]
    order = np.lexsort([first, part, patch])
    first, size, patch = first[order], size[order], patch[order]
    outer, ends = first == part[order], np.cumsum(size + 1)
    places = np.empty((int(size.sum() + number), 2))
    rings.write(corners, first, outer, ends - size - 1, places)
    of_ring, of_part = np.flatnonzero(outer), np.flatnonzero(np.diff(patch[outer], prepend=0))
    rings_of = np.r_[of_ring, number], np.r_[of_part, len(of_ring)]
    return patch[outer][of_part].astype(int), places, (np.r_[0, ends], *rings_of)


def sums(
    fields: Fields, numbers: Callable, count: int, wanted: Mapping[str, Callable]
) -> dict[str, np.ndarray]:
    """Sum over the known cells of each patch, and their number, for several maps, block by block.

    `numbers(rows, columns)` gives patch numbers 0 to `count` of a window; each of `wanted` takes
    the maps of a window by name and gives an array. Returns name -> (2, count + 1): sum, number.
    """
    from manul.products.cover_sums import add_cells  # compiled: takes long to import

    out = {name: np.zeros((2, count + 1)) for name in wanted}
    for rows, columns in fields.blocks():
        patch = numbers(rows, columns)
        if not patch.any():
            continue
        maps = fields.at(rows, columns)
        for name, what in wanted.items():
            add_cells(np.broadcast_to(what(maps), patch.shape), patch, *out[name])
    return out


def mean(found: np.ndarray) -> np.ndarray:
    """Mean over the known cells from (sum, number); NaN where none is known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return found[0] / found[1]


def amounts(threats) -> dict[str, Callable]:
    """For each threat its part of the value at risk of a cell: H_reference x T x share.

    Under `part_of` its name, so that no threat is taken for a map, whatever it is called. Parts add
    up to the value at risk, so shares of any piece of land are shares of one amount.
    """
    return {part_of(name): partial(_part_at_risk, name) for name in threats}


def part_of(threat: str) -> str:
    """What `amounts` calls the part of a threat: a name that no map of a config can have."""
    return f"part of {threat}"


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
