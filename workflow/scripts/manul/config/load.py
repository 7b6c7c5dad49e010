"""What a config means: a species model, a region's file laid over it, one dictionary a scenario.

`load` raises `ConfigError` with every fault at once, each as one line that names the path in the
config, what was found, and what is expected. It opens the model's file and the YAML files that lie
beside data files; no data.

Laying over: mappings are joined key by key, all else is replaced, and `null` takes an entry away. A
number with a range is one thing, as are a block of another `kind` and another response curve. Of a
layer the model says what it wants (its role), the YAML file beside the data where it comes from,
the region's file which file it is and what else differs; what is said later counts.
"""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from manul.config import catalogue, documents, extensions, range_faults, schema, states
from manul.config import faults as config_faults
from manul.config.hints import hint
from manul.config.nodes import layers_of
from manul.config.ranges import DISTRIBUTIONS, is_parameter, plain, ranges
from manul.config.types import Config

MODELS = Path(__file__).parents[4] / "config" / "models"
MODEL = "pallas_cat"
# What describes one file and must not stay when a scenario or a region takes another one.
OF_A_FILE = (
    "date", "source", "licence", "data_status", "positional_error_m", "caveat", "scale", "offset",
    "band", "classes", "filter", "since", "until", "fields", "crs", "layer", "encoding",
)  # fmt: skip


class ConfigError(ValueError):
    """The config is wrong; the message lists every fault."""

    plain = True  # people need no traceback


def load(config: dict, files: Iterable = ()) -> dict[str, Config]:
    """The effective config of every scenario, by name: validated, defaulted, numbers plain.

    `files` are the YAML files that the config was read from: of two equal keys in one block the
    config holds only the last, so they are looked at again.

    Surface blocks that stand within threats or components are moved to `surfaces` under the name
    of the threat, so that later code meets surfaces in one place. `ranges` holds what was said of a
    number beside its value, by its path. A layer without a file has the kind `absent`.
    """
    _refuse_misread(files)
    given = _as_json(config)
    try:
        ran = extensions.run(given.get("extensions") or [])
    except extensions.ExtensionError as error:
        raise ConfigError(_listing([str(error)])) from error
    model = _model(given.get("model"))
    base = _whole(model, given, {})
    faults = [*_range_faults(base, ()), *config_faults.mistaken_nulls(model, given)]
    found, sound = schema.complete(plain(copy.deepcopy(base)), schema.schema(), "config")
    faults += found
    if not sound:
        raise ConfigError(_listing(faults))
    out: dict[str, Any] = {}
    for name, scenario in _scenarios(base, given).items():
        changes = scenario["changes"]
        strange = config_faults.unknown_changes(base, changes)
        whole = _whole(model, given, {} if strange else changes)
        found, effective = _effective(whole)
        effective["extensions"] = ran
        effective["taken_away"] = _taken_away([model, given, base], whole)
        found = [f for f in strange or found if f not in faults]
        faults += [f"scenario {name}: {f}" if changes else f for f in found]
        told = {
            "scenario": name,
            "scenario_title": scenario["title"],
            "exact": True,
            "withheld": {},
        }
        out[name] = effective | told | {k: scenario[k] for k in ("products",) if k in scenario}
    if faults:
        raise ConfigError(_listing(faults))
    return out


def written_out(config: dict) -> dict:
    """The config with its model and all metadata of layers in one mapping, which loads alike."""
    given = _as_json(config)
    whole = _whole(_model(given.get("model")), given, {})
    return whole | {"model": "none"} | {k: given[k] for k in ("scenarios",) if k in given}


def laid_over(base, changes):
    """`changes` over `base`, both unchanged: see the head of this module."""
    if not isinstance(base, dict) or not isinstance(changes, dict) or _is_one_thing(base, changes):
        return _without_nulls(changes)
    out = dict(base)
    for key, value in changes.items():
        if value is None:
            out.pop(key, None)
        elif key in out:
            out[key] = laid_over(out[key], value)
        else:
            out[key] = _without_nulls(value)
    return out


# ------------------------------------------------------------------------------------- helpers


