"""What the config means: checked, completed, and one plain dictionary for each scenario.

Nothing here opens a data file. `load` raises `ConfigError` with every fault at once, each as one
line that names the path in the config, what was found, and what is expected.
"""

import ast
import copy
import csv
import difflib
import hashlib
import json
import re
from functools import cache
from pathlib import Path

import jsonschema
import yaml
from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox
from pyproj import CRS, Transformer

from manul import model as manul_model
from manul import nodes
from manul.parameters import is_parameter, plain

USES = {"poison": ("as_of", "compounds", "poison"), "burrow_density": ("as_of", "burrows")}
SCHEMAS = Path(__file__).parents[2] / "schemas"


class ConfigError(ValueError):
    """The config is wrong; the message lists every fault."""


def load(config: dict) -> dict:
    """The effective config of every scenario, by name: validated, defaulted, numbers plain.

    Surface blocks that stand within threats or components are moved to `surfaces` under the name
    of the threat, so that later code meets surfaces in one place.
    """
    config = json.loads(json.dumps(config, default=str))
    faults = list(_range_faults(config, ()))
    base = plain(config)
    faults += _complete(base, _schema(), "config")
    if faults:
        raise ConfigError(_listing(faults))
    out = {}
    for name, scenario in base["scenarios"].items():
        merged = _merge(copy.deepcopy(base), scenario["changes"])
        found = _complete(merged, _schema(), f"scenarios.{name}.changes")
        if not found:
            _hoist(merged)
            found = [*_surface_faults(merged), *_reference_faults(merged)]
        faults += [f"{name}: {f}" if scenario["changes"] else f for f in found]
        out[name] = merged | {"scenario": name, "scenario_title": scenario["title"]}
    if faults:
        raise ConfigError(_listing(dict.fromkeys(faults)))
    return out


def grid(region: dict) -> GeoBox:
    """The region's grid: cells of `cell_m` on a lattice through the origin of its CRS."""
    west, south, east, north = region["bounds"]
    to = Transformer.from_crs("EPSG:4326", CRS.from_user_input(region["crs"]), always_xy=True)
    box = BoundingBox(*to.transform_bounds(west, south, east, north, densify_pts=101))
    return GeoBox.from_bbox(tuple(box), crs=region["crs"], resolution=region["cell_m"])


def margin_m(config: dict) -> float:
    """How far beyond the region sources can matter: the largest reach of any surface (m)."""
    reaches = [config["region"]["cell_m"] * 10]
    for block in config["surfaces"].values():
        reaches += [block[k] for k in ("reach_m", "radius_m") if k in block]
        if block["kind"] == "travel_time":
            reaches.append(50_000)
    return max(reaches)


def layers_of(block) -> list[str]:
    """Every layer that a surface block reads, in order."""
    found = []
    if isinstance(block, dict):
        for key, value in block.items():
            if (key == "layer" or key.endswith("_layer")) and isinstance(value, str):
                found.append(value)
            else:
                found += layers_of(value)
    return list(dict.fromkeys(found))


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
        missing = [i for i in rule["needs"] if is_absent(config, i)]
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
    """The rasters that an InVEST case names in its table of threats; none if it is not there."""
    table = Path(case["threats"])
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8-sig") as file:
        return [str(table.parent / row["cur_path"]) for row in csv.DictReader(file)]


def layer_paths(config: dict) -> list[str]:
    """Files of all layers that exist, as inputs of the preflight."""
    return [
        b["path"] for b in config["layers"].values() if "path" in b and Path(b["path"]).exists()
    ]


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


