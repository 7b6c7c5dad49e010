"""What the config means: checked, completed, and one plain dictionary for each scenario.

Nothing here opens a data file. `load` raises `ConfigError` with every fault at once, each as one
line that names the path in the config, what was found, and what is expected.
"""

import copy
import json

from manul.config import faults as config_faults
from manul.config import schema
from manul.config.ranges import is_parameter, plain


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


# ------------------------------------------------------------------------------------- helpers


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