def _refuse_misread(files) -> None:
    try:
        faults = [fault for file in files for fault in documents.misread(file)]
    except documents.DocumentError as error:
        faults = error.faults
    if faults:
        raise ConfigError(_listing(faults))


def _as_json(config):
    try:
        return documents.as_json(config)
    except documents.DocumentError as error:
        raise ConfigError(_listing(error.faults)) from None


def _model(name) -> dict:
    """The species model of this name, or of this path from the project's folder."""
    if name == "none":
        return {}
    shipped = sorted(path.stem for path in MODELS.glob("*.yaml"))
    path = MODELS / f"{name or MODEL}.yaml"
    path = path if path.is_file() else Path(str(name))
    if not path.is_file():
        raise ConfigError(_listing([f"model: there is no {name!r}{hint(name, shipped)}"]))
    return _yaml(path)


def _yaml(path) -> dict:
    try:
        return documents.read(path)
    except documents.DocumentError as error:
        raise ConfigError(_listing(error.faults)) from None


def _whole(model, given, changes) -> dict:
    """The model, the region's file and changes in one mapping; layers with all their metadata."""
    parts = (model, given, changes)
    merged: dict[str, Any] = {}
    for part in parts:
        merged = laid_over(merged, {k: v for k, v in part.items() if k not in ("layers", "model")})
    roles, own, changed = layers = [part.get("layers") or {} for part in parts]
    wrong = [block for block in layers if not isinstance(block, dict)]
    region = _at(merged, ("region",)).get("name", "")
    merged["layers"] = wrong[0] if wrong else _layers(roles, own, changed, region)
    return _without_rules_taken_away(merged, parts)


def _without_rules_taken_away(merged, parts) -> dict:
    """A rule that one file has and another takes away needs no place among the others."""
    rules, order = merged.get("rules", {}), merged.get("priority")
    if isinstance(rules, dict) and isinstance(order, list):
        all_gone = any("rules" in part and part["rules"] is None for part in parts)
        known = {name for part in parts for name in _at(part, ("rules",))}
        merged["priority"] = [
            name
            for name in order
            if not isinstance(name, str) or name in rules or not (all_gone or name in known)
        ]
    return merged


def _taken_away(befores, whole) -> dict[str, str]:
    """Maps that a rule may name and that were taken away with null, and what each was."""
    out: dict[str, str] = {}
    for before in befores:
        for prefix, what, path in (
            ("", "surface", ("surfaces",)),
            ("effect_", "threat", ("threats",)),
            ("share_", "threat", ("threats",)),
            ("component_", "habitat component", ("habitat", "components")),
        ):
            names, left = _at(before, path), _at(whole, path)
            out |= {f"{prefix}{n}": f"{what} {n}" for n in names if n not in left}
    return out


def _at(block, path) -> dict:
    for key in path:
        block = block.get(key) if isinstance(block, dict) else None
    return block if isinstance(block, dict) else {}


def _layers(roles, own, changes, region) -> dict:
    """Each layer: its role, what the catalogue says of its source, what lies beside its file, what
    the region says, what a scenario says.

    A role that no file fills is `absent`; so is a layer that was taken away with null.
    """
    out: dict[str, Any] = {}
    for name in dict.fromkeys([*roles, *own, *changes]):
        role = roles.get(name, {})
        said = _of_one_file(own.get(name), changes.get(name, {}))
        if said is not None and not isinstance(said, dict):
            out[name] = said  # the schema tells
        elif said and (not role or said.get("kind") != "absent"):
            fetched = _from_catalogue(name, said, region)
            path = said.get("path", fetched.get("path"))
            out[name] = _without_nulls(role | fetched | _beside(path) | said)
        else:
            title = role.get("title") or _at(own, (name,)).get("title") or name
            out[name] = {"title": title, "needs": title, **role, "kind": "absent"}
    return out


