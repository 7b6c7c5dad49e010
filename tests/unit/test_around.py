"""What lies in and around the features of a layer, by sums that one can do in the head."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from odc.geo.geobox import GeoBox

from manul.grid.fields import Fields
from manul.products import around

CRS = "EPSG:6933"
GRID = GeoBox.from_bbox((0, 0, 20_000, 8_000), crs=CRS, resolution=2000)  # 10 x 4 cells of 4 km2
KEY = {"density_per_100_km2": {"low": {"suitable": 2, "key": 4}, "high": {"suitable": 4, "key": 8}}}
STAMP = {"data_status": "measured", "scenario": "current"}
WEST, EAST = slice(0, 5), slice(5, 10)


@pytest.fixture
def fields():
    maps = {name: np.zeros((4, 10), "float32") for name in (*around.MAPS, "share_a", "share_b")}
    maps["habitat"][:] = 0.5
    maps["habitat"][0, 0] = np.nan  # of the north-western cell nothing is known
    maps["suitable"][:] = 1
    maps["key"][:, EAST] = 1
    maps["breeding"][:, 9] = 1
    maps["threat"][:, WEST], maps["threat"][:, EAST] = 0.2, 0.4
    maps["value_at_risk"][:] = 0.1
    maps["share_a"][:, WEST], maps["share_b"][:, WEST] = 1, 0
    maps["share_a"][:, EAST], maps["share_b"][:, EAST] = 0.2, 0.8
    return Fields(maps, GRID)


@pytest.mark.parametrize("name", ["threat", "value_at_risk", "key"])
def test_a_threat_may_be_called_as_a_map_is(fields, name):
    maps = {n: fields[n] for n in around.MAPS} | {f"share_{name}": 0 * fields["key"] + 1}
    features = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 2_000, 2_000)], crs=CRS)
    given = 0, Fields(maps, GRID), {name: "Dogs"}, KEY, "cats", STAMP
    (row,) = around.around(features, *given).to_dict("records")
    assert row["threat_1"] == "Dogs 100 %" and row["mean_threat"] == 0.2
    assert row["value_at_risk_km2"] == 0.4 and row["key_km2"] == 0


def table(fields, shapes, within_m=0.0, **columns) -> pd.DataFrame:
    features = gpd.GeoDataFrame(columns, geometry=list(shapes), crs=CRS)
    titles = {"a": "Dogs", "b": "Mines"}
    return around.around(features, within_m, fields, titles, KEY, "cats", STAMP)


def test_a_polygon_is_measured_with_the_part_of_each_cell_that_it_covers(fields):
    part = shapely.box(9_000, 0, 12_000, 4_000)  # 4 km2 in the west, 8 in the east
    (row,) = table(fields, [part], name=["Reserve"]).to_dict("records")
    assert (row["of_km2"], row["area_km2"], row["suitable_km2"], row["key_km2"]) == (12, 12, 12, 8)
    assert row["mean_threat"] == 0.333 and row["mean_habitat"] == 0.5
    assert row["value_at_risk_km2"] == 1.2 and row["within_m"] == 0
    assert row["threat_1"] == "Mines 53 %" and row["threat_2"] == "Dogs 47 %"
    assert row["cats_low"] == pytest.approx((4 * 2 + 8 * 4) / 100)
    assert row["cats_high"] == pytest.approx((4 * 4 + 8 * 8) / 100)
    assert row["name"] == "Reserve" and row["scenario"] == "current"


def test_points_and_lines_are_measured_with_what_lies_near(fields):
    point = shapely.Point(15_000, 4_000)
    line = shapely.LineString([(12_000, 4_000), (16_000, 4_000)])
    found = table(fields, [point, line], 1000.0, event_id=["E1", "E2"])
    assert found["name"].tolist() == ["E1", "E2"] and found["within_m"].tolist() == [1000, 1000]
    assert found["of_km2"].tolist() == pytest.approx([np.pi, 8 + np.pi], rel=0.01)
    assert found["of_km2"].tolist() == found["of_km2"].round(2).tolist()
    assert found["key_km2"].tolist() == pytest.approx(found["of_km2"].tolist(), abs=0.01)
    assert found["mean_threat"].tolist() == [0.4, 0.4]


def test_what_is_unknown_is_not_zero(fields):
    far, corner = shapely.box(50_000, 0, 51_000, 1_000), shapely.box(0, 6_000, 2_000, 8_000)
    found = table(fields, [far, None, corner, shapely.Point(1, 1)], id=["a", "b", "c", "d"])
    assert found["of_km2"].tolist()[:1] == [1] and np.isnan(found["of_km2"][[1, 3]]).all()
    assert found[["area_km2", "key_km2", "mean_threat", "cats_low"]].isna().all(axis=None)
    assert found["name"].tolist() == ["a", "b", "c", "d"]
    partly = table(fields, [shapely.box(0, 4_000, 2_000, 8_000)])
    assert partly["of_km2"].tolist() == [8] and partly["area_km2"].tolist() == [4]
    assert partly["name"].tolist() == ["1"]


def test_features_that_overlap_are_each_measured_whole(fields):
    box = shapely.box(0, 0, 2_000, 2_000)
    found = table(fields, [box, box], name=["A", None])
    assert found["area_km2"].tolist() == [4, 4]
    assert found["name"].tolist() == ["A", "(no name)"]
    assert found["id"].nunique() == 2


def test_without_threats_the_columns_are_empty(fields):
    features = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 2_000, 2_000)], crs=CRS)
    found = around.around(features, 0, fields, {}, KEY, "cats", STAMP)
    assert found["threat_1"].tolist() == [""] and found["suitable_km2"].tolist() == [4]


def test_places_that_touch_a_feature_stand_beside_it_in_their_order(fields):
    shapes = [shapely.box(0, 0, 2_000, 2_000), shapely.Point(9_000, 3_000), None]
    features = gpd.GeoDataFrame({"name": list("abc")}, geometry=shapes, crs=CRS)
    places = gpd.GeoDataFrame(
        {"title": ["Do", "Look", "Mend", "Ask", "Go"], "place": ["N", "S", "E", "W", "T"]},
        geometry=[shapely.box(1e3, 1e3, 3e3, 3e3)] * 4 + [shapely.box(9_500, 0, 9_900, 9e3)],
        crs=CRS,
    )  # fmt: skip
    made = around.around(features, 1000, fields, {}, KEY, "cats", STAMP)
    found = around.with_places(made, features, 1000, places)
    assert found["places"].tolist() == [4, 1, 0]
    assert found["first_places"].tolist() == ["Do, N; Look, S; Mend, E", "Go, T", ""]
