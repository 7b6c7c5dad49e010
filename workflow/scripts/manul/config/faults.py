"""Faults of a config that no schema can tell: wrong references, grids and curves.

Each fault is one line: the path in the config, what was found, what is expected, how to mend it.
Nothing here opens a file.
"""

from collections.abc import Iterator
from itertools import pairwise, permutations
from operator import itemgetter
from pathlib import Path

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from manul.config import extents, nodes, states
from manul.config.hints import hint, nearest
from manul.config.schema import analysis_kind, kind_of_surface
from manul.config.types import KEY_AREAS, Config
from manul.demography.shares import doubled
from manul.exposure.decay import CURVES, decay
from manul.records.schemas import schemas

LARGEST_GRID = 2e10
MOST_TILES = 1e6
NAMED = ("layers", "surfaces", "threats", "rules", "groups", "compounds")
# What a node may read, by where it stands, and keys that only a whole threat may have.
IN_HABITAT = ("surface", "constant")
IN_THREATS = ("surface", "component", "loss_from", "constant")
IN_INTENSITY = ("field", "constant")
OF_A_THREAT = {"group": None, "iucn": None, "cmp": None, "footprint": None, "factor": 1}
SIDES = ("west", "south", "east", "north")
RASTERS = ("continuous", "classes", "counts")
SHAPES = ("vector", "records")
DESCRIBED = ["path", "date", "source", "licence", "data_status", "positional_error_m"]
NEEDED = {
    "absent": ["needs"],
    "classes": [*DESCRIBED, "classes"],
    "records": [*DESCRIBED, "table"],
}
# What says how a file is read: elsewhere it would do nothing, without a word.
ONLY_OF: dict[str, tuple[str, ...]] = {"crs": ("vector",)}
ONLY_OF |= dict.fromkeys(("zone", "time_zone"), ("records",))
ONLY_OF |= dict.fromkeys(("since", "until"), ("vector",))
ONLY_OF |= dict.fromkeys(("extent", "filter", "fields", "layer", "encoding"), SHAPES)
ONLY_OF |= dict.fromkeys(("band", "scale", "offset", "nodata"), RASTERS)
ZONE_NEEDS = {
    "tiles": ["area_km2"],
    "features": ["layer"],
    "mask": ["where"],
    "segments": ["layer"],
    "points": ["layer", "radius_m"],
}


def find(config: Config) -> list[str]:
    """The faults of one scenario whose blocks agree with the schema."""
    faults = [*_region(config["region"]), *_layers(config), *_surfaces(config)]
    faults += [*_nodes(config), *_weights(config), *_rules(config), *_references(config)]
    faults += [*_analyses(config), *_counterfactuals(config), *_names(config), *_hidden(config)]
    faults += [*_series(config), *_assumed(config)]
    faults += [*_key_habitat(config["key_habitat"]), *_draws(config["draws"])]
    return faults


def _draws(block) -> Iterator[str]:
    chances = block["cumulative"]
    if chances and not sum(chances.values()) > 0:
        yield f"draws.cumulative: found {chances}, expected a chance above 0 for one way at least"


def out_of_range(config: Config) -> Iterator[str]:
    """Components, gates, threats and footprints whose values can leave 0..1.

    Only for a config without any other fault.
    """

    def leaf(kind, name):
        if kind == "surface":
            return extents.of_surface(config["surfaces"][name], config["layers"])
        return 0, 1

    for where, node in _all_nodes(config):
        for part, under in ((node, ""), (node.get("footprint"), ".footprint")):
            found = extents.of_node(part, leaf) if part else None
            if found and not (found[0] >= -1e-9 and found[1] <= 1 + 1e-9):
                yield (
                    f"{where}{under}: its values can run from {found[0]:g} to {found[1]:g}, "
                    "expected 0 to 1. Give it a response that ends there, such as ramp, or mend "
                    "the numbers of its curve or the weights of its terms"
                )