def _of_one_file(said, more):
    """What the region and then a scenario say of a layer; of one file nothing goes to another."""
    said, more = ({"path": block} if isinstance(block, str) else block for block in (said, more))
    if more is None:
        return None
    said = {} if said is None else said
    if not isinstance(more, dict) or not isinstance(said, dict):
        return said if more == {} else more
    if more.get("path", said.get("path")) != said.get("path"):
        said = {key: value for key, value in said.items() if key not in OF_A_FILE}
    return said | more


def _from_catalogue(name, said, region) -> dict:
    """Where a layer that names its source lies, and what the catalogue says of it."""
    if "fetch" not in said:
        return {}
    try:
        sources = catalogue.load()
    except catalogue.CatalogueError as error:
        raise ConfigError(str(error)) from None
    able = [source for source, block in sources.items() if name in block["layers"]]
    if said["fetch"] not in able:
        wrong = f"layers.{name}.fetch: found {said['fetch']!r}"
        there = sources.get(said["fetch"], {}).get("layers", {})
        meant = f"a layer that it has{hint(name, there)}" if there else "a path"
        raise ConfigError(_listing([f"{wrong}, expected {' or '.join(able) or meant}"]))
    source = sources[said["fetch"]]
    return {"path": catalogue.path_of(region, name, source), **catalogue.described(source, name)}


def _beside(path) -> dict:
    """The YAML file of the same name beside a data file; empty if there is none."""
    file = Path(str(path)).with_suffix(".yaml") if path else None
    if file is None or not file.is_file():
        return {}
    found = _yaml(file)
    faults, _ = schema.complete(copy.deepcopy(found), schema.part("described"), str(file))
    if faults:
        raise ConfigError(_listing(faults))
    return found


def _scenarios(base, given) -> dict:
    """The scenarios, each counterfactual (only threats change there) and each state of the past.

    What a scenario changes comes from the file as it was given: a null takes away.
    """
    found = {}
    for name, scenario in (
        base.get("scenarios") or {"current": {"title": "Present state"}}
    ).items():
        changes = _at(given, ("scenarios", name, "changes"))
        found[name] = scenario | {"changes": changes}
    for name, block in (base.get("counterfactuals") or {}).items():
        threats = {threat: {"factor": left} for threat, left in block["factors"].items()}
        scenario = {"title": block["title"], "changes": {"threats": threats}}
        found.setdefault(name, scenario | {"products": ["maps", "tables"]})
    for day in (day for day in states.dates(base) if day < base["as_of"]):  # the rest is a fault
        changes = {"as_of": day, "known_on": base["as_of"]}
        scenario = {"title": f"State on {day}", "changes": changes, "products": ["states"]}
        found.setdefault(states.name(day), scenario)
    return found


def _effective(whole) -> tuple[list[str], dict]:
    """The faults of one scenario, and its config: surfaces in one place, numbers plain."""
    numbers = plain(copy.deepcopy(whole))
    found, sound = schema.complete(numbers, schema.schema(), "config")
    if not sound:
        return found, numbers
    with_ranges = copy.deepcopy(whole)
    _hoist(with_ranges)
    found += _hoist(numbers)
    numbers["ranges"] = ranges(with_ranges)
    if states.is_past(numbers):
        for block in numbers["surfaces"].values():
            block |= {"dates": []} if "dates" in block else {}  # they may be later than this day
    del numbers["model"]  # it is in these keys now
    more, sound = schema.kind_faults(numbers)
    found += more
    if not sound:
        return found, numbers
    found += config_faults.of_otherwise(numbers)
    _choose_zones(numbers)
    found += config_faults.find(numbers)
    found = found or list(config_faults.out_of_range(numbers))
    found = found or list(range_faults.find(numbers))
    if not found:
        _drop_what_is_absent(numbers)
        _score_codes(numbers)
    return found, numbers


def _choose_zones(config) -> None:
    """Of a rule's zones those whose layer is there, else those that it names in their place."""
    there = {name for name, block in config["layers"].items() if block["kind"] != "absent"}
    for rule in config["rules"].values():
        while "otherwise" in rule["zones"]:
            instead = rule["zones"].pop("otherwise")
            if rule["zones"].get("layer") not in there:
                rule["zones"] = instead


