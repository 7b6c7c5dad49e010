"""What the config means: checked, completed, and one plain dictionary for each scenario.

Nothing here opens a data file. `load` raises `ConfigError` with every fault at once, each as one
line that names the path in the config, what was found, and what is expected.
"""

import copy
import csv
import json
import re
from functools import cache
from pathlib import Path

from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox
from pyproj import CRS, Transformer

from manul.config import faults as config_faults
from manul.config import nodes, schema
from manul.config.nodes import layers_of
from manul.config.ranges import is_parameter, plain
from manul.model import cells as manul_model
from manul.model.invest_csv import threat_rasters

USES = {
    "poison": ("as_of", "compounds", "poison"),
    "burrow_density": ("as_of", "burrows"),
    "effort": ("as_of",),
}
FIT_TABLES = ("evaluation", "response_curves", "importance", "odmap", "thresholds")


class ConfigError(ValueError):
    """The config is wrong; the message lists every fault."""


def load(config: dict) -> dict:
    """The effective config of every scenario, by name: validated, defaulted, numbers plain.

    Surface blocks that stand within threats or components are moved to `surfaces` under the name
    of the threat, so that later code meets surfaces in one place.
    """
    config = _as_json(config)
    faults = list(_range_faults(config, ()))
    base = plain(config)
    found, sound = schema.complete(base, schema.schema(), "config")
    faults += found
    if not sound:
        raise ConfigError(_listing(faults))
    out = {}
    for name, scenario in base["scenarios"].items():
        strange = config_faults.unknown_changes(base, scenario["changes"])
        merged = _merge(copy.deepcopy(base), {} if strange else scenario["changes"])
        found = [f for f in strange or _deep_faults(merged) if f not in faults]
        faults += [f"scenario {name}: {f}" if scenario["changes"] else f for f in found]
        out[name] = merged | {"scenario": name, "scenario_title": scenario["title"]}
    if faults:
        raise ConfigError(_listing(dict.fromkeys(faults)))
    return out


def grid(region: dict) -> GeoBox:
    """The region's grid: cells of `cell_m` on a lattice through the origin of its CRS."""
    return _grid(tuple(region["bounds"]), region["crs"], region["cell_m"])


def margin_m(config: dict) -> float:
    """How far beyond the region sources can matter: the largest reach of any surface (m)."""
    reaches = [config["region"]["cell_m"] * 10]
    for block in config["surfaces"].values():
        reaches += [block[k] for k in ("reach_m", "radius_m") if k in block]
        if block["kind"] == "travel_time":
            reaches.append(50_000)
    return max(reaches)


def is_absent(config: dict, layer: str) -> bool:
    """True for a layer that the model wants and the region does not have."""
    return config["layers"][layer]["kind"] == "absent"


def available(config: dict) -> list[str]:
    """The surfaces that can be made: none of their layers is absent."""
    return [
        name
        for name, block in config["surfaces"].items()
        if not any(is_absent(config, layer) for layer in layers_of(block))
    ]


def assessed(config: dict) -> list[str]:
    """The threats that at least one available surface informs."""
    have = set(available(config))
    return [n for n, t in config["threats"].items() if _surfaces_of(t) & have]


def not_assessed(config: dict) -> dict[str, str]:
    """Threats and rules that cannot be computed, with what they need."""
    done = set(assessed(config))
    out = {}
    for name, threat in config["threats"].items():
        if name not in done:
            blocks = [config["surfaces"][s] for s in _surfaces_of(threat)]
            missing = [i for b in blocks for i in layers_of(b) if is_absent(config, i)]
            out[name] = "; ".join(_need(config, layer) for layer in dict.fromkeys(missing))
    for name, rule in config["rules"].items():
        wanted = dict.fromkeys([*rule["needs"], *layers_of(rule)])
        missing = [i for i in wanted if is_absent(config, i)]
        if missing:
            out[name] = "; ".join(_need(config, layer) for layer in missing)
    return out


def surface_rules(config: dict, name: str) -> dict:
    """What a surface needs to know beside its block; only what its kind uses, so that a new
    as-of date reruns only surfaces that count ages."""
    block = config["surfaces"][name]
    rules = {"kinds": {layer: config["layers"][layer]["kind"] for layer in layers_of(block)}}
    for key in USES.get(block["kind"], ()):
        rules[key] = config[key]
    return rules


def model_surfaces(config: dict) -> list[str]:
    """The surfaces that the model reads and that can be made."""
    have = set(available(config))
    return [name for name in manul_model.inputs(config) if name in have]


