"""Preflight of what the config makes of its layers: surfaces, habitat, threats and rules.

`tables` holds the features near the region by layer; a layer that failed its own checks is not
there, and what builds on it is not told twice.
"""

import re
import string
from collections.abc import Iterator
from typing import cast

import numpy as np
import pandas as pd
import shapely

from manul.config import expressions, faults, nodes, selection
from manul.config.faults import SHAPES
from manul.config.hints import counted, hint, nearest
from manul.config.schema import analysis_kind
from manul.config.types import Config
from manul.grid import features
from manul.grid.region import bounds, grid_of
from manul.model import cells
from manul.preflight.findings import Problem, bad
from manul.preflight.rasters import ENDS
from manul.preflight.vectors import held, near_misses

SHARED = 0.01  # of the smaller of two units: what drawn borders may overlap by
SHAPES_OF_ZONES = {
    "features": (features.POLYGONS, "polygons"),
    "segments": (features.LINES, "lines"),
}
PLAIN_FORMAT = re.compile(r"[+]?,?(\.\d)?[efg%]?")  # of a number in a reason; no width


def check_places(config, tables) -> Iterator[Problem]:
    """What maps and tables rest on: the mask and the units of the region, units with sheets."""
    region = {role: config["region"][role] for role in ("mask", "units")}
    wanted = [(f"The {role} of the region", name, True) for role, name in region.items()]
    wanted += [("What `atlas.of` names", name, False) for name in config["atlas"]["of"] or ()]
    wanted += [("What `actions.within` names", n, False) for n in config["actions"]["within"]]
    for what, name, of_all in wanted:  # `of_all`: maps and tables are empty without it
        table, block = tables.get(name), config["layers"].get(name, {})
        if table is None:
            continue
        others = table[~table.geom_type.isin(features.POLYGONS)]
        if len(others):
            yield bad(
                name, block, _shapes_of(others), "polygons in the region",
                f"{what} must be a layer of polygons; take out what is none ({len(others)} of "
                f"{len(table)} features)", field="geometry",
            )  # fmt: skip
        elif of_all and _covers_nothing(table, config):
            yield bad(
                name, block, "polygons that cover no cell of the region",
                "polygons within its bounds", f"{what} would leave all maps and tables empty",
                field="geometry",
            )  # fmt: skip
    units, block = tables.get(region["units"]), config["layers"].get(region["units"], {})
    if units is not None:
        if "name" not in units:
            told = "The units of units.csv need their names"
            yield _no_column(region["units"], block, "name", units, told)
        yield from _overlaps(region["units"], block, units[units.geom_type.isin(features.POLYGONS)])


def _covers_nothing(table, config) -> bool:
    """Whether polygons have less than half a cell within the grid of the region."""
    grid = grid_of(config["region"])
    inside = shapely.intersection(table.geometry.to_numpy(), shapely.box(*bounds(grid)))
    return bool(shapely.area(inside).sum() < grid.resolution.x**2 / 2)


def _overlaps(name, block, table) -> Iterator[Problem]:
    """Units that share ground: a cell belongs to the later one alone."""
    shapes = table.geometry.to_numpy()
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    a, b = a[a < b], b[a < b]
    shared = shapely.area(shapely.intersection(shapes[a], shapes[b]))
    least = np.minimum(shapely.area(shapes[a]), shapely.area(shapes[b]))
    over = np.flatnonzero(shared > SHARED * least)
    if len(over):
        label = (table["name"] if "name" in table else table.index.to_series()).astype(str)
        first, second = (label.iloc[i[over[0]]] for i in (a, b))
        more = f" (and {len(over) - 1} more pairs)" if len(over) > 1 else ""
        yield bad(
            name, block,
            f"{first!r} and {second!r}, which share {shared[over[0]] / 1e6:.0f} km2{more}",
            "units that do not overlap",
            "The later one of the file takes the shared cells; mend the outlines",
            field="geometry", severity="warning",
        )  # fmt: skip


