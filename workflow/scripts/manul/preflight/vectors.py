"""Preflight of vector layers and tables of field records.

Features that reach the region are kept in `tables` (layer: GeoDataFrame in the region's CRS), so
that the checks of the model need not read them again.
"""

import ast
from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem

import numpy as np
import shapely
from pyproj import CRS
from rasterio.warp import transform_bounds

from manul import digests
from manul.config import expressions, selection, states
from manul.config.hints import counted
from manul.config.nodes import layers_of
from manul.grid import features
from manul.grid.region import bounds, grid_of
from manul.preflight.findings import Problem, bad
from manul.preflight.places import SWAPPED, corners, impossible, is_swapped
from manul.records import field_tables, layer_files

COVERED = 0.98  # of the region: less is told
SEVERAL = 10  # features from which the box of a layer tells where it ends
EMPTY = 0.25  # of the width or height of the region without a feature: it is asked why
SLIPS = 0.1  # of the records: fewer that lie far off may be slips of the pen
LISTED = 5  # rows that are named
READ = "tables of records that were read"

# By kind of surface: the column whose words need a number, and where the config has it.
NUMBERED = {
    "poison": ("compound", ("compounds",)),
    "burrow_density": ("method", ("burrows", "detection")),
}


def check_vector(name, block, config, tables) -> Iterator[Problem]:
    """The problems of a vector layer."""
    try:
        table, changes = layer_files.read_layer(block["path"], block)
    except layer_files.FileFault as fault:
        yield _told(name, block, fault.told)
        return
    except features.LayerError as error:
        yield _strange_fields(name, block, error)
        return
    for change in changes:
        yield _told(name, block, change, "warning")
    if table.crs is None and not block.get("crs"):
        yield bad(
            name, block, "no CRS", "a coordinate system",
            "Assign the right one in a GIS, or name it with the key `crs`",
        )  # fmt: skip
        return
    lost = int((table.geometry.isna() | table.geometry.is_empty).sum())
    if 0 < lost < len(table):
        yield bad(
            name, block, f"{lost} of {counted(len(table), 'feature')} without a geometry",
            "a place for each", "They count for nothing; draw them, or take them out",
            field="geometry", severity="warning",
        )  # fmt: skip
    yield from _shapes(name, block, table, config, tables)


def check_records(name, block, config, tables) -> Iterator[Problem]:
    """The problems of a table of field records, row by row."""
    try:
        day = states.closed_on(config)
        read = _once(tables, block, day)
        found = read("rows", lambda: field_tables.read(block["path"], block, day))
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
    table = read("features", lambda: field_tables.features(found, block))
    yield from _words_without_number(name, block, table, config)
    spec = field_tables.schemas()["tables"][block["table"]]
    if not spec["positions"] and "geom" not in spec["fields"]:
        if block.get("extent"):
            yield bad(
                name, block, f"an extent of a table {block['table']}, which has no places", "none",
                "Take the key `extent` out", field="extent",
            )  # fmt: skip
        return  # a table without places, such as distances from a line
    lost = int(table.geometry.isna().sum())
    if lost:
        yield bad(
            name, block, f"{counted(lost, 'row')} without a position", "a position",
            "They count only in surfaces that have districts", severity="warning",
        )  # fmt: skip
    if lost < len(table):
        placed = table[table.geometry.notna()]
        yield from _shapes(name, block, placed, config, tables)
        yield from _far(name, block, placed, config)
    elif block.get("extent"):
        yield from _extent(name, block, config)


def _once(tables, *of) -> Callable:
    """What a function makes of a block, made once for all scenarios that have the same block."""
    kept = tables.setdefault(READ, {}).setdefault(digests.digest(*of), {})

    def remembered(what, make):
        if what not in kept:
            kept[what] = make()
        return kept[what]

    return remembered


