"""From a box to the addresses of the files that cover it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Geod

from manul.config.catalogue import overlap
from manul.grid import vectors

COUNTRIES = Path(__file__).parents[4] / "resources" / "range" / "countries.gpkg"


@dataclass(frozen=True)
class Piece:
    """One remote file; `year` of its data and `factor` in a sum, where that matters."""

    address: str
    year: int = 0
    factor: float = 1.0


def pieces(source: Mapping, address: str, box) -> list[Piece]:
    """The files of a source that cover a box (west, south, east, north in degrees)."""
    tiles = source.get("tiles", {"kind": ""})
    found: Iterator[dict] = {
        "": lambda: iter([{}]),
        "degrees": lambda: _degrees(box, tiles["degrees"]),
        "countries": lambda: ({"iso3": country} for country in countries(box)),
        "extracts": lambda: ({"extract": e} for e in extracts(tiles["extracts"], box)),
    }[tiles["kind"]]()
    return [Piece(address.format(**words)) for words in found]


def countries(box) -> list[str]:
    """ISO codes of three letters of the countries that a box touches, of those of the range."""
    table = _countries()
    return sorted(table.loc[table.intersects(shapely.box(*box)), "iso3"])


def extracts(known: Mapping[str, Mapping], box) -> list[str]:
    """The extracts that a box needs: of countries that it touches, within their own box if any."""
    touched = countries(box)
    whole = (-180, -90, 180, 90)
    return [
        name
        for name, of in known.items()
        if of["iso3"] in touched and overlap(of.get("box", whole), box)
    ]


def country_box(name: str) -> tuple[str, tuple[float, float, float, float]]:
    """A country's own name and the box around it, by its name or code of two or three letters."""
    table = _countries()
    asked = name.strip().casefold()
    same = [table[key].str.casefold() == asked for key in ("name", "iso2", "iso3")]
    hit = table[np.logical_or.reduce(same)]
    if hit.empty:
        known = ", ".join(f"{n} ({c})" for n, c in zip(table["name"], table["iso3"], strict=True))
        raise ValueError(f"country: found {name!r}, expected one of {known}")
    west, south, east, north = (float(n) for n in hit.total_bounds)
    return str(hit["name"].iloc[0]), (west, south, east, north)


def country(name: str) -> gpd.GeoDataFrame:
    """The polygon of a country by its own name."""
    table = _countries()
    return table.loc[table["name"] == name, ["name", "geometry"]].reset_index(drop=True)


def countries_in(box) -> list[str]:
    """The countries that a box of degrees meets, by name."""
    table = _countries()
    return sorted(table.loc[table.intersects(shapely.box(*box)), "name"].astype(str))


def km2(box) -> float:
    """The area of a box of degrees."""
    return Geod(ellps="WGS84").geometry_area_perimeter(shapely.box(*box))[0] / 1e6


# ------------------------------------------------------------------------------------- helpers


@cache
def _countries() -> gpd.GeoDataFrame:
    return vectors.read_vector(COUNTRIES)


def _degrees(box, step) -> Iterator[dict]:
    """Tiles by their south-west corner."""
    west, south, east, north = box
    for lat in range(int(np.floor(south / step)) * step, int(np.ceil(north / step)) * step, step):
        for lon in range(int(np.floor(west / step)) * step, int(np.ceil(east / step)) * step, step):
            yield {
                "lat": abs(lat), "lon": abs(lon), "ns": "S" if lat < 0 else "N",
                "ew": "W" if lon < 0 else "E",
            }  # fmt: skip