def unknown_changes(base: dict, changes: dict) -> list[str]:
    """Names in a scenario's changes that are nearly, but not quite, those of a block above."""
    if "region" in changes:
        return ["region: found a change; expected none. Scenarios share one region; copy the file"]
    faults = [
        f"{key}: found a change; expected none. It holds for all scenarios; write it at the top"
        for key in ("model", "extensions", "scenarios", "counterfactuals", "allow", "elicitation")
        if changes.get(key) is not None
    ]
    faults += mistaken_nulls(base, changes)
    for group in NAMED:
        named = changes.get(group)
        for name, block in named.items() if isinstance(named, dict) else ():
            fresh = name not in (base.get(group) or {}) and isinstance(block, dict)
            if fresh and "title" not in block and "kind" not in block:
                near = hint(name, base.get(group) or {})
                faults.append(f"{group}: there is no {name!r} to change{near}")
    return faults


def mistaken_nulls(base: dict, changes: dict) -> list[str]:
    """Nulls that take away nothing, where the name is nearly that of something."""
    faults = []
    for group in (*NAMED, "analyses"):
        named, there = changes.get(group), base.get(group) or {}
        for name, block in named.items() if isinstance(named, dict) else ():
            near = nearest(name, there)
            if block is None and name not in there and near:
                faults.append(f"{group}: there is no {name!r} to take away; did you mean {near!r}?")
    return faults


# -------------------------------------------------------------------------------------- region


def _region(region) -> Iterator[str]:
    west, south, east, north = region["bounds"]
    if not _is_box(region["bounds"]):
        yield (
            f"region.bounds: found {region['bounds']}, expected west, south, east, north in "
            f"degrees, with west < east and south < north{_order_of(region['bounds'])}"
        )
        return
    advice = (
        f"Take for example '+proj=laea +lat_0={(south + north) / 2:g} "
        f"+lon_0={(west + east) / 2:g} +datum=WGS84 +units=m'"
    )
    try:
        crs = CRS.from_user_input(region["crs"])
    except CRSError:
        yield f"region.crs: found {region['crs']!r}, expected a known coordinate system. {advice}"
        return
    unit = crs.axis_info[0].unit_name if crs.axis_info else "unknown"
    if not crs.is_projected or unit not in ("metre", "meter"):
        yield (
            f"region.crs: found {region['crs']!r} in units of {unit}, expected a projected "
            f"coordinate system in metres; degrees or feet taken as metres make wrong distances. "
            f"{advice}"
        )
        return
    yield from _cells(region)


def _is_box(bounds) -> bool:
    west, south, east, north = bounds
    return -180 <= west < east <= 180 and -90 <= south < north <= 90


def _order_of(bounds) -> str:
    """The order in which the four numbers most likely stand, and the right one."""
    found = []
    for order in permutations(SIDES):
        box = [bounds[order.index(side)] for side in SIDES]
        if _is_box(box) and box[2] - box[0] < 180:
            found.append(((box[2] - box[0]) * (box[3] - box[1]), ", ".join(order), box))
    if not found:
        return ""
    _, told, box = min(found, key=itemgetter(0))  # of equal ones that with west first
    return f". They seem to be {told}: write {box}"


def _cells(region) -> Iterator[str]:
    west, south, east, north = region["bounds"]
    if region["cell_m"] <= 0:
        return  # the schema tells
    across = (east - west) * 111_320 * np.cos(np.radians((south + north) / 2))
    cells = across * (north - south) * 111_320 / region["cell_m"] ** 2
    if not 25 <= cells <= LARGEST_GRID:
        yield (
            f"region.cell_m: found {region['cell_m']:g} m, which gives about {cells:.2g} cells; "
            f"expected 25 to {LARGEST_GRID:.0e} cells. Is the cell size in metres?"
        )


# ------------------------------------------------------------------------------ layers, surfaces


def _nowhere(layer) -> bool:
    """Is it a table whose rows have no places, such as yearly numbers?"""
    return (
        layer.get("table") in schemas()["tables"]
        and not (schemas()["tables"][layer["table"]]["positions"])
    )


