"""What a scenario adds to vector layers and takes away: the features by name."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
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


def table(changes: Mapping[str, Change]) -> pd.DataFrame:
    """One row for each layer of which features come or go: what, with length or area."""
    rows = []
    for layer, change in changes.items():
        come, gone = _without(change.after, change.before), _without(change.before, change.after)
        if come or gone:
            rows.append((change.title or layer, *map(_named, (come, gone))))
    return pd.DataFrame(rows, columns=["layer", "comes", "goes"])


# ------------------------------------------------------------------------------------- helpers


def _without(table, other) -> list[str]:
    """The features of a table that the other has not, in words; each as often as it has it not."""
    left = Counter(_keys(table))
    left.subtract(_keys(other))
    out = []
    for key, words in zip(_keys(table), _words(table), strict=True):
        if left[key] > 0:
            left[key] -= 1
            out.append(words)
    return out


def _keys(table) -> list[tuple]:
    """What makes features the same: their shape and all their columns."""
    if table is None:
        return []
    columns = table.drop(columns=table.geometry.name).astype(str)
    shapes = shapely.to_wkb(table.geometry.to_numpy())
    return [(shape, *row) for shape, row in zip(shapes, columns.to_numpy().tolist(), strict=True)]


def _words(table) -> list[str]:
    if table is None:
        return []
    column = next((name for name in ("name", "id") if name in table), None)
    named = [""] * len(table) if column is None else table[column].fillna("").astype(str)
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
