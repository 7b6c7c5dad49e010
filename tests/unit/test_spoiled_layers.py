"""Spoiled layers: the preflight stops them, or the job that prepares them takes them."""

import json

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

from manul.grid import features, rasters, vectors
from manul.grid.region import grid_of
from manul.preflight.files import check_file
from manul.records import layer_files

REGION = {
    "bounds": [77.0, 42.0, 77.4, 42.3], "cell_m": 1000.0, "crs": "EPSG:6933", "units": None,
    "name": "r",
}  # fmt: skip
ALLOW = {"network": False, "outside": True}
CONFIG = {"region": REGION, "surfaces": {}, "rules": {}, "maps": {"context": {}}, "allow": ALLOW}
GRID = grid_of(REGION)
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[77, 42], [77.2, 42], [77.2, 42.2], [77, 42.2], [77, 42]]],
}


def shape(kind, coordinates):
    return {"type": kind, "coordinates": coordinates}


# (properties, geometry) of features, each wrong or odd in its own way.
ODD_FEATURES = {
    "repeated fid": [({"fid": 1}, SQUARE), ({"fid": 1}, SQUARE)],
    "fid of text": [({"fid": "a", "FID": None}, SQUARE)],
    "names that differ by case": [({"FIXME": 1, "fixme": "x", "Fixme": None}, SQUARE)],
    "a column geom": [({"geom": "POINT(1 1)", "geometry": 2}, SQUARE)],
    "lists": [({"a": ["x", "y"]}, SQUARE), ({"a": "x"}, SQUARE), ({"a": []}, SQUARE)],
    "a mapping in a cell": [({"a": {"b": [1, 2]}}, SQUARE)],
    "mixed types": [({"a": 1}, SQUARE), ({"a": "one"}, SQUARE), ({"a": True}, SQUARE)],
    "no properties": [({}, SQUARE)],
    "no name for a column": [({"": 1, " ": 2}, SQUARE)],
    "control characters": [({"a\nb": "c\x00d", "e": "\x07"}, SQUARE)],
    "an open ring": [({"a": 1}, shape("Polygon", [[[77, 42], [77.2, 42.2], [77.2, 42]]]))],
    "two corners": [({"a": 1}, shape("Polygon", [[[77, 42], [77.2, 42.2]]]))],
    "a bow tie": [
        ({}, shape("Polygon", [[[77, 42], [77.2, 42.2], [77.2, 42], [77, 42.2], [77, 42]]]))
    ],
    "an empty polygon": [({}, shape("Polygon", [])), ({}, SQUARE)],
    "no geometry": [({"a": 1}, None)],
    "an empty collection": [({}, {"type": "GeometryCollection", "geometries": []}), ({}, SQUARE)],
    "a collection": [
        ({}, {"type": "GeometryCollection", "geometries": [SQUARE, shape("Point", [77, 42])]})
    ],
    "many points": [({}, shape("MultiPoint", [[77, 42], [77.1, 42.1]]))],
    "a line of one place": [({}, shape("LineString", [[77, 42], [77, 42]]))],
    "three dimensions": [({}, shape("Point", [77, 42, 1500])), ({}, SQUARE)],
    "the whole world": [({}, shapely.box(-180, -90, 180, 90).__geo_interface__)],
    "beyond the world": [({}, shape("Point", [400, 42]))],
    "to 360": [({}, shape("Point", [283, 42]))],
    "elsewhere": [({}, shape("Point", [-70, -40]))],
    "nothing": [],
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_FEATURES)
def test_an_odd_vector_layer_is_stopped_or_prepared(name, tmp_path):
    made = [{"type": "Feature", "properties": p, "geometry": g} for p, g in ODD_FEATURES[name]]
    path = tmp_path / "odd.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": made}), "utf-8")
    block = {"kind": "vector", "path": str(path)}
    told = check_file("odd", block, CONFIG, {})
    if any(problem.severity == "error" for problem in told):
        assert all(str(path) in str(problem) for problem in told)
        return
    rows, _ = layer_files.read_layer(path, block)
    table = features.for_products(features.prepare_vector(rows, block, GRID, 50_000), [])
    vectors.write_vector(tmp_path / "odd.gpkg", {"odd": table}, {})
    back = vectors.read_rows(tmp_path / "odd.gpkg")
    assert len(back) == len(table)
    assert back.geometry.is_valid.all()


def raster(path, values, **more):
    profile = {
        "driver": "GTiff", "crs": "EPSG:4326", "dtype": "float32", "count": 1,
        "transform": Affine(0.01, 0, 76.7, 0, -0.01, 42.6), "height": 90, "width": 100,
    } | more  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        for band in range(1, profile["count"] + 1):
            out.write(np.broadcast_to(values, (90, 100)).astype(profile["dtype"]), band)


ODD_RASTERS = {
    "infinite": (np.inf, {}),
    "not a number": (np.nan, {}),
    "one value": (7, {}),
    "double, beyond float32": (1e300, {"dtype": "float64"}),
    "complex": (1, {"dtype": "complex64"}),
    "whole numbers of 64 bits": (2**40, {"dtype": "int64"}),
    "nodata that its type cannot hold": (7, {"dtype": "float64", "nodata": -1.7e308}),
    "three bands": (7, {"count": 3}),
    "mirrored": (7, {"transform": Affine(-0.01, 0, 77.7, 0, -0.01, 42.6)}),
    "rotated": (7, {"transform": Affine(0.01, 0.002, 76.7, 0.002, -0.01, 42.6)}),
    "in metres called degrees": (7, {"transform": Affine(900, 0, 3e5, 0, -900, 48e5)}),
    "no coordinate system": (7, {"crs": None}),
    "another place": (7, {"transform": Affine(0.01, 0, 10, 0, -0.01, 42.6)}),
}


@pytest.mark.parametrize("name", ODD_RASTERS)
def test_an_odd_raster_is_stopped_or_prepared(name, tmp_path):
    values, more = ODD_RASTERS[name]
    path = tmp_path / "odd.tif"
    raster(path, values, **more)
    block = {"kind": "continuous", "path": str(path), "units": "m"}
    told = check_file("odd", block, CONFIG, {})
    if any(problem.severity == "error" for problem in told):
        assert all(str(path) in str(problem) for problem in told)
        return
    rasters.clip(path, tmp_path / "made.tif", block, GRID, 10_000, {})
    with rasterio.open(tmp_path / "made.tif") as made:
        assert np.isfinite(made.read(1)).any()


def test_layers_of_each_format_are_read(tmp_path):
    table = gpd.GeoDataFrame(
        {"name": ["a", "b"]}, geometry=[shapely.Point(77.1, 42.1)] * 2, crs=4326
    )
    for suffix in ("gpkg", "geojson", "shp", "fgb", "kml", "gml"):
        path = tmp_path / f"camps.{suffix}"
        driver = {"kml": "LIBKML", "gml": "GML"}.get(suffix)
        pyogrio.write_dataframe(table, path, driver=driver)
        told = check_file("camps", {"kind": "vector", "path": str(path)}, CONFIG, {})
        assert not [p for p in told if p.severity == "error"], suffix
