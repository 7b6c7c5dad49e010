"""Zones: the pieces of land that a recommendation rule looks at, and what is measured in them.

A zone table has `geometry` (what is shown), `zone` (a name) and, for segments, `left` and `right`
(the strips on both sides). `fields` maps names to maps of the region's cells (float, NaN where
unknown).
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from odc.geo.geobox import GeoBox

from manul.config.expressions import evaluate
from manul.grid.features import select
from manul.products import key_habitat

KM2 = 1e6


def find(spec: dict, fields: dict, layers: dict, grid: GeoBox) -> gpd.GeoDataFrame:
    """The zones that a block `{kind, ...}` names."""
    table = ZONES[spec["kind"]](spec, fields, layers, grid)
    return table.set_crs(str(grid.crs), allow_override=True).reset_index(drop=True)


def measure(how: dict, zones: gpd.GeoDataFrame, fields: dict, grid: GeoBox) -> np.ndarray:
    """One number for each zone; `how` is {statistic: expression}."""
    ((statistic, what),) = how.items()
    return np.asarray(MEASURES[statistic](what, zones, fields, grid))


def zonal(array, shapes, grid: GeoBox, statistic: str = "mean") -> np.ndarray:
    """A statistic of the known cells in each polygon, weighted by the covered share of a cell."""
    return zonal_many({"only": array}, shapes, grid, statistic)["only"]


def zonal_many(arrays: dict, shapes, grid: GeoBox, statistic: str = "mean") -> dict:
    """`zonal` of several maps at once: the cover of each cell is found once for all."""
    if not len(shapes):
        return {name: np.zeros(0) for name in arrays}
    table = gpd.GeoDataFrame(geometry=np.asarray(shapes, object), crs=str(grid.crs))
    sources = [_source(array, grid, name) for name, array in arrays.items()]
    found = exact_extract(sources, table, [statistic], output="pandas")
    columns = [statistic] if len(arrays) == 1 else [f"{name}_{statistic}" for name in arrays]
    numbers = found[columns].to_numpy(dtype="float64", na_value=np.nan)
    return dict(zip(arrays, numbers.T, strict=True))


# ----------------------------------------------------------------------------------- the zones


def tiles(spec, fields, layers, grid):
    """Square blocks of one area that cover the region, where habitat is known."""
    box, side = grid.boundingbox, np.sqrt(spec["area_km2"] * KM2)
    west = np.arange(box.left, box.right, side)
    south = np.arange(box.bottom, box.top, side)
    xx, yy = (a.ravel() for a in np.meshgrid(west, south))
    square = shapely.box(xx, yy, xx + side, yy + side)
    names = [f"{int(x // 1000)}E{int(y // 1000)}N" for x, y in zip(xx, yy, strict=True)]
    known = zonal(np.isfinite(fields["habitat"]).astype("float64"), square, grid) > 0.5
    return gpd.GeoDataFrame({"zone": np.array(names)[known]}, geometry=square[known])


def features(spec, fields, layers, grid):
    """The features of a layer, as they stand."""
    table = select(layers[spec["layer"]], spec.get("where"))
    return table.assign(zone=_names(table, spec.get("id_field")))


def mask(spec, fields, layers, grid):
    """Patches of the cells for which an expression holds, cut by the units of the region."""
    numbers, cells = key_habitat.label(np.asarray(evaluate(spec["where"], fields), bool))
    small = cells * grid.resolution.x**2 / KM2 < spec["smallest_km2"] - 1e-9
    numbers[small[numbers]] = 0
    table = key_habitat.polygons(numbers, grid)
    table["zone"] = table.get("patch", pd.Series(dtype=int)).astype(str)
    return table


def segments(spec, fields, layers, grid):
    """A line layer cut into pieces of one length, each with the strips on both its sides."""
    lines = select(layers[spec["layer"]], spec.get("where")).explode(index_parts=False)
    lines = lines.clip(tuple(grid.boundingbox)).explode(index_parts=False)
    lines = lines[lines.geom_type == "LineString"]
    label = lines["name"] if "name" in lines else lines.index.astype(str)
    names, pieces = [], []
    for name, line in zip(label, lines.geometry, strict=True):
        for i, piece in enumerate(_cut(line, spec["length_m"])):
            names.append(f"{name}, km {i * spec['length_m'] / 1000:.0f}")
            pieces.append(piece)
    side = spec["side_m"]
    return gpd.GeoDataFrame(
        {
            "zone": names,
            "left": shapely.buffer(pieces, side, single_sided=True),
            "right": shapely.buffer(pieces, -side, single_sided=True),
        },
        geometry=pieces,
    )


def points(spec, fields, layers, grid):
    """Discs around the features of a layer, with its columns."""
    table = features(spec, fields, layers, grid)
    return table.set_geometry(table.buffer(spec["radius_m"]))


def key_patches(spec, fields, layers, grid):
    """Patches of key habitat."""
    numbers, _ = key_habitat.label(fields["key"] > 0)
    table = key_habitat.polygons(numbers, grid)
    return table.assign(zone=[str(n) for n in table.get("patch", [])])


def key_areas(spec, fields, layers, grid):
    """Clusters of key patches: each number of the map `key_area`."""
    table = key_habitat.polygons(fields["key_area"].astype(int), grid)
    return table.assign(zone=[f"key area {n}" for n in table.get("patch", [])])


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
    def measured(what, zones, fields, grid):
        array = np.asarray(evaluate(what, fields), "float64")
        return zonal(array, zones.geometry, grid, name)

    return measured


def _share(what, zones, fields, grid):
    true = np.asarray(evaluate(what, fields), bool).astype("float64")
    return zonal(np.where(np.isfinite(fields["habitat"]), true, np.nan), zones.geometry, grid)


def _area(what, zones, fields, grid):
    true = np.asarray(evaluate(what, fields), bool).astype("float64")
    return zonal(true, zones.geometry, grid, "sum") * grid.resolution.x**2 / KM2


def _patch_share(what, zones, fields, grid):
    """The largest share of any one patch of the map `what` that lies in the zone."""
    numbers, cells = key_habitat.label(fields[what] > 0)
    table = gpd.GeoDataFrame(geometry=zones.geometry.to_numpy(), crs=str(grid.crs))
    found = exact_extract(
        _source(numbers.astype("float64"), grid), table, ["unique", "frac", "count"],
        output="pandas",
    )  # fmt: skip
    best = np.zeros(len(zones))
    for i, (count, unique, frac) in enumerate(
        zip(found["count"], found["unique"], found["frac"], strict=True)
    ):
        parts = [f * count / cells[int(n)] for n, f in zip(unique, frac, strict=True) if n > 0]
        best[i] = max(parts, default=0.0)
    return best


def _side(name):
    def measured(what, zones, fields, grid):
        array = np.asarray(evaluate(what, fields), "float64")
        return zonal(array, zones[name], grid)

    return measured


def _field(what, zones, fields, grid):
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


def _source(array, grid, name="only"):
    box = grid.boundingbox
    return NumPyRasterSource(
        np.asarray(array, "float64"), box.left, box.bottom, box.right, box.top,
        nodata=np.nan, name=name, srs_wkt=grid.crs.to_wkt(),
    )  # fmt: skip


def _names(table, field):
    return (table[field] if field else table.index).astype(str).to_numpy()


def _cut(line, length_m):
    """Pieces of one length; the last is shorter."""
    steps = np.arange(0, line.length, length_m)
    return [shapely.ops.substring(line, a, min(a + length_m, line.length)) for a in steps]
