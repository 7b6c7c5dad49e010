"""What of a config can be computed: which surfaces, threats and rules have their layers."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from manul.config import expressions, nodes
from manul.config.nodes import layers_of
from manul.config.schema import analysis_kind, kind_of_surface
from manul.config.settled import once
from manul.config.types import Config

CONTEXT_COLUMNS = {
    "settlements": ("name", "population"), "lakes": ("name",), "provinces": ("name", "country"),
}  # fmt: skip
OF_ALL_THREATS = ("threat", "value_at_risk", "quality", "dominant_threat", "missing_inputs")
FAR_M = 50_000  # how far around the region journeys may lead
LARGEST_DISC_M = 20_000  # radius of a feature that stands as a point with an area


def margin_m(config: Config, layer: str) -> float:
    """How far beyond the region a layer matters: the reach of what is made of it and 10 cells."""
    reaches = [0.0]
    for block in config["surfaces"].values():
        reaches += [reach for name, reach in _reaches(block, 0.0) if name == layer]
    for rule in config["rules"].values():
        zones = rule["zones"]
        if zones.get("layer") == layer:
            reaches += [zones.get("radius_m", 0.0), zones.get("side_m", 0.0)]
        reaches += [near["within_m"] for near in rule["nearest"].values() if near["layer"] == layer]
    return max(reaches) + 10 * config["region"]["cell_m"]


def columns_wanted(config: Config, layer: str) -> list[str]:
    """The columns of a layer that products use where they are there: names and numbers on maps."""
    roles = [role for role, name in config["maps"].get("context", {}).items() if name == layer]
    wanted = [column for role in roles for column in CONTEXT_COLUMNS.get(role, ())]
    zones = (rule["zones"] for rule in config["rules"].values())
    of_zones = (zone["kind"] for zone in zones if zone.get("layer") == layer)
    wanted += ["name" for kind in of_zones if kind in ("segments", "features")]
    listed = config["tables"]["by"] if "tables" in config else {}
    drawn = config["atlas"]["of"] if "atlas" in config else None
    within = config["actions"]["within"] if "actions" in config else ()
    wanted += ["name"] if layer in {*listed, *(drawn or ()), *within} else []
    needed = ["name"] if layer == config["region"]["units"] else []
    return [column for column in dict.fromkeys(wanted) if column not in needed]


def shown(config: Config, layers: Iterable[str]) -> list[str]:
    """Those of some layers that are there and that this view may show."""
    hidden = () if config["exact"] else private_layers(config)
    return [name for name in layers if not is_absent(config, name) and name not in hidden]


def makes_surfaces(config: Config, layer: str) -> bool:
    """True for a layer that a surface is made of."""
    return any(layer in layers_of(block) for block in config["surfaces"].values())


def is_absent(config: Config, layer: str) -> bool:
    """True for a layer that the model wants and the region does not have."""
    return config["layers"][layer]["kind"] == "absent"


@once
def available(config: Config) -> list[str]:
    """The surfaces that can be made: none of their layers is absent."""
    return [
        name
        for name, block in config["surfaces"].items()
        if not any(is_absent(config, layer) for layer in layers_of(block))
    ]


@once
def assessed(config: Config) -> list[str]:
    """The threats that at least one available surface informs."""
    have = set(available(config))
    return [n for n, t in config["threats"].items() if surfaces_of(t) & have]


@once
def not_assessed(config: Config) -> dict[str, str]:
    """Threats and rules that cannot be computed, with what they need."""
    lacking = {name: lacks(config, f"effect_{name}") for name in config["threats"]}
    needs = {
        n: [config["layers"][i].get("needs", i) for i in found] for n, found in lacking.items()
    }
    needs |= {name: _rule_needs(config, rule) for name, rule in config["rules"].items()}
    return {name: f"needs {'; '.join(found)}" for name, found in needs.items() if found}


def lacks(config: Config, name: str) -> list[str]:
    """The absent layers without which there can be no map `name`; empty if there can be one.

    `name` is that of a surface or of an analysis, perhaps with that of a further band, or
    `effect_THREAT`, `share_THREAT`, `component_NAME`, one of `OF_ALL_THREATS`; any other map needs
    no more than the habitat.
    """
    if surface := _whose(name, config["surfaces"]):
        return [i for i in layers_of(config["surfaces"][surface]) if is_absent(config, i)]
    if analysis := _whose(name, config["analyses"]):
        return _analysis_lacks(config, analysis)
    if name in OF_ALL_THREATS:
        return [] if assessed(config) else _of_all(config, *config["threats"].values())
    part, _, key = name.partition("_")
    nodes_of = {"component": config["habitat"]["components"]}
    nodes_of |= dict.fromkeys(("effect", "share"), config["threats"])
    node = nodes_of.get(part, {}).get(key)
    if node is None or surfaces_of(node) & set(available(config)):
        return []
    return _of_all(config, node)


@once
def surface_rules(config: Config, name: str) -> dict:
    """What a surface needs to know beside its block; only what its kind uses, so that a new
    as-of date reruns only surfaces that count ages."""
    block = config["surfaces"][name]
    rules: dict[str, Any] = {
        "kinds": {layer: config["layers"][layer]["kind"] for layer in layers_of(block)}
    }
    used = kind_of_surface(block["kind"]).get("x-uses", ())
    return rules | {key: value for key, value in config.items() if key in used}


def analyses(config: Config, kind: str | None = None) -> list[str]:
    """The analyses that can be made: their records are there, and something that explains them."""
    have = set(available(config))
    found = []
    for name, block in config["analyses"].items():
        spec = analysis_kind(block["kind"])
        records = all(not is_absent(config, block[key]) for key in spec["x-needs"])
        explained = all(have & set(block[key]) for key in spec["x-surfaces"])
        if records and explained and kind in (None, block["kind"]):
            found.append(name)
    return found


def analysis_block(config: Config, name: str) -> dict:
    """The block of an analysis with the surfaces and further records that there are."""
    block, have = config["analyses"][name], set(available(config))
    spec = analysis_kind(block["kind"])
    lists = (*spec["x-surfaces"], *spec.get("x-may-surfaces", ()))
    there = {key: [s for s in block[key] if s in have] for key in lists}
    for key in spec.get("x-may", ()):
        absent = block[key] is None or is_absent(config, block[key])
        there |= {key: None if absent else block[key]}
    return block | there


def barriers(config: Config, name: str) -> list[str]:
    """The layers of lines that hold movement back in an analysis, as far as they are there."""
    layers = dict.fromkeys(b["layer"] for b in config["analyses"][name].get("barriers", ()))
    return [layer for layer in layers if not is_absent(config, layer)]


def thresholds_from(config: Config) -> str:
    """The analysis from which key habitat takes its thresholds; empty: from the config."""
    name = config["key_habitat"]["thresholds"]
    return name if name in analyses(config) else ""


def sizes_from(config: Config) -> str:
    """The analysis from which key habitat takes its patch sizes; empty: from the config."""
    name = config["key_habitat"]["sizes"]
    return name if name in analyses(config) else ""


@once
def private_layers(config: Config) -> list[str]:
    """The layers whose places must not be published; one that is absent has none."""
    return [n for n, b in config["layers"].items() if not b["public"] and b["kind"] != "absent"]


def has_two_views(config: Config) -> bool:
    """True where something may not be published: the places of a layer, or those of a rule."""
    return bool(private_layers(config) or public_view(config)["withheld"])


@once
def hidden_behind(config: Config, surface: str) -> list[str]:
    """The layers behind a surface whose places must not be published."""
    hidden = private_layers(config)
    return [i for i in dict.fromkeys(layers_of(config["surfaces"][surface])) if i in hidden]


def privacy_rules(config: Config, hidden: list[str]) -> dict:
    """The block `privacy` with how far the places of some layers reach and were read (m)."""
    blocks = config["surfaces"].values()
    reaches = [r for b in blocks for name, r in _reaches(b, 0.0) if name in hidden]
    margin = max(margin_m(config, name) for name in hidden)
    return config["privacy"] | {"reach_m": max(reaches, default=0.0), "margin_m": margin}


def public_view(config: Config) -> Config:
    """The config of what may be published: hidden places generalised, or withheld."""
    lacking = not_assessed(config)  # of these there is nothing to hide
    rules = {n: rule for n, rule in config["rules"].items() if rule["public"] or n in lacking}
    withheld = {n: rule["title"] for n, rule in config["rules"].items() if n not in rules}
    config = config | {"exact": False, "rules": rules, "withheld": withheld}
    if config["privacy"]["show"] == "generalised":
        return config
    layers, blocks = dict(config["layers"]), dict(config["surfaces"])
    for name in private_layers(config):
        title = config["layers"][name]["title"]
        needs = f"places that are not public ({title.lower()}; see the folder restricted)"
        layers[f"{name} withheld"] = {
            "kind": "absent",
            "title": title,
            "needs": needs,
            "public": True,
        }
        blocks = {s: _with_layer(b, name, f"{name} withheld") for s, b in blocks.items()}
    return config | {"layers": layers, "surfaces": blocks}


def exact_view(config: Config) -> Config:
    """The config of what must not be published: everything exact, without sheets and pages."""
    left_out = ("sheets", "evidence", "states")
    products = [part for part in config["products"] if part not in left_out]
    title = f"{config['scenario_title']}, exact places: NOT FOR PUBLICATION"
    return config | {"products": products, "scenario_title": title}


def evidence_of(config: Config, layer: str) -> dict:
    """What the page of a records layer shows: surfaces, other layers, rules, analyses."""
    shown = {
        name: config["surfaces"][name]
        for name in available(config)
        if kind_of_surface(config["surfaces"][name]["kind"]).get("x-uses")
        and layer in layers_of(config["surfaces"][name])
    }
    others = [i for block in shown.values() for i in layers_of(block)]
    districts = {block.get("districts_layer") for block in shown.values()}
    wanted = [
        name
        for name in dict.fromkeys(others)
        if config["layers"][name]["kind"] in ("records", "vector" if name in districts else "")
    ]
    rules = {name: surface_rules(config, name) for name in shown} | {"poison": config["poison"]}
    mine = [
        name
        for name in analyses(config)
        for key in analysis_kind(config["analyses"][name]["kind"])["x-needs"]
        if config["analyses"][name][key] == layer
    ]
    blocks = {name: config["analyses"][name] for name in mine}
    return {"surfaces": shown, "layers": wanted, "rules": rules, "analyses": blocks}


def dated_records(config: Config) -> list[str]:
    """The layers of reports and surveys that the model follows in time, without hidden ones."""
    hidden = set(private_layers(config))
    found: dict[str, None] = {}
    for name in available(config):
        block = config["surfaces"][name]
        if "as_of" in kind_of_surface(block["kind"]).get("x-uses", ()):
            found |= dict.fromkeys(layers_of(block))
    kinds = {name: config["layers"][name]["kind"] for name in found}
    return [name for name in found if kinds[name] == "records" and name not in hidden]


def maps_of_rules(config: Config, known: Collection[str]) -> list[str]:
    """The maps that the rules which can be assessed name, and those they can do without."""
    skipped = not_assessed(config)
    found: dict[str, None] = {}
    for name, rule in config["rules"].items():
        if name not in skipped:
            found |= dict.fromkeys(w for w in _words(rule) if w in known)
            found |= dict.fromkeys(rule["optional"])
    return list(found)


def completeness(config: Config, known: Collection[str]) -> dict[str, dict[str, str]]:
    """What can be told of how complete layers are: those blocks all of whose maps are `known`.

    One whose expressions cannot be read is not: preflight says so.
    """
    out = {}
    for name, block in config["tables"]["completeness"].items():
        with suppress(expressions.ExpressionError):
            if set(maps_of_completeness({name: block})) <= set(known):
                out[name] = block
    return out


def maps_of_completeness(blocks: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The maps that their expressions name."""
    texts = [block[key] for block in blocks.values() for key in ("land", "near")]
    return list(dict.fromkeys(name for text in texts for name in expressions.names(text)))