def _layers(config) -> Iterator[str]:
    for name, layer in config["layers"].items():
        kind, where = layer["kind"], f"layers.{name}"
        for key in NEEDED.get(kind, DESCRIBED):
            if layer.get(key) is None and not (key == "positional_error_m" and _nowhere(layer)):
                beside = Path(layer["path"]).with_suffix(".yaml") if layer.get("path") else ""
                place = f", here or in {beside}" if key != "path" and beside else ""
                yield f"{where}: a layer of kind {kind} needs the key {key!r}{place}"
        low, high = layer.get("valid", (0, 1))
        if low >= high:
            yield f"{where}.valid: found {layer['valid']}, expected smallest, largest value"
        for key, kinds in ONLY_OF.items():
            if key in layer and kind not in (*kinds, "absent"):
                yield (
                    f"{where}.{key}: found {layer[key]!r} for a layer of kind {kind}; expected it "
                    f"only for {' or '.join(kinds)}. Take it out"
                )
        if layer.get("crs"):
            yield from _known_crs(layer["crs"], f"{where}.crs")


def _known_crs(text, where) -> Iterator[str]:
    try:
        CRS.from_user_input(text)
    except CRSError:
        yield f"{where}: found {text!r}, expected a coordinate system such as EPSG:32644"


def _surfaces(config) -> Iterator[str]:
    for name, block in config["surfaces"].items():
        for where, part in _parts(block, f"surfaces.{name}"):
            yield from _surface(part, where, config["layers"])


def _parts(block, where):
    """The block and every surface block within it, each with its path."""
    yield where, block
    for key, value in block.items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield from _parts(part, f"{where}.{key}")


def _surface(block, where, layers) -> Iterator[str]:
    kind = block.get("kind")
    yield from _layer_kind(block, where, layers)
    yield from _scores(block, where, layers)
    if kind in ("distance", "exposure"):
        if ("layer" in block) == ("of" in block):
            yield f"{where}: give either a layer or a block `of`, not both or none"
        if "of" in block and "minimum" not in block:
            yield f"{where}: a block `of` needs `minimum`, the level of a source"
    if kind == "exposure":
        yield from _decay(block, where)
        if block.get("intensity"):
            yield from _node(block["intensity"], f"{where}.intensity", IN_INTENSITY)


def _scores(block, where, layers) -> Iterator[str]:
    """A class without a score would be unknown; scores may name codes or the names of classes."""
    layer = layers.get(block.get("layer"), {})
    if block.get("kind") != "value" or layer.get("kind") != "classes" or "classes" not in layer:
        return
    scores, classes = block.get("scores", {}), layer["classes"]
    missing = [f"{c} ({n})" for c, n in classes.items() if c not in scores and n not in scores]
    if missing:
        yield (
            f"{where}.scores: no score for class {', '.join(missing)} of layer {block['layer']!r}, "
            "expected one for each class, by code or name; without it habitat there is unknown"
        )
    strange = [key for key in scores if key not in classes and key.lstrip("-").isdigit()]
    if strange:
        yield (
            f"{where}.scores: found a score for class {', '.join(strange)}, expected only the "
            f"classes of layer {block['layer']!r}: {', '.join(classes)}"
        )


def _layer_kind(block, where, layers) -> Iterator[str]:
    layer = layers.get(block.get("layer"))
    fits = kind_of_surface(block.get("kind")).get("x-layers")
    if layer and fits and layer["kind"] not in (*fits, "absent"):
        yield (
            f"{where}: found layer {block['layer']!r} of kind {layer['kind']}, expected a layer of "
            f"kind {' or '.join(fits)} for a surface of kind {block['kind']}"
        )


def _decay(block, where) -> Iterator[str]:
    kind, reach_m = block.get("decay"), block.get("reach_m")
    if kind not in CURVES or not isinstance(reach_m, int | float):
        return  # the schema has told it
    need = {"linear": None, "table": "table"}.get(kind, "scale_m")
    if need and need not in block:
        yield f"{where}: decay {kind!r} needs the key {need!r}"
        return
    try:
        decay(kind, block.get("scale_m"), reach_m, block.get("table"))
    except (ValueError, TypeError) as error:
        yield f"{where}.table: {error}"