def check_surfaces(config, tables) -> Iterator[Problem]:
    """Scores, columns and reaches of each surface."""
    for surface, block in config["surfaces"].items():
        name = f"surface {surface}"
        for part in _parts(block):
            layer = config["layers"].get(part.get("layer"), {"kind": "absent"})
            table = tables.get(part.get("layer"))
            if table is not None and part.get("kind") and layer["kind"] in SHAPES:
                yield from _features(name, part, layer, table, config)
        yield from _travel_classes(name, block, config, tables)
        yield from _reach_and_error(name, block, config)


def check_habitat(config, tables) -> Iterator[Problem]:
    """Components and threats that cannot act, or whose values leave 0..1."""
    seen = {n: {"valid": tables[ENDS, n]} for n in config["layers"] if (ENDS, n) in tables}
    layers = {name: block | seen.get(name, {}) for name, block in config["layers"].items()}
    as_seen = cast(Config, {**config, "layers": layers})
    for fault in faults.out_of_range(as_seen) if seen else ():
        where, _, told = fault.partition(": ")
        yield Problem(
            "error", where, value=told.partition(", expected")[0], expected="0 to 1",
            mend="These values were seen in a layer that has no `valid`. Give the part a response "
            "that ends there, such as ramp, or the layer its `scale` or its `valid` range",
        )  # fmt: skip
    yield from _habitat_known(config)
    for name, component in config["habitat"]["components"].items():
        if component["weight"] == 0:
            yield _zero(f"component {name}", "The component plays no part")
    for name, threat in config["threats"].items():
        if threat["weight"] == 0:
            yield _zero(f"threat {name}", "The threat has no effect")
    for name, why in selection.not_assessed(config).items():
        yield Problem("note", name, value=f"no layer, so it is not assessed: {why}")


def _habitat_known(config) -> Iterator[Problem]:
    """Habitat that is unknown in every cell, since too few of its surfaces have a layer."""
    habitat = config["habitat"]
    there = dict.fromkeys(selection.available(config), np.full(1, 0.5))
    if not np.isnan(cells.habitat(there, habitat)["habitat"]).all():
        return
    absent = {
        layer: config["layers"][layer]["needs"]
        for surface in cells.inputs(*cells.parts(habitat))
        for layer in nodes.layers_of(config["surfaces"].get(surface, {}))
        if selection.is_absent(config, layer)
    }
    yield Problem(
        "error", "habitat", value="unknown in every cell: too few of its parts have a layer",
        expected=f"parts of {habitat['known_weight']:.0%} of the weights or more",
        mend="Give a layer, at best the first of: "
        + "; ".join(f"{name} ({needs})" for name, needs in absent.items()),
    )  # fmt: skip


def check_rules(config, tables, fields) -> Iterator[Problem]:
    """Maps, measures and columns that rules name; `fields` are all maps that there are."""
    skipped = selection.not_assessed(config)
    for name, rule in config["rules"].items():
        if name in skipped:
            continue
        made = _measures(rule)
        zones = rule["zones"]
        cells = [("zones.where", zones["where"], True)] if zones["kind"] == "mask" else []
        cells += [
            (f"measures.{m}", text, statistic in ("share", "area"))
            for m, how in rule["measures"].items()
            for statistic, text in how.items()
            if statistic not in ("field", "patch_share")
        ]
        known = [*fields, *rule["optional"]]
        for where, text, condition in cells:
            yield from _expression(f"rule {name}", where, text, known, "map", condition)
        yield from _expression(f"rule {name}", "when", rule["when"], made, "measure", True)
        yield from _kinds(name, rule, made)
        yield from _reason(name, rule["reason"], made)
        yield from _rule_columns(name, rule, config, tables)
        yield from _rule_shapes(name, zones, config, tables)


def check_threats_named(config) -> Iterator[Problem]:
    """Threats on which an action acts, or of which evidence tells, and that nobody knows.

    A region or a scenario may take one away, or bring one: its name is known then.
    """
    known = {*config["threats"], *(w.removeprefix("effect_") for w in config["taken_away"])}
    for scenario in config["scenarios"].values():
        known |= set((scenario.get("changes") or {}).get("threats") or {})
    for where, field, names in _threats_named(config):
        for name in names:
            if name not in known:
                yield Problem(
                    "warning", where, field=field, value=repr(name),
                    expected="a threat of the config",
                    mend="Nothing comes of it" + hint(name, config["threats"]),
                )  # fmt: skip