def rule_layers(config: Config) -> list[str]:
    """The layers that the recommendation rules read, and the units."""
    skipped = not_assessed(config)
    wanted = [i for n, r in config["rules"].items() if n not in skipped for i in layers_of(r)]
    units = [config["region"]["units"]] if config["region"]["units"] else []
    return list(dict.fromkeys([*wanted, *units]))


def towns(config: Config) -> str | None:
    """The layer from whose places key areas are named: the settlements that sheets draw."""
    return config["maps"]["context"].get("settlements")


def titles(config: Config) -> dict[str, str]:
    """The names of the assessed threats as they stand on maps."""
    return {name: config["threats"][name]["title"] for name in assessed(config)}


def sheet_words(config: Config) -> dict:
    """What a map sheet says beside its map: the params of the sheet rule."""
    keys = ("scenario_title", "as_of", "groups", "dominant_floor", "key_habitat")
    words: dict[str, Any] = {key: block for key, block in config.items() if key in keys}
    words["limitations"] = [*_habitat_without(config), *config["limitations"].values()]
    told = ("title", "group", "iucn")
    words["threats"] = {
        name: {k: v for k, v in t.items() if k in told} | _largest_effect(t)
        for name, t in config["threats"].items()
    }
    words["layers"] = sum(not is_absent(config, layer) for layer in config["layers"])
    words["rules"] = {name: {"title": rule["title"]} for name, rule in config["rules"].items()}
    words["rules"] |= {name: {"title": title} for name, title in config["withheld"].items()}
    words["withheld"] = config["withheld"]
    words |= {"species": config["species"], "loss": config["habitat"]["loss"]}
    words["region"] = {"title": config["region"]["title"]}
    return words | {"assessed": assessed(config), "not_assessed": not_assessed(config)}


