"""Zones: the pieces of land that a recommendation rule looks at, and what is measured in them.

A zone table has `geometry` (what is shown), `zone` (a name) and, for segments, `left` and `right`
(the strips on both sides). Maps are read by windows (`Fields`), so memory follows the zones, but
where masks or patches become zones: 5 bytes a cell.
"""

from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.config.expressions import holds as true_where
from manul.config.types import Zones
from manul.grid.crs import transformer
from manul.grid.features import POLYGONS, select
from manul.grid.fields import Fields
from manul.pages.amounts import amount
from manul.products.cover import Cover, windows
from manul.products.key_habitat import cell_km2
from manul.products.outlines import outlines
from manul.products.patches import label

KM2 = 1e6
REST_M = 1.0  # what is left of a line behind its last piece makes no piece if it is shorter


def find(spec: Zones, fields: Fields, layers: Mapping[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """The zones that a block `{kind, ...}` names: one row each, in the grid's CRS (metres).

    Each has a `geometry` and its own columns (those of a feature, `patch` ...). KeyError for
    a layer or a map that the job was not told of.
    """
    table = ZONES[spec["kind"]](spec, fields, layers)
    return table.set_crs(str(fields.grid.crs), allow_override=True).reset_index(drop=True)


class Measures:
    """Zones to be measured, in one set of maps or in many: the cells of each are found once."""

    def __init__(self, zones: gpd.GeoDataFrame, grid):
        self.zones, self.grid = zones, grid
        self._covers: dict[str, Cover] = {}
        self._last: tuple[Fields | None, dict] = None, {}

    def cover(self, column: str = "geometry") -> Cover:
        """The cells of the zones, or of the strips beside them."""
        if column not in self._covers:
            self._covers[column] = Cover(self.zones[column].to_numpy(), self.grid)
        return self._covers[column]

    def measure(self, how: dict, fields: Fields) -> np.ndarray:
        """One number, or word, for each zone: shape (zones,); NaN where no cell of it is known.

        `how` is {measure: expression}: `mean`, `minimum` or `maximum` of a cell expression in its
        unit; `share` (0..1) and `area` (km2) of the zone where a condition holds; `patch_share` of
        a patch in the zone; `left_mean`, `right_mean` beside a piece of a line; `field`, a column
        of the zone. Rules that look at the same zones often ask for the same: the answers for the
        last `fields` are kept.
        """
        if self._last[0] is not fields:
            self._last = fields, {}
        made = self._last[1]
        ((statistic, what),) = how.items()
        if (statistic, what) not in made:
            made[statistic, what] = np.asarray(MEASURES[statistic](what, self, fields))
        return made[statistic, what]


def zonal(what: str | Callable, shapes, fields: Fields, statistic: str = "mean") -> np.ndarray:
    """A statistic of the known cells in each polygon, weighted by the covered share of a cell.

    `statistic`: mean, sum, min or max.
    """
    cover = Cover(np.asarray(shapes, object), fields.grid)
    return getattr(cover, statistic)(what, fields)


# ----------------------------------------------------------------------------------- the zones


def tiles(spec, fields, layers):
    """Square blocks of one area that cover the region, where habitat is known, cut by its edges."""
    box, side = fields.grid.boundingbox, np.sqrt(spec["area_km2"] * KM2)
    west = np.arange(box.left, box.right, side)
    south = np.arange(box.bottom, box.top, side)
    xx, yy = (a.ravel() for a in np.meshgrid(west, south))
    block = shapely.box(xx, yy, np.fmin(xx + side, box.right), np.fmin(yy + side, box.top))
    x, y = shapely.get_coordinates(shapely.centroid(block)).T
    names = _named_by_middle(x, y, side, fields.grid)
    known = zonal(lambda maps: np.isfinite(maps["habitat"]), block, fields) > 0.5
    return gpd.GeoDataFrame({"zone": np.array(names)[known]}, geometry=block[known])


def features(spec, fields, layers):
    """The polygons of a layer, as they stand."""
    table = _named(spec, layers)
    return table[table.geom_type.isin(POLYGONS)]


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
    table = _named(spec, layers)
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


def _named(spec, layers):
    table = select(layers[spec["layer"]], spec.get("where"))
    field = spec.get("id_field", "name" if "name" in table else None)
    return table.assign(zone=_names(table, field))


# -------------------------------------------------------------------------------- the measures


def _statistic(name, column="geometry"):
    def measured(what, measures, fields):
        cover = measures.cover(column)
        return getattr(cover, name)(what, fields)

    return measured


def _share(what, measures, fields):
    def true(maps):
        return np.where(np.isfinite(maps["habitat"]), _holds(what, maps), np.nan)

    return measures.cover().mean(true, fields)


def _area(what, measures, fields):
    found = measures.cover().sum(lambda maps: _holds(what, maps), fields)
    return found * cell_km2(fields.grid)


def _patch_share(what, measures, fields):
    """The largest share of any one key patch, or breeding patch, that lies in the zone."""
    cover, cells = measures.cover(), _sizes(fields)
    pairs, covered = [np.zeros(0, "int64")], list[np.ndarray]([np.zeros(0)])
    for runs, at in windows(cover, fields):
        maps = fields.at(*at)
        wanted = np.where(maps[what], maps["key_patch"], 0).astype("int64")
        for zone, row, column, weight in runs.cells():
            patch = wanted[row, column]
            inside = patch > 0
            pair = zone[inside] * len(cells) + patch[inside]
            found, which = np.unique(pair, return_inverse=True)
            pairs.append(found)
            covered.append(np.bincount(which, weight[inside], minlength=len(found)))
    pair, which = np.unique(np.concatenate(pairs), return_inverse=True)
    share = np.bincount(which, np.concatenate(covered), minlength=len(pair))
    out = np.zeros(cover.number)
    np.maximum.at(out, pair // len(cells), share / cells[pair % len(cells)])
    return out


def _sizes(fields) -> np.ndarray:
    """How many cells each key patch has; what is none counts as 0."""
    cells = np.zeros(1, "int64")
    for at in fields.blocks():
        numbers = fields.window("key_patch", *at).astype("int64")
        found = np.bincount(np.maximum(numbers, 0).ravel())
        short, long = sorted([found, cells], key=len)
        long[: len(short)] += short
        cells = long
    return cells


def _field(what, measures, fields):
    return pd.to_numeric(measures.zones[what], errors="coerce").to_numpy("float64")


MEASURES = {
    "mean": _statistic("mean"),
    "minimum": _statistic("min"),
    "maximum": _statistic("max"),
    "share": _share,
    "area": _area,
    "patch_share": _patch_share,
    "left_mean": _statistic("mean", "left"),
    "right_mean": _statistic("mean", "right"),
    "field": _field,
}


# ------------------------------------------------------------------------------------- helpers


def _holds(what, maps) -> np.ndarray:
    """Where an expression is true, as 0 and 1."""
    return np.asarray(true_where(what, maps)).astype("float64")


def _numbered(fields, name, words) -> gpd.GeoDataFrame:
    """The patches of a map of numbers."""
    table = outlines(np.nan_to_num(fields[name]).astype("int32"), fields.grid)
    return table.assign(zone=[f"{words}{n}" for n in table.get("patch", [])])


def _named_by_middle(x, y, side, grid) -> list[str]:
    """A name in words and degrees for each square: '7.1 km block at 41.39° N 75.94° E'."""
    lon, lat = transformer(str(grid.crs), 4326).transform(x, y)
    digits = 2 if side >= 3000 else 4
    return [
        f"{amount(side / 1000)} km block at {abs(b):.{digits}f}° {'S' if b < 0 else 'N'} "
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
    """Pieces of one length; the last is shorter, or longer by less than `REST_M`."""
    steps = np.arange(0, max(line.length - REST_M, length_m / 2), length_m)
    ends = [*steps[1:], line.length]
    return [shapely.ops.substring(line, a, b) for a, b in zip(steps, ends, strict=True)]