def used_surfaces(config: dict) -> list[str]:
    """The surfaces of the model and those that recommendation rules name."""
    text = json.dumps(config["rules"])
    wanted = [s for s in available(config) if re.search(rf"\b{s}\b", text)]
    return list(dict.fromkeys([*model_surfaces(config), *wanted]))


def evidence_surfaces(config: dict) -> list[str]:
    """The surfaces that explain the fitted suitability and can be made."""
    have = set(available(config))
    return [s for s in config.get("suitability", {}).get("predictors", []) if s in have]


def fit_spec(config: dict) -> dict:
    """The block `suitability` with the predictors that can be made; empty if nothing is fitted."""
    block = config.get("suitability")
    if not block or is_absent(config, block["records"]) or not evidence_surfaces(config):
        return {}
    return block | {"predictors": evidence_surfaces(config)}


def effort_layers(config: dict) -> list[str]:
    """Records layers whose places stand for effort in the fit."""
    effort = fit_spec(config).get("background", {}).get("effort", [])
    return [] if isinstance(effort, str) else [i for i in effort if not is_absent(config, i)]


def fit_owner(configs: dict, scenario: str) -> str:
    """The first scenario whose fit would be the same, records, predictors and habitat alike."""
    wanted = _fit_definition(configs[scenario])
    return next(n for n, config in configs.items() if _fit_definition(config) == wanted)


def fitted_thresholds(config: dict) -> bool:
    """True if key habitat takes its thresholds from the records."""
    return config["key_habitat"]["thresholds"] == "fitted" and bool(fit_spec(config))


def private_layers(config: dict) -> list[str]:
    """The layers whose places must not be published."""
    return [name for name, block in config["layers"].items() if not block["public"]]


def evidence_layers(config: dict) -> list[str]:
    """The layers of field records, each with an evidence page."""
    return [name for name, block in config["layers"].items() if block["kind"] == "records"]


def evidence_of(config: dict, layer: str) -> dict:
    """What the page of a records layer shows: surfaces, other layers, rules, tables of the fit."""
    shown = {
        name: config["surfaces"][name]
        for name in available(config)
        if config["surfaces"][name]["kind"] in USES and layer in layers_of(config["surfaces"][name])
    }
    others = [i for block in shown.values() for i in layers_of(block)]
    records = [i for i in dict.fromkeys(others) if config["layers"][i]["kind"] == "records"]
    rules = {name: surface_rules(config, name) for name in shown} | {"poison": config["poison"]}
    fit = FIT_TABLES if fit_spec(config).get("records") == layer else ()
    return {"surfaces": shown, "layers": records, "rules": rules, "fit": list(fit)}


def page_owner(configs: dict, scenario: str, layer: str) -> str:
    """The first scenario whose evidence page of the layer would be the same."""
    wanted = _page_definition(configs[scenario], layer)
    return next(n for n, c in configs.items() if _page_definition(c, layer) == wanted)


def rule_layers(config: dict) -> list[str]:
    """The layers that the recommendation rules read, and the units."""
    skipped = not_assessed(config)
    wanted = [i for n, r in config["rules"].items() if n not in skipped for i in layers_of(r)]
    units = [config["region"]["units"]] if config["region"]["units"] else []
    return list(dict.fromkeys([*wanted, *units]))


def titles(config: dict) -> dict[str, str]:
    """The names of the assessed threats as they stand on maps."""
    return {name: config["threats"][name]["title"] for name in assessed(config)}


def sheet_words(config: dict) -> dict:
    """What a map sheet says beside its map: the params of the sheet rule."""
    keys = ("scenario_title", "as_of", "limitations", "groups", "dominant_floor", "key_habitat")
    words = {key: config[key] for key in keys}
    told = ("title", "group", "iucn", "weight")
    words["threats"] = {n: {k: t[k] for k in told} for n, t in config["threats"].items()}
    words["rules"] = {name: {"title": rule["title"]} for name, rule in config["rules"].items()}
    words["region"] = {"title": config["region"]["title"]}
    return words | {"assessed": assessed(config), "not_assessed": not_assessed(config)}


def invest_rasters(case: dict) -> list[str]:
    """The rasters that an InVEST case names in its table of threats.

    None if it cannot be read: the preflight tells why.
    """
    try:
        return [str(path) for path in threat_rasters(case["threats"]) if path.is_file()]
    except (OSError, ValueError, csv.Error):
        return []


def existing(path: str | None) -> str | list:
    """The path, or no input at all: the preflight tells a missing file together with all else."""
    return path if path and Path(path).exists() else []


