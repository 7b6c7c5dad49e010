"""The config against its schema: closed, with defaults, each fault as one plain line."""

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from manul.config.documents import LOADER
from manul.config.hints import hint, nearest

POWER = re.compile(r"[+-]?\d+(\.\d*)?[eE]\d+")  # a number, but not to YAML
SCHEMAS = Path(__file__).parents[3] / "schemas"
# Broken rules of the schema that leave every block in the shape that later checks expect.
HARMLESS = (
    "additionalProperties",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "enum",
    "pattern",
    "format",
    "maxLength",
    "maxItems",
    "not",
)


def document() -> str:
    """The key table of config/README.md, made from the schema."""
    described = schema()
    lines = ["| key | meaning | default |", "|---|---|---|"]
    lines += _document(described, "", described)
    for what, group in (("surface", "surfaces"), ("analysis", "analyses")):
        for kind, block in described["$defs"][group].items():
            lines.append(f"| **{what} `{kind}`** | {block['description']} | |")
            lines += _document(block, f"{kind}.", described)
    return "\n".join(lines) + "\n"


def for_editors() -> dict:
    """The schema by which editors complete and check a region's file, which may leave out much.

    A number may also be a mapping with a range, anything may be null, a layer may be its path.
    """
    made = _loose(schema())
    for what, group in (("surface", "surfaces"), ("analysis", "analyses")):
        kinds = made["$defs"][group]
        for kind, block in kinds.items():
            block["properties"]["kind"] = {"enum": [kind]}
        made["$defs"][what] = {"anyOf": [{"$ref": f"#/$defs/{group}/{kind}"} for kind in kinds]}
    made["$defs"]["layer"]["type"] += ["string"]
    return made


def read_schema(name: str) -> dict:
    """A YAML file of workflow/schemas."""
    return yaml.load((SCHEMAS / f"{name}.yaml").read_text(encoding="utf-8"), Loader=LOADER)


@cache
def schema() -> dict:
    return read_schema("config.schema")


def add_kind(group: str, name: str, spec: dict) -> None:
    """Add a kind of surface (`group` surfaces) or analysis (analyses) with its closed schema.

    `spec` holds `properties` and, as wanted, `required`, `description`, `x-layers`, `x-uses`,
    `x-needs`, `x-surfaces`.
    """
    known = schema()["$defs"]
    properties = {
        "kind": {},
        "title": {"type": "string"},
        "units": {"type": "string", "default": ""},
    }
    closed = {"type": "object", "additionalProperties": False, "required": [], "x-needs": []}
    closed |= {"x-surfaces": [], "description": "", **spec}
    known[group][name] = closed | {"properties": properties | spec.get("properties", {})}
    listed = known["surface" if group == "surfaces" else "analysis"]["properties"]["kind"]["enum"]
    if name not in listed:
        listed.append(name)


def part(name: str) -> dict:
    """One of the schema's `$defs`, as a schema of its own."""
    return {"$defs": schema()["$defs"], **schema()["$defs"][name]}


def curves() -> set[str]:
    """The names of the response curves."""
    return set(schema()["$defs"]["response"]["properties"])


def kind_of_surface(kind: str) -> dict:
    """The schema of a kind of surface; empty for one that does not exist, or is no word at all."""
    return schema()["$defs"]["surfaces"].get(kind, {}) if isinstance(kind, str) else {}


def analysis_kind(kind: str) -> dict:
    """The schema of a kind of analysis; `x-needs` are its keys that name a layer of records which
    must be there, `x-may` those of layers that may, `x-surfaces` those that list surfaces of which
    one must be there, `x-may-surfaces` of which none needs to."""
    return schema()["$defs"]["analyses"][kind]


def complete(config, schema, where) -> tuple[list[str], bool]:
    """Fill in defaults in place; the faults as lines, and whether later checks can go on."""
    import jsonschema  # takes long to import, and no job checks a config

    check = _defaulting_validator()(schema, format_checker=jsonschema.FormatChecker())
    errors = list(check.iter_errors(config))
    lines = [line for e in errors for line in _explain(e, where)]
    if errors and not lines:
        lines = [f"{where}: {error.message}" for error in errors]
    return list(dict.fromkeys(lines)), all(map(_is_harmless, errors))


def kind_faults(config) -> tuple[list[str], bool]:
    """Each surface and each analysis against the closed schema of its kind, as `complete`."""
    found = [
        told
        for name, block in config["surfaces"].items()
        for told in _block_faults(block, f"surfaces.{name}")
    ]
    known = schema()["$defs"]
    for name, block in config["analyses"].items():
        kind = known["analyses"].get(block["kind"])
        if kind:  # one that does not exist was told
            found.append(complete(block, {"$defs": known, **kind}, f"analyses.{name}"))
    return [fault for faults, _ in found for fault in faults], all(sound for _, sound in found)