def check_completeness(config, fields) -> Iterator[Problem]:
    """Expressions of `tables.completeness`; a block whose maps are not there is left out.

    That is not told of a surface without a layer, or of one that went with its threat.
    """
    gone = [name.removeprefix("effect_") for name in config["taken_away"]]
    known = [*fields, *config["surfaces"], *gone, *(f"{name}_footprint" for name in gone)]
    for name, block in config["tables"]["completeness"].items():
        of = f"tables.completeness.{name}"
        for key in ("land", "near"):
            yield from _expression(of, key, block[key], known, "map", key == "near", "warning")


def check_analyses(config, tables) -> Iterator[Problem]:
    """Columns that analyses and the districts of events ask for."""
    for name in selection.analyses(config):
        block = config["analyses"][name]
        for key in analysis_kind(block["kind"])["x-needs"]:
            table, layer = tables.get(block[key]), config["layers"][block[key]]
            if table is None:
                continue
            for column in (v for k, v in block.items() if k.endswith("_field")):
                if column not in table:
                    yield _no_column(f"analysis {name}", layer, column, table)
            if block.get("where"):
                yield from _condition(f"analysis {name}", layer, "where", block["where"], table)
        for barrier in block.get("barriers", ()):
            table, layer = tables.get(barrier["layer"]), config["layers"][barrier["layer"]]
            if table is not None and barrier.get("where"):
                yield from _condition(f"analysis {name}", layer, "where", barrier["where"], table)
            counted = barrier.get("traffic", {}).get("field")
            if table is None or not counted:
                continue
            if counted not in table:
                yield _no_column(f"analysis {name}", layer, counted, table)
            else:
                yield from _numbers(f"analysis {name}", layer, counted, table)
    for surface, part in config["surfaces"].items():
        name = part.get("districts_layer")
        if name in tables and part["districts_field"] not in tables[name]:
            layer = config["layers"][name]
            yield _no_column(f"surface {surface}", layer, part["districts_field"], tables[name])


# ------------------------------------------------------------------------------------- surfaces


def _parts(block):
    yield block
    for value in block.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield from _parts(part)


def _features(name, block, layer, table, config) -> Iterator[Problem]:
    """What a surface asks of the features of a layer."""
    numbers = [block[key] for key in ("area_ha_field", "field") if block.get(key)]
    wanted = list(numbers)
    if "intensity" in block:
        numbers += _number_fields(block["intensity"])
        wanted = [*numbers, *nodes.leaves(block["intensity"], "field")]
    for column in dict.fromkeys(wanted):
        if column not in table:
            yield _no_column(name, layer, column, table)
        elif len(table) and table[column].isna().all():
            yield bad(
                name, layer, "no value near the region", "values",
                "The surface takes all its features as the config says of those without a value. "
                "Nothing is to be done if the layer has no such numbers",
                field=column, severity="warning",
            )  # fmt: skip
        elif column in numbers:
            yield from _numbers(name, layer, column, table)
    yield from _scored(name, block, layer, table)
    if not _can_select(block, table):
        yield from _condition(name, layer, "where", block["where"], table)
        return
    used = features.select(table, block.get("where"))
    yield from near_misses(name, layer, "where", block.get("where"), table)
    if block.get("where") and len(table) and not len(used):
        yield Problem(
            "warning", name, layer["path"], field="where",
            value=f"{block['where']!r}, which keeps no feature near the region",
            expected=f"one of {len(table)}",
            mend=f"The surface is 0 everywhere; {held(table, block['where'])}",
        )  # fmt: skip
    elif len(used):
        yield from _strength(name, block, layer, used)
        yield from _reached(name, block, layer, used, config)
        yield from _right_shapes(name, block, layer, used)


def _can_select(block, table) -> bool:
    try:
        features.select(table, block.get("where"))
    except features.LayerError:
        return False
    return True


