"""What a number came from: layers with source, date, licence and status, carried in every product.

A product's provenance is a mapping from layer name to `{title, status, date, source, licence,
positional_error_m, caveat, content}`. It is merged from input to output, file by file, so that a
map knows exactly the layers that it used and no others.
"""

import json
import re
from collections.abc import Mapping

from manul.config.types import Layer

STATUSES = ("measured", "modelled", "reconstructed", "approximate", "assumed", "illustrative")
KEPT = ("title", "date", "source", "licence", "positional_error_m", "caveat")


def of_layer(name: str, block: Layer, content: list[str]) -> dict:
    """The provenance of one layer, from its config block and the digests of its files."""
    record = {key: block.get(key) for key in KEPT}
    record["status"] = block["data_status"]
    record["content"] = content
    return {name: record}


def with_values(record: dict, block: Layer, low: float, high: float) -> dict:
    """The provenance of one raster whose values run from `low` to `high`, with what to know of it.

    A layer that says the same everywhere tells no place from another, which its users should read.
    """
    if low != high or block["kind"] == "classes":
        return record
    ((name, layer),) = record.items()
    told = f"the same value, {low:g}, in every cell"
    return {name: layer | {"caveat": "; ".join(filter(None, [layer.get("caveat"), told]))}}


def merge(*records: dict) -> dict:
    """All layers of several provenances by name; one that shows a layer generalised stands."""
    every = [item for record in records for item in record.items()]
    every.sort(key=lambda item: bool(item[1].get("generalised")))  # the last of a name stands
    return dict(sorted(dict(every).items()))


def worst_status(record: dict) -> str:
    """The weakest data status among the layers; 'measured' only if all are."""
    found = {layer["status"] for layer in record.values()}
    return max(found, key=STATUSES.index, default="measured")


def is_generalised(record: dict) -> bool:
    """Does it rest on places that are not public, shown as means over areas?"""
    return any(layer.get("generalised") for layer in record.values())


def notice(record: dict) -> str:
    """The sentence that stands on the face of a map: invented layers first, then weaker ones."""
    by = {s: [v["title"] for v in record.values() if v["status"] == s] for s in STATUSES}
    words = []
    if by["illustrative"]:
        words.append(
            f"ILLUSTRATIVE, NOT OBSERVED: {', '.join(by['illustrative'])} are invented to show the "
            "method. Do not act on this map where they matter."
        )
    for status in ("assumed", "approximate", "reconstructed"):
        if by[status]:
            words.append(f"{status.capitalize()}: {', '.join(by[status])}.")
    return " ".join(words)


def caveats(record: Mapping[str, Mapping]) -> list[str]:
    """What to know of the layers, as "Roads, Railways: ..."; what is the same for several once."""
    of: dict[str, list[str]] = {}
    for layer in record.values():
        if layer.get("caveat"):
            of.setdefault(layer["caveat"], []).append(layer["title"])
    return [f"{', '.join(titles)}: {caveat}" for caveat, titles in of.items()]


def age(record: dict) -> str:
    """First and last year that the layers' dates name, as '1999-2025', or 'undated'."""
    years = [
        y for layer in record.values() for y in re.findall(r"\b(?:19|20)\d\d\b", str(layer["date"]))
    ]
    if not years:
        return "undated"
    return min(years) if min(years) == max(years) else f"{min(years)}-{max(years)}"


def dump(record: dict) -> str:
    """As text, for a file's metadata."""
    return json.dumps(record, sort_keys=True, ensure_ascii=False)


def load(text: str | None) -> dict:
    """From text; nothing is an empty provenance."""
    return json.loads(text) if text else {}