@once
def model(config: Config) -> dict:
    """What the model needs to know: the params of the model rule."""
    keep = {name: config["threats"][name] for name in assessed(config)}
    left_out = [t for n, t in config["threats"].items() if n not in keep]
    picked = {key: config[key] for key in ("habitat", "cumulative", "dominant_floor")}
    absent = sorted({surface for t in left_out for surface in surfaces_of(t)})
    return picked | {"threats": keep, "absent": absent}


def _largest_effect(threat) -> dict[str, float]:
    """The largest effect of a threat around it, and inside its footprint (0: it has none)."""
    factor = threat.get("factor", 1)
    inside = factor if threat.get("footprint") else 0
    return {"largest": threat["weight"] * factor, "on_its_ground": inside}


def _habitat_without(config) -> list[str]:
    """What habitat was computed without, for want of a layer, as a sentence."""
    habitat = config["habitat"]
    parts = [*habitat["components"].values(), *habitat["gates"].values()]
    surfaces = dict.fromkeys(s for part in parts for s in nodes.leaves(part, "surface"))
    missing = dict.fromkeys(layer for s in surfaces for layer in lacks(config, s))
    titles_ = [config["layers"][layer]["title"].lower() for layer in missing]
    return [f"Habitat is computed without {', '.join(titles_)}: no layer"] if titles_ else []