def model(config: dict) -> dict:
    """What the model needs to know: the params of the model rule."""
    keep = {name: config["threats"][name] for name in assessed(config)}
    left_out = [t for n, t in config["threats"].items() if n not in keep]
    picked = {key: config[key] for key in ("habitat", "cumulative", "dominant_floor")}
    absent = sorted({surface for t in left_out for surface in _surfaces_of(t)})
    return picked | {"threats": keep, "absent": absent}


def owner(configs: dict, scenario: str, kind: str, name: str) -> str:
    """The scenario whose folder holds a layer or surface: the first one that defines it alike."""
    for other, config in configs.items():
        if other == scenario or _definition(config, kind, name) == _definition(
            configs[scenario], kind, name
        ):
            return other
    raise KeyError(scenario)


# ------------------------------------------------------------------------------------- helpers


@cache
def _grid(bounds, crs, cell_m) -> GeoBox:
    to = Transformer.from_crs("EPSG:4326", CRS.from_user_input(crs), always_xy=True)
    box = BoundingBox(*to.transform_bounds(*bounds, densify_pts=101))
    return GeoBox.from_bbox(tuple(box), crs=crs, resolution=cell_m)


def _as_json(config):
    try:
        return json.loads(json.dumps(config, default=str))
    except (ValueError, RecursionError):
        raise ConfigError(
            "the config refers to itself; expected anchors without a circle"
        ) from None


def _deep_faults(merged) -> list[str]:
    """Move surfaces to one place in `merged`; the faults of one scenario."""
    found, sound = schema.complete(merged, schema.schema(), "config")
    if not sound:
        return found
    _hoist(merged)
    return [*found, *schema.surface_faults(merged), *config_faults.find(merged)]


def _range_faults(block, path):
    if is_parameter(block):
        low, high = block.get("range", (block["value"], block["value"]))
        numbers = all(isinstance(n, int | float) for n in (low, block["value"], high))
        if numbers and not low <= block["value"] <= high:
            where = ".".join(path)
            yield f"{where}: the value {block['value']} lies outside its range {low}-{high}"
    elif isinstance(block, dict):
        for key, value in block.items():
            yield from _range_faults(value, (*path, str(key)))
    elif isinstance(block, list):
        for i, value in enumerate(block):
            yield from _range_faults(value, (*path, str(i)))


def _listing(faults) -> str:
    lines = [f"  {i}. {fault}" for i, fault in enumerate(faults, 1)]
    return "\n".join([f"the config has {len(lines)} fault{'s' * (len(lines) > 1)}:", *lines])


def _merge(base: dict, changes: dict) -> dict:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value
    return base


def _hoist(config) -> None:
    """Move surface blocks out of nodes into `surfaces`, named after where they stood."""

    def walk(node, name):
        if isinstance(node.get("surface"), dict):
            config["surfaces"][name] = node["surface"]
            node["surface"] = name
        for i, term in enumerate(node.get("terms", [])):
            walk(term, f"{name}_{i + 1}")
        if node.get("footprint"):
            walk(node["footprint"], f"{name}_footprint")

    habitat = config["habitat"]
    for group in (habitat["components"], habitat["gates"], config["threats"]):
        for name, node in group.items():
            walk(node, name)


def _surfaces_of(threat) -> set[str]:
    names = set(nodes.leaves(threat, "surface"))
    for group in nodes.leaves(threat, "loss_from"):
        names |= set(group)
    return names


def _need(config, layer) -> str:
    return f"needs {config['layers'][layer]['needs']}"


def _definition(config, kind, name):
    """All that decides what a layer or surface holds."""
    block = config[kind].get(name)
    if kind == "layers":
        return {k: v for k, v in (block or {}).items() if k != "needs"}
    below = {i: _definition(config, "layers", i) for i in layers_of(block)}
    return [block, below, block and surface_rules(config, name)]


def _page_definition(config, layer):
    """All that decides what the evidence page of a layer shows."""
    if config["layers"].get(layer, {}).get("kind") != "records":
        return None
    shown = evidence_of(config, layer)
    surfaces = [_definition(config, "surfaces", name) for name in shown["surfaces"]]
    fit = _fit_definition(config) if shown["fit"] else []
    return [_definition(config, "layers", layer), surfaces, shown["rules"], fit]


def _fit_definition(config):
    """All that decides what the fit of a scenario holds."""
    spec = fit_spec(config)
    if not spec:
        return {}
    names = dict.fromkeys([*spec["predictors"], *model_surfaces(config)])
    surfaces = [_definition(config, "surfaces", name) for name in names]
    layers = [_definition(config, "layers", i) for i in [spec["records"], *effort_layers(config)]]
    return [spec, surfaces, layers, config["habitat"], config["as_of"], config["key_habitat"]]
