"""Styles inside GeoPackages: a GIS finds them, data stay what they were."""

import sqlite3
from xml.etree import ElementTree

import geopandas as gpd
import pyogrio
import pytest
import shapely

from manul.grid import styles, vectors

CRS = "EPSG:6933"
STYLE = styles.Style("rule", {"R1": "One & only", "R2": "Two"}, aliases={"rule": "Rule <1>"})


@pytest.fixture
def path(tmp_path):
    table = gpd.GeoDataFrame(
        {"rule": ["R1", "R2"]}, geometry=[shapely.box(0, 0, 1, 1)] * 2, crs=CRS
    )
    for name in ("a.gpkg", "b.gpkg"):
        vectors.write_vector(tmp_path / name, {"zones": table}, {"A": "b"}, {"zones": STYLE})
    return tmp_path / "a.gpkg"


def test_the_style_is_the_default_of_its_layer(path):
    with sqlite3.connect(path) as file:
        (row,) = file.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        )
    assert row[:3] == ("zones", "geom", 1)
    tree = ElementTree.fromstring(row[3])
    classes = [(c.get("value"), c.get("label")) for c in tree.iter("category")]
    assert classes == [("R1", "One & only"), ("R2", "Two")]
    colours = [p.get("v") for p in tree.iter("prop") if p.get("k") == "color"]
    assert colours == ["213,94,0,255", "0,114,178,255"]
    assert [a.get("name") for a in tree.iter("alias")] == ["Rule <1>"]


def test_lines_are_drawn_as_lines():
    text = styles.qml(styles.Style("rule", {"R4": "Road"}, line=True))
    assert 'type="line"' in text and "SimpleFill" not in text


def test_a_style_is_no_data_and_the_same_style_gives_the_same_bytes(path):
    assert list(vectors.read_layers(path)) == ["zones"]
    assert len(pyogrio.read_dataframe(path, layer="zones")) == 2
    assert path.read_bytes() == path.with_name("b.gpkg").read_bytes()