# --------------------------------------------------------------------------------------- nodes


def _nodes(config) -> Iterator[str]:
    for where, node in _all_nodes(config):
        threat = where.startswith("threats.")
        yield from _node(node, where, IN_THREATS if threat else IN_HABITAT, threat)
        if threat and node.get("footprint"):
            yield from _node(node["footprint"], f"{where}.footprint", IN_THREATS)


def _all_nodes(config):
    groups = {"habitat.components": config["habitat"]["components"]}
    groups |= {"habitat.gates": config["habitat"]["gates"], "threats": config["threats"]}
    for group, blocks in groups.items():
        for name, node in blocks.items():
            yield f"{group}.{name}", node


def _node(node, where, allowed, threat=False) -> Iterator[str]:
    """Faults of leaves, combinations and response curves at or below a node."""
    ways = [kind for kind in nodes.LEAVES if kind in node] + ["terms"] * ("terms" in node)
    if len(ways) != 1:
        found = " and ".join(ways) or "none of them"
        yield f"{where}: give one of {', '.join(allowed)} or terms; found {found}"
    for kind in ways:
        if kind not in (*allowed, "terms"):
            yield (
                f"{where}.{kind}: found {node[kind]!r}, expected one of {', '.join(allowed)}: "
                f"a {kind} cannot be read here and would be unknown everywhere"
            )
    for key, usual in OF_A_THREAT.items():
        if not threat and node.get(key, usual) != usual:
            found = f"found {node[key]!r}, expected only in the block of a threat itself"
            yield f"{where}.{key}: {found}"
    if ("terms" in node) != ("combine" in node):
        yield f"{where}: `combine` and `terms` go together"
    for kind, parameters in (node.get("response") or {}).items():
        fault = RESPONSE_FAULTS.get(kind, _no_fault)(parameters)
        if fault:
            yield f"{where}.response.{kind}: {fault}"
    for key, term in nodes.named_terms(node):
        below = f"{where}.terms.{key}"
        if node.get("combine") in ("noisy_or", "maximum") and term["weight"] > 1:
            found = f"found {term['weight']:g}, expected 0 to 1 in a {node['combine']}"
            yield f"{below}.weight: {found}"
        yield from _node(term, below, allowed)


def _weights(config) -> Iterator[str]:
    components = config["habitat"]["components"]
    if not any(node["weight"] > 0 for node in components.values()):
        yield "habitat.components: every weight is 0, so there is no habitat; expected one above 0"


def _no_fault(_):
    return None


def _ramp(p):
    if p["lower"] == p["upper"]:
        return f"found lower and upper both {p['lower']:g}, expected two different numbers"


def _trapezoid(p):
    if not p["a"] < p["b"] <= p["c"] < p["d"]:
        found = ", ".join(f"{key} {p[key]:g}" for key in "abcd")
        return f"found {found}, expected ascending numbers a < b <= c < d"


def _curve(p):
    fault = f"found {p['points']}, expected pairs [x, y] with ascending x"
    number = all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(v, int | float) for v in pair)
        for pair in p["points"]
    )
    if not number or np.any(np.diff([pair[0] for pair in p["points"]]) <= 0):
        return fault


def _threshold(p):
    if not p:
        return "found neither minimum nor maximum, expected one or both"
    if p.get("minimum", -np.inf) > p.get("maximum", np.inf):
        return f"found minimum {p['minimum']:g} above maximum {p['maximum']:g}; swap them"


RESPONSE_FAULTS = {
    "ramp": _ramp,
    "trapezoid": _trapezoid,
    "curve": _curve,
    "threshold": _threshold,
}


# ----------------------------------------------------------------------------- rules, references


