"""A region's file from a name and a box: its grid, and each layer that an open source covers."""

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import yaml

from manul.config import catalogue, documents
from manul.config.load import MODEL, MODELS, load
from manul.grid import plain_files, vectors
from manul.retrieval.addresses import country, country_box, km2

SIDES = (100, 250, 500, 1000, 2000, 5000)  # cell sizes to choose from (m)
MOST_CELLS = 2e6  # what a laptop makes in an hour
LINE = 160  # letters
BOX = re.compile(r"\s*,\s*|\s+")
CONTEXT = {
    "lakes": "lakes", "provinces": "provinces", "settlements": "settlements", "rivers": "rivers",
    "roads": "roads", "railways": "railways", "protected_areas": "protected_areas",
    "mines": "mines", "relief": "elevation",
}  # fmt: skip
HEAD = """\
# {title}: written by `snakemake new_region` on {today}, to be changed as you like.
# Fetch the layers: snakemake --cores 1 retrieve --configfile config/{name}.yaml
# Make the maps:    snakemake --cores all --configfile config/{name}.yaml
region:
  name: {name}
  title: {title}
  crs: "+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m +no_defs"  # equal-area
  cell_m: {cell_m}
  bounds: [{box}]   # west, south, east, north in degrees
  mask: {mask}
  units: {units}
as_of: {today}   # ages of events and surveys count to this day
layers:
"""
TAIL = """\
# Where the internet is reached by a mirror or a proxy:
# retrieval: {mirrors: {"https://": "http://my.mirror/"}, proxy: "http://my.proxy:3128"}
"""
MASK = """\
  study_area:
    {{kind: vector, title: Study area, path: {path}/study_area.gpkg, date: {today},
     source: given with the region, licence: as its source says, data_status: approximate,
     positional_error_m: 2000}}
"""


class AskedError(ValueError):
    """What was asked for cannot be made; the message says what was found and expected."""

    plain = True  # people need no traceback


def write(asked: Mapping[str, Any], folder: Path = Path("config")) -> Path:
    """Write the file of a new region, and its mask where a country or polygons were given.

    `asked`: `name`; one of `box` (west, south, east, north), `country` (name or code) and `area` (a
    polygon file); `cell_m`, `species_model` and `mirror` (an address) as wanted. A file that is
    there already is not touched: raises `AskedError`, as for anything else that cannot be.
    """
    name = str(asked.get("name") or "")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        wanted = "up to 40 small letters, digits and _, first a letter"
        raise AskedError(f"name: found {name!r}, expected {wanted}, such as name=khan_khentii")
    path = folder / f"{name}.yaml"
    if path.exists():
        raise AskedError(f"{path} is there already; take another name, or remove it first")
    title, box, mask = _place(asked, name)
    cell_m = _cell_m(asked.get("cell_m"), box)
    model, mirror = asked.get("species_model") or MODEL, str(asked.get("mirror") or "")
    text = _text(name, title, box, cell_m, mask is not None, model, mirror)
    load(yaml.safe_load(text))  # a file that cannot be, of a cell size for one, is not written
    if mask is not None:
        target = Path(catalogue.DATA) / name / "study_area.gpkg"
        vectors.write_vector(target, {"study_area": mask}, {})
    plain_files.write_text(path, text)
    return path


# ------------------------------------------------------------------------------------- the place


def _place(asked, name) -> tuple[str, tuple, gpd.GeoDataFrame | None]:
    given = [key for key in ("box", "country", "area") if asked.get(key)]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise AskedError(
            f"found {found}, expected one of box=WEST,SOUTH,EAST,NORTH, country=NAME, area=FILE"
        )
    title = name.replace("_", " ").title()
    if given == ["box"]:
        return title, _box(asked["box"]), None
    if given == ["country"]:
        try:
            title, box = country_box(str(asked["country"]))
        except ValueError as error:
            raise AskedError(str(error)) from None
        return title, _checked(box), country(title)
    mask = _polygons(Path(str(asked["area"])))
    return title, _checked(tuple(float(n) for n in mask.total_bounds)), mask


def _polygons(path) -> gpd.GeoDataFrame:
    if not path.exists():
        raise AskedError(f"area: there is no file {path}")
    table = vectors.read_vector(path)
    if table.crs is None:
        raise AskedError(f"area: {path} does not say its coordinate system")
    table = table[table.geom_type.isin(["Polygon", "MultiPolygon"])].to_crs("EPSG:4326")
    if table.empty:
        raise AskedError(f"area: {path} holds no polygon")
    return gpd.GeoDataFrame({"name": ["study area"]}, geometry=[table.union_all()], crs=table.crs)


def _box(said) -> tuple[float, float, float, float]:
    parts = said if isinstance(said, list | tuple) else BOX.split(str(said).strip(" []()"))
    try:
        west, south, east, north = (float(part) for part in parts)
    except ValueError:
        wanted = "four numbers in degrees, as in box=96,46,99,48 (west, south, east, north)"
        raise AskedError(f"box: found {said!r}, expected {wanted}") from None
    return _checked((west, south, east, north))


