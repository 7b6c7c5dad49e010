"""The catalogue: sources of layers as data, checked against its schema."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from manul.config import documents, schema

CATALOGUE = Path(__file__).parents[4] / "config" / "catalogue.yaml"
DATA = "data"  # where what was fetched lies, in a folder for each region
WORD = re.compile(r"\{([a-z0-9_]+)(?::0?\d+d)?\}")
# The words that an address may hold, by kind of tiling.
WORDS = {
    "": set(),
    "degrees": {"lat", "lon", "ns", "ew"},
    "countries": {"iso3"},
    "extracts": {"extract"},
}
# What of a source describes a layer beside its data.
DESCRIBED = ("date", "licence", "data_status", "positional_error_m", "caveat")
SUFFIXES = {"raster": ".tif", "occurrences": ".csv"}


class CatalogueError(ValueError):
    """The catalogue is wrong; the message lists every fault."""


@cache
def load(path: Path = CATALOGUE) -> dict[str, dict[str, Any]]:
    """The sources by name, with defaults. Raises `CatalogueError` with every fault at once."""
    try:
        given = documents.read(path)
    except documents.DocumentError as error:
        raise CatalogueError("\n".join(error.faults)) from None
    faults, sound = schema.complete(given, schema.read_schema("catalogue.schema"), str(path))
    if sound:
        for name, source in given["sources"].items():
            faults += [f"{path}: sources.{name}{fault}" for fault in _faults(source)]
    if faults:
        raise CatalogueError("\n".join(faults))
    return given["sources"]


def of_layer(sources: Mapping[str, dict], layer: str, box) -> list[str]:
    """Names of the sources of a layer that cover a box (west, south, east, north), in order."""
    return [
        name
        for name, source in sources.items()
        if layer in source["layers"] and overlap(source["covers"], box)
    ]


def path_of(region: str, layer: str, source: Mapping) -> str:
    """The file that a layer of this source becomes, from the project's folder."""
    return f"{DATA}/{region}/{layer}{SUFFIXES.get(source['kind'], '.gpkg')}"


def described(source: Mapping, layer: str) -> dict[str, Any]:
    """What the catalogue says of a layer that came from a source: keys of a layer's block."""
    wanted = source["layers"][layer]
    out = {key: source[key] for key in DESCRIBED if key in source}
    out |= {"source": source["citation"]}
    if not source["republish"]:
        out["public"] = False
    return out | wanted.get("described", {})


def words_of(address: str) -> set[str]:
    """What stands in braces in an address; without the form of a number where it has one."""
    found = re.findall(r"\{([^}]*)\}", address)
    whole = ((text, WORD.fullmatch(f"{{{text}}}")) for text in found)
    return {match.group(1) if match else text for text, match in whole}


def overlap(a, b) -> bool:
    """True where two boxes (west, south, east, north) share ground."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


# ------------------------------------------------------------------------------------- helpers


NEEDS = {"geoparquet": "bbox", "occurrences": "query"}  # a kind: the key that it cannot do without


def _faults(source):
    needed = [NEEDS.get(source["kind"], ""), "years" if source.get("stac") else ""]
    for key in filter(None, needed):
        if key not in source:
            yield f".{key}: not given; a source of this kind needs it"
    for name, wanted in source["layers"].items():
        if "scale" in wanted and not source.get("reduce"):
            yield f".layers.{name}.scale: only with `reduce`; else say it under `described`"
    addresses = [source.get("address"), *(w.get("address") for w in source["layers"].values())]
    addresses += [one for w in source["layers"].values() for one in w.get("addresses", {})]
    given = [one for one in addresses if one]
    known = WORDS[source.get("tiles", {}).get("kind", "")]
    for address in given:
        for word in sorted(words_of(address) - known):
            wanted = ", ".join(sorted(known)) or "no word"
            yield f".address: found {{{word}}}, expected one of {wanted}"
    if source["kind"] == "by_hand" or source.get("stac"):
        return
    for name, wanted in source["layers"].items():
        if not (source.get("address") or wanted.get("address") or wanted.get("addresses")):
            yield f".layers.{name}: found no address; give one here or for the source"
    if source.get("tiles", {}).get("kind") == "degrees" and not source["tiles"].get("degrees"):
        yield ".tiles.degrees: not given; expected how many degrees a tile is wide"