def _words_without_number(name, block, rows, config) -> Iterator[Problem]:
    """Words of a table for which the config has no number, though a surface needs one."""
    for kind, (column, keys) in NUMBERED.items():
        uses = (s for s in config["surfaces"].values() if s["kind"] == kind)
        if column in rows and any(name in layers_of(surface) for surface in uses):
            known = reduce(getitem, keys, config)
            strange = sorted(set(map(str, rows[column].dropna())) - set(known))
            if strange:
                where = ".".join(keys)
                yield bad(
                    name, block, ", ".join(map(repr, strange[:8])), f"one of {', '.join(known)}",
                    f"Add it to `{where}` of the config, or correct the rows", field=column,
                )  # fmt: skip


def held(table, condition) -> str:
    """What the columns of a condition hold, to mend a spelling."""
    told = []
    for column in expressions.names(condition):
        values = sorted(map(str, table[column].dropna().unique()))
        more = ", ..." if len(values) > 8 else ""
        told.append(f"{column} holds {', '.join(values[:8]) or 'nothing'}{more}")
    return "; ".join(told)


def _shapes(name, block, table, config, tables) -> Iterator[Problem]:
    wrong = [*_filtered(name, block, table), *_dated(name, block, table)]
    crs = CRS.from_user_input(block.get("crs") or table.crs)
    drawn = table[~(table.geometry.isna() | table.geometry.is_empty)]
    if not len(drawn):
        wrong.append(bad(name, block, "no feature with a geometry", "at least one"))
    else:
        wrong += [*_coordinates(name, block, drawn, crs, config["region"])]
        wrong += _broken(name, block, drawn)
    yield from wrong
    if any(problem.severity == "error" for problem in wrong):
        return
    grid = grid_of(config["region"])
    near = features.prepare_vector(table, block, grid, _reach_m(config, name))
    yield from (
        _extent(name, block, config) if block.get("extent") else _gaps(name, block, near, config)
    )
    yield from _for_products(name, block, near, config)
    is_units = name == config["region"]["units"]
    near = features.for_products(near, selection.columns_wanted(config, name), is_units)
    tables[name] = near
    if not len(near):
        yield _elsewhere(name, block, drawn.total_bounds, crs, config)


def _far(name, block, placed, config) -> Iterator[Problem]:
    """Records that no map uses as they lie beyond reach of the region; few may be slips."""
    grid = grid_of(config["region"])
    left, bottom, right, top = bounds(grid, _reach_m(config, name))
    try:
        placed = features.select(placed, block.get("filter"))
    except features.LayerError:
        return  # told of already
    near = placed.to_crs(grid.crs).cx[left:right, bottom:top].index
    far = placed.drop(near)
    if 0 < len(far) < len(placed):
        few = len(far) <= max(SLIPS * len(placed), 1)
        more = ", ..." if len(far) > LISTED else ""
        yield bad(
            name, block, f"{counted(len(far), 'record')} of {len(placed)} beyond reach of the "
            "region", "places in it",
            "No map uses them" + (": is a coordinate mistyped?" if few else ""),
            row=", ".join(map(str, far["row"][:LISTED])) + more,
            severity="warning" if few else "note",
        )  # fmt: skip


def _extent(name, block, config) -> Iterator[Problem]:
    """How much of the region a layer does not cover, as it says itself."""
    grid = grid_of(config["region"])
    box = shapely.box(*bounds(grid))
    try:
        known = features.surveyed(block["extent"], grid, selection.margin_m(config, name))
    except (features.LayerError, OSError, RuntimeError, ValueError) as error:
        yield bad(
            name, block, str(error), "polygons that cover the region, or its bounds",
            "Mend the key `extent`", field="extent",
        )  # fmt: skip
        return
    share = known.intersection(box).area / box.area
    if share < COVERED:
        yield bad(
            name, block, f"an extent of {100 * share:.0f} % of the region", "the whole region",
            "Outside it the surfaces of this layer are unknown", field="extent",
            severity="warning",
        )  # fmt: skip