def _rules(config) -> Iterator[str]:
    west, south, east, north = config["region"]["bounds"]
    land_km2 = (east - west) * (north - south) * 111.32**2 * np.cos(np.radians((south + north) / 2))
    for name, rule in config["rules"].items():
        zones = rule["zones"]
        if zones["kind"] == "tiles" and land_km2 / zones.get("area_km2", np.inf) > MOST_TILES:
            yield (
                f"rules.{name}.zones.area_km2: found {zones['area_km2']:g}, which cuts the region "
                f"into {land_km2 / zones['area_km2']:.2g} tiles; expected {MOST_TILES:.0e} or fewer"
            )
        for key in ZONE_NEEDS.get(zones["kind"], []):
            if key not in zones:
                yield f"rules.{name}.zones: zones of kind {zones['kind']} need the key {key!r}"
        for measure, asked in rule["measures"].items():
            yield from _of_sides(f"rules.{name}.measures.{measure}", asked, zones["kind"])
        if rule.get("rank", "") not in ("", *rule["measures"]):
            near = hint(rule["rank"], rule["measures"])
            yield f"rules.{name}.rank: there is no measure {rule['rank']!r}{near}"
        layer = zones.get("layer")
        if rule["public"] and not config["layers"].get(layer, {}).get("public", True):
            yield (
                f"rules.{name}: its zones would give away the places of {layer!r}, which is not "
                "public; add `public: false`"
            )
        for near, spec in rule["nearest"].items():
            if "newer_than_days" in spec and "date_field" not in spec:
                yield f"rules.{name}.nearest.{near}: `newer_than_days` needs the key 'date_field'"


def of_otherwise(config) -> Iterator[str]:
    """Zones that others stand in for, though they are of no layer, or with a key of the others."""
    for name, rule in config["rules"].items():
        zones, where = rule["zones"], f"rules.{name}.zones"
        while "otherwise" in zones:
            if "layer" not in zones:
                yield f"{where}: `otherwise` stands for zones of a layer; there is no key 'layer'"
            if "area_km2" in zones and zones["kind"] != "tiles":
                yield f"{where}.area_km2: only tiles have it; put it under {where}.otherwise"
            zones, where = zones["otherwise"], f"{where}.otherwise"


def _of_sides(where, asked, kind) -> Iterator[str]:
    """What is measured beside a line, of zones that are none; what has no meaning on a line."""
    sides = ("left_mean", "right_mean")
    for statistic in asked:
        if kind == "segments" and statistic not in (*sides, "field"):
            yield f"{where}: a line has no {statistic!r}; expected {' or '.join(sides)}"
        if kind != "segments" and statistic in sides:
            yield f"{where}: only segments have {statistic!r}; the zones are of kind {kind}"


def _references(config) -> list[str]:
    """Names that point nowhere, each with the nearest name that exists."""
    layers, surfaces, faults = config["layers"], config["surfaces"], []

    def check(name, choices, where, what):
        if name is not None and name not in choices:
            faults.append(f"{where}: there is no {what} {name!r}{hint(name, choices)}")

    def fit(layer, where, kinds):
        check(layer, layers, where, "layer")
        kind = layers.get(layer, {}).get("kind", "absent")
        if kind not in (*kinds, "absent"):
            faults.append(
                f"{where}: the layer {layer!r} is of kind {kind}; expected {' or '.join(kinds)}"
            )

    for name, block in surfaces.items():
        for layer in nodes.layers_of(block):
            check(layer, layers, f"surfaces.{name}", "layer")
    components, reference = config["habitat"]["components"], config["habitat"]["reference"]
    for where, node in _all_nodes(config):
        for part in [node, *([node["footprint"]] if "footprint" in node else [])]:
            for surface in nodes.leaves(part, "surface"):
                check(surface, surfaces, where, "surface")
            for component in nodes.leaves(part, "component"):
                check(component, components, where, "habitat component")
            for names in nodes.leaves(part, "loss_from"):
                for surface in names:
                    check(surface, reference, where, "reference level of")
                if 1 < len(names) < len(reference):
                    faults.append(f"{where}.loss_from: found {names}, expected one or all of them")
    for surface in reference:
        check(surface, surfaces, "habitat.reference", "surface")
    for name, threat in config["threats"].items():
        check(threat["group"], config["groups"], f"threats.{name}.group", "group")
    for key in ("mask", "units"):
        name = config["region"][key]
        check(name, layers, f"region.{key}", "layer")
        if layers.get(name, {}).get("kind") == "absent":
            faults.append(
                f"region.{key}: the layer {name!r} is absent; expected polygons. Give the layer a "
                f"path, or leave out region.{key}"
            )
    for role, layer in config["maps"]["context"].items():
        fit(layer, f"maps.context.{role}", RASTERS[:1] if role == "relief" else SHAPES)
    told_apart = {f"tables.by.{name}": name for name in config["tables"]["by"]}
    drawn = enumerate(config["atlas"]["of"] or ())
    told_apart |= {f"atlas.of[{i}]": name for i, name in drawn if name != KEY_AREAS}
    told_apart |= {f"actions.within[{i}]": n for i, n in enumerate(config["actions"]["within"])}
    for where, layer in told_apart.items():
        fit(layer, where, SHAPES if where.startswith("tables") else SHAPES[:1])
    for i, target in enumerate(config["actions"]["targets"]):
        for name in target.get("rules", ()):
            check(name, config["rules"], f"actions.targets[{i}].rules", "rule")
    for name in config["atlas"]["scenarios"] or ():
        check(name, config["scenarios"], "atlas.scenarios", "scenario")
    for name, rule in config["rules"].items():
        for layer in [*nodes.layers_of(rule), *rule["needs"]]:
            check(layer, layers, f"rules.{name}", "layer")
    for name in config["priority"]:
        check(name, config["rules"], "priority", "rule")
    check(config["key_habitat"]["protected"], surfaces, "key_habitat.protected", "surface")
    return faults