def _loose(block):
    if isinstance(block, list):
        return [_loose(part) for part in block]
    if not isinstance(block, dict):
        return block
    out = {k: _loose(v) for k, v in block.items() if k != "required" and not k.startswith("x-")}
    if isinstance(out.get("type"), str | list):
        types = [out["type"]] if isinstance(out["type"], str) else out["type"]
        ranged = ["object"] if {"number", "integer"} & set(types) else []
        out["type"] = list(dict.fromkeys([*types, *ranged, "null"]))
    if isinstance(out.get("enum"), list):
        out["enum"] = [*out["enum"], None]
    return out


@cache
def _defaulting_validator():
    """A validator class that fills in the schema's defaults as it goes."""
    import jsonschema

    check_properties = jsonschema.Draft202012Validator.VALIDATORS["properties"]

    def fill(validator, properties, instance, parent):
        if isinstance(instance, dict):
            for key, sub in properties.items():
                if isinstance(sub, dict) and "default" in sub:
                    instance.setdefault(key, copy.deepcopy(sub["default"]))
        yield from check_properties(validator, properties, instance, parent)

    return jsonschema.validators.extend(jsonschema.Draft202012Validator, {"properties": fill})


def _explain(error, where) -> list[str]:
    path = ".".join([where, *map(str, error.absolute_path)]).removeprefix("config.")
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    match error.validator:
        case "additionalProperties":
            unknown = [k for k in error.instance if k not in known]
            return [f"{path}: unknown key {key!r}{hint(key, known)}" for key in unknown]
        case "required":
            unknown = [k for k in error.instance if known and k not in known]
            missing = [k for k in error.validator_value if k not in error.instance]
            missing = [k for k in missing if not nearest(k, unknown)]  # a typo is told once
            return [f"{path}: the key {key!r} is missing" for key in missing]
        case "enum":
            meant = hint(error.instance, error.validator_value)
            return [f"{path}: {_short(error.instance)} is not known{meant}"]
        case "type":
            wanted = _words(error.validator_value)
            yes_no = isinstance(error.instance, bool) and "string" in error.validator_value
            mend = ". YAML reads yes and no so: put the word in quotes" if yes_no else ""
            if isinstance(error.instance, str) and POWER.fullmatch(error.instance):
                mend = ". YAML reads 1e3 as a text: write 1000 or 1.0e+3"
            return [f"{path}: found {_short(error.instance)}, expected {wanted}{mend}"]
        case "pattern" | "not" | "maxLength" if "x-expected" in error.schema:
            return [
                f"{path}: found {_short(error.instance)}, expected {error.schema['x-expected']}"
            ]
        case "minimum" | "exclusiveMinimum":
            than = "at least" if error.validator == "minimum" else "more than"
            limit = f"{than} {error.validator_value}"
            return [f"{path}: found {error.instance}, expected {limit}{_meaning(error)}"]
        case "maximum":
            limit = f"at most {error.validator_value}"
            return [f"{path}: found {error.instance}, expected {limit}{_meaning(error)}"]
        case "format":
            return [
                f"{path}: found {error.instance!r}, expected a {error.validator_value} (yyyy-mm-dd)"
            ]
    return [f"{path}: {error.message}"]


def _meaning(error) -> str:
    words = error.schema.get("description", "")
    return f" ({words})" if words else ""


def _is_harmless(error) -> bool:
    return (error.validator in HARMLESS and not isinstance(error.instance, list | dict)) or (
        error.validator in ("additionalProperties", "maxItems")
    )


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _words(types) -> str:
    return " or ".join([types] if isinstance(types, str) else types)


def _block_faults(block, where) -> Iterator[tuple[list[str], bool]]:
    """The faults of a surface block and of those within it, each with whether it is sound."""
    known = schema()["$defs"]
    kinds = known["surfaces"]
    if not isinstance(block.get("kind"), str) or block["kind"] not in kinds:
        near = hint(block.get("kind"), kinds)
        yield [f"{where}.kind: {block.get('kind')!r} is not known{near}"], False
        return
    yield complete(block, {"$defs": known, **kinds[block["kind"]]}, where)
    for key, value in block.items():
        below = {f"{key}.of": value.get("of")} if isinstance(value, dict) else {}
        below |= {key: value} if key == "of" else {}
        if key == "covariates" and isinstance(value, list):
            below |= {f"{key}.{i}": part for i, part in enumerate(value)}
        for path, part in below.items():
            if isinstance(part, dict):
                yield from _block_faults(part, f"{where}.{path}")


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