def digest(*things) -> str:
    """A short digest of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(things, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def code_digest(*modules: str) -> str:
    """A digest of these modules of the package and of all that they import from it."""
    here, todo, seen = Path(__file__).parent, list(modules), {}
    while todo:
        name = todo.pop()
        path = here / f"{name.replace('.', '/')}.py"
        path = path if path.exists() else here / name / "__init__.py"
        if name in seen or not path.exists():
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        seen[name] = ast.dump(tree)  # comments and layout do not count
        todo += _imported(tree)
        if path.name == "__init__.py":
            todo += [f"{name}.{p.stem}" for p in path.parent.glob("[!_]*.py")]
    return digest(sorted(seen.items()))


def document(schema: dict | None = None) -> str:
    """The key table of config/README.md, made from the schema."""
    schema = schema or _schema()
    lines = ["| key | meaning | default |", "|---|---|---|"]
    lines += _document(schema, "", schema)
    for kind, block in schema["$defs"]["surfaces"].items():
        lines.append(f"| **surface `{kind}`** | {block['description']} | |")
        lines += _document(block, f"{kind}.", schema)
    return "\n".join(lines) + "\n"


def read_schema(name: str) -> dict:
    """A YAML file of workflow/schemas."""
    return yaml.safe_load((SCHEMAS / f"{name}.yaml").read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------- helpers


@cache
def _schema_text() -> str:
    return (SCHEMAS / "config.schema.yaml").read_text(encoding="utf-8")


def _schema() -> dict:
    return yaml.safe_load(_schema_text())


def _complete(config, schema, where) -> list[str]:
    """Fill in defaults in place; the faults found, as lines."""
    errors = _defaulting(schema).iter_errors(config)
    return [line for e in errors for line in _explain(e, where)]


def _defaulting(schema):
    check_properties = jsonschema.Draft202012Validator.VALIDATORS["properties"]

    def fill(validator, properties, instance, parent):
        if isinstance(instance, dict):
            for key, sub in properties.items():
                if isinstance(sub, dict) and "default" in sub:
                    instance.setdefault(key, copy.deepcopy(sub["default"]))
        yield from check_properties(validator, properties, instance, parent)

    cls = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"properties": fill})
    return cls(schema, format_checker=jsonschema.FormatChecker())


def _explain(error, where) -> list[str]:
    path = ".".join([where, *map(str, error.absolute_path)]).removeprefix("config.")
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    match error.validator:
        case "additionalProperties":
            unknown = [k for k in error.instance if k not in known]
            return [f"{path}: unknown key {key!r}{_hint(key, known)}" for key in unknown]
        case "required":
            missing = [k for k in error.validator_value if k not in error.instance]
            return [f"{path}: the key {key!r} is missing" for key in missing]
        case "enum":
            hint = _hint(error.instance, error.validator_value)
            return [f"{path}: {error.instance!r} is not known{hint}"]
        case "type":
            return [f"{path}: found {error.instance!r}, expected {_words(error.validator_value)}"]
        case "minimum" | "exclusiveMinimum":
            than = "at least" if error.validator == "minimum" else "more than"
            return [f"{path}: found {error.instance}, expected {than} {error.validator_value}"]
        case "maximum":
            return [f"{path}: found {error.instance}, expected at most {error.validator_value}"]
        case "format":
            return [
                f"{path}: found {error.instance!r}, expected a {error.validator_value} (yyyy-mm-dd)"
            ]
    return [f"{path}: {error.message}"]


def _hint(word, choices) -> str:
    choices = sorted(map(str, choices))
    near = difflib.get_close_matches(str(word), choices, 1, 0.6)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"{meant} (choices: {', '.join(choices)})" if choices else meant


def _words(types) -> str:
    return " or ".join([types] if isinstance(types, str) else types)


def _range_faults(block, path):
    if is_parameter(block):
        low, high = block.get("range", (block["value"], block["value"]))
        if isinstance(low, int | float) and not low <= block["value"] <= high:
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


def _surface_faults(config) -> list[str]:
    """Each surface block against the closed schema of its kind."""
    faults = []
    for name, block in config["surfaces"].items():
        faults += _block_faults(block, f"surfaces.{name}")
    return faults


def _block_faults(block, where) -> list[str]:
    schema = _schema()
    kinds = schema["$defs"]["surfaces"]
    if block.get("kind") not in kinds:
        return [
            f"{where}.kind: {block.get('kind')!r} is not known{_hint(block.get('kind'), kinds)}"
        ]
    closed = {"$defs": schema["$defs"], **kinds[block["kind"]]}
    faults = _complete(block, closed, where)
    for key, value in block.items():
        below = value if key == "of" else value.get("of") if isinstance(value, dict) else None
        if isinstance(below, dict):
            faults += _block_faults(below, f"{where}.{key}")
    return faults


def _reference_faults(config) -> list[str]:
    """Names that point nowhere, each with the nearest name that exists."""
    faults, layers, surfaces = [], config["layers"], config["surfaces"]

    def check(name, choices, where, what):
        if name is not None and name not in choices:
            faults.append(f"{where}: there is no {what} {name!r}{_hint(name, choices)}")

    for name, layer in layers.items():
        for key in _layer_needs(layer):
            if layer.get(key) is None:
                faults.append(
                    f"layers.{name}: a layer of kind {layer['kind']} needs the key {key!r}"
                )
    for name, block in surfaces.items():
        for layer in layers_of(block):
            check(layer, layers, f"surfaces.{name}", "layer")
        if block["kind"] in ("distance", "exposure") and ("layer" in block) == ("of" in block):
            faults.append(f"surfaces.{name}: give either a layer or a block `of`, not both or none")
        if "of" in block and block["kind"] in ("distance", "exposure") and "minimum" not in block:
            faults.append(f"surfaces.{name}: a block `of` needs `minimum`, the level of a source")
        if block["kind"] == "exposure" and block["decay"] != "linear":
            need = "table" if block["decay"] == "table" else "scale_m"
            if need not in block:
                faults.append(f"surfaces.{name}: decay {block['decay']!r} needs the key {need!r}")
    habitat = config["habitat"]
    for group, blocks in (
        ("habitat.components", habitat["components"]),
        ("habitat.gates", habitat["gates"]),
        ("threats", config["threats"]),
    ):
        for name, node in blocks.items():
            where = f"{group}.{name}"
            faults += _node_faults(node, where)
            for part in (node, node.get("footprint") or {}):
                for surface in nodes.leaves(part, "surface"):
                    check(surface, surfaces, where, "surface")
                for component in nodes.leaves(part, "component"):
                    check(component, habitat["components"], where, "habitat component")
                for names in nodes.leaves(part, "loss_from"):
                    for surface in names:
                        check(surface, habitat["reference"], where, "reference level of")
    for surface in habitat["reference"]:
        check(surface, surfaces, "habitat.reference", "surface")
    for name, threat in config["threats"].items():
        check(threat["group"], config["groups"], f"threats.{name}.group", "group")
    for key in ("mask", "units"):
        check(config["region"][key], layers, f"region.{key}", "layer")
    for role, layer in config["maps"]["context"].items():
        check(layer, layers, f"maps.context.{role}", "layer")
    for name, rule in config["rules"].items():
        for layer in [*layers_of(rule), *rule["needs"]]:
            check(layer, layers, f"rules.{name}", "layer")
    for name in config["priority"]:
        check(name, config["rules"], "priority", "rule")
    return faults


def _layer_needs(layer) -> list[str]:
    if layer["kind"] == "absent":
        return ["needs"]
    need = ["path", "date", "source", "licence", "data_status", "positional_error_m"]
    return need + {"classes": ["classes"], "records": ["table"]}.get(layer["kind"], [])


def _node_faults(node, where) -> list[str]:
    ways = [kind for kind in nodes.LEAVES if kind in node] + ["terms"] * ("terms" in node)
    faults = []
    if len(ways) != 1:
        found = " and ".join(ways) or "none of them"
        faults.append(f"{where}: give one of {', '.join(nodes.LEAVES)} or terms; found {found}")
    if ("terms" in node) != ("combine" in node):
        faults.append(f"{where}: `combine` and `terms` go together")
    for i, term in enumerate(node.get("terms", [])):
        faults += _node_faults(term, f"{where}.terms.{i}")
    return faults


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


def _imported(tree) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "manul":
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("manul."):
            names.append(node.module.removeprefix("manul."))
    return names


def _document(block, prefix, schema) -> list[str]:
    lines = []
    for key, sub in block.get("properties", {}).items():
        if not sub:
            continue
        sub = {**schema["$defs"].get(sub.get("$ref", "").rsplit("/", 1)[-1], {}), **sub}
        default = json.dumps(sub["default"]) if "default" in sub else ""
        lines.append(f"| `{prefix}{key}` | {sub.get('description', '')} | {default} |")
        deeper = sub.get("additionalProperties")
        if prefix.count(".") < 2 and isinstance(sub.get("properties"), dict):
            lines += _document(sub, f"{prefix}{key}.", schema)
        if prefix == "" and isinstance(deeper, dict):
            target = deeper.get("$ref") or deeper.get("allOf", [{}])[0].get("$ref", "")
            named = schema["$defs"].get(target.rsplit("/", 1)[-1], deeper)
            lines += _document(named, f"{key}.NAME.", schema)
    return lines