def _hidden(config) -> Iterator[str]:
    """Layers that are not public where public products would show them as they are."""
    drawn = {f"maps.context.{role}": name for role, name in config["maps"]["context"].items()}
    drawn |= {f"region.{key}": config["region"][key] for key in ("mask", "units")}
    for where, name in drawn.items():
        if not config["layers"].get(name, {}).get("public", True):
            yield (
                f"{where}: found {name!r}, which is not public and would be shown as it is; "
                "expected a public layer, or null"
            )


def _analyses(config) -> Iterator[str]:
    """Names in the analyses, and in what is taken from them, that point nowhere."""
    layers, analyses = config["layers"], config["analyses"]
    known = [name for name, layer in layers.items() if layer["kind"] == "records"]
    for name, block in analyses.items():
        spec, where = analysis_kind(block["kind"]), f"analyses.{name}"
        effort = block.get("background", {}).get("effort", "none")
        words = ("target_group", "none")
        named = [block[key] for key in spec["x-needs"]]
        named += [block[key] for key in spec.get("x-may", ()) if block[key] is not None]
        for layer in [*named, *(effort if isinstance(effort, list) else [])]:
            if layers.get(layer, {}).get("kind") not in ("records", "absent"):
                yield f"{where}: there is no records layer {layer!r}{hint(layer, known)}"
        if isinstance(effort, str) and effort not in words:
            yield f"{where}.background.effort: {effort!r} is not known{hint(effort, words)}"
        if twice := doubled(block.get("causes", {}).values()):
            yield (
                f"{where}.causes: {twice!r} stands under causes that do not name the same threats; "
                "expected each threat under one cause, or under several that name the same"
            )
        for key in (*spec["x-surfaces"], *spec.get("x-may-surfaces", ())):
            for surface in block[key]:
                if surface not in config["surfaces"]:
                    near = hint(surface, config["surfaces"])
                    yield f"{where}.{key}: there is no surface {surface!r}{near}"
        yield from _movement(where, block, config)
    for key, kind in (("thresholds", "suitability"), ("sizes", "home_range")):
        source = config["key_habitat"][key]
        able = [name for name, block in analyses.items() if block["kind"] == kind]
        if source != "expert" and source not in able:
            near = hint(source, ["expert", *able])
            yield f"key_habitat.{key}: {source!r} is neither 'expert' nor an analysis{near}"


