"""One number of a config by its path: what the schema says of it, and what it means in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from manul.config import schema
from manul.config.ranges import below
from manul.config.types import Config
from manul.exposure.decay import SCALED, decay

KINDS = {"#/$defs/surface": "surfaces", "#/$defs/of": "surfaces", "#/$defs/analysis": "analyses"}
UNITS = {
    "_km_h": "km/h", "_kg_ha": "kg/ha", "_km2": "km2", "_km": "km", "_ha": "ha", "_m": "m",
    "_d": "days", "_h": "hours", "_yr": "years", "_ppm": "ppm", "_deg": "degrees",
}  # fmt: skip
NOT_ALONG = ("multiply", "affine", "classes", "curve")  # curves whose numbers have other units


def said_of(config: Config, path: str) -> dict[str, Any]:
    """What the schema says of the number at a path with dots: its limits and its description.

    Keys are those of JSON Schema (`minimum`, `exclusiveMinimum`, `maximum`, `description` ...).
    Empty for a path that leads nowhere.
    """
    steps = _steps(config, path)
    return steps[-1][2] if len(steps) == len(path.split(".")) else {}


def limits(said: Mapping[str, Any]) -> tuple[float, float, bool]:
    """Smallest and largest value that is allowed (infinite: no end), and whether the smallest is
    itself left out."""
    above = "exclusiveMinimum" in said
    low = said.get("exclusiveMinimum", said.get("minimum", float("-inf")))
    return float(low), float(said.get("maximum", float("inf"))), above


def words(config: Config, path: str) -> str:
    """What a number is: the titles of the blocks around it, and what the schema says of it."""
    steps = _steps(config, path)
    if not steps:
        return path
    room, (key, _, said) = path.split(".")[0], steps[-1]
    titles = [_title(config, room, *step) for step in steps]
    meaning = said.get("description") or key.replace("_", " ")
    if key == "scale_m" and steps[-2][1].get("decay") in SCALED:
        left = decay(steps[-2][1]["decay"], 1.0, 10.0)(1.0)
        meaning = f"distance at which the effect has fallen to {100 * left:.0f} %"
    if node := _node_of_response(steps):
        surface = str(node.get("surface", ""))
        block: Mapping[str, Any] = config["surfaces"].get(surface, {})
        named = block.get("title") or surface
        meaning = f"{named or 'all terms together'}, {meaning}"
    return ": ".join([room.capitalize(), " / ".join(dict.fromkeys(filter(None, titles))), meaning])


def unit(config: Config, path: str) -> str:
    """The unit of a number; empty for a plain number and where the config does not tell."""
    steps = _steps(config, path)
    keys = [key for key, _, _ in steps]
    suffix = next((unit for end, unit in UNITS.items() if path.endswith(end)), "")
    if suffix or not steps:
        return suffix
    if keys[:2] == ["habitat", "reference"]:
        return _units(config, keys[-1])
    node = _node_of_response(steps)
    return _units(config, node.get("surface")) if node else ""


def around(config: Config, path: str) -> list[tuple[str, Any]]:
    """The keys on the way to a number, each with the block that stands there."""
    return [(key, value) for key, value, _ in _steps(config, path)]


# ------------------------------------------------------------------------------------- helpers


def _steps(config, path) -> list[tuple[str, Any, dict]]:
    """Key, what stands there and what the schema says of it, from the top to the number."""
    value: Any = config
    blocks: list[Mapping] = [schema.schema()]
    found = []
    for key in path.split("."):
        blocks = [part for block in blocks for part in _below(block, key)]
        value = below(value, key)
        if value is None:
            break
        blocks = [part for block in blocks for part in _parts(block, value)]
        said: dict[str, Any] = {}
        for block in blocks:
            said |= {k: v for k, v in block.items() if k not in ("$ref", "allOf")}
        found.append((key, value, said))
    return found


def _below(block, key) -> Iterator[Mapping]:
    """What a schema says of a key; names are told apart from keys by `x-name`."""
    if key in block.get("properties", {}):
        yield block["properties"][key]
    elif isinstance(named := block.get("additionalProperties"), dict):
        yield {**named, "x-name": True}
    if isinstance(items := block.get("items"), dict) and key.isdigit():
        yield {**items, "x-name": True}


def _parts(block, value) -> Iterator[Mapping]:
    """The schema with all that it points to; what stands nearest comes last, and so counts."""
    known = schema.schema()["$defs"]
    for part in [*block.get("allOf", []), *([{"$ref": block["$ref"]}] if "$ref" in block else [])]:
        yield from _parts(known[part["$ref"].rsplit("/", 1)[-1]], value)
        group = KINDS.get(part["$ref"])
        if group and isinstance(value, dict):
            yield from _parts(known[group].get(value.get("kind"), {}), value)
    yield block


def _node_of_response(steps) -> Any:
    """The node whose response has the number, on the axis that the response runs along."""
    keys = [key for key, _, _ in steps]
    if "response" not in keys[:-2] or set(keys) & set(NOT_ALONG):
        return None
    return steps[max(i for i, key in enumerate(keys) if key == "response") - 1][1]


def _title(config, room, key, value, said) -> str:
    """The title of a block, or its name; empty for a key that the schema itself has.

    A surface that stood within a threat is called as the threat.
    """
    if not said.get("x-name"):
        return value.get("title", "") if isinstance(value, dict) else ""
    named = [value] if isinstance(value, dict) else []
    named += [config["threats"].get(key, {})] if room == "surfaces" else []
    return next((block["title"] for block in named if "title" in block), key.replace("_", " "))


def _units(config, surface) -> str:
    found = config["surfaces"].get(surface, {}).get("units", "") if surface else ""
    return "" if found == "1" else found
