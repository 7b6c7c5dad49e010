"""Files for phones, receivers and other GIS: each read again by GDAL, with the same ground."""

import io
import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from manul.pages import handover
from manul.products import actions

CRS = "+proj=laea +lat_0=41.75 +lon_0=77.5 +datum=WGS84 +units=m"
RING = shapely.box(0, 0, 9000, 9000).difference(shapely.box(3000, 3000, 6000, 6000))
SHAPES = [RING, shapely.box(20_000, 0, 25_000, 5000), shapely.LineString([(0, 0), (900, 900)])]


@pytest.fixture
def places():
    rows = [
        {name: "" for name in actions.COLUMNS}
        | {"id": f"A-R{i}-1", "rule": f"R{i}", "title": "Do <this>", "place": f"{i} km N of Ö",
           "verdict": "survey first" if i == 1 else "issue", "confidence": 0.75, "unit": "Naryn",
           "gain_km2": np.nan if i == 1 else 1.5, "gain_p05_km2": 1.0, "gain_p95_km2": 2.0,
           "key_gain_km2": 12.0, "key_gain_p05_km2": 4.0, "key_gain_p95_km2": 20.0,
           "rank": i, "area_km2": 72.0, "length_km": np.nan, "value_at_risk_km2": 1.0,
           "longitude": 77.5, "latitude": 41.75, "reason": "ы" * 300, "agency": "Rangers"}
        for i in range(3)
    ]  # fmt: skip
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=SHAPES, crs=CRS)


def test_a_kmz_opens_with_the_same_areas_and_a_folder_for_each_rule(places, tmp_path):
    path = tmp_path / "a.kmz"
    assert handover.kmz(path, places, "Title & more", "Notice")[0] == 0
    layers = [name for name, _ in pyogrio.list_layers(path)]
    assert layers == ["R0: Do <this>", "R1: Do <this>", "R2: Do <this>"]
    read = gpd.GeoSeries(
        [pyogrio.read_dataframe(path, layer=name).geometry.iloc[0] for name in layers], crs=4326
    ).to_crs(CRS)
    assert read.area.tolist() == pytest.approx([72e6, 25e6, 0], rel=1e-3, abs=1)
    assert read.iloc[2].length == pytest.approx(900 * 2**0.5, rel=1e-3)
    text = zipfile.ZipFile(path).read("doc.kml").decode()
    assert "Do &lt;this&gt;" in text and "75% of the draws" in text
    assert "1.5 (1 to 2) km² of full quality ; 12 (4 to 20) km² of key habitat again" in text


def test_outlines_are_simplified_until_the_file_is_small_enough(places, tmp_path, monkeypatch):
    rough = SHAPES[1].buffer(1000, quad_segs=5000)
    table = places.set_geometry([rough] * 3, crs=CRS)
    monkeypatch.setattr(handover, "MOST_BYTES", 20_000)
    assert handover.kmz(tmp_path / "a.kmz", table, "T", "N")[0] == 25
    assert (tmp_path / "a.kmz").stat().st_size <= 20_000


def test_a_receiver_gets_a_waypoint_and_an_outline_of_each_place_to_act_on(places, tmp_path):
    path = tmp_path / "a.gpx"
    handover.gpx(path, places, "T", "N")
    points, tracks = (pyogrio.read_dataframe(path, layer=n) for n in ("waypoints", "tracks"))
    assert points["name"].tolist() == ["R0 0 km N of Ö", "R2 2 km N of Ö"]
    assert len(tracks) == 2 and len(shapely.get_parts(tracks.geometry.iloc[0])) == 2


def test_a_shapefile_has_areas_lines_fields_and_corners(places, tmp_path):
    path = tmp_path / "a.zip"
    handover.shapefile(path, places, {"place": {"meaning": "where"}})
    areas = pyogrio.read_dataframe(f"/vsizip/{path}/actions_areas.shp")
    lines = pyogrio.read_dataframe(f"/vsizip/{path}/actions_lines.shp")
    assert areas["id"].tolist() == ["A-R0-1", "A-R1-1"] and lines["place"].tolist() == [
        "2 km N of Ö"
    ]
    assert areas.to_crs(CRS).area.tolist() == pytest.approx([72e6, 25e6], rel=1e-3)
    assert areas["gain_km2"].iloc[0] == 1.5 and areas["why_here"].iloc[0] == "ы" * 125 + "…"
    archive = zipfile.ZipFile(path)
    fields = pd.read_csv(io.BytesIO(archive.read("fields.csv")))
    assert fields.set_index("field").loc["place", "meaning"] == "where"
    corners = pd.read_csv(io.BytesIO(archive.read("corners.csv")))
    first = corners[(corners["id"] == "A-R0-1")]
    assert first.groupby("part").size().tolist() == [5, 5] and first["corner"].tolist()[:2] == [
        1,
        2,
    ]
    point = gpd.GeoSeries(gpd.points_from_xy(first["longitude"], first["latitude"]), crs=4326)
    assert point.to_crs(CRS).distance(RING.boundary).max() < 2


def test_the_same_actions_give_the_same_bytes_and_none_give_empty_files(places, tmp_path):
    for name in ("a", "b"):
        handover.kmz(tmp_path / f"{name}.kmz", places, "T", "N")
        handover.shapefile(tmp_path / f"{name}.zip", places, {})
    for end in ("kmz", "zip"):
        assert (tmp_path / f"a.{end}").read_bytes() == (tmp_path / f"b.{end}").read_bytes()
    none = places[:0]
    handover.kmz(tmp_path / "n.kmz", none, "T", "N")
    handover.gpx(tmp_path / "n.gpx", none, "T", "N")
    handover.shapefile(tmp_path / "n.zip", none, {})
    assert zipfile.ZipFile(tmp_path / "n.zip").namelist() == ["fields.csv", "corners.csv"]


def test_geoparquet_has_all_columns_in_degrees_and_boxes_to_read_a_part_by(places, tmp_path):
    path = tmp_path / "a.parquet"
    handover.parquet(path, places)
    read = gpd.read_parquet(path)
    assert read.crs.to_epsg() == 4326
    assert [name for name in read.columns if name != "bbox"] == list(places.columns)
    assert read.to_crs(CRS).area.tolist() == pytest.approx([72e6, 25e6, 0], rel=1e-6, abs=1)
    _, south, east, _ = read.total_bounds
    part = gpd.read_parquet(path, bbox=(east - 0.01, south, east, south + 0.01))
    assert part["id"].tolist() == ["A-R1-1"]


def test_the_same_actions_give_the_same_geoparquet_and_none_give_one_too(places, tmp_path):
    for name in ("a", "b"):
        handover.parquet(tmp_path / f"{name}.parquet", places)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    handover.parquet(tmp_path / "n.parquet", places.iloc[:0])
    assert not len(gpd.read_parquet(tmp_path / "n.parquet"))


def test_waypoints_of_places_to_act_on_are_numbers_in_degrees(places, tmp_path):
    handover.waypoints(tmp_path / "w.csv", places)
    table = pd.read_csv(tmp_path / "w.csv", encoding="utf-8-sig")
    assert list(table.columns) == ["ID", "X", "Y", "Name", "Comment"]
    assert table["ID"].tolist() == ["A-R0-1", "A-R2-1"]  # R1: a survey comes first
    assert table[["X", "Y"]].to_numpy().tolist() == [[77.5, 41.75]] * 2
    assert table["Name"].iloc[0] == "R0 0 km N of Ö" and "Rangers" in table["Comment"].iloc[0]
