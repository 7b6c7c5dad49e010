"""What of a config can be computed: which surfaces, threats and rules have their layers."""

import json
import re

from manul.config import nodes
from manul.config.nodes import layers_of
from manul.config.schema import kind_of_surface

FIT_TABLES = ("evaluation", "response_curves", "importance", "odmap", "thresholds")


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
    lacking = {name: lacks(config, f"effect_{name}") for name in config["threats"]}
    lacking |= {name: _rule_lacks(config, rule) for name, rule in config["rules"].items()}
    needs = {layer: block.get("needs", layer) for layer, block in config["layers"].items()}
    return {n: f"needs {'; '.join(needs[i] for i in ls)}" for n, ls in lacking.items() if ls}


def lacks(config: dict, name: str) -> list[str]:
    """The absent layers without which there can be no map `name`; empty if there can be one.

    `name` is that of a surface, `effect_THREAT`, `component_NAME`, `threat` or `value_at_risk`;
    any other map needs no more than the habitat.
    """
    if name in config["surfaces"]:
        return [i for i in layers_of(config["surfaces"][name]) if is_absent(config, i)]
    if name in ("threat", "value_at_risk", "quality"):
        return [] if assessed(config) else _of_all(config, *config["threats"].values())
    part, _, key = name.partition("_")
    nodes_of = {"effect": config["threats"], "component": config["habitat"]["components"]}
    node = nodes_of.get(part, {}).get(key)
    if node is None or _surfaces_of(node) & set(available(config)):
        return []
    return _of_all(config, node)


def surface_rules(config: dict, name: str) -> dict:
    """What a surface needs to know beside its block; only what its kind uses, so that a new
    as-of date reruns only surfaces that count ages."""
    block = config["surfaces"][name]
    rules = {"kinds": {layer: config["layers"][layer]["kind"] for layer in layers_of(block)}}
    for key in kind_of_surface(block["kind"]).get("x-uses", ()):
        rules[key] = config[key]
    return rules


def model_surfaces(config: dict) -> list[str]:
    """The surfaces that the model reads and that can be made."""
    have = set(available(config))
    return [name for name in inputs(config) if name in have]


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
        if kind_of_surface(config["surfaces"][name]["kind"]).get("x-uses")
        and layer in layers_of(config["surfaces"][name])
    }
    others = [i for block in shown.values() for i in layers_of(block)]
    records = [i for i in dict.fromkeys(others) if config["layers"][i]["kind"] == "records"]
    rules = {name: surface_rules(config, name) for name in shown} | {"poison": config["poison"]}
    fit = FIT_TABLES if fit_spec(config).get("records") == layer else ()
    return {"surfaces": shown, "layers": records, "rules": rules, "fit": list(fit)}


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
    keys = ("scenario_title", "as_of", "groups", "dominant_floor", "key_habitat")
    words = {key: config[key] for key in keys}
    words["limitations"] = [*_habitat_without(config), *config["limitations"].values()]
    told = ("title", "group", "iucn", "weight")
    words["threats"] = {n: {k: t[k] for k in told} for n, t in config["threats"].items()}
    words["rules"] = {name: {"title": rule["title"]} for name, rule in config["rules"].items()}
    words["region"] = {"title": config["region"]["title"]}
    return words | {"assessed": assessed(config), "not_assessed": not_assessed(config)}


def model(config: dict) -> dict:
    """What the model needs to know: the params of the model rule."""
    keep = {name: config["threats"][name] for name in assessed(config)}
    left_out = [t for n, t in config["threats"].items() if n not in keep]
    picked = {key: config[key] for key in ("habitat", "cumulative", "dominant_floor")}
    absent = sorted({surface for t in left_out for surface in _surfaces_of(t)})
    return picked | {"threats": keep, "absent": absent}


def _habitat_without(config) -> list[str]:
    """What habitat was computed without, for want of a layer, as a sentence."""
    habitat = config["habitat"]
    parts = [*habitat["components"].values(), *habitat["gates"].values()]
    surfaces = dict.fromkeys(s for part in parts for s in nodes.leaves(part, "surface"))
    missing = dict.fromkeys(layer for s in surfaces for layer in lacks(config, s))
    titles_ = [config["layers"][layer]["title"].lower() for layer in missing]
    return [f"Habitat is computed without {', '.join(titles_)}: no layer"] if titles_ else []


def _rule_lacks(config, rule) -> list[str]:
    """The absent layers that a rule names, or that a map needs which its expressions name."""
    told = [rule["zones"], rule["measures"]]
    words = dict.fromkeys(re.findall(r"[A-Za-z_]\w*", json.dumps(told)))
    named = [*rule["needs"], *layers_of(rule)]
    missing = [layer for layer in named if is_absent(config, layer)]
    return list(dict.fromkeys([*missing, *(i for word in words for i in lacks(config, word))]))


def _of_all(config, *nodes_) -> list[str]:
    """The absent layers behind the surfaces of some nodes."""
    surfaces = dict.fromkeys(s for node in nodes_ for s in sorted(_surfaces_of(node)))
    return list(dict.fromkeys(i for s in surfaces for i in lacks(config, s)))


def _surfaces_of(node) -> set[str]:
    names = set(nodes.leaves(node, "surface"))
    for group in nodes.leaves(node, "loss_from"):
        names |= set(group)
    return names


def inputs(model: dict) -> list[str]:
    """The surfaces that the model reads, in the order of the config."""
    habitat = model["habitat"]
    blocks = [*habitat["components"].values(), *habitat["gates"].values()]
    for threat in model["threats"].values():
        blocks += [threat, threat.get("footprint") or {}]
    return list(dict.fromkeys(name for block in blocks for name in nodes.leaves(block, "surface")))
