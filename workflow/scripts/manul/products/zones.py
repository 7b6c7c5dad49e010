"""Zones: the pieces of land that a recommendation rule looks at, and what is measured in them.

A zone table has `geometry` (what is shown), `zone` (a name) and, for segments, `left` and `right`
(the strips on both sides). Maps are read by windows (`Fields`), so memory follows the zones, but
for masks and patches, which take 5 bytes a cell.
"""

from collections import Counter
from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from exactextract import exact_extract
from pyproj import Transformer

from manul.config.expressions import holds as true_where
from manul.config.types import Zones
from manul.grid.datasets import Fields
from manul.grid.features import select
from manul.products.key_habitat import cell_km2, label
from manul.products.outlines import outlines

KM2 = 1e6
PIECE = 1024  # cells along the side of the pieces in which a large zone is looked at


def find(spec: Zones, fields: Fields, layers: Mapping[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """The zones that a block `{kind, ...}` names: one row each, in the grid's CRS (metres).

    Each has a `geometry` and its own columns (those of a feature, `patch` ...). KeyError for
    a layer or a map that the job was not told of.
    """
    table = ZONES[spec["kind"]](spec, fields, layers)
    return table.set_crs(str(fields.grid.crs), allow_override=True).reset_index(drop=True)


def measure(how: dict, zones: gpd.GeoDataFrame, fields: Fields) -> np.ndarray:
    """One number, or word, for each zone: shape (zones,); NaN where no cell of it is known.

    `how` is {measure: expression}: `mean`, `minimum` or `maximum` of a cell expression in its unit;
    `share` (0..1) and `area` (km2) of the zone where a condition holds; `patch_share` of a patch in
    the zone; `left_mean`, `right_mean` beside a piece of a line; `field`, a column of the zone.
    """
    ((statistic, what),) = how.items()
    return np.asarray(MEASURES[statistic](what, zones, fields))


def zonal(what: str | Callable, shapes, fields: Fields, statistic: str = "mean") -> np.ndarray:
    """A statistic of the known cells in each polygon, weighted by the covered share of a cell."""
    return zonal_many({"only": what}, shapes, fields, statistic)["only"]


def zonal_many(wanted: Mapping, shapes, fields: Fields, statistic: str = "mean") -> dict:
    """`zonal` of several maps at once: the cover of each cell is found once for all.

    `statistic`: mean, sum, min or max.
    """
    n = len(shapes)
    if not n or not wanted:
        return {name: np.zeros(n) for name in wanted}
    zone, pieces = _pieces(shapes, fields.grid)
    asked = ["sum", "count"] if statistic == "mean" else [statistic]
    found = _extract(wanted, pieces, fields, asked)
    return {name: JOINED[statistic](zone, found[name], n) for name in wanted}


# ------------------------------------------------------------------- pieces of a large zone


def _pieces(shapes, grid) -> tuple[np.ndarray, np.ndarray]:
    """(zone of each piece, the pieces): large zones cut along the borders of cells.

    The library fails on zones of more cells than it holds, and cut so, sums stay exact.
    """
    shapes = np.asarray(shapes, object)
    side = PIECE * grid.resolution.x
    box = shapely.bounds(shapes)
    large = (box[:, 2] - box[:, 0] > side) | (box[:, 3] - box[:, 1] > side)
    zone, parts = [np.flatnonzero(~large)], [shapes[~large]]
    corner = grid.boundingbox
    for i in np.flatnonzero(large):
        west, south, east, north = box[i]
        left = (
            corner.left
            + np.arange((west - corner.left) // side, (east - corner.left) / side) * side
        )
        top = (
            corner.top - np.arange((corner.top - north) // side, (corner.top - south) / side) * side
        )
        xx, yy = (a.ravel() for a in np.meshgrid(left, top))
        cut = shapely.intersection(shapes[i], shapely.box(xx, yy - side, xx + side, yy))
        cut = shapely.get_parts(shapely.get_parts(cut))  # a collection may hold lines and points
        cut = cut[shapely.area(cut) > 0]
        zone.append(np.full(len(cut), i))
        parts.append(cut)
    return np.concatenate(zone), np.concatenate(parts)


def _extract(wanted, pieces, fields, asked) -> dict[str, dict[str, np.ndarray]]:
    """For each map by name each operation's result for each piece."""
    table = gpd.GeoDataFrame(geometry=pieces, crs=str(fields.grid.crs))
    sources = [fields.source(what, name) for name, what in wanted.items()]
    found = exact_extract(sources, table, asked, output="pandas")
    many = len(wanted) > 1
    return {
        name: {
            what: found[f"{name}_{what}" if many else what].to_numpy("float64", na_value=np.nan)
            for what in asked
        }
        for name in wanted
    }


def _total(zone, values, n) -> np.ndarray:
    return np.bincount(zone, np.nan_to_num(values), minlength=n)


def _mean(zone, found, n) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return _total(zone, found["sum"], n) / _total(zone, found["count"], n)


def _extreme(name, better) -> Callable:
    def joined(zone, found, n):
        out = np.full(n, np.nan)
        better.at(out, zone, found[name])
        return out

    return joined


JOINED = {
    "mean": _mean,
    "sum": lambda zone, found, n: _total(zone, found["sum"], n),
    "min": _extreme("min", np.fmin),
    "max": _extreme("max", np.fmax),
}


# ----------------------------------------------------------------------------------- the zones


def tiles(spec, fields, layers):
    """Square blocks of one area that cover the region, where habitat is known."""
    box, side = fields.grid.boundingbox, np.sqrt(spec["area_km2"] * KM2)
    west = np.arange(box.left, box.right, side)
    south = np.arange(box.bottom, box.top, side)
    xx, yy = (a.ravel() for a in np.meshgrid(west, south))
    square = shapely.box(xx, yy, xx + side, yy + side)
    names = _named_by_middle(xx + side / 2, yy + side / 2, side, fields.grid)
    known = zonal(lambda maps: np.isfinite(maps["habitat"]), square, fields) > 0.5
    return gpd.GeoDataFrame({"zone": np.array(names)[known]}, geometry=square[known])


def features(spec, fields, layers):
    """The features of a layer, as they stand."""
    table = select(layers[spec["layer"]], spec.get("where"))
    return table.assign(zone=_names(table, spec.get("id_field")))


def mask(spec, fields, layers):
    """Patches of the cells for which an expression holds, cut by the units of the region."""
    holds = np.zeros(fields.grid.shape, bool)
    for rows, columns in fields.blocks():
        holds[rows, columns] = true_where(spec["where"], fields.at(rows, columns))
    numbers, cells = label(holds)
    small = cells * cell_km2(fields.grid) < spec["smallest_km2"] - 1e-9
    numbers[small[numbers]] = 0
    table = outlines(numbers, fields.grid)
    table["zone"] = [f"patch {n}" for n in table.get("patch", [])]
    return table


def segments(spec, fields, layers):
    """A line layer cut into pieces of `length_m`, each with its `line` and the strips beside it.

    The last piece of a line is shorter; the strips, columns `left` and `right`, are `side_m` wide.
    """
    lines = select(layers[spec["layer"]], spec.get("where")).explode(index_parts=False)
    lines = lines.clip(tuple(fields.grid.boundingbox)).explode(index_parts=False)
    lines = lines[lines.geom_type == "LineString"]
    label = _names(lines, "name" if "name" in lines else None)
    names, pieces, of = [], [], []
    for name, line in zip(label, lines.geometry, strict=True):
        for i, piece in enumerate(_cut(line, spec["length_m"])):
            names.append(f"{name}, km {i * spec['length_m'] / 1000:.0f}")
            pieces.append(piece)
            of.append(str(name))
    side = spec["side_m"]
    return gpd.GeoDataFrame(
        {
            "zone": names,
            "line": of,
            "left": shapely.buffer(pieces, side, single_sided=True),
            "right": shapely.buffer(pieces, -side, single_sided=True),
        },
        geometry=pieces,
    )


def points(spec, fields, layers):
    """Discs around the features of a layer, with its columns."""
    table = features(spec, fields, layers)
    return table.set_geometry(table.buffer(spec["radius_m"]))


def key_patches(spec, fields, layers):
    """Patches of key habitat."""
    return _numbered(fields, "key_patch", "key patch ")


def key_areas(spec, fields, layers):
    """Clusters of key patches: each number of the map `key_area`."""
    return _numbered(fields, "key_area", "key area ")


ZONES = {
    "tiles": tiles,
    "features": features,
    "mask": mask,
    "segments": segments,
    "points": points,
    "patches": key_patches,
    "key_areas": key_areas,
}


# -------------------------------------------------------------------------------- the measures


def _statistic(name):
    def measured(what, zones, fields):
        return zonal(what, zones.geometry, fields, name)

    return measured


def _share(what, zones, fields):
    def true(maps):
        return np.where(np.isfinite(maps["habitat"]), _holds(what, maps), np.nan)

    return zonal(true, zones.geometry, fields)


def _area(what, zones, fields):
    cells = zonal(lambda maps: _holds(what, maps), zones.geometry, fields, "sum")
    return cells * cell_km2(fields.grid)


def _patch_share(what, zones, fields):
    """The largest share of any one key patch, or breeding patch, that lies in the zone."""
    cells = np.zeros(1)
    for rows, columns in fields.blocks():
        found = np.bincount(fields.window("key_patch", rows, columns).astype(int).ravel())
        cells = np.pad(cells, (0, max(found.size - cells.size, 0)))
        cells[: found.size] += found
    zone, pieces = _pieces(zones.geometry.to_numpy(), fields.grid)
    table = gpd.GeoDataFrame(geometry=pieces, crs=str(fields.grid.crs))
    source = fields.source(lambda maps: np.where(maps[what], maps["key_patch"], 0))
    found = exact_extract(source, table, ["unique", "frac", "count"], output="pandas")
    inside: list[Counter] = [Counter() for _ in range(len(zones))]
    for i, count, unique, frac in zip(
        zone, found["count"], found["unique"], found["frac"], strict=True
    ):
        inside[i].update({int(n): f * count for n, f in zip(unique, frac, strict=True) if n > 0})
    return np.array(
        [max((c / cells[n] for n, c in found.items()), default=0.0) for found in inside]
    )


def _side(name):
    def measured(what, zones, fields):
        return zonal(what, zones[name], fields)

    return measured


def _field(what, zones, fields):
    return pd.to_numeric(zones[what], errors="coerce").to_numpy("float64")


MEASURES = {
    "mean": _statistic("mean"),
    "minimum": _statistic("min"),
    "maximum": _statistic("max"),
    "share": _share,
    "area": _area,
    "patch_share": _patch_share,
    "left_mean": _side("left"),
    "right_mean": _side("right"),
    "field": _field,
}


# ------------------------------------------------------------------------------------- helpers


def _holds(what, maps) -> np.ndarray:
    """Where an expression is true, as 0 and 1."""
    return np.asarray(true_where(what, maps)).astype("float64")


def _numbered(fields, name, words) -> gpd.GeoDataFrame:
    """The patches of a map of numbers."""
    table = outlines(fields[name].astype("int32"), fields.grid)
    return table.assign(zone=[f"{words}{n}" for n in table.get("patch", [])])


def _named_by_middle(x, y, side, grid) -> list[str]:
    """A name in words and degrees for each square: '7.1 km block at 41.39° N 75.94° E'."""
    to_degrees = Transformer.from_crs(grid.crs.proj, 4326, always_xy=True)
    lon, lat = to_degrees.transform(x, y)
    digits = 2 if side >= 3000 else 4
    return [
        f"{side / 1000:.2g} km block at {abs(b):.{digits}f}° {'S' if b < 0 else 'N'} "
        f"{abs(a):.{digits}f}° {'W' if a < 0 else 'E'}"
        for a, b in zip(lon, lat, strict=True)
    ]


def _names(table, field):
    """What a column calls each feature; where it is blank, or none, the number of its row."""
    rows = pd.Series(table.index.astype(str), table.index)
    if not field:
        return rows.to_numpy()
    told = table[field].astype(str).where(table[field].notna(), "")
    return told.where(told.str.strip() != "", "no name " + rows).to_numpy()


def _cut(line, length_m):
    """Pieces of one length; the last is shorter."""
    steps = np.arange(0, line.length, length_m)
    return [shapely.ops.substring(line, a, min(a + length_m, line.length)) for a in steps]