def _condition(name, layer, field, text, table) -> Iterator[Problem]:
    """A condition on the columns of a layer that does not hold water, or may leave out too much."""
    try:
        features.select(table, text)
        yield from near_misses(name, layer, field, text, table)
    except features.LayerError as error:
        yield Problem(
            "error", name, layer.get("path", ""), field=field, value=repr(text),
            expected="a condition on the columns of the layer", mend=f"Mend it: {error}",
        )  # fmt: skip


def _scored(name, block, layer, table) -> Iterator[Problem]:
    """Classes of features without a score, which would act as an unknown intensity."""
    for column, response in nodes.class_scores(block.get("intensity", {})):
        if column not in table or "other" in response:
            continue
        used = table
        if _can_select(block, table):
            used = features.select(table, block.get("where"))
        plain = used[column].dropna().map(features.plain_class)
        listed = list(map(features.plain_class, response["scores"]))
        strange = plain[(plain != "") & ~plain.isin(listed)]
        if len(strange):
            yield bad(
                name, layer,
                f"{_examples(strange)} without a score ({len(strange)} of {len(used)} features)",
                f"one of {', '.join(listed)}",
                "Name the class in `scores`, or say with `other` beside `scores` what stands for "
                "the rest; null: unknown", field=column,
            )  # fmt: skip


def _strength(name, block, layer, used) -> Iterator[Problem]:
    """An intensity that the columns take out of 0..1, where it would be cut."""

    node = block.get("intensity")
    if not node or not {*nodes.leaves(node, "field")} <= {*used.columns}:
        return
    found = features.strengths(node, used)
    found = found[np.isfinite(found)]
    wrong = (found < -1e-6) | (found > 1 + 1e-6)
    if wrong.any():
        low, high = min(found.min(), 0), found.max()
        yield bad(
            name, layer, f"an intensity of {found.min():g} to {found.max():g}, beyond 0 to 1 in "
            f"{wrong.sum()} of {counted(len(found), 'feature')}", "0 to 1",
            "Give its columns a response that ends there, such as "
            f"{{ramp: {{lower: {low:g}, upper: {high:g}}}}}, or mend the numbers of its curve",
            field="intensity",
        )  # fmt: skip


def _examples(values) -> str:
    return ", ".join(map(repr, sorted(map(str, values.unique()))[:8]))


def _number_fields(node) -> list[str]:
    """Columns of an intensity that must hold numbers: those without a score for each class."""
    if "field" in node:
        return [] if "classes" in (node.get("response") or {}) else [node["field"]]
    return [field for term in nodes.terms(node) for field in _number_fields(term)]


def _numbers(name, layer, column, table, least: float = 0) -> Iterator[Problem]:
    """A text, or a number below the least, where a number is needed; blank is allowed."""
    number = pd.to_numeric(table[column], errors="coerce")
    wrong = (table[column].notna() & number.isna()) | (number < least)
    if wrong.any():
        first = table[column][wrong].iloc[0]
        row = str(table["row"][wrong].iloc[0]) if "row" in table else ""
        more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
        yield bad(
            name, layer, f"{first!r}{more}",
            "a number, 0 or more, or blank" if least == 0 else "a number, or blank",
            "Correct the value in the layer", row, column,
        )  # fmt: skip


def _reached(name, block, layer, used, config) -> Iterator[Problem]:
    reach = block.get("reach_m") or block.get("radius_m")
    grid = grid_of(config["region"])
    if not reach:
        return
    nearest = float(used.distance(shapely.box(*bounds(grid))).min())
    if nearest > reach:
        yield Problem(
            "warning", name, layer["path"], field="reach_m",
            value=f"{reach:g} m, with the nearest feature {nearest:.0f} m outside the region",
            expected="a feature within reach", mend="It can affect no habitat here",
        )  # fmt: skip


