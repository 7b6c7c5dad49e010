"""Features of a vector layer: filtered, clipped to the region and its reach, generalised."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from odc.geo.geobox import GeoBox
from rasterio.warp import transform_bounds

from manul.config import nodes
from manul.config.expressions import ExpressionError, evaluate, names
from manul.config.responses import plain_class
from manul.config.types import Layer, Node
from manul.grid.map_tags import EXTENT_TAG
from manul.grid.region import bounds

WIDE = 50.0  # degrees from which a shape is cut before it is projected
POLYGONS = ("Polygon", "MultiPolygon")
YEARS = (1800, 2200)  # what a column of years may hold: 0 or -9999 stands for something else
LINES = ("LineString", "MultiLineString")
PARTS = "manul_parts"  # column: how many points a row of points was drawn with


class LayerError(ValueError):
    """A layer does not hold what the config says; the message names the layer and the mend."""


def with_fields(table, fields: dict):
    """The table with each column of `fields` under the name that the model uses.

    `fields` maps names to the team's column, or to `{from, values, other}`: `values` says what the
    column's values mean. Columns keep their old names too, where nothing takes them; case does not
    make another name, as in a GeoPackage. Raises `LayerError` for a column that is not there and
    for values without a meaning.
    """
    made = {name: _field(table, name, field) for name, field in fields.items()}
    taken = {name.lower() for name in made}
    old = [c for c in table.columns if str(c).lower() in taken and c not in made]
    return table.drop(columns=old).assign(**made)


def _field(table, name, field) -> pd.Series:
    field = {"from": field} if isinstance(field, str) else field
    if field["from"] not in table:
        have = ", ".join(str(c) for c in table.columns if c != "geometry")
        raise LayerError(f"fields.{name}: no column {field['from']!r}; the columns are {have}")
    column = table[field["from"]]
    if "values" not in field:
        return column
    told = {plain_class(value): meaning for value, meaning in field["values"].items()}
    found = column.map(plain_class, na_action="ignore")
    strange = sorted(set(found.dropna()) - told.keys())
    if strange and "other" not in field:
        raise LayerError(
            f"fields.{name}: {field['from']} holds {', '.join(strange[:8])}, which `values` does "
            "not name; name them, or say with `other` what stands for the rest"
        )
    told |= dict.fromkeys(strange, field.get("other"))
    meant = found.map({value: None if m == "" else m for value, m in told.items()})
    return meant.infer_objects()


def prepare_vector(
    table: gpd.GeoDataFrame, block: Layer, grid: GeoBox, margin_m: float, day: str | None = None
) -> gpd.GeoDataFrame:
    """Filtered, in the grid's CRS, only features that reach the region and its margin.

    Of a layer with `since` or `until` what is there on the `day`.
    """
    if block.get("crs"):
        table = table.set_crs(block["crs"], allow_override=True)
    table = select(table, block.get("filter"))
    if day is not None:
        table = table[there_on(table, block, day)]
    table = _in_crs(table, grid, margin_m)
    table = _plain_shapes(table[~(table.geometry.is_empty | table.geometry.isna())])
    left, bottom, right, top = bounds(grid, margin_m)
    return table.cx[left:right, bottom:top].reset_index(drop=True)


def there_on(table: gpd.GeoDataFrame, block: Layer, day: str) -> pd.Series:
    """Which features are there on a day (ISO), by the columns that `since` and `until` name.

    A year alone is its first day; a blank tells of no beginning, of no end. Raises `LayerError` for
    a column that is not there or a text that is no day.
    """
    there = pd.Series(True, table.index)
    for key in ("since", "until"):
        if block.get(key):
            days = days_of(table, key, block[key])
            passed = days <= pd.Timestamp(day)
            there &= (passed | days.isna()) if key == "since" else ~passed
    return there


def days_of(table: gpd.GeoDataFrame, key: str, column: str) -> pd.Series:
    """A column as days; NaT where it is blank. Raises `LayerError`, see `there_on`."""
    if column not in table:
        known = ", ".join(name for name in table if name != "geometry")
        raise LayerError(f"{key}: there is no column {column!r}; the layer has {known}")
    values = table[column]
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.dt.tz_localize(None)
    if pd.api.types.is_numeric_dtype(values):
        strange = values[values.notna() & ((values != values // 1) | ~values.between(*YEARS))]
        if values.dtype == bool or len(strange):
            first = strange if len(strange) else values
            raise LayerError(
                f"{key}: column {column!r} holds {first.iloc[0]} in feature {first.index[0] + 1}, "
                f"expected a year from {YEARS[0]} to {YEARS[1]}, or a blank where none is known"
            )
        values = values.map(lambda year: f"{year:04.0f}", na_action="ignore")
    text = values.astype("string").str.strip()
    text = text.mask(text == "")
    days = pd.to_datetime(text, format="ISO8601", errors="coerce")
    wrong = text[text.notna() & days.isna()]
    if len(wrong):
        raise LayerError(
            f"{key}: column {column!r} holds {wrong.iloc[0]!r} in feature {wrong.index[0] + 1}, "
            "expected a year or a day such as 2021-10-01"
        )
    return days


def surveyed(extent, grid: GeoBox, margin_m: float):
    """The polygon of a layer's key `extent` in the grid's CRS, or None where there is none.

    `extent` is a vector file of polygons, or west, south, east, north in degrees. Raises
    `LayerError` for a file without polygons, or one that does not reach the region.
    """
    if extent is None:
        return None
    if isinstance(extent, str):
        names = [
            str(name) for name, kind in pyogrio.list_layers(extent)
            if kind is not None
            and pyogrio.read_info(extent, layer=name, force_feature_count=True)["features"]
        ]  # fmt: skip
        if len(names) > 1:
            raise LayerError(
                f"extent {extent}: it holds several layers, {', '.join(names)}; expected one of "
                "polygons, in a file of its own"
            )
        try:
            table = gpd.read_file(extent, layer=next(iter(names), None), engine="pyogrio")
        except shapely.errors.GEOSException as error:
            raise LayerError(f"extent {extent}: a shape cannot be read ({error})") from None
        if not isinstance(table, gpd.GeoDataFrame):
            raise LayerError(f"extent {extent}: a table without geometry; expected polygons")
        table = table.explode(index_parts=False)
        table = table[table.geom_type.isin(POLYGONS)]
    else:
        west, south, east, north = extent
        if not (west < east and south < north):
            raise LayerError(f"extent {extent}: expected west < east and south < north")
        step = max(east - west, north - south) / 100  # straight in degrees, curved on the grid
        table = gpd.GeoDataFrame(
            geometry=[shapely.segmentize(shapely.box(*extent), step)], crs=4326
        )
    if not len(table) or table.crs is None:
        raise LayerError(f"extent {extent}: expected polygons in a coordinate system")
    shapes = shapely.make_valid(_in_crs(table, grid, margin_m).geometry.to_numpy())
    whole = shapely.intersection(shapely.union_all(shapes), shapely.box(*bounds(grid, margin_m)))
    if not shapely.intersection(whole, shapely.box(*bounds(grid))).area:
        raise LayerError(f"extent {extent}: it does not reach the region")
    return whole


def extent_tags(block: Layer, grid: GeoBox, margin_m: float) -> dict[str, str]:
    """What a prepared layer says of where it was surveyed; nothing where its block does not."""
    found = surveyed(block.get("extent"), grid, margin_m)
    return {EXTENT_TAG: found.wkt} if found else {}


def strengths(node: Node, table: gpd.GeoDataFrame) -> np.ndarray:
    """What the node of an intensity makes of the columns of each feature; NaN where unknown."""
    classed = set(nodes.classed(node))
    found = nodes.evaluate(node, lambda _, name: _column(table[name], name in classed))
    return np.broadcast_to(np.asarray(found, "float32"), len(table))


def _column(series, classed) -> np.ndarray:
    """Numbers, NaN where the text is none; the text itself where classes are asked for."""
    if classed and not pd.api.types.is_numeric_dtype(series):
        return np.array(
            [plain_class(v) for v in series.astype(object).where(series.notna(), "")], str
        )
    return pd.to_numeric(series, errors="coerce").to_numpy("float64")


def by_case(table, wanted: list[str]) -> dict[str, str]:
    """Columns that are a wanted one but for capital letters, and its name."""
    lacking = {name.lower(): name for name in wanted if name not in table}
    found = {c: lacking[c.lower()] for c in table if isinstance(c, str) and c.lower() in lacking}
    return {column: name for column, name in found.items() if list(found.values()).count(name) == 1}


def for_products(table: gpd.GeoDataFrame, wanted: list[str], units: bool = False):
    """The table with the columns that products use, blank where it lacks them.

    A column that differs from a wanted one by capital letters alone is that one. Of units each has
    a name of its own: `(no name)`, and `Naryn (2)` for the second Naryn.
    """
    table = table.rename(columns=by_case(table, wanted))
    table = table.assign(**{column: None for column in wanted if column not in table})
    if "population" in wanted:
        people = pd.to_numeric(table["population"], errors="coerce")
        table = table.assign(population=people.astype("float64"))
    if not units or "name" not in table:
        return table
    names = table["name"].astype(str).str.strip().where(table["name"].notna(), "")
    names = names.where(names != "", "(no name)")
    number = (names.groupby(names).cumcount() + 1).astype(str)
    many = names.duplicated(keep=False)
    return table.assign(name=names.where(~many, names + " (" + number + ")"))


def _in_crs(table, grid, margin_m):
    """The table in the CRS of the grid; of shapes that span much of the world the part around it.

    The far corners of such a shape have no place in a projection of one region.
    """
    box = table.geometry.bounds
    wide = (box.maxx - box.minx > WIDE) | (box.maxy - box.miny > WIDE)
    if table.crs.is_geographic and wide.any():
        reach = bounds(grid, margin_m)
        around = transform_bounds(str(grid.crs), table.crs.to_wkt(), *reach, densify_pts=21)
        near = shapely.box(*around).buffer(WIDE / 10, join_style="mitre")
        shapes = table.geometry.copy()
        part = shapely.intersection(shapely.make_valid(shapes[wide].to_numpy()), near)
        shapes[wide] = shapely.segmentize(part, WIDE / 100)
        table = table.set_geometry(shapes)
    return table.to_crs(str(grid.crs))


def _plain_shapes(table):
    """Points in many parts and collections as rows of their own, each with the whole row's values.

    `PARTS` tells of how many points a row is one, so that they can share what the row has once.
    """
    many = ("MultiPoint", "GeometryCollection")
    if not table.geom_type.isin(many).any():
        return table
    table = table.reset_index(drop=True)
    while table.geom_type.isin(many).any():
        split = table.geom_type.isin(many)
        table = pd.concat([table[~split], table[split].explode(index_parts=False)])
    table = table[~table.geometry.is_empty].sort_index(kind="stable")
    is_point = table.geom_type == "Point"
    points = is_point.groupby(table.index).transform("sum")
    return table.assign(**{PARTS: points.where(is_point, 1).astype("int64")})


def prepare_records(features: gpd.GeoDataFrame, block: Layer, grid: GeoBox, margin_m: float):
    """`prepare_vector`, then the rows without a place: a district may stand for it."""
    placed = prepare_vector(features[features.geometry.notna()], block, grid, margin_m)
    rest = select(features[features.geometry.isna()], block.get("filter"))
    return pd.concat([placed, rest.to_crs(placed.crs)], ignore_index=True) if len(rest) else placed


def select(table: gpd.GeoDataFrame, condition: str | None) -> gpd.GeoDataFrame:
    """The rows for which a condition such as `status == 'operating'` holds.

    Raises `LayerError` for a condition that names no column of the table, is neither true nor
    false, or does more than compare.
    """
    if not condition:
        return table
    have = [str(c) for c in table.columns if c != "geometry"]
    try:
        unknown = [name for name in names(condition) if name not in have]
        if unknown:
            raise LayerError(f"there is no column {unknown[0]!r}")
        if table.empty:
            return table
        keep = evaluate(condition, table)
    except (ExpressionError, TypeError, ValueError) as error:
        raise LayerError(f"{error}; the columns are {', '.join(have)}") from None
    if np.ndim(keep) != 1 or pd.api.types.infer_dtype(keep, skipna=True) != "boolean":
        raise LayerError(
            f"{condition!r} is neither true nor false for a row; compare one of the columns "
            f"{', '.join(have)}"
        )
    return table[pd.Series(keep, table.index).astype("boolean").fillna(False).to_numpy(bool)]
