"""Features of a vector layer: filtered, clipped to the region and its reach, generalised."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from odc.geo.geobox import GeoBox

from manul.config.expressions import ExpressionError, evaluate, names
from manul.config.types import Layer
from manul.grid.region import bounds

GENERAL_M = 10_000  # cells to which places that are not public are generalised


class LayerError(ValueError):
    """A layer does not hold what the config says; the message names the layer and the mend."""


def with_fields(table, fields: dict):
    """The table with each column of `fields` under the name that the model uses.

    `fields` maps names to the team's column, or to `{from, values, other}`: `values` says what the
    column's values mean. Columns keep their old names too, where nothing takes them. Raises
    `LayerError` for a column that is not there and for values without a meaning.
    """
    made = {name: _field(table, name, field) for name, field in fields.items()}
    return table.assign(**made)


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


def plain_class(value) -> str:
    """A class as the config writes it: "2" for "02", " 2" and "2.0"."""
    text = str(value).strip()
    try:
        return f"{float(text):g}"
    except ValueError:
        return text


def prepare_vector(table: gpd.GeoDataFrame, block: Layer, grid: GeoBox, margin_m: float):
    """Filtered, in the grid's CRS, only features that reach the region and its margin."""
    if block.get("crs"):
        table = table.set_crs(block["crs"], allow_override=True)
    table = select(table, block.get("filter"))
    table = table.to_crs(str(grid.crs))
    table = _single_points(table[~(table.geometry.is_empty | table.geometry.isna())])
    left, bottom, right, top = bounds(grid, margin_m)
    return table.cx[left:right, bottom:top].reset_index(drop=True)


def _single_points(table):
    """Points in many parts as rows of their own, each with the whole row's values."""
    many = table.geom_type == "MultiPoint"
    if not many.any():
        return table
    parts = table[many].explode(index_parts=False)
    return pd.concat([table[~many], parts]).sort_index(kind="stable")


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


def general_cells(table: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """The 10 km cell, of a lattice that no data decides, that holds the middle of each feature."""
    middle = table.geometry.centroid
    left, bottom = (np.floor(side / GENERAL_M) * GENERAL_M for side in (middle.x, middle.y))
    cells = shapely.box(left, bottom, left + GENERAL_M, bottom + GENERAL_M)
    return gpd.GeoSeries(cells, index=table.index, crs=table.crs)
