"""Bad inputs: each gives one plain message that names the place, and none gets past the checks.

A row of a table below says how to spoil the demo config or one of its layers, and the words that
the message must hold. Layers are spoiled in copies; the region is a corner of 60 x 60 km.
"""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
import yaml
from conftest import demo_config
from pyproj import CRS
from rasterio.transform import Affine

from manul import preflight
from manul.config import load
from manul.graph import Graph
from manul.grid import burn, features, vectors
from manul.grid.region import bounds, grid_of
from manul.preflight import Problem, answers, files, findings, invest, places, uses
from manul.preflight import vectors as check_vectors

ROOT = Path(__file__).parents[2]
CORNER = [78.0, 42.2, 78.8, 42.7]
THREATS = ("overgrazing", "dogs_camps", "subsidised_predators", "mines_large", "mines_small")
THREATS += ("tracks", "railways", "hunting", "marmot_depletion")
TOMORROW = str((pd.Timestamp.today() + pd.Timedelta(days=40)).date())


@pytest.fixture(scope="module")
def corner(tmp_path_factory):
    """A smaller demo config on its corner: fewer threats and rules, a few rows of records."""
    folder = tmp_path_factory.mktemp("records")
    config = load.written_out(demo_config())
    config["region"]["bounds"] = CORNER
    config["rules"] = {name: config["rules"][name] for name in ("R2a", "R5", "R6")}
    config["priority"] = list(config["rules"])
    gone = config["threats"].keys() - set(THREATS)
    config["threats"] |= dict.fromkeys(gone)  # null, as a region takes them away
    for unused in ("rodenticide_events", "borders"):
        del config["layers"][unused]
    del config["maps"]["context"]["borders"], config["scenarios"]["planned"]
    del config["tables"]["by"]["rodenticide_events"]
    for layer in config["layers"].values():
        if "path" in layer:
            layer["path"] = str(ROOT / layer["path"])
        if layer["kind"] == "records" and Path(layer["path"]).suffix == ".csv":
            lines = Path(layer["path"]).read_text(encoding="utf-8").splitlines()
            layer["path"] = str(folder / Path(layer["path"]).name)
            Path(layer["path"]).write_text("\n".join([lines[0], *lines[1::4]]), encoding="utf-8")
    return config


def check(config) -> list[preflight.Problem]:
    """All problems of one scenario."""
    return preflight.check(config, Graph({"current": config}).names("current"))


def problems(config) -> list[str]:
    """Every problem as the user reads it; those of the config come alone."""
    try:
        loaded = load.load(config)
    except load.ConfigError as error:
        return [f"ERROR {line}" for line in str(error).splitlines()[1:]]
    return [str(problem) for problem in check(loaded["current"])]


def of_severity(found, severity) -> list[str]:
    return [text for text in found if text.startswith(severity)]


# ---------------------------------------------------------------------------- ways to spoil


def key(path, value):
    """Set a key of the config; `path` has dots."""

    def spoil(config, folder):
        *above, last = path.split(".")
        block = config
        for name in above:
            block = block[int(name) if name.isdigit() else name]
        block[last] = value

    return spoil


def rename(path, new):
    """Rename a key of the config."""

    def spoil(config, folder):
        *above, last = path.split(".")
        block = config
        for name in above:
            block = block[name]
        block[new] = block.pop(last)

    return spoil


def raster(layer, edit):
    """Write a raster layer again after `edit(profile, values)`, which may return new values."""

    def spoil(config, folder):
        block = config["layers"][layer]
        with rasterio.open(block["path"]) as source:
            profile, values = dict(source.profile), source.read()
        made = edit(profile, values)
        values = values if made is None else made
        profile.update(count=len(values), height=values.shape[1], width=values.shape[2])
        block["path"] = str(folder / f"{layer}.tif")
        with rasterio.open(block["path"], "w", **profile) as target:
            target.write(values.astype(profile["dtype"]))

    return spoil


def vector(layer, edit):
    """Write a vector layer again after `edit(table)`, which returns the new one."""

    def spoil(config, folder):
        block = config["layers"][layer]
        table = edit(gpd.read_file(block["path"]))
        block["path"] = str(folder / f"{layer}.gpkg")
        pyogrio.write_dataframe(
            table, block["path"], geometry_type=None if len(table) else "Unknown"
        )

    return spoil


def cells(layer, edit):
    """Write a table of records again after `edit(frame)` of texts."""

    def spoil(config, folder):
        block = config["layers"][layer]
        frame = pd.read_csv(block["path"], dtype=str, keep_default_na=False)
        made = edit(frame)
        block["path"] = str(folder / f"{layer}.csv")
        (frame if made is None else made).to_csv(block["path"], index=False)

    return spoil


def put(row, column, value):
    """Set a cell of a table; the row counts from 0, so it stands in line row + 2."""

    def edit(frame):
        frame.loc[row, column] = value

    return edit


def file(layer, content, name=None):
    """Put bytes in the place of a layer's file; None leaves it missing."""

    def spoil(config, folder):
        old = Path(config["layers"][layer]["path"])
        path = folder / (name or old.name)
        if content is not None:
            path.write_bytes(content(old.read_bytes()))
        config["layers"][layer]["path"] = str(path)

    return spoil


def both(*spoils):
    def spoil(config, folder):
        for one in spoils:
            one(config, folder)

    return spoil


def profile_key(**keys):
    def edit(profile, values):
        profile.update(keys)

    return edit


def everywhere(number):
    return lambda profile, values: np.full_like(values, number)


