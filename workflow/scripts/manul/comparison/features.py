"""What a scenario adds to vector layers and takes away: the features by name."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.grid.features import LINES, POLYGONS
from manul.pages.amounts import amount

SHOWN = 6  # features by name; more are counted


class Change(NamedTuple):
    """A layer of both runs; None where one has none."""

    title: str
    before: gpd.GeoDataFrame | None
    after: gpd.GeoDataFrame | None


def table(changes: Mapping[str, Change], region: shapely.Polygon) -> pd.DataFrame:
    """One row for each layer of which features come or go in the region: what, how long or large.

    Layers may have been read to different distances beyond the region.
    """
    rows = []
    for layer, (title, *sides) in changes.items():
        before, after = (None if of is None else _within(of, region) for of in sides)
        come, gone = _without(after, before), _without(before, after)
        if come or gone:
            rows.append((title or layer, *map(_named, (come, gone))))
    return pd.DataFrame(rows, columns=["layer", "comes", "goes"])


# ------------------------------------------------------------------------------------- helpers


def _within(table, region) -> gpd.GeoDataFrame:
    cut = shapely.intersection(table.geometry.to_numpy(), region)
    return table.set_geometry(cut, crs=table.crs)[~shapely.is_empty(cut)]


def _without(table, other) -> list[str]:
    """The features of a table that the other has not, in words; each as often as it has it not."""
    if table is None:
        return []
    shared = [column for column in table if other is None or column in other]
    keys = _keys(table, shared)
    left = Counter(keys)
    left.subtract([] if other is None else _keys(other, shared))
    out = []
    for key, words in zip(keys, _words(table), strict=True):
        if left[key] > 0:
            left[key] -= 1
            out.append(words)
    return out


def _keys(table, columns) -> list[tuple]:
    """What makes features the same: their shape and the columns that both tables have."""
    shapes = shapely.to_wkb(shapely.normalize(table.geometry.to_numpy()))
    told = [map(_text, table[name]) for name in columns if name != table.geometry.name]
    return list(zip(shapes, *told, strict=True))


def _text(value) -> str:
    """A value as text: numbers alike whatever their kind, nothing for one that is blank."""
    if pd.isna(value):
        return ""
    return f"{value:.12g}" if isinstance(value, float | np.floating) else str(value)


def _words(table) -> list[str]:
    column = next((name for name in ("name", "id") if name in table), None)
    named = [""] * len(table) if column is None else map(_text, table[column])
    return [
        " ".join(filter(None, [name or "(no name)", _size(shape)]))
        for name, shape in zip(named, table.geometry, strict=True)
    ]


def _size(shape) -> str:
    """Length or area in words; a point has none."""
    if shape is not None and shape.geom_type in LINES:
        return f"({amount(shape.length / 1000)} km)"
    if shape is not None and shape.geom_type in POLYGONS:
        return f"({amount(shape.area / 1e6)} km²)"
    return ""


def _named(found) -> str:
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "; ".join([*found[:SHOWN], *more])