def _checked(box) -> tuple[float, float, float, float]:
    west, south, east, north = box
    if not (-180 <= west < east <= 180 and -90 < south < north < 90):
        told = "west, south, east, north in degrees, west before east and south before north"
        swapped = -180 <= south < north <= 180 and -90 < west < east < 90
        hint = "; are longitudes and latitudes swapped?" if swapped else ""
        raise AskedError(
            f"box: found {west:g}, {south:g}, {east:g}, {north:g}, expected {told}{hint}"
        )
    if south >= 56 or north <= 25 or east <= 35 or west >= 125:
        hint = "; are longitudes and latitudes swapped?" if west >= 25 and east <= 56 else ""
        raise AskedError(
            f"box: {west:g}, {south:g}, {east:g}, {north:g} lies outside the range of the species "
            f"(35-125 E, 25-56 N){hint}"
        )
    return box


def _cell_m(said, box) -> float:
    if said not in (None, ""):
        try:
            side = float(said)
        except (TypeError, ValueError):
            side = np.nan
        if not side > 0:
            raise AskedError(f"cell_m: found {said!r}, expected a number of metres above 0")
        return side
    return next((s for s in SIDES if km2(box) * 1e6 / s**2 <= MOST_CELLS), SIDES[-1])


# ------------------------------------------------------------------------------------- the file


def _mirrored(mirror) -> str:
    """The block for a mirror of all sources."""
    if not re.match(r"https?://[^\s\"']+$", mirror):
        raise AskedError(
            f"mirror: found {mirror!r}, expected an address such as http://my.mirror/ to which the "
            "rest of each source's address is added"
        )
    mirrors = {"https://": mirror if mirror.endswith("/") else f"{mirror}/"}
    return f"retrieval: {{mirrors: {json.dumps(mirrors)}}}\n"


def _text(name, title, box, cell_m, masked, model, mirror="") -> str:
    west, south, east, north = (round(n, 3) for n in box)
    lon, lat = round((west + east) / 2, 2), round((south + north) / 2, 2)
    sources = catalogue.load()
    roles = _roles(model)
    found = {role: catalogue.of_layer(sources, role, box) for role in roles}
    found = {role: names for role, names in found.items() if names}
    fetched = {role: of[0] for role, of in found.items() if sources[of[0]]["kind"] != "by_hand"}
    lines = [
        *(["model: " + model] if model != MODEL else []),
        HEAD.format(
            title=title, name=name, today=dt.date.today(), lat=f"{lat:g}", lon=f"{lon:g}",
            cell_m=f"{cell_m:g}", box=f"{west:g}, {south:g}, {east:g}, {north:g}",
            mask="study_area" if masked else "null",
            units="provinces" if "provinces" in fetched else "null",
        ).rstrip(),
    ]  # fmt: skip
    if masked:
        lines.append(MASK.format(path=f"{catalogue.DATA}/{name}", today=dt.date.today()).rstrip())
    for role, of in fetched.items():
        others = f"   # or {', '.join(found[role][1:])}" if found[role][1:] else ""
        lines.append(f"  {role}: {{fetch: {of}}}{others}")
    lines += [f"  # {line}" for line in _missing(roles, found, sources)]
    context = {place: layer for place, layer in CONTEXT.items() if layer in fetched}
    drawn, adds = {"maps": {"context": context}} if context else {}, dict[str, dict]()
    more = {role: sources[of]["layers"][role].get("adds", {}) for role, of in fetched.items()}
    for block in more.values():
        for key, what in block.items():
            adds.setdefault(key, {}).update(what)
    lines += _as_yaml(drawn)
    if adds:
        of = ", ".join(role for role, block in more.items() if block)
        lines.append(f"# What the model does with {of}; numbers of status G are guesses.")
    lines += _as_yaml(adds)
    return "\n".join([*lines, _mirrored(mirror) if mirror else TAIL])


def _as_yaml(block: Mapping, indent: str = "") -> Iterator[str]:
    """Lines of YAML, each block on one line if it is short enough."""
    for key, value in block.items():
        told = {key: value}
        flow = yaml.safe_dump(told, sort_keys=False, width=np.inf, default_flow_style=True)
        line = indent + flow.strip()[1:-1]
        if len(line) <= LINE or not isinstance(value, Mapping):
            yield line
        else:
            yield indent + yaml.safe_dump({key: {}}, default_flow_style=True).strip()[1:-4]
            yield from _as_yaml(value, indent + "  ")


def _missing(roles, found, sources) -> list[str]:
    """What nobody gives away, as comments: what the layer needs, or who must be asked."""
    out = []
    for role, block in roles.items():
        if role not in found:
            out.append(f"{role}: PATH   # absent; {block['needs']}")
        elif sources[found[role][0]]["kind"] == "by_hand":
            source = sources[found[role][0]]
            out.append(f"{role}: PATH   # absent; {source['title']}: {source['by_hand']}")
    return out


def _roles(model) -> dict:
    path = MODELS / f"{model}.yaml"
    if not path.is_file():
        path = Path(str(model))
    try:
        return documents.read(path)["layers"]
    except (documents.DocumentError, OSError, KeyError):
        raise AskedError(f"model: there is no species model {model!r}") from None