def _gaps(name, block, near, config) -> Iterator[Problem]:
    """How much of the region a layer does not seem to cover."""
    grid = grid_of(config["region"])
    box = shapely.box(*bounds(grid))
    if len(near) < SEVERAL or not selection.makes_surfaces(config, name):
        return
    left, bottom, right, top = box.bounds
    west, south, east, north = near.total_bounds
    gaps = {
        "west": (west - left) / (right - left), "south": (south - bottom) / (top - bottom),
        "east": (right - east) / (right - left), "north": (top - north) / (top - bottom),
    }  # fmt: skip
    wide = {side: gap for side, gap in gaps.items() if gap > EMPTY}
    if wide:
        told = ", ".join(f"the {100 * gap:.0f} % in the {side}" for side, gap in wide.items())
        yield bad(
            name, block, f"no feature in {told} of the region", "features in all of it",
            "There the surfaces say that there is none; if the layer was not made for that part, "
            "say with the key `extent` where it was", field="extent", severity="warning",
        )  # fmt: skip


def _for_products(name, block, near, config) -> Iterator[Problem]:
    """What maps and tables will lack, or call by another name."""
    wanted = selection.columns_wanted(config, name)
    spelt = {told: column for column, told in features.by_case(near, wanted).items()}
    for column in wanted:
        if column in spelt:
            yield bad(
                name, block, f"a column {spelt[column]!r}", f"{column!r}",
                "It is taken for it", field=column, severity="note",
            )  # fmt: skip
        elif column not in near:
            yield bad(
                name, block, "no such column", "a column for maps and tables",
                "It is blank for every feature; add it, or name the team's own with `fields`",
                field=column, severity="note",
            )  # fmt: skip
    if name == config["region"]["units"] and "name" in near:
        names = near["name"].dropna().astype(str).str.strip()
        twice = sorted(names[(names != "") & names.duplicated()].unique())
        bare = len(near) - int((names != "").sum())
        if twice or bare:
            told = [f"several units called {', '.join(map(repr, twice[:8]))}"] if twice else []
            told += [f"{bare} of {len(near)} units without a name"] if bare else []
            yield bad(
                name, block, " and ".join(told), "a name of its own for each unit",
                "Each keeps its own row, with a number behind its name; merge what is one unit",
                field="name", severity="warning",
            )  # fmt: skip


def _told(name, block, change, severity="error") -> Problem:
    told = change.found, change.expected, change.done, change.row, change.field
    return bad(name, block, *told, severity)


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
        return
    yield from near_misses(name, block, "filter", block["filter"], table)


def _dated(name, block, table) -> Iterator[Problem]:
    for key in ("since", "until"):
        if block.get(key):
            try:
                features.days_of(table, key, block[key])
            except features.LayerError as error:
                yield bad(
                    name, block, str(error), "a column of years or days",
                    f"Mend the key `{key}`, or the column", field=key,
                )  # fmt: skip


def near_misses(name, block, field, condition, table) -> Iterator[Problem]:
    """Values that differ from a text of a condition only by case or blanks, so it misses them."""
    if not condition:
        return
    nodes = list(ast.walk(ast.parse(condition.strip(), mode="eval")))
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    named = dict.fromkeys(n.id for n in nodes if isinstance(n, ast.Name) and n.id in table)
    meant = {_folded(text) for text in texts}
    for column in named:
        values = table[column].dropna()
        values = values[[isinstance(value, str) for value in values]]
        near = values[[v not in texts and _folded(v) in meant for v in values]]
        if len(near):
            shown = ", ".join(map(repr, sorted(near.unique())[:8]))
            yield bad(
                name, block, f"{shown} in column {column} ({len(near)} of {len(table)} features)",
                f"the words of {condition!r}",
                "The condition takes them for another word, as case or blanks differ: name them in "
                "it too, or bring them in one form with `fields`", field=field, severity="warning",
            )  # fmt: skip


def _folded(text) -> str:
    return " ".join(text.split()).casefold()


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
    if is_swapped(transform_bounds(crs.to_wkt(), 4326, *box), region):
        why = SWAPPED
    return bad(name, block, found, expected, why)