def _rule_needs(config, rule) -> list[str]:
    """What a rule lacks: layers that it names or that its maps need, and maps taken away."""
    words = [word for word in _words(rule) if word not in rule["optional"]]
    named = [*rule["needs"], *layers_of(rule)]
    missing = [layer for layer in named if is_absent(config, layer)]
    missing += [layer for word in words for layer in lacks(config, word)]
    gone = [f"{config['taken_away'][w]} (taken away)" for w in words if w in config["taken_away"]]
    needs = [config["layers"][layer].get("needs", layer) for layer in missing]
    return list(dict.fromkeys([*needs, *gone]))


def _words(rule) -> list[str]:
    """Every word in a rule's cell expressions that could be the name of a map."""
    told = json.dumps([rule["zones"], rule["measures"]])
    return list(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", told)))


def _with_layer(block, old, new):
    """A surface block in which another layer stands for one."""
    if isinstance(block, list):
        return [_with_layer(part, old, new) for part in block]
    if not isinstance(block, dict):
        return block
    return {
        k: new if nodes.names_layer(k, v) and v == old else _with_layer(v, old, new)
        for k, v in block.items()
    }


def _reaches(block, so_far) -> Iterator[tuple[str, float]]:
    """Each layer of a surface block, with how far beyond a cell it is looked at (m)."""
    reach = so_far + max(block.get("reach_m", 0), block.get("radius_m", 0))
    reach += FAR_M * (block.get("kind") == "travel_time")
    reach += LARGEST_DISC_M * ("area_ha_field" in block)
    for key, value in block.items():
        if nodes.names_layer(key, value):
            yield value, reach
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield from _reaches(part, reach)


def _whose(name, blocks) -> str:
    """The block that a map is called after, or called after with the name of a band; or ""."""
    if name in blocks:
        return name
    return max((block for block in blocks if name.startswith(f"{block}_")), key=len, default="")


def _analysis_lacks(config, name) -> list[str]:
    """The absent layers for want of which there is no analysis `name`; empty if there is one."""
    if name in analyses(config):
        return []
    block = config["analyses"][name]
    spec = analysis_kind(block["kind"])
    records = [block[key] for key in spec["x-needs"] if is_absent(config, block[key])]
    surfaces = dict.fromkeys(s for key in spec["x-surfaces"] for s in block[key])
    return records or [layer for surface in surfaces for layer in lacks(config, surface)]


def _of_all(config, *nodes_) -> list[str]:
    """The absent layers behind the surfaces of some nodes."""
    surfaces = dict.fromkeys(s for node in nodes_ for s in sorted(surfaces_of(node)))
    return list(dict.fromkeys(i for s in surfaces for i in lacks(config, s)))


def surfaces_of(node) -> set[str]:
    """The surfaces that a node reads, and those whose loss it is."""
    names = set(nodes.leaves(node, "surface"))
    for group in nodes.leaves(node, "loss_from"):
        names |= set(group)
    return names