def _right_shapes(name, block, layer, used) -> Iterator[Problem]:
    if block["kind"] == "share" and not block.get("area_ha_field"):
        if not used.geom_type.isin(features.POLYGONS).any():
            yield bad(
                name, layer, _shapes_of(used), "polygons",
                "Only polygons cover a share of a cell; give points an `area_ha_field`",
                field="geometry",
            )  # fmt: skip
        others = ~used.geom_type.isin(features.POLYGONS)
        if others.any() and not others.all():
            yield bad(
                name, layer, f"{_shapes_of(used[others])} ({others.sum()} of {len(used)} features)",
                "polygons", "They cover nothing in this surface; give points an `area_ha_field`",
                field="geometry", severity="warning",
            )  # fmt: skip
    elif block["kind"] == "share" and block["area_ha_field"] in used:
        area = pd.to_numeric(used[block["area_ha_field"]], errors="coerce")
        bare = ~used.geom_type.isin(features.POLYGONS) & ~((area > 0) & (used.geom_type == "Point"))
        if bare.any():
            yield bad(
                name, layer, f"{bare.sum()} of {len(used)} features without an area",
                "polygons, or points with an area above 0",
                "They cover nothing in this surface; fill in the areas that are known",
                field=block["area_ha_field"], severity="warning",
            )  # fmt: skip
    elif block["kind"] == "density" and used.geom_type.isin(features.POLYGONS).any():
        yield bad(
            name, layer, _shapes_of(used), "points or lines", "Use a surface of kind share",
            field="geometry",
        )  # fmt: skip


def _travel_classes(name, block, config, tables) -> Iterator[Problem]:
    roads = tables.get(block.get("roads_layer"))
    if block["kind"] != "travel_time" or roads is None:
        return
    layer, column = config["layers"][block["roads_layer"]], block["class_field"]
    if column not in roads:
        yield _no_column(name, layer, column, roads, "Mend the key `class_field`")
        return
    slow = sorted(set(roads[column].dropna().astype(str)) - set(block["speeds_km_h"]))
    if slow:
        yield Problem(
            "error", name, layer["path"], field=column,
            value=f"road class {', '.join(slow)} without a speed",
            expected=f"one of {', '.join(block['speeds_km_h'])}",
            mend="Name it in `speeds_km_h`; without a speed the road would not be there",
        )  # fmt: skip


def _reach_and_error(name, block, config) -> Iterator[Problem]:
    if not block.get("layer") or "reach_m" not in block:
        return
    error = config["layers"][block["layer"]].get("positional_error_m") or 0
    if block["reach_m"] < error:
        yield Problem(
            "warning", name, field="reach_m", value=f"{block['reach_m']:g} m",
            expected=f"more than the positional error of layer {block['layer']}, {error:g} m",
            mend="The effect may lie beside its true place",
        )  # fmt: skip


# ----------------------------------------------------------------------------- habitat and rules


def _threats_named(config) -> Iterator[tuple[str, str, list[str]]]:
    for rule, block in config["rules"].items():
        for how, names in block["gain"].items():
            yield f"rule {rule}", f"gain.{how}", names
    for name, block in config["analyses"].items():
        if block.get("threat"):
            yield f"analysis {name}", "threat", [block["threat"]]
        for cause, names in block.get("causes", {}).items():
            yield f"analysis {name}", f"causes.{cause}", names


def _zero(where, effect) -> Problem:
    mend = f"{effect}: leave it out or give it a weight"
    return Problem("warning", where, field="weight", value="0", expected="above 0", mend=mend)


def _measures(rule) -> list[str]:
    made = [*rule["measures"], *(f"{m}_rank" for m in rule["measures"])]
    return made + [f"{n}_{end}" for n in rule["nearest"] for end in ("distance_m", "name")]


def _expression(of, field, text, known, what, condition, missing_is="error") -> Iterator[Problem]:
    """An expression that does not hold water, and names that stand for nothing (`missing_is`)."""
    try:
        needed = expressions.check(text, condition, texts=what != "map")
        missing = [n for n in needed if n not in known]
    except expressions.ExpressionError as error:
        yield Problem(
            "error", of, field=field, value=str(error),
            expected="names, numbers, comparisons and arithmetic", mend="Mend the expression",
        )  # fmt: skip
        return
    for unknown in missing:
        near = nearest(unknown, known)
        yield Problem(
            missing_is, of, field=field, value=f"{unknown!r} in {text!r}",
            expected=f"perhaps {near!r}" if near else f"one of {', '.join(sorted(known))}",
            mend=f"There is no such {what}",
        )  # fmt: skip