def _drop_what_is_absent(config) -> None:
    """Take out of surfaces the further layers that they can do without, of maps those to draw."""

    def absent(name):
        return config["layers"][name]["kind"] == "absent"

    for block in config["surfaces"].values():
        required = schema.kind_of_surface(block["kind"])["required"]
        for key in [k for k in block if k.endswith("_layer") and k not in required]:
            if absent(block[key]):
                del block[key]
    drawn = config["maps"]["context"]
    config["maps"]["context"] = {role: name for role, name in drawn.items() if not absent(name)}


def _score_codes(config) -> None:
    """Scores that name classes become scores of the codes that the layer gives these names."""

    def walk(block):
        if isinstance(block, list):
            for part in block:
                walk(part)
        elif isinstance(block, dict):
            layer = config["layers"].get(str(block.get("layer")), {})
            if block.get("kind") == "value" and layer.get("kind") == "classes":
                scores = block["scores"]
                block["scores"] = {
                    code: scores[code if code in scores else name]
                    for code, name in layer["classes"].items()
                }
            for part in block.values():
                walk(part)

    for surface in config["surfaces"].values():
        if not any(config["layers"][name]["kind"] == "absent" for name in layers_of(surface)):
            walk(surface)


def _range_faults(block, path):
    if is_parameter(block):
        where, value, ends = ".".join(path), block["value"], block.get("range")
        shape = block.get("distribution")
        if shape is not None and (shape not in DISTRIBUTIONS or ends is None):
            wanted = f"one of {', '.join(DISTRIBUTIONS)}, beside a range"
            yield f"{where}.distribution: found {shape!r}, expected {wanted}"
        if ends is None or not isinstance(value, int | float):
            return
        pair = isinstance(ends, list) and len(ends) == 2
        if not pair or not all(isinstance(end, int | float) for end in ends):
            yield f"{where}.range: found {ends!r}, expected [lowest, highest], two numbers"
        elif not ends[0] <= value <= ends[1]:
            yield f"{where}: the value {value} lies outside its range {ends[0]}-{ends[1]}"
    elif isinstance(block, dict):
        for key, value in block.items():
            yield from _range_faults(value, (*path, str(key)))
    elif isinstance(block, list):
        for i, value in enumerate(block):
            yield from _range_faults(value, (*path, str(i)))


def _listing(faults) -> str:
    lines = [f"  {i}. {_printable(fault)}" for i, fault in enumerate(dict.fromkeys(faults), 1)]
    return "\n".join([f"the config has {len(lines)} fault{'s' * (len(lines) != 1)}:", *lines])


def _printable(text) -> str:
    """One line for the terminal: line breaks and control signs as they are written in code."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _is_one_thing(base, changes) -> bool:
    """True where joining key by key would mix two different things."""
    if is_parameter(base) or is_parameter(changes):
        return True
    if "kind" in base and "kind" in changes and base["kind"] != changes["kind"]:
        return True
    return _is_curve(base) and _is_curve(changes) and base.keys() != changes.keys()


def _is_curve(block) -> bool:
    return len(block) == 1 and set(block) <= schema.curves()


def _without_nulls(value):
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value


def _hoist(config) -> list[str]:
    """Move surface blocks out of nodes into `surfaces`, named after where they stood.

    The faults: two different blocks that would get one name.
    """
    faults = []

    def walk(node, name):
        if isinstance(node.get("surface"), dict):
            if config["surfaces"].setdefault(name, node["surface"]) != node["surface"]:
                faults.append(
                    f"surfaces.{name}: found two different surfaces of this name, one of them "
                    "within a threat or component; expected one. Give one of them another name"
                )
            node["surface"] = name
        below = node.get("terms", [])
        named = below.items() if isinstance(below, dict) else enumerate(below, 1)
        for key, term in named:
            walk(term, f"{name}_{key}")
        if node.get("footprint"):
            walk(node["footprint"], f"{name}_footprint")

    habitat = config["habitat"]
    for group in (habitat["components"], habitat.get("gates", {}), config["threats"]):
        for name, node in group.items():
            walk(node, name)
    return faults