def _movement(where, block, config) -> Iterator[str]:
    """Lines and grounds of an analysis that point nowhere, and ranges the wrong way round."""
    layers, surfaces = config["layers"], config["surfaces"]
    lines = [name for name, layer in layers.items() if layer["kind"] == "vector"]
    for i, barrier in enumerate(block.get("barriers", ())):
        if layers.get(barrier["layer"], {}).get("kind") not in ("vector", "absent"):
            near = hint(barrier["layer"], lines)
            yield f"{where}.barriers.{i}: there is no vector layer {barrier['layer']!r}{near}"
        factors = barrier.get("traffic", {}).get("factors", [])
        if any(a[0] >= b[0] or a[1] > b[1] for a, b in pairwise(factors)):
            yield (
                f"{where}.barriers.{i}.traffic.factors: found {factors}; expected rising traffic "
                "and factors that do not fall"
            )
        if any(factor < 1 for _, factor in factors):
            yield f"{where}.barriers.{i}.traffic.factors: found {factors}; expected factors from 1"
    if block.get("protected") not in (None, *surfaces):
        near = hint(block["protected"], surfaces)
        yield f"{where}.protected: there is no surface {block['protected']!r}{near}"
    for i, ground in enumerate(block.get("grounds", ())):
        if ground["surface"] not in surfaces:
            near = hint(ground["surface"], surfaces)
            yield f"{where}.grounds.{i}: there is no surface {ground['surface']!r}{near}"
    for key in (key for key in block if "_between" in key):
        low, high = block[key]
        if low > high:
            yield f"{where}.{key}: found {low:g}, above {high:g}; expected [lowest, highest]"


def _key_habitat(key) -> Iterator[str]:
    for low, high in (("suitable", "key"), ("core_km2", "breeding_km2")):
        if key[low] > key[high]:
            yield (
                f"key_habitat.{low}: found {key[low]:g}, above {high}, {key[high]:g}; "
                f"expected {low} <= {high}"
            )
    density = key["density_per_100_km2"]
    for where in ("suitable", "key"):
        low, high = (density[end].get(where, 0) for end in ("low", "high"))
        if low > high:
            yield (
                f"key_habitat.density_per_100_km2.low.{where}: found {low:g}, above the high one, "
                f"{high:g}; expected low <= high"
            )


def _names(config) -> Iterator[str]:
    """Names of one kind that differ in small and capital letters only: one file for both."""
    for group in ("layers", "surfaces", "threats", "rules", "scenarios", "analyses", "invest"):
        seen: dict[str, str] = {}
        for name in config[group]:
            first = seen.setdefault(name.lower(), name)
            if first != name:
                yield (
                    f"{group}.{name}: found beside {first!r}, expected a name that differs in more "
                    "than small and capital letters; many disks keep one file for both"
                )


def _assumed(config) -> Iterator[str]:
    """What is assumed of a row that does not tell must have a number itself."""
    told = {
        "poison.assume.compound": (config["poison"]["assume"].get("compound"), "compounds"),
        "burrows.assume_method": (config["burrows"]["assume_method"], "burrows.detection"),
    }
    known = {"compounds": config["compounds"], "burrows.detection": config["burrows"]["detection"]}
    for where, (word, of) in told.items():
        if word is not None and known[of] and word not in known[of]:
            yield f"{where}: found {word!r}, expected one of {of}{hint(word, known[of])}"


def _series(config) -> Iterator[str]:
    closed = states.closed_on(config)
    for day in states.dates(config):
        if day >= closed:
            yield (
                f"series.dates: found {day}, expected days before as_of ({closed}), which is the "
                "last state by itself"
            )
    if config["known_on"] and config["known_on"] < config["as_of"]:
        yield (
            f"known_on: found {config['known_on']}, expected as_of ({config['as_of']}) or a later "
            "day: nothing is known of the time after it"
        )


def _counterfactuals(config) -> Iterator[str]:
    for name, block in config["counterfactuals"].items():
        if name in config["scenarios"]:
            yield f"counterfactuals.{name}: there is a scenario of this name; take another one"
        for threat in block["factors"]:
            if threat not in config["threats"]:
                near = hint(threat, config["threats"])
                yield f"counterfactuals.{name}.factors: there is no threat {threat!r}{near}"