def some(number, nodata=None, dtype=None):
    """A few cells in the middle of the raster, which is in the region, get the number."""

    def edit(profile, values):
        profile.update(nodata=nodata, **({"dtype": dtype} if dtype else {}))
        values = values.astype(dtype or values.dtype)
        height, width = values.shape[1:]
        values[:, height // 4 : height // 2, width // 2 : 3 * width // 4] = number
        return values

    return edit


def moved(east, north):
    def edit(profile, values):
        profile["transform"] = Affine.translation(east, north) @ profile["transform"]

    return edit


def relabelled(code):
    return lambda table: table.set_crs(code, allow_override=True)


def in_utm_called_degrees(table):
    return table.to_crs(32644).set_crs(4326, allow_override=True)


def swapped(table):
    return table.set_geometry(shapely.transform(table.geometry.to_numpy(), lambda c: c[:, ::-1]))


def shifted(east, north):
    return lambda table: table.set_geometry(table.translate(east, north))


def bow_tie(table):
    shape = shapely.Polygon([(78, 42), (78.5, 42.5), (78.5, 42), (78, 42.5)])
    table.loc[2, "geometry"] = shape
    return table


def utm_raster(profile, values):
    """The same numbers with a transform in metres, still called degrees."""
    profile["transform"] = Affine(900, 0, 300_000, 0, -900, 4_800_000)


R, T = "rules", "threats"
TYPO_IN_CHANGES = {"title": "x", "changes": {"layers": {"railways": {"filtr": "status == 'x'"}}}}
NO_SUCH_IN_CHANGES = {"title": "x", "changes": {"layers": {"railway": {"filter": "status == 'x'"}}}}

# How to spoil, and what the one message must name.
CONFIG_FAULTS = {
    "typo in a key": (
        rename("region.cell_m", "cell_n"),
        ["region", "'cell_n'", "did you mean 'cell_m'"],
    ),
    "typo in a scenario's changes": (
        key("scenarios.planned", TYPO_IN_CHANGES),
        ["scenario planned", "layers.railways", "'filtr'", "did you mean 'filter'"],
    ),
    "unknown name in a scenario's changes": (
        key("scenarios.planned", NO_SUCH_IN_CHANGES),
        ["scenario planned", "layers", "'railway'", "did you mean 'railways'"],
    ),
    "a scenario that moves the region": (
        key("scenarios.planned", {"title": "x", "changes": {"region": {"cell_m": 500}}}),
        ["scenario planned", "region", "one region"],
    ),
    "a value of the wrong type": (
        key("layers.elevation.band", "first"),
        ["layers.elevation.band", "'first'", "integer"],
    ),
    "a date that is no date": (key("as_of", "next autumn"), ["as_of", "next autumn", "yyyy-mm-dd"]),
    "negative weight": (
        key(f"{T}.railways.weight", -0.2),
        ["threats.railways.weight", "-0.2", "at least 0"],
    ),
    "weight above 1": (
        key(f"{T}.railways.weight", 1.5),
        ["threats.railways.weight", "1.5", "at most 1", "largest share"],
    ),
    "weight above 1 in a noisy-or": (
        key("habitat.components.den.terms.rock.weight", 3),
        ["habitat.components.den.terms.rock.weight", "3", "0 to 1"],
    ),
    "value outside its range": (
        key(f"{T}.railways.weight", {"value": 0.9, "range": [0.1, 0.3]}),
        ["threats.railways.weight", "0.9", "0.1-0.3"],
    ),
    "no component counts": (
        lambda config, folder: [
            c.update(weight=0) for c in config["habitat"]["components"].values()
        ],
        ["habitat.components", "every weight is 0"],
    ),
    "unknown layer": (
        key("surfaces.slope.layer", "elevaton"),
        ["surfaces.slope", "no layer 'elevaton'", "did you mean 'elevation'"],
    ),
    "unknown surface": (
        key("habitat.gates.elevation.surface", "elevaton"),
        ["habitat.gates.elevation", "no surface 'elevaton'", "did you mean 'elevation'"],
    ),
    "unknown group": (
        key(f"{T}.railways.group", "infrastucture"),
        ["threats.railways.group", "did you mean 'infrastructure'"],
    ),
    "unknown component": (
        key(f"{T}.subsidised_predators.terms.open_ground.component", "covr"),
        ["threats.subsidised_predators", "'covr'", "did you mean 'cover'"],
    ),
    "unknown rule in the priority": (key("priority", ["R1"]), ["priority", "'R1'", "R2a"]),
    "typo in the kind of a surface": (
        key("surfaces.slope.kind", "slop"),
        ["surfaces.slope.kind", "'slop'", "did you mean 'slope'"],
    ),
    "a vector layer where a raster is needed": (
        key("surfaces.slope.layer", "roads"),
        ["surfaces.slope", "'roads' of kind vector", "continuous"],
    ),
    "an extent of a raster": (
        key("layers.elevation.extent", [77.0, 42.0, 79.0, 43.0]),
        ["layers.elevation.extent", "of kind continuous", "only for vector or records"],
    ),
    "bounds in the wrong order": (
        key("region.bounds", [81.0, 40.0, 74.0, 43.5]),
        ["region.bounds", "81.0", "east, south, west, north: write [74.0, 40.0, 81.0, 43.5]"],
    ),
    "bounds with latitude first": (
        key("region.bounds", [42.0, 98.0, 43.0, 99.0]),
        ["region.bounds", "south, west, north, east: write [98.0, 42.0, 99.0, 43.0]"],
    ),
    "bounds as a list of ends": (
        key("region.bounds", [74.0, 81.0, 40.0, 43.5]),
        ["region.bounds", "west, east, south, north: write [74.0, 40.0, 81.0, 43.5]"],
    ),
    "bounds with latitude first that might be a place": (
        key("region.bounds", [42.2, 78.0, 42.7, 78.8]),
        ["region", "field bounds", "write [78.0, 42.2, 78.8, 42.7]"],
    ),
    "a region in degrees": (
        key("region.crs", "EPSG:4326"),
        ["region.crs", "EPSG:4326", "degree", "metres", "+proj=laea"],
    ),
    "a region in feet": (key("region.crs", "EPSG:2263"), ["region.crs", "foot", "metres"]),
    "a region in a grid of the web": (
        key("region.crs", "EPSG:3857"),
        ["region", "field crs", "areas up to 85 % off", "equal-area", "+proj=laea +lat_0=42.45"],
    ),
    "an unknown coordinate system": (
        key("region.crs", "EPSG:0"),
        ["region.crs", "EPSG:0", "+proj"],
    ),
    "cells of a millimetre": (key("region.cell_m", 0.001), ["region.cell_m", "0.001 m", "cells"]),
    "cells larger than the region": (key("region.cell_m", 1e7), ["region.cell_m", "1e+07 m"]),
    "decay without a scale": (
        lambda config, folder: config[T]["railways"]["surface"].pop("scale_m"),
        ["surfaces.railways", "'exponential'", "'scale_m'"],
    ),
    "a decay table that rises": (
        lambda config, folder: config[T]["railways"]["surface"].update(
            decay="table", table=[[0, 0.2], [1000, 0.9]]
        ),
        ["surfaces.railways", "table", "never rise"],
    ),
    "a ramp without a slope": (
        key(f"{T}.overgrazing.response", {"ramp": {"lower": 0.3, "upper": 0.3}}),
        ["threats.overgrazing.response.ramp", "both 0.3"],
    ),
    "a trapezoid that does not rise": (
        key("habitat.components.vegetation.response", {"trapezoid": dict(a=1, b=1, c=2, d=3)}),
        ["habitat.components.vegetation.response.trapezoid", "b 1", "ascending"],
    ),
    "a curve that goes back": (
        key("habitat.components.vegetation.response", {"curve": {"points": [[0, 0], [0, 1]]}}),
        ["habitat.components.vegetation.response.curve", "ascending x"],
    ),
    "a response with a parameter too many": (
        key(f"{T}.hunting.response", {"exponential": {"scale": 2.0, "rech": 8}}),
        ["threats.hunting.response.exponential", "'rech'", "did you mean 'reach'"],
    ),
    "a response without its parameter": (
        key(f"{T}.hunting.response", {"exponential": {"reach": 2.0}}),
        ["threats.hunting.response.exponential", "'scale' is missing"],
    ),
    "a mask rule without a condition": (
        lambda config, folder: config[R]["R2a"]["zones"].pop("where"),
        ["rules.R2a.zones", "'where'"],
    ),
    "a layer without a licence": (
        key("layers.roads.licence", None),
        ["layers.roads", "'licence'"],
    ),
    "a crs for a raster": (
        key("layers.elevation.crs", "EPSG:4326"),
        ["layers.elevation.crs", "only for vector"],
    ),
}

RULE_FAULTS = {
    "unknown map in a mask": (
        key(f"{R}.R2a.zones.where", "key_distance <= 3000"),
        ["rule R2a", "zones.where", "'key_distance'", "key_distance_m"],
    ),
    "unknown map in a measure": (
        key(f"{R}.R2a.measures.threat", {"mean": "treat"}),
        ["rule R2a", "measures.threat", "'treat'", "threat"],
    ),
    "unknown measure in the condition": (
        key(f"{R}.R5.when", "habitat >= 0.5 and huntin >= 0.15"),
        ["rule R5", "when", "'huntin'", "perhaps 'hunting'"],
    ),
    "unknown measure in the reason": (
        key(f"{R}.R5.reason", "hunting {hunting:.2f}, {valu:.2f}"),
        ["rule R5", "reason", "{valu}", "value"],
    ),
    "a reason that reaches into objects": (
        key(f"{R}.R5.reason", "{habitat.__class__}"),
        ["rule R5", "reason", "{habitat.__class__}", "habitat"],
    ),
    "a reason as wide as the memory": (
        key(f"{R}.R5.reason", "{habitat:999999999}"),
        ["rule R5", "reason", "'999999999' after a measure", "such as .2f"],
    ),
    "a reason with a format within a format": (
        key(f"{R}.R5.reason", "{habitat:{hunting}}"),
        ["rule R5", "reason", "after a measure"],
    ),
    "a function with too few values": (
        key(f"{R}.R2a.zones.where", "minimum(habitat) > 0"),
        ["rule R2a", "zones.where", "minimum needs 2 values"],
    ),
    "a number in the place of a condition": (
        key(f"{R}.R2a.measures.key_share", {"share": "habitat * 2"}),
        ["rule R2a", "measures.key_share", "is a number; expected a condition"],
    ),
    "a division by nothing in a filter": (
        key("layers.roads.filter", "road_class == 1/0"),
        ["roads", "field filter", "division by 0"],
    ),
    "an endless text in a filter": (
        key("layers.roads.filter", "road_class > 'b'*99999999999"),
        ["roads", "field filter", "arithmetic with a text"],
    ),
    "an endless column of texts": (
        key("layers.roads.filter", "road_class * 99999999999 == name"),
        ["roads", "field filter", "arithmetic with a text"],
    ),
    "a reason with an open brace": (key(f"{R}.R5.reason", "{habitat"), ["rule R5", "reason"]),
    "a call in an expression": (
        key(f"{R}.R5.when", "__import__('os').system('true') == 0"),
        ["rule R5", "when", "not allowed"],
    ),
    "a tower of powers": (key(f"{R}.R5.when", "9 ** 9 ** 9 > habitat"), ["rule R5", "not allowed"]),
    "an endless text": (key(f"{R}.R5.when", "'a' * 9999999999 == 'a'"), ["rule R5", "not allowed"]),
    "a call in a filter": (
        key("layers.roads.filter", "@pd.io.common.os.system('true') == 0"),
        ["roads", "field filter", "cannot be read"],
    ),
    "unknown column of a rule": (
        key(f"{R}.R6.zones.id_field", "camp_id"),
        ["rule R6", "camps.csv", "field camp_id", "season"],
    ),
}

RASTER_FAULTS = {
    "raster in metres called degrees": (
        raster("elevation", utm_raster),
        ["elevation", "elevation.tif", "degrees", "look like metres"],
    ),
    "raster in degrees called metres": (
        raster("elevation", profile_key(crs="EPSG:32644")),
        ["elevation", "elevation.tif", "WGS 84 / UTM zone 44N", "look like degrees"],
    ),
    "raster without a CRS": (
        raster("elevation", profile_key(crs=None)),
        ["elevation", "elevation.tif", "no CRS", "gdal_edit.py -a_srs"],
    ),
    "raster of another place": (
        raster("elevation", moved(-40, 0)),
        ["elevation", "elevation.tif", "no overlap", "another place"],
    ),
    "raster upside down": (
        raster("ndvi_max", profile_key(transform=Affine(0.05, 0, 73.5, 0, 0.05, 39.5))),
        ["ndvi_max", "north to south", "gdalwarp"],
    ),
    "raster of nodata": (
        raster("ndvi_max", everywhere(-9999)),
        ["ndvi_max", "ndvi_max.tif", "only nodata or NaN", "right file and band"],
    ),
    "raster of NaN": (
        raster("ndvi_max", everywhere(np.nan)),
        ["ndvi_max", "ndvi_max.tif", "only nodata or NaN"],
    ),
    "undeclared nodata": (
        raster("elevation", some(-9999)),
        ["elevation", "field valid", "-9999", "-450 to 8900", "-a_nodata -9999"],
    ),
    "nodata declared as another number": (
        raster("elevation", some(-9999, nodata=-32768)),
        ["elevation", "field valid", "-9999", "not declared"],
    ),
    "undeclared nodata without limits": (
        both(
            lambda config, folder: config["layers"]["elevation"].pop("valid"),
            raster("elevation", some(-32768)),
        ),
        ["elevation", "-32768", "not declared"],
    ),
    "a missing scale factor": (
        raster("ndvi_max", lambda profile, values: np.where(values > -2, values * 1e4, values)),
        ["ndvi_max", "field valid", "-1 to 1", "scale: 0.0001"],
    ),
    "wrong units": (
        raster("precipitation", lambda profile, values: np.where(values < 0, values, -5 - values)),
        ["precipitation", "field valid", "mm", "0 to 12000", "units"],
    ),
    "unknown class": (
        raster("land_cover", some(77, nodata=255)),
        ["land_cover", "field classes", "class 77", "16", "Name the class"],
    ),
    "nodata that is a class": (
        raster("land_cover", profile_key(nodata=10)),
        ["land_cover", "field classes", "nodata 10", "'grassland'"],
    ),
    "class without a score": (
        lambda config, folder: config["surfaces"]["land_cover_score"]["scores"].pop("bare"),
        ["surfaces.land_cover_score.scores", "class 16 (bare)", "one for each class"],
    ),
    "score for no class": (
        lambda config, folder: config["surfaces"]["land_cover_score"]["scores"].update({61: 1}),
        ["surfaces.land_cover_score.scores", "class 61"],
    ),
    "a band that is not there": (
        key("layers.elevation.band", 3),
        ["elevation", "elevation.tif", "field band", "band 3", "1 to 1"],
    ),
    "cut-off raster": (
        file("elevation", lambda data: data[: len(data) // 3]),
        ["elevation", "elevation.tif", "cannot be read"],
    ),
    "garbage in the place of a raster": (
        file("elevation", lambda data: b"not a map at all" * 99),
        ["elevation", "elevation.tif", "cannot be read"],
    ),
    "empty file": (
        file("elevation", lambda data: b""),
        ["elevation", "elevation.tif", "0 bytes", "Copy"],
    ),
    "missing file": (
        key("layers.elevation.path", str(ROOT / "resources/tien_shan/elevaton.tif")),
        ["elevation", "elevaton.tif", "no such file", "nearest names", " elevation.tif"],
    ),
    "missing folder": (
        key("layers.elevation.path", "nowhere/elevation.tif"),
        ["elevation", "nowhere/elevation.tif", "no folder nowhere"],
    ),
}

VECTOR_FAULTS = {
    "metres called degrees": (
        vector("roads", in_utm_called_degrees),
        ["roads", "roads.gpkg", "row 1", "in degrees", "look like metres"],
    ),
    "degrees called metres": (
        vector("roads", relabelled(32644)),
        ["roads", "roads.gpkg", "row 1", "UTM zone 44N", "look like degrees"],
    ),
    "no CRS": (
        vector("roads", relabelled(None)),
        ["roads", "roads.gpkg", "no CRS", "key `crs`"],
    ),
    "outside the world": (
        vector("roads", lambda t: shifted(0, 60)(t)),
        ["roads", "roads.gpkg", "row 1", "latitude -90 to 90", "outside the world"],
    ),
    "longitude and latitude swapped": (
        vector("roads", swapped),
        ["roads", "roads.gpkg", "swapped"],
    ),
    "another place": (
        vector("roads", shifted(-60, 5)),
        ["roads", "roads.gpkg", "none within reach", "another place"],
    ),
    "no features": (
        vector("roads", lambda table: table.iloc[:0]),
        ["roads", "roads.gpkg", "no features", "kind: absent"],
    ),
    "no geometry at all": (
        vector("roads", lambda table: table.set_geometry([None] * len(table), crs=4326)),
        ["roads", "roads.gpkg", "no feature with a geometry"],
    ),
    "filter that keeps none": (
        key("layers.roads.filter", "road_class == 'Paved'"),
        ["roads", "roads.gpkg", "field filter", "'Paved'", "keeps none of 33", "holds haul, paved"],
    ),
    "unknown column in a filter": (
        key("layers.roads.filter", "roadclass == 'paved'"),
        ["roads", "roads.gpkg", "field filter", "no column 'roadclass'", "road_class"],
    ),
    "one equals sign in a filter": (
        key("layers.roads.filter", "road_class = 'paved'"),
        ["roads", "field filter", "=="],
    ),
    "filter that is no condition": (
        key("layers.roads.filter", "length_km"),
        ["roads", "field filter", "neither true nor false"],
    ),
    "unknown column in where": (
        key(f"{T}.tracks.surface.where", "clas == 'track'"),
        ["surface tracks", "roads.gpkg", "field where", "'clas'", "road_class"],
    ),
    "unknown column in an intensity": (
        key(f"{T}.dogs_camps.surface.intensity.terms.0.field", "dog"),
        ["surface dogs_camps", "camps.csv", "field dog", "households, dogs"],
    ),
    "unknown column of areas": (
        key(f"{T}.mines_large.surface.area_ha_field", "hectares"),
        ["surface mines_large", "mines.gpkg", "field hectares", "area_ha"],
    ),
    "text in a column of areas": (
        both(
            vector("mines", lambda t: t.assign(area_ha=["about 3 km2"] * len(t))),
            key(f"{T}.mines_small.footprint", None),
            lambda config, folder: config[T]["mines_large"].pop("footprint"),
            lambda config, folder: config[T]["mines_small"].pop("footprint"),
            lambda config, folder: config[T]["mines_small"]["surface"].pop("area_ha_field"),
        ),
        ["surface mines_large", "mines.gpkg", "field area_ha", "about 3 km2", "a number"],
    ),
    "unknown class column of travel time": (
        key(f"{T}.hunting.surface.class_field", "class"),
        ["surface hunting", "roads.gpkg", "field class", "class_field", "road_class"],
    ),
    "road class without a speed": (
        lambda config, folder: config[T]["hunting"]["surface"]["speeds_km_h"].pop("paved"),
        ["surface hunting", "roads.gpkg", "field road_class", "paved", "speeds_km_h"],
    ),
    "a class of features without a score": (
        both(
            vector(
                "mines", lambda t: t.assign(type=np.where(t["type"] == "open_pit", "adit", "coal"))
            ),
            key(f"{T}.mines_large.surface.where", ""),
            key(
                f"{T}.mines_large.surface.intensity",
                {"field": "type", "response": {"classes": {"scores": {"coal": 0.8}}}},
            ),
        ),
        ["surface mines_large", "mines.gpkg", "field type", "'adit' without", "`other`"],
    ),
    "an extent of a table beside the region": (
        key("layers.camps.extent", [10, 50, 11, 51]),
        ["camps", "field extent", "does not reach the region"],
    ),
    "an extent beside the region": (
        key("layers.lakes.extent", [10, 50, 11, 51]),
        ["lakes", "field extent", "does not reach the region"],
    ),
    "units without names": (
        vector("provinces", lambda table: table.drop(columns="name")),
        ["provinces", "provinces.gpkg", "field name", "country", "units.csv"],
    ),
    "units that are points": (
        vector("provinces", lambda t: t.set_geometry(t.representative_point())),
        ["provinces", "provinces.gpkg", "Point", "polygons"],
    ),
    "an atlas of lines": (
        key("atlas", {"of": ["roads"]}),
        ["roads", "roads.gpkg", "LineString", "polygons", "atlas.of"],
    ),
    "places within lines": (
        key("actions.within", ["roads"]),
        ["roads", "roads.gpkg", "LineString", "polygons", "actions.within"],
    ),
    "invalid geometry": (
        vector("protected_areas", bow_tie),
        ["protected_areas", "protected_areas.gpkg", "row 3", "Self-intersection", "-makevalid"],
    ),
    "lines where polygons are needed": (
        vector("lakes", lambda table: table.set_geometry(table.boundary)),
        ["surface lake_share", "lakes.gpkg", "LineString", "polygons"],
    ),
    "garbage in the place of a layer": (
        file("roads", lambda data: b"not a map at all" * 99),
        ["roads", "roads.gpkg", "cannot be read"],
    ),
    "cut-off layer": (
        file("roads", lambda data: data[: len(data) // 3]),
        ["roads", "roads.gpkg", "cannot be read"],
    ),
}

RECORD_FAULTS = {
    "record with a future date": (
        cells("manul_records", put(0, "date", TOMORROW)),
        ["manul_records", "manul_records.csv", "row 2", "field date", TOMORROW],
    ),
    "duplicate id": (
        cells("camps", put(1, "id", "C001")),
        ["camps", "camps.csv", "row 3", "field id", "C001", "Row 2"],
    ),
    "text in a number field": (
        cells("camps", put(4, "dogs", "many")),
        ["camps", "camps.csv", "row 6", "field dogs", "'many'", "number"],
    ),
    "record outside the box": (
        cells("camps", put(0, "lon", "12.5")),
        ["camps", "camps.csv", "row 2", "field lon", "12.5", "outside"],
    ),
    "required column missing": (
        cells("burrow_transects", lambda frame: frame.drop(columns="n_active")),
        ["burrow_transects", "burrow_transects.csv", "'n_active'", "Add the column"],
    ),
    "unknown table": (
        key("layers.camps.table", "camps"),
        ["camps", "camps.csv", "no table 'camps'", "camp"],
    ),
    "future date of a layer": (
        key("layers.roads.date", TOMORROW),
        ["roads", "field date", TOMORROW, "up to today"],
    ),
    "future as-of date": (
        key("as_of", TOMORROW),
        ["config", "field as_of", TOMORROW, "up to today"],
    ),
}


def beside_the_region(table):
    """A mask of a few km just east of the corner."""
    box = gpd.GeoSeries([shapely.box(78.82, 42.3, 78.86, 42.4)], crs=4326).to_crs(table.crs)
    return table.iloc[:1].set_geometry(box.to_numpy())


def with_a_point(table):
    middle = gpd.GeoSeries([shapely.Point(78.4, 42.45)], crs=4326).to_crs(table.crs)
    point = table.iloc[:1].set_geometry(middle.to_numpy())
    return pd.concat([table, point], ignore_index=True)


PLACE_FAULTS = {
    "a mask beside the region": (
        vector("study_area", beside_the_region),
        ["study_area", "field geometry", "cover no cell of the region", "within its bounds"],
    ),
    "a raster of one row": (
        raster("elevation", lambda profile, values: values[:, :1]),
        ["elevation", "pixels", "2 x 2 at least", "Was a window cut too small?"],
    ),
    "the grid of a building site": (
        raster("elevation", profile_key(
            crs='LOCAL_CS["site grid",UNIT["metre",1]]',
            transform=Affine(1000, 0, 500_000, 0, -1000, 4_700_000))),
        ["elevation", "leads to no place on Earth", "EPSG:4326 or UTM"],
    ),
    "a point among the units": (
        vector("provinces", with_a_point),
        ["provinces", "field geometry", "Point", "take out what is none (1 of "],
    ),
    "a quantity where a share is wanted": (
        both(
            key("layers.burnt", {
                "path": "resources/tien_shan/elevation.tif", "kind": "continuous",
                "title": "Burnt", "units": "m"}),
            key(f"{T}.burnt", {
                "title": "Burnt", "weight": 0.5, "group": "habitat_loss", "iucn": "7.1",
                "cmp": "7.1", "surface": {"kind": "value", "layer": "burnt"}}),
        ),
        ["threats.burnt", "its values can run from", "no `valid`", "such as ramp"],
    ),
    "a measure compared with a text": (
        key("rules.R2a.when", "key_share > '3'"),
        ["rule R2a", "field when", "'3' is compared with the number 0"],
    ),
}  # fmt: skip


def case(spoil_folder):
    """An InVEST case, spoilt in a copy of its folder."""

    def spoil(config, folder):
        home = shutil.copytree(ROOT / "tests" / "oracle" / "invest_hq", folder / "case")
        spoil_folder(home)
        tables = ("threats.csv", "sensitivity.csv")
        threats, sensitivity = (str(home / name) for name in tables)
        config["invest"] = {
            "oracle": {
                "land_cover": str(home / "lulc.tif"), "threats": threats,
                "sensitivity": sensitivity, "access": str(home / "access.geojson"),
            }
        }  # fmt: skip

    return spoil


def text(name, old, new):
    def spoil(home):
        path = home / name
        assert old in path.read_text("utf-8")
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")

    return spoil


def moved_east(home):
    with rasterio.open(home / "roads.tif", "r+") as raster:
        raster.transform = Affine.translation(30_000, 0) @ raster.transform


def cells_of(name, number, **more):
    """Some cells of a raster of the case hold a number."""

    def spoil(home):
        with rasterio.open(home / name) as source:
            profile, values = dict(source.profile) | more, source.read()
        values = values.astype(profile["dtype"])
        values[:, 10:20, 10:20] = number
        with rasterio.open(home / name, "w", **profile) as target:
            target.write(values)

    return spoil


def in_crs(code):
    def spoil(home):
        for path in home.glob("*.tif"):
            with rasterio.open(path, "r+") as raster:
                raster.crs = code

    return spoil


INVEST_FAULTS = {
    "undeclared nodata in a threat": (
        case(cells_of("roads.tif", -9999, dtype="float32", nodata=None)),
        ["invest.oracle", "roads.tif", "-9999 to", "-a_nodata -9999"],
    ),
    "255 in a threat": (
        case(cells_of("roads.tif", 255, dtype="uint8", nodata=None)),
        ["invest.oracle", "roads.tif", "to 255", "up to 1"],
    ),
    "what resampling leaves in a threat": (
        case(cells_of("roads.tif", 1e-9, dtype="float32")),
        ["invest.oracle", "roads.tif", "1e-09", "full source"],
    ),
    "a grid in degrees": (case(in_crs("EPSG:4326")), ["lulc.tif", "degrees", "in metres"]),
    "a grid in feet": (case(in_crs("EPSG:2263")), ["lulc.tif", "foot", "in metres"]),
    "distances in km": (
        case(text("threats.csv", "roads,5000", "roads,5")),
        ["invest.oracle", "threats.csv", "max_dist 5 of roads", "write 5000"],
    ),
    "a class without a row": (
        case(text("sensitivity.csv", "4,c4", "14,c4")),
        ["invest.oracle", "sensitivity.csv", "field lucode", "class 4 in", "Add a row"],
    ),
    "no table of threats": (
        case(lambda home: (home / "threats.csv").unlink()),
        ["invest.oracle", "threats.csv", "field threats", "no such file"],
    ),
    "no raster of a threat": (
        case(text("threats.csv", "mines.tif", "mine.tif")),
        ["invest.oracle", "mine.tif", "no such file", "mines.tif"],
    ),
    "table of threats without rasters": (
        case(text("threats.csv", "cur_path", "path")),
        ["invest.oracle", "threats.csv", "cur_path", "raster"],
    ),
    "one threat without a raster": (
        case(text("threats.csv", "linear,roads.tif", "linear,")),
        ["invest.oracle", "threats.csv", "field cur_path", "a row without a raster"],
    ),
    "threat without sensitivities": (
        case(text("sensitivity.csv", "mines", "quarries")),
        ["invest.oracle", "sensitivity.csv", "mines"],
    ),
    "threat on another grid": (
        case(moved_east),
        ["invest.oracle", "roads.tif", "the grid of", "lulc.tif"],
    ),
    "raster that is none": (
        case(lambda home: (home / "roads.tif").write_bytes(b"no raster")),
        ["invest.oracle", "roads.tif", "a raster"],
    ),
    "access without its column": (
        case(text("access.geojson", '"access"', '"acces"')),
        ["invest.oracle", "access.geojson", "field access", "acces"],
    ),
}

BAD = {
    **CONFIG_FAULTS,
    **INVEST_FAULTS,
    **RULE_FAULTS,
    **RASTER_FAULTS,
    **VECTOR_FAULTS,
    **RECORD_FAULTS,
    **PLACE_FAULTS,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_gives_one_message_that_names_the_place(name, corner, tmp_path):
    spoil, words = BAD[name]
    config = copy.deepcopy(corner)
    spoil(config, tmp_path)
    found = of_severity(problems(config), "ERROR")
    assert len(found) == 1, "\n".join(found)
    missing = [word for word in words if word not in found[0]]
    assert not missing, f"{missing} not in: {found[0]}"


def blank(column):
    return lambda frame: frame.assign(**{column: ""})


# What does not stop the run, but stands on the list.
DOUBTFUL = {
    "features without a geometry": (
        vector(
            "mines",
            lambda t: t.set_geometry([None, shapely.Point(), *t.geometry[2:]], crs=4326),
        ),
        ["mines", "field geometry", "2 of 15 features without a geometry", "count for nothing"],
    ),
    "weight of zero": (
        key(f"{T}.railways.weight", 0),
        ["threat railways", "field weight", "found 0", "no effect"],
    ),
    "reach shorter than the positional error": (
        key(f"{T}.railways.surface.reach_m", 1200),
        ["surface railways", "field reach_m", "1200 m", "layer railways, 5000 m"],
    ),
    "features farther than the reach": (
        key(f"{T}.mines_small.surface.reach_m", 4000),
        ["surface mines_small", "field reach_m", "4000 m", "outside the region", "no habitat"],
    ),
    "no feature near the region": (
        key(f"{T}.railways.weight", 0.1),
        ["railways", "railways.gpkg", "none within reach", "there is none here"],
    ),
    "a condition that keeps none": (
        key(f"{T}.tracks.surface.where", "road_class == 'Track'"),
        ["surface tracks", "field where", "'Track'", "keeps no feature", "road_class holds"],
    ),
    "a band that is another's twin": (
        raster("precipitation", lambda profile, values: np.repeat(values[:1], 3, axis=0)),
        ["precipitation", "field band", "band 1 equal to band 2"],
    ),
    "a layer that is a copy": (
        lambda config, folder: config["layers"].update(twin=dict(config["layers"]["ndvi_max"])),
        ["twin", "ndvi_max.tif", "the same as layer 'ndvi_max'"],
    ),
    "a raster that is the same everywhere": (
        raster("ndvi_max", everywhere(0.4)),
        ["ndvi_max", "0.4 in every cell of the region", "the right file and band?"],
    ),
    "a raster that covers a third of the region": (
        raster("ndvi_max", moved(5.05, 0)),
        ["ndvi_max", "% of the region", "nodata on the maps"],
    ),
    "a region whose distances are not true": (
        key("region.crs", "EPSG:6933"),
        ["region", "field crs", "distances up to 18 % off", "+proj=laea +lat_0=42.45"],
    ),
    "a region whose areas are not true": (
        key("region.crs", "EPSG:32644"),
        ["region", "field crs", "UTM zone 44N", "equal-area"],
    ),
    "no limits of believable values": (
        lambda config, folder: config["layers"]["elevation"].pop("valid"),
        ["elevation", "field valid", "no believable range"],
    ),
    "an intensity without a value": (
        cells("camps", blank("dogs")),
        ["surface dogs_camps", "camps.csv", "field dogs", "no value"],
    ),
    "mines whose area is not known": (
        vector("mines", lambda t: t.assign(area_ha=np.where(t["type"] == "open_pit", 0, 10))),
        ["surface mines_large", "mines.gpkg", "field area_ha", "without an area", "cover nothing"],
    ),
    "words that differ by case or blanks": (
        both(
            vector(
                "mines", lambda t: t.assign(status=t["status"].replace("operating", " Operating"))
            ),
            key("layers.mines.filter", "status in ['operating', 'planned', 'closed']"),
        ),
        ["mines", "field filter", "' Operating' in column status", "case or blanks"],
    ),
    "words of a surface that differ by case": (
        vector("mines", lambda t: t.assign(type=t["type"].replace("open_pit", "Open_pit"))),
        ["surface mines_large_footprint", "field where", "'Open_pit' in column type"],
    ),
    "units that share ground": (
        vector("provinces", lambda t: pd.concat([t, t.assign(name="Twin " + t["name"])])),
        ["provinces", "field geometry", "'Twin ", "which share", "do not overlap"],
    ),
    "units of one name": (
        vector("provinces", lambda t: t.assign(name="Naryn")),
        ["provinces", "field name", "several units called 'Naryn'", "its own row"],
    ),
    "a layer that says it ends inside the region": (
        key("layers.lakes.extent", [78.0, 42.2, 78.4, 42.7]),
        ["lakes", "field extent", "an extent of 47 % of the region", "are unknown"],
    ),
    "a layer that ends inside the region": (
        vector(
            "roads",
            lambda t: t.iloc[[0] * 12].set_geometry(
                [shapely.LineString([(78.05, 42.25 + i / 100), (78.3, 42.6)]) for i in range(12)],
                crs=4326,
            ),
        ),
        ["roads", "field extent", "in the east", "key `extent`"],
    ),
    "rejected rows that may be left out": (
        both(cells("camps", put(4, "dogs", "many")), key("layers.camps.on_rejected", "continue")),
        ["camps", "row 6", "field dogs", "'many'"],
    ),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_doubtful_input_gives_a_warning_and_no_error(name, corner, tmp_path):
    spoil, words = DOUBTFUL[name]
    config = copy.deepcopy(corner)
    spoil(config, tmp_path)
    found = problems(config)
    assert not of_severity(found, "ERROR")
    told = [t for t in of_severity(found, "WARNING") if all(word in t for word in words)]
    assert len(told) == 1, "\n".join(found)


def test_the_demo_has_no_error(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = demo_config()
    for loaded in load.load(config).values():
        assert not [p for p in check(loaded) if p.severity == "error"]


def test_an_absent_layer_and_what_waits_for_it_are_noted(corner):
    notes = of_severity(problems(corner), "NOTE")
    assert any(
        "snow_depth" in note and "snow depth, December to February" in note for note in notes
    )
    assert any("overgrazing" in note and "not assessed" in note for note in notes)


def test_warnings_of_a_kind_are_one_line_and_others_are_not_lost_among_them():
    def warning(layer, field="valid", severity="warning"):
        return preflight.Problem(severity, layer, f"{layer}.tif", field=field, expected="limits")

    alike = [warning(name) for name in ("a", "b", "c", "d")]
    other = warning("e", field="crs")
    told = preflight.warnings([*alike, other, warning("f", severity="error")])
    assert told == [
        "WARNING a (file a.tif, field valid); expected limits (and 3 more like it of a, b, c, d; "
        "all stand in preflight.csv)",
        "WARNING e (file e.tif, field crs); expected limits",
    ]
    assert preflight.warnings(alike[:2]) == [str(problem) for problem in alike[:2]]


def test_a_rule_whose_layer_is_absent_is_not_assessed(corner):
    config = copy.deepcopy(corner)
    config["threats"]["dogs_camps"] = None
    config["layers"]["camps"] = {"kind": "absent", "title": "Camps", "needs": "herding camps"}
    found = problems(config)
    assert not of_severity(found, "ERROR")
    assert [n for n in found if n.startswith("NOTE R6") and "herding camps" in n]


def test_lines_in_many_parts_and_three_dimensions_are_as_good_as_plain_ones(corner, tmp_path):
    config = copy.deepcopy(corner)
    as_multi = lambda g: shapely.force_3d(shapely.MultiLineString([g]), 900.0)  # noqa: E731
    vector("roads", lambda t: t.set_geometry([as_multi(g) for g in t.geometry]))(config, tmp_path)
    assert len(problems(config)) == len(problems(corner))
    grid, maps = grid_of(corner["region"]), []
    for path in (corner["layers"]["roads"]["path"], config["layers"]["roads"]["path"]):
        near = features.prepare_vector(vectors.read_vector(path), {}, grid, 10_000)
        maps.append(burn.burn(((g, 1) for g in near.geometry), grid))
    assert maps[0].sum() > 20
    np.testing.assert_array_equal(*maps)


def test_all_faults_of_a_config_come_in_one_list(corner, tmp_path):
    config = copy.deepcopy(corner)
    for name in ("negative weight", "unknown layer", "bounds in the wrong order"):
        CONFIG_FAULTS[name][0](config, tmp_path)
    rename("maps.context", "contxt")(config, tmp_path)
    found = problems(config)
    assert len(found) == 4
    for words in ("threats.railways.weight", "'elevaton'", "region.bounds", "'contxt'"):
        assert sum(words in line for line in found) == 1


def test_all_problems_of_layers_and_rules_come_in_one_list(corner, tmp_path):
    config = copy.deepcopy(corner)
    RASTER_FAULTS["cut-off raster"][0](config, tmp_path)
    VECTOR_FAULTS["no CRS"][0](config, tmp_path)
    RECORD_FAULTS["text in a number field"][0](config, tmp_path)
    found = check(load.load(config)["current"])
    with pytest.raises(preflight.PreflightError) as told:
        preflight.stop_on_errors(found)
    lines = str(told.value).splitlines()
    assert "3 problems" in lines[0] and len(lines) == 4
    assert [line.strip()[:2] for line in lines[1:]] == ["1.", "2.", "3."]
    table = preflight.as_table(found)
    assert list(table["severity"][:3]) == ["error"] * 3
    assert set(table["layer"][:3]) == {"elevation", "roads", "camps"}


def test_anchors_in_a_circle_are_refused(corner):
    config = copy.deepcopy(corner)
    config["threats"]["railways"]["terms"] = [config["threats"]["railways"]]
    with pytest.raises(load.ConfigError, match="refers to itself"):
        load.load(config)


THROUGH_SNAKEMAKE = {
    "a typo in the config": CONFIG_FAULTS["typo in a key"],
    "a bad layer": VECTOR_FAULTS["longitude and latitude swapped"],
    "a missing layer": RASTER_FAULTS["missing file"],
}


@pytest.mark.workflow
@pytest.mark.parametrize("name", THROUGH_SNAKEMAKE)
def test_a_run_with_a_bad_input_fails_and_makes_no_map(name, corner, tmp_path):
    spoil, words = THROUGH_SNAKEMAKE[name]
    config = copy.deepcopy(corner)
    spoil(config, tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", str(tmp_path)]
    run = subprocess.run(
        [*command, "-s", str(ROOT / "Snakefile"), "--configfile", str(file)],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert run.returncode != 0
    missing = [word for word in words if word not in run.stdout + run.stderr]
    assert not missing, run.stderr
    assert "Traceback" not in run.stderr
    assert {p.name for p in (tmp_path / "results").rglob("*.*")} <= {"preflight.csv"}


# --------------------------------------------------------------- single checks, case by case

METRES, DEGREES = (CRS.from_epsg(code) for code in (6933, 4326))
PLACE = {"bounds": [74.0, 40.0, 81.0, 43.5], "crs": "EPSG:6933", "cell_m": 1000}


@pytest.mark.parametrize(
    ("crs", "box", "told"),
    [
        (DEGREES, (75, 41, 76, 42), ""),
        (DEGREES, (-180, -90, 180, 90), ""),
        (METRES, (75, 41, 76, 42), "look like degrees"),
        (METRES, (0, 0, 360, 1), "look like degrees"),
        (METRES, (0, 0, 361, 1), ""),
        (DEGREES, (75, 41, 361, 42), "look like metres"),
        (DEGREES, (75, 41, 360, 42), "from 0 to 360"),
        (DEGREES, (179.5, 0, 180.5, 1), "from 0 to 360"),
        (DEGREES, (41, 75, 42, 91.5), "swapped"),
        (DEGREES, (75, 41, 181, 92), "outside the world"),
        (DEGREES, (75, 41, np.inf, 42), "Correct the geometry"),
    ],
)
def test_coordinates_that_cannot_be(crs, box, told):
    found = list(places.impossible("lakes", {}, crs, box, PLACE))
    assert len(found) == bool(told) and told in "".join(p.mend for p in found)


@pytest.mark.parametrize(
    ("box", "swapped"),
    [((41, 75, 42, 76), True), ((75, 41, 76, 42), False), ((43.5, 75, 44, 76), False),
     ((39, 75, 40, 76), False), ((41, 81, 42, 82), False), ((41, 73, 42, 74), False)],
)  # fmt: skip
def test_a_box_of_latitude_and_longitude(box, swapped):
    assert places.is_swapped(box, PLACE) == swapped


def features_with(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:6933")


def test_features_that_cover_nothing_are_counted():
    """A polygon covers, a point of 5 ha too; points of 0 or unknown ha do not, nor does a line."""
    line = shapely.LineString([(0, 0), (1, 1)])
    shapes = [shapely.box(0, 0, 1, 1), *[shapely.Point(0, 0)] * 3, line]
    used = features_with(shapes, ha=[None, "5", "0", None, "7"])
    block = {"kind": "share", "area_ha_field": "ha"}
    (problem,) = uses._right_shapes("mines", block, {"path": "m.gpkg"}, used)
    assert problem.value == "3 of 5 features without an area" and problem.severity == "warning"
    assert not list(uses._right_shapes("mines", block, {}, used.iloc[:2]))


def test_numbers_that_are_texts_or_negative_are_told_with_their_row():
    used = features_with([shapely.Point(0, 0)] * 4, n=["1", "-1", None, "x"], row=[2, 3, 4, 5])
    (problem,) = uses._numbers("camps", {}, "n", used)
    assert (problem.value, problem.row) == ("'-1' (and 1 more)", "3")
    (problem,) = uses._numbers("camps", {}, "n", used.iloc[2:])
    assert (problem.value, problem.row) == ("'x'", "5")
    assert not list(uses._numbers("camps", {}, "n", used.iloc[[0, 2]]))


@pytest.mark.parametrize(("reach_m", "warnings"), [(2999, 1), (3001, 0)])
def test_a_feature_beyond_the_reach_is_told(reach_m, warnings):
    left, bottom, _, top = bounds(grid_of(PLACE))
    used = features_with([shapely.Point(left - 3000, (bottom + top) / 2)])
    found = list(uses._reached("a", {"reach_m": reach_m}, {"path": ""}, used, {"region": PLACE}))
    assert len(found) == warnings and all("3000 m outside" in p.value for p in found)


@pytest.mark.parametrize(
    ("side", "empty"), [("west", (0, 0)), ("south", (1, 0)), ("east", (0, 1)), ("north", (1, 1))]
)
def test_an_empty_side_of_the_region_is_told_with_its_share(side, empty):
    """Features in all of the region but 40 % of it on one side."""
    box = np.array(bounds(grid_of(PLACE))).reshape(2, 2)  # corners: (left, bottom), (right, top)
    axis, end = empty
    length = box[1, axis] - box[0, axis]
    box[end, axis] += 0.4 * length * (1 if end == 0 else -1)
    points = [shapely.Point(x, y) for x in box[:, 0] for y in box[:, 1]] * 20
    config = {"region": PLACE, "surfaces": {"s": {"kind": "distance", "layer": "camps"}}}
    (problem,) = check_vectors._gaps("camps", {"path": ""}, features_with(points), config)
    assert problem.value == f"no feature in the 40 % in the {side} of the region"


def test_classes_without_a_score_are_told_unless_other_stands_for_them():
    used = features_with([shapely.Point(0, 0)] * 4, kind=["town", "Hamlet", None, "2.0"])
    scores = {"scores": {"town": 1, 2: 0.5}}
    block = {"intensity": {"field": "kind", "response": {"classes": scores}}}
    (problem,) = uses._scored("camps", block, {}, used)
    assert problem.value == "'Hamlet' without a score (1 of 4 features)"
    assert not list(uses._scored("camps", block, {}, used.drop(columns="kind")))
    scores["other"] = 0.1
    assert not list(uses._scored("camps", block, {}, used))


@pytest.mark.parametrize(
    ("intensity", "told"),
    [
        ({"field": "share"}, None), ({"field": "dogs"}, "0 to 9, beyond 0 to 1 in 1 of 2 features"),
        ({"field": "blank"}, None), ({"field": "rounded"}, None),
        ({"field": "dogs", "response": {"ramp": {"lower": 0, "upper": 3}}}, None),
        # 0 x 9 and 0.8 x 0
        ({"combine": "product", "terms": [{"field": "share", "weight": 1},
                                          {"field": "dogs", "weight": 1}]}, None),
        ({"field": "kind", "response": {"classes": {"scores": {"town": 1, "camp": 1.5}}}},
         "1 to 1.5, beyond 0 to 1 in 1 of 2 features"),
    ],
)  # fmt: skip
def test_an_intensity_that_columns_take_beyond_1_is_told_and_not_cut(intensity, told):
    columns = {"share": [0, 0.8], "dogs": [9, 0], "blank": [np.nan, None], "kind": ["town", "camp"]}
    columns |= {"rounded": np.array([0.6, 1.0000001])}
    used = features_with([shapely.Point(0, 0)] * 2, **columns)
    found = [p.value for p in uses._strength("camps", {"intensity": intensity}, {}, used)]
    assert found == ([f"an intensity of {told}"] if told else [])


@pytest.mark.parametrize(
    "extent", [[81, 40, 74, 43], [74, 43, 81, 40], [74, 40, 74, 43], [74, 40, 81, 40]]
)
def test_an_extent_runs_from_west_to_east_and_from_south_to_north(extent):
    with pytest.raises(features.LayerError, match="west < east and south < north"):
        features.surveyed(extent, grid_of(PLACE), 0)


@pytest.mark.parametrize("extent", [[60, 40, 70, 43], [75, 41, 76, 42]])
def test_an_extent_reaches_the_region_or_is_refused(extent):
    if extent[0] == 60:
        with pytest.raises(features.LayerError, match="does not reach the region"):
            features.surveyed(extent, grid_of(PLACE), 0)
        return
    whole = features.surveyed(extent, grid_of(PLACE), 0)
    # A square degree at 41.5 degrees north: 111 x 83.3 km.
    assert whole.area / 1e6 == pytest.approx(111 * 83.3, rel=0.01)


@pytest.mark.parametrize(
    ("spelt", "wanted", "found"),
    [
        ("Name", ["name"], {"Name": "name"}), ("name", ["name"], {}), ("kind", ["name"], {}),
        ("POPULATION", ["name", "population"], {"POPULATION": "population"}),
    ],
)  # fmt: skip
def test_a_column_that_differs_by_capital_letters_is_the_wanted_one(spelt, wanted, found):
    table = features_with([shapely.Point(0, 0)], **{spelt: ["7"]})
    assert features.by_case(table, wanted) == found
    made = features.for_products(table, wanted)
    assert len({column.lower() for column in made}) == len(made.columns)
    for column in found.values():
        assert str(made[column].iloc[0]) in ("7", "7.0")


OPEN_RING = (
    '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": '
    '{"type": "Polygon", "coordinates": [[[74, 40], [81, 40], [81, 43]]]}}]}'
)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", OPEN_RING])
def test_an_extent_that_is_none_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / ("extent.csv" if text.startswith("a") else "extent.geojson")
    path.write_text(text)
    with pytest.raises(features.LayerError, match=r"extent .*extent\.(csv|geojson)"):
        features.surveyed(str(path), grid_of(PLACE), 0)


@pytest.mark.parametrize("year", [0, -9999, 99, 2021.5, True])
def test_a_number_that_is_no_year_is_told_with_its_feature(year):
    table = features_with([shapely.Point(0, 0)] * 2, closed=[None, year])
    if year is True:
        table["closed"] = [True, False]
    with pytest.raises(features.LayerError, match=r"until: column 'closed' holds .* in feature"):
        features.there_on(table, {"until": "closed"}, "2025-01-01")
    plain = features_with([shapely.Point(0, 0)] * 3, closed=[None, 1998, 2031])
    assert features.there_on(plain, {"until": "closed"}, "2025-01-01").tolist() == [1, 0, 1]


def test_an_extent_of_several_layers_is_refused_as_one_must_be_meant(tmp_path):
    path = tmp_path / "extent.gpkg"
    whole = gpd.GeoDataFrame(geometry=[shapely.box(74, 40, 81, 43.5)], crs=4326)
    whole.to_file(path, layer="surveyed", engine="pyogrio")
    assert features.surveyed(str(path), grid_of(PLACE), 0).area > 0
    whole[:0].to_file(path, layer="empty", engine="pyogrio")
    assert features.surveyed(str(path), grid_of(PLACE), 0).area > 0
    whole.to_file(path, layer="planned", engine="pyogrio")
    with pytest.raises(features.LayerError, match="several layers, surveyed, planned"):
        features.surveyed(str(path), grid_of(PLACE), 0)


def test_a_problem_is_told_with_its_place_what_was_found_and_the_mend():
    whole = Problem("error", "camps", "c.csv", "3", "dogs", "'x'", "a number", "Mend it")
    told = "ERROR camps (file c.csv, row 3, field dogs): found 'x'; expected a number. Mend it"
    assert str(whole) == told
    assert str(Problem("note", "camps")) == "NOTE camps"


def test_two_warnings_of_a_kind_are_two_lines_and_three_are_one():
    alike = [Problem("warning", name, field="date", expected="a date") for name in "abc"]
    error = Problem("error", "d", field="date", expected="a date")
    assert findings.warnings([*alike[:2], error]) == [str(alike[0]), str(alike[1])]
    assert len(findings.warnings([*alike, error])) == 1


def test_the_table_of_problems_keeps_rows_of_public_layers_and_hides_others():
    problems = [Problem("error", name, "f.csv", "3", "dogs", "'x'", "y", "z") for name in "ab"]
    table = findings.as_table(problems, private=["b"]).set_index("layer")
    assert table.loc["a", ["row", "value", "expected", "mend"]].tolist() == ["3", "'x'", "y", "z"]
    assert table.loc["b", ["row", "value", "expected"]].tolist() == ["", "", ""]
    assert table.loc["b", ["file", "field"]].tolist() == ["f.csv", "dogs"]


def test_units_of_one_name_or_without_one_are_told():
    config = {"region": {"units": "provinces"}}
    near = features_with([shapely.Point(0, 0)] * 5, name=["B", "A", " A", None, ""])
    found = check_vectors._for_products("provinces", {}, near, config | MAPS_WITHOUT_COLUMNS)
    (told,) = [problem for problem in found if problem.field == "name"]
    assert told.value == "several units called 'A' and 2 of 5 units without a name"
    assert told.severity == "warning"
    for names in (["A", "B"], ["A", "a"]):
        near = features_with([shapely.Point(0, 0)] * 2, name=names)
        assert not list(
            check_vectors._for_products("provinces", {}, near, config | MAPS_WITHOUT_COLUMNS)
        )


MAPS_WITHOUT_COLUMNS: dict = {"maps": {"context": {}}, "rules": {}}


@pytest.mark.parametrize(
    ("values", "told"), [([0, 0.5, 1], []), ([0, 1.5], ["1.5"]), ([0.5, -0.1], ["-0.1"])]
)
def test_access_of_an_invest_case_goes_from_0_to_1(tmp_path, values, told):
    path = tmp_path / "access.geojson"
    shapes = [shapely.box(i, 0, i + 1, 1) for i in range(len(values))]
    gpd.GeoDataFrame({"access": values}, geometry=shapes, crs=4326).to_file(path)
    found = list(invest._check_access("case", {"access": str(path)}))
    assert [problem.value for problem in found] == told
    assert not list(invest._check_access("case", {"access": ""}))


def test_land_cover_without_a_crs_is_told():
    land = SimpleNamespace(crs=None, name="lulc.tif")
    (problem,) = invest._check_metres("case", land)
    assert (problem.severity, problem.file, problem.value) == ("error", "lulc.tif", "no CRS")
    metres = SimpleNamespace(crs=rasterio.CRS.from_epsg(6933), name="lulc.tif")
    assert not list(invest._check_metres("case", metres))


def test_few_seed_questions_and_experts_without_one_are_told(monkeypatch):
    seeds = pd.DataFrame({"parameter": ["a", "b", "b"]})
    usable = pd.DataFrame({"expert": ["Cat", "Bob", "Ann", "Bob"]})
    told = SimpleNamespace(seeds=seeds, usable=usable)
    monkeypatch.setattr(answers.elicitation, "scores", lambda *_: {"Ann": 1})
    found = list(answers._pool(told, {"path": "answers.csv"}))
    assert [problem.severity for problem in found] == ["warning"] * 3
    assert found[0].value == "2 seed questions"
    assert [problem.value[-5:] for problem in found[1:]] == ["'Bob'", "'Cat'"]
    many = [f"p{i}" for i in range(answers.calibration.ADVISED)]
    enough = SimpleNamespace(seeds=pd.DataFrame({"parameter": many}), usable=usable[2:3])
    assert not list(answers._pool(enough, {"path": "answers.csv"}))
    monkeypatch.setattr(answers.elicitation, "scores", lambda *_: None)
    assert not list(answers._pool(told, {"path": "answers.csv"}))


def test_the_nearest_names_or_the_first_twelve_of_a_folder_are_told(tmp_path):
    told = files.nearest_files
    assert told(tmp_path / "roads.gpkg") == "The folder is empty"
    assert told(tmp_path / "no" / "roads.gpkg").startswith("There is no folder")
    for i in range(10, 23):
        (tmp_path / f"{i}").touch()
    names = ", ".join(str(i) for i in range(10, 22))
    assert told(tmp_path / "roads.gpkg") == f"The nearest names in its folder are {names}"
    (tmp_path / "road.gpkg").touch()
    assert told(tmp_path / "roads.gpkg").endswith("are road.gpkg")


def test_tables_are_read_once_for_all_scenarios(corner, monkeypatch):
    told = []
    read = check_vectors.field_tables.read
    monkeypatch.setattr(
        check_vectors.field_tables, "read", lambda *given: told.append(given[0]) or read(*given)
    )
    configs = load.load(copy.deepcopy(corner))
    names, kept = Graph(configs).names("current"), {}
    once = preflight.check(configs["current"], names, kept)
    number = len(told)
    assert number > 5
    assert preflight.check(configs["current"], names, kept) == once and len(told) == number
    assert preflight.check(configs["current"], names) == once and len(told) == 2 * number


def told_of_threats(config) -> list[str]:
    loaded = load.load(config)["current"]
    return [str(problem) for problem in uses.check_threats_named(loaded)]


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (
            {"rules": {"R5": {"gain": {"without": ["huntign"]}}}},
            "WARNING rule R5 (field gain.without): found 'huntign'; expected a threat of the "
            "config. Nothing comes of it; did you mean 'hunting'?",
        ),
        (
            {"analyses": {"survival": {"causes": {"dog": ["dogs_camp"]}}}},
            "WARNING analysis survival (field causes.dog): found 'dogs_camp'; expected a threat of "
            "the config. Nothing comes of it; did you mean 'dogs_camps'?",
        ),
        (
            {"analyses": {"disease": {"threat": "diseases"}}},
            "WARNING analysis disease (field threat): found 'diseases'; expected a threat of the "
            "config. Nothing comes of it; did you mean 'disease'?",
        ),
    ],
)
def test_a_misspelt_threat_in_what_rules_act_on_or_evidence_tells_of_is_told(block, told):
    assert told_of_threats(demo_config()) == []
    assert told_of_threats(demo_config() | block) == [told]


def test_a_threat_that_is_taken_away_or_that_one_scenario_brings_is_known():
    config = demo_config() | {"threats": {"overgrazing": None}}
    config["rules"] = {"R5": {"gain": {"without": ["hunting", "wind"]}}}
    wind = {"title": "Wind parks", "group": "infrastructure", "weight": 0.2, "surface": "slope",
            "response": {"ramp": {"lower": 0, "upper": 90}},
            "iucn": "3.3", "cmp": "3.3"}  # fmt: skip
    assert len(told_of_threats(config)) == 1
    config["scenarios"]["planned"]["changes"]["threats"] = {"wind": wind}
    assert told_of_threats(config) == []
