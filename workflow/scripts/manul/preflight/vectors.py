"""Preflight of vector layers and tables of field records.

Features that reach the region are kept in `tables` (layer: GeoDataFrame in the region's CRS), so
that the checks of the model need not read them again.
"""

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from pyproj import CRS
from rasterio.warp import transform_bounds

from manul.config import expressions, selection
from manul.config.hints import counted
from manul.grid import features, vectors
from manul.grid.region import bounds, grid_of
from manul.preflight.findings import Problem, bad
from manul.preflight.places import corners, impossible, is_swapped
from manul.records import field_tables


def check_vector(name, block, config, tables) -> Iterator[Problem]:
    """The problems of a vector layer."""
    parts = [str(part) for part, _ in pyogrio.list_layers(block["path"])]
    if len(parts) > 1:
        yield bad(
            name, block, f"{len(parts)} layers in the file: {', '.join(parts)}", "one",
            f"The first, {parts[0]!r}, is used", severity="warning",
        )  # fmt: skip
    table = vectors.read_rows(block["path"], parts[0] if parts else None)
    if not len(table) or not isinstance(table, gpd.GeoDataFrame):
        found = "no features" if not len(table) else "a table without geometry"
        yield bad(
            name, block, found, "at least one feature",
            "An empty layer cannot be told from a lost one; for a layer that does not exist "
            "write `kind: absent`",
        )  # fmt: skip
        return
    if table.crs is None and not block.get("crs"):
        yield bad(
            name, block, "no CRS", "a coordinate system",
            "Assign the right one in a GIS, or name it with the key `crs`",
        )  # fmt: skip
        return
    try:
        table = features.with_fields(table, block.get("fields", {}))
    except features.LayerError as error:
        yield _strange_fields(name, block, error)
        return
    yield from _shapes(name, block, table, config, tables)


def check_records(name, block, config, tables) -> Iterator[Problem]:
    """The problems of a table of field records, row by row."""
    try:
        found = field_tables.read(block["path"], block)
    except features.LayerError as error:
        yield _strange_fields(name, block, error)
        return
    severity = "error" if block["on_rejected"] == "stop" else "warning"
    for row in found.rejected.itertuples():
        why = str(row.reason).partition("; ")[2] or str(row.reason)
        value = repr(str(row.value)[:60]) if row.value else "nothing"
        why = why[0].upper() + why[1:].removesuffix(".")
        yield bad(name, block, value, "", why, str(row.row), str(row.field), severity)
    if not len(found.accepted):
        yield bad(name, block, "no usable row", "at least one row", "Correct the rows of the table")
        return
    if len(found.normalised):
        told = f"{counted(len(found.normalised), 'value')} put in the form of the schema"
        yield Problem("note", name, block["path"], value=told)
    spec = field_tables.schemas()["tables"][block["table"]]
    if not spec["positions"] and "geom" not in spec["fields"]:
        return  # a table without places, such as distances from a line
    table = field_tables.features(found, block)
    lost = int(table.geometry.isna().sum())
    if lost:
        yield bad(
            name, block, f"{counted(lost, 'row')} without a position", "a position",
            "They count only in surfaces that have districts", severity="warning",
        )  # fmt: skip
    if lost < len(table):
        yield from _shapes(name, block, table[table.geometry.notna()], config, tables)


def held(table, condition) -> str:
    """What the columns of a condition hold, to mend a spelling."""
    told = []
    for column in expressions.names(condition):
        values = sorted(map(str, table[column].dropna().unique()))
        more = ", ..." if len(values) > 8 else ""
        told.append(f"{column} holds {', '.join(values[:8]) or 'nothing'}{more}")
    return "; ".join(told)


def _shapes(name, block, table, config, tables) -> Iterator[Problem]:
    wrong = list(_filtered(name, block, table))
    crs = CRS.from_user_input(block.get("crs") or table.crs)
    drawn = table[~(table.geometry.isna() | table.geometry.is_empty)]
    if not len(drawn):
        wrong.append(bad(name, block, "no feature with a geometry", "at least one"))
    else:
        wrong += [*_coordinates(name, block, drawn, crs, config["region"])]
        wrong += _broken(name, block, drawn)
    yield from wrong
    if wrong:
        return
    grid = grid_of(config["region"])
    near = features.prepare_vector(table, block, grid, _reach_m(config, name))
    tables[name] = near
    if not len(near):
        yield _elsewhere(name, block, drawn.total_bounds, crs, config)


def _strange_fields(name, block, error) -> Problem:
    return bad(
        name, block, "columns that `fields` does not describe", "the team's columns and values",
        f"Mend the key `fields`: {error}", field="fields",
    )  # fmt: skip


def _reach_m(config, name) -> float:
    """How far around the region features are looked at."""
    return max(selection.margin_m(config, name), selection.FAR_M)


def _filtered(name, block, table) -> Iterator[Problem]:
    if not block.get("filter"):
        return
    try:
        kept = features.select(table, block["filter"])
    except features.LayerError as error:
        yield bad(
            name, block, f"{block['filter']!r}", "a condition on the columns of the layer",
            f"Mend the key `filter`: {error}", field="filter",
        )  # fmt: skip
        return
    if not len(kept):
        yield bad(
            name, block,
            f"{block['filter']!r}, which keeps none of {counted(len(table), 'feature')}",
            "at least one", f"Mend the key `filter`; {held(table, block['filter'])}",
            field="filter",
        )  # fmt: skip


def _coordinates(name, block, drawn, crs, region) -> Iterator[Problem]:
    """The first feature whose coordinates cannot be."""
    boxes = drawn.bounds.to_numpy()
    told = list(impossible(name, block, crs, tuple(drawn.total_bounds), region))
    for i, box in enumerate(boxes) if told else ():
        mine = list(impossible(name, block, crs, tuple(box), region, str(drawn.index[i] + 1)))
        if mine:
            yield mine[0]
            return
    yield from told


def _broken(name, block, drawn) -> Iterator[Problem]:
    broken = np.flatnonzero(~shapely.is_valid(drawn.geometry.to_numpy()))
    if len(broken):
        why = shapely.is_valid_reason(drawn.geometry.iloc[broken[0]])
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        yield bad(
            name, block, f"{why}{more}", "valid geometries",
            "Mend them, for example with ogr2ogr -makevalid",
            row=str(drawn.index[broken[0]] + 1), field="geometry",
        )  # fmt: skip


def _elsewhere(name, block, box, crs, config) -> Problem:
    """No feature in reach: a wrong layer if its box is elsewhere, else a place without any."""
    grid, region = grid_of(config["region"]), config["region"]
    reach = bounds(grid, _reach_m(config, name))
    around = transform_bounds(str(grid.crs), crs.to_wkt(), *reach, densify_pts=21)
    found = f"features at {corners(box)}, none within reach of the region"
    expected = f"features near {region['bounds']} (west, south, east, north)"
    if shapely.box(*box).intersects(shapely.box(*around)):
        why = "Its surfaces say that there is none here"
        return bad(name, block, found, expected, why, severity="warning")
    why = (
        "Is this the layer of another place, or is its CRS wrong? If there is none here, write "
        "`kind: absent`"
    )
    if crs.is_geographic and is_swapped(box, region):
        why = "Longitude and latitude seem to be swapped: swap them"
    return bad(name, block, found, expected, why)
