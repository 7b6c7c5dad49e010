"""What a scenario adds to layers of features and takes away, told by name."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point, box

from manul.comparison import features
from manul.comparison.features import Change

CRS = "EPSG:6933"
REGION = box(-1e6, -1e6, 1e6, 1e6)
LINES = {
    "Old line": LineString([(0, 0), (5000, 0)]), "New line": LineString([(0, 0), (0, 166_480)]),
}  # fmt: skip


def rails(*names, **columns) -> gpd.GeoDataFrame:
    shapes = [LINES[name] for name in names]
    return gpd.GeoDataFrame({"name": names, **columns}, geometry=shapes, crs=CRS)


def told(**layers) -> list[list[str]]:
    return features.table(layers, REGION).to_numpy().tolist()


def test_what_comes_and_goes_is_told_by_name_and_size():
    both = Change("Railways", rails("Old line"), rails("Old line", "New line"))
    assert told(rails=both) == [["Railways", "New line (166 km)", ""]]
    back = Change("Railways", both.after, both.before)
    assert told(rails=back) == [["Railways", "", "New line (166 km)"]]
    assert features.table({"rails": both}, REGION).columns.tolist() == ["layer", "comes", "goes"]


def test_a_layer_that_is_the_same_is_not_listed():
    assert told(rails=Change("Railways", rails("Old line"), rails("Old line"))) == []
    assert told(rails=Change("Railways", None, None)) == []


def test_a_feature_that_changes_goes_and_comes():
    before, after = rails("Old line", status=["planned"]), rails("Old line", status=["built"])
    change = Change("Railways", before, after)
    assert told(rails=change) == [["Railways", "Old line (5 km)", "Old line (5 km)"]]


def test_a_layer_that_is_brought_or_taken_away_comes_and_goes_as_a_whole():
    whole = rails("Old line", "New line")
    assert told(a=Change("", None, whole)) == [["a", "Old line (5 km); New line (166 km)", ""]]
    assert told(a=Change("", whole, None)) == [["a", "", "Old line (5 km); New line (166 km)"]]


def test_features_alike_count_as_often_as_they_are_there():
    once, twice = rails("Old line"), rails("Old line", "Old line")
    assert told(a=Change("A", once, twice)) == [["A", "Old line (5 km)", ""]]


@pytest.mark.parametrize(("number", "end"), [(6, "M6"), (7, "and 1 more"), (9, "and 3 more")])
def test_many_are_counted_and_points_have_no_size(number, end):
    mines = gpd.GeoDataFrame(
        {"id": [f"M{i}" for i in range(1, number + 1)]}, geometry=[Point(0, 0)] * number, crs=CRS
    )
    [[_, come, _]] = told(mines=Change("Mines", None, mines))
    assert come.startswith("M1; M2; ") and come.endswith(f"; {end}")


def test_areas_are_told_in_square_kilometres_and_what_has_no_name_says_so():
    parks = gpd.GeoDataFrame({"name": [None]}, geometry=[box(0, 0, 3000, 4000)], crs=CRS)
    assert told(parks=Change("Parks", None, parks)) == [["Parks", "(no name) (12 km²)", ""]]
    bare = parks.drop(columns="name")
    assert told(parks=Change("Parks", bare, None)) == [["Parks", "", "(no name) (12 km²)"]]


def test_kinds_order_and_number_of_columns_make_no_feature_another():
    one, two = rails("Old line", year=[1990]), rails("Old line", "New line", year=[1990, None])
    assert told(a=Change("A", one, two)) == [["A", "New line (166 km)", ""]]
    more = rails("Old line", year=[1990], gauge=["wide"])[["gauge", "geometry", "year", "name"]]
    assert told(a=Change("A", one, more)) == []


def test_what_lies_beyond_the_region_does_not_come_because_more_of_it_is_read():
    far = rails("Old line", "New line")
    cut = far.iloc[:1].clip(box(-10, -10, 3000, 10))
    assert features.table({"a": Change("A", cut, far)}, box(-10, -10, 3000, -5)).empty
    near = features.table({"a": Change("A", cut, far.iloc[:1])}, box(-10, -10, 2000, 10))
    assert near.empty


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([1.0, None], "1 (5 km); (no name) (166 km)"),
        (["A", None], "A (5 km); (no name) (166 km)"),
        (pd.to_datetime(["2020-01-01", None]), "2020-01-01 00:00:00 (5 km); (no name) (166 km)"),
        (pd.Categorical(["A", None]), "A (5 km); (no name) (166 km)"),
    ],
)
def test_names_of_any_kind_and_blank_ones_are_told(names, shown):
    table = rails("Old line", "New line").assign(name=names)
    assert told(a=Change("A", None, table)) == [["A", shown, ""]]