def _kinds(name, rule, made) -> Iterator[Problem]:
    """A number and a text that are compared in a condition; measures are numbers, but for names."""
    texts = {f"{kind}_name" for kind in rule["nearest"]}
    try:
        expressions.evaluate(rule["when"], {m: "a" if m in texts else 0.0 for m in made})
    except expressions.ExpressionError as error:
        if "compared with" in str(error):
            yield Problem(
                "error", f"rule {name}", field="when", value=repr(rule["when"]),
                expected="numbers compared with numbers", mend=f"Mend it: {error}",
            )  # fmt: skip


def _reason(name, text, made) -> Iterator[Problem]:
    """The sentence must name measures and nothing else: a format can reach into objects."""
    try:
        parts = [part[1:] for part in string.Formatter().parse(text) if part[1] is not None]
        strange = [key for key, _, _ in parts if key not in made]
        odd = [spec for _, spec, how in parts if how or not PLAIN_FORMAT.fullmatch(spec or "")]
        if odd and not strange:
            raise ValueError(f"found {odd[0]!r} after a measure, expected such as .2f, .0% or ,.0f")
        if not strange:
            text.format(**{m: "a name" if m.endswith("_name") else 0.5 for m in made})
    except (ValueError, IndexError, KeyError) as error:
        strange = []
        yield Problem(
            "error", f"rule {name}", field="reason", value=f"{text!r} ({error})",
            expected="a sentence with {measure} or {measure:.2f}", mend="Mend the braces",
        )  # fmt: skip
    for key in dict.fromkeys(strange):
        yield Problem(
            "error", f"rule {name}", field="reason", value=f"{{{key}}}",
            expected=f"one of {', '.join(made)}", mend="Name a measure of the rule",
        )  # fmt: skip


def _rule_columns(name, rule, config, tables) -> Iterator[Problem]:
    zones, where = rule["zones"], f"rule {name}"
    measured = [m["field"] for m in rule["measures"].values() if "field" in m]
    yield from _columns_of(where, zones, [zones.get("id_field"), *measured], config, tables)
    table = tables.get(zones.get("layer"))
    for column in measured if table is not None else ():
        if column in table:
            layer = config["layers"][zones["layer"]]
            yield from _numbers(where, layer, column, table, -np.inf)
    for spec in rule["nearest"].values():
        wanted = [spec.get("date_field"), spec.get("name_field")]
        yield from _columns_of(where, spec, wanted, config, tables)


def _rule_shapes(name, zones, config, tables) -> Iterator[Problem]:
    """Features of another shape than the zones of a rule are made of."""
    shapes, words = SHAPES_OF_ZONES.get(zones["kind"], ((), ""))
    table = tables.get(zones.get("layer"))
    if table is None or not shapes or not _can_select(zones, table):
        return
    used = features.select(table, zones.get("where"))
    fit = used.geom_type.isin(shapes)
    if not fit.all():
        yield bad(
            zones["layer"], config["layers"][zones["layer"]], _shapes_of(used[~fit]), words,
            f"Rule {name} looks at {words}"
            + (f"; {(~fit).sum()} of {len(used)} features are left out" if fit.any() else ""),
            field="geometry", severity="warning" if fit.any() else "error",
        )  # fmt: skip


def _columns_of(where, spec, columns, config, tables) -> Iterator[Problem]:
    """The columns and the condition that a rule asks of a layer."""
    table = tables.get(spec.get("layer"))
    if table is None:
        return
    layer = config["layers"][spec["layer"]]
    for column in columns:
        if column and column not in table:
            yield _no_column(where, layer, column, table)
    if spec.get("where"):
        yield from _condition(where, layer, "where", spec["where"], table)


def _no_column(name, layer, column, table, mend="") -> Problem:
    have = ", ".join(c for c in table.columns if c != "geometry") or "none at all"
    mend = mend or "Mend the name in the config or add the column to the layer"
    return bad(name, layer, "no such column", f"one of {have}", mend, field=column)


def _shapes_of(table) -> str:
    return ", ".join(sorted(table.geom_type.unique())) or "no feature"
