"""Field tables as surfaces: districts, series of dates, effort without a cat, burrow sites."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from odc.geo.geobox import GeoBox

from manul import surfaces
from manul.config import nodes, schema
from manul.grid import features
from manul.records import field_tables
from manul.surfaces import blocks, feature_sources
from manul.surveys import from_records

CRS = "EPSG:6933"
GRID = GeoBox.from_bbox((0, 0, 40_000, 40_000), crs=CRS, resolution=1000)
DEFAULTS = {"districts_field": "name", "place_field": "soum", "dates": [], "units": "1"}
POISON = DEFAULTS | {
    "kind": "poison", "layer": "events", "path": "toxic", "scale_m": 2000, "reach_m": 4000,
}  # fmt: skip
RULES = {
    "as_of": "2025-06-01",
    "kinds": {},
    "compounds": {
        "bromadiolone": {"hazard": 1.0, "half_life_d": 60},
        "unknown": {"hazard": 0.8, "half_life_d": 60},
    },
    "poison": {
        "conc_reference_ppm": 50, "conc_exponent": 0.5, "dose_label_kg_ha": 3,
        "default_area_ha": 100, "prey": {"efficacy": 0.9, "recovery_yr": 1.5},
        "exposed": {"methods": ["aerial"], "factor": 1.3},
        "enclosed": {"methods": ["in_burrow"], "factor": 0.7},
        "assume": {
            "compound": "unknown", "conc_ppm": 50, "dose_kg_ha": 3, "coverage_frac": 1.0,
            "method": "aerial", "carcass_collected": "n",
        },
    },
}  # fmt: skip


class Layer:
    """What a prepared vector layer gives."""

    def __init__(self, table):
        self.table = table

    def rows(self):
        return self.table

    def read(self, bounds=None):
        return self.table[self.table.geometry.notna()]


def event(geometry=None, soum=None, **more):
    return {
        "date_start": pd.Timestamp("2025-06-01"), "date_end": pd.NaT, "compound": "bromadiolone",
        "conc_ppm": 50.0, "dose_kg_ha": 3.0, "coverage_frac": 1.0, "method": "bait_station",
        "carcass_collected": True, "area_treated_ha": 10_000.0, "soum": soum, "geometry": geometry,
    } | more  # fmt: skip


def frame(*rows):
    return gpd.GeoDataFrame(list(rows), geometry="geometry", crs=CRS)


def exposure(events, block=POISON, districts=None):
    given = {"events": Layer(events)}
    if districts is not None:
        given["districts"] = Layer(districts)
    return surfaces.make(block, GRID, surfaces.Sources(given, RULES))


def test_an_event_without_a_place_is_spread_over_its_district_by_its_share():
    west = frame({"name": "Tal-Bulak", "geometry": shapely.box(0, 0, 20_000, 40_000)})
    block = POISON | {"districts_layer": "districts"}
    made = exposure(frame(event(soum="tal bulak")), block, west)["value"]
    assert made[20, 10] == pytest.approx(0.125, abs=1e-4), "10 000 ha of 80 000 ha"
    assert made[20, 35] == 0
    lost = exposure(frame(event(soum="elsewhere")), block, west)["value"]
    assert (lost == 0).all(), "a district without an outline reaches no cell"


def test_collected_carcasses_lower_the_exposure_as_a_file_tells_it():
    place = shapely.Point(20_500, 20_500)
    kept = exposure(frame(event(place, dose_kg_ha=1.5)))["value"][19, 20]
    left = exposure(frame(event(place, dose_kg_ha=1.5, carcass_collected=False)))["value"][19, 20]
    assert kept == pytest.approx(0.5) and left == pytest.approx(0.65)


def test_each_date_is_a_band_and_the_as_of_date_comes_first():
    block = POISON | {"dates": ["2025-07-31", "2025-05-01"]}
    made = exposure(frame(event(shapely.Point(20_500, 20_500))), block)
    assert list(made) == [*surfaces.bands(block)]
    assert list(made)[2:] == ["value_2025-07-31", "value_2025-05-01"]
    at = [made[name][19, 20] for name in ("value", "value_2025-07-31", "value_2025-05-01")]
    assert at == pytest.approx([1.0, 0.5, 0.0], abs=1e-4)


def test_effort_counts_cameras_without_a_cat_and_routes_without_a_track():
    records = gpd.GeoDataFrame(
        {
            "days": [100.0, np.nan, 50.0],
            "n_adults": [0, 1, 1],
            "date": pd.to_datetime(["2024-01-01", "2024-01-01", "2001-01-01"]),
        },
        geometry=gpd.points_from_xy([20_500] * 3, [20_500] * 3),
        crs=CRS,
    )
    route = gpd.GeoDataFrame(
        {"date": [pd.Timestamp("2024-02-01")]},
        geometry=[shapely.LineString([(18_000, 20_500), (23_000, 20_500)])], crs=CRS,
    )  # fmt: skip
    block = {
        "kind": "effort", "layer": "records", "field": "days", "per_record": 0.0, "per_km": 12.0,
        "date_field": "date", "max_age_years": 10, "radius_m": 8000,
    }  # fmt: skip
    given = {"records": Layer(records), "routes": Layer(route)}
    cells = blocks.disc(8, 8).sum()
    alone = surfaces.make(block, GRID, surfaces.Sources(given, RULES))["value"]
    assert alone[19, 20] * cells == pytest.approx(100, rel=1e-4), "the old record does not count"
    both = surfaces.make(block | {"routes_layer": "routes"}, GRID, surfaces.Sources(given, RULES))[
        "value"
    ]
    assert both[19, 20] * cells == pytest.approx(160, rel=1e-4)
    assert both[0, 0] == 0


def burrow_tables():
    days = pd.Timestamp("2025-06-01")
    transects = frame(
        {
            "transect_id": "T1", "date": days, "length_m": 1000.0, "half_width_m": 25.0,
            "n_active": 8.0, "n_inactive": 0.0, "method": "uav",
            "geometry": shapely.LineString([(1000, 1000), (2000, 1000)]),
        },
        {
            "transect_id": "T2", "date": days, "length_m": 1000.0, "half_width_m": np.nan,
            "n_active": 40.0, "n_inactive": 0.0, "method": "foot",
            "geometry": shapely.LineString([(3000, 1000), (4000, 1000)]),
        },
    )  # fmt: skip
    quadrats = frame(
        {
            "quadrat_id": "Q1", "date": pd.Timestamp("2019-06-01"), "area_m2": 20_000.0,
            "n_active": 4.0, "n_inactive": 0.0, "geometry": shapely.Point(9000, 9000),
        }
    )  # fmt: skip
    seen = pd.DataFrame({"perp_dist_m": np.linspace(0, 60, 60), "status": "active"})
    fallen = pd.DataFrame({"perp_dist_m": np.full(40, 500.0), "status": "collapsed"})
    return transects, quadrats, pd.concat([seen, fallen])


BURROWS = {
    "collapse_half_life_yr": 8, "fresh_yr": 9, "detection": {"foot": 0.9, "uav": 1.0},
    "assume_method": "foot", "strip_half_width_m": 25, "truncation_m": None, "min_distances": 40,
}  # fmt: skip


def test_transects_quadrats_and_distances_make_sites():
    made = from_records.burrow_sites(*burrow_tables(), "2025-10-01", BURROWS).set_index("site")
    density = made["count"] / made["effort_ha"]
    assert density["T1"] == pytest.approx(1.6) and density["Q1"] == pytest.approx(2.0)
    assert list(made["year"]) == [2025, 2025, 2019]
    without = from_records.burrow_sites(*burrow_tables()[:2], None, "2025-10-01", BURROWS)
    assert without["effort_ha"][1] == pytest.approx(4.5), "a strip of 25 m times detectability"
    assert made.loc["T2", "effort_ha"] > 4.5, "the fitted strip; fallen burrows do not widen it"
    assert len(from_records.burrow_sites(None, None, None, "2025-10-01", BURROWS)) == 0


def test_rows_without_a_place_are_kept_for_their_district():
    rows = frame(event(shapely.Point(1000, 1000)), event(soum="A"), event(shapely.Point(1e7, 0)))
    block = {"filter": "conc_ppm > 10"}
    kept = features.prepare_records(rows, block, GRID, 0)
    assert list(kept["soum"]) == [None, "A"] or kept["soum"].isna().tolist() == [True, False]
    assert kept.geometry.isna().tolist() == [False, True]


def test_a_table_without_positions_has_no_places():
    found = pd.DataFrame({"transect_id": ["T1"], "perp_dist_m": [3.0]})
    made = field_tables.record_features(found, {"positions": []}, {})
    assert len(made) == 1 and made.geometry.isna().all()


def test_blocks_within_a_list_are_held_against_the_schema_and_their_layers_are_found():
    block = {"kind": "burrow_density", "covariates": [{"kind": "value", "layer": "ndvi"}]}
    assert nodes.layers_of(block) == ["ndvi"]
    wrong = {"kind": "burrow_density", "layer": "t", "covariates": [{"kind": "slop", "layer": "e"}]}
    wrong["strata"] = {"of": {"kind": "slope", "layer": "e"}, "breaks": [5]}
    faults, sound = schema.kind_faults({"surfaces": {"b": wrong}, "analyses": {}})
    assert any("covariates.0.kind: 'slop'" in fault for fault in faults) and not sound


# ------------------------------------------------------------------------- features as sources


def test_classes_are_known_however_a_number_is_written():
    block = {
        "intensity": {"field": "kind", "response": {"classes": {"scores": {2: 0.9, "sum": 0.3}}}},
        "unknown_intensity": 0.5,
    }
    table = pd.DataFrame({"kind": ["2.0", " 2", "02", "sum ", "other", None]})
    found = feature_sources.intensity(block, table)
    assert found.tolist() == pytest.approx([0.9, 0.9, 0.9, 0.3, 0.5, 0.5])


@pytest.mark.parametrize("keys", [("true", "false"), (True, False), ("yes", "no")])
@pytest.mark.parametrize(
    "cells",
    [["yes", "no", "maybe"], ["Yes", "NO", ""], [True, False, None], ["true", "False", "2"]],
)
def test_yes_and_no_without_quotation_marks_are_classes(keys, cells):
    """YAML reads them as logical values, and a config as text "true" and "false"."""
    scores = dict(zip(keys, (0.9, 0.1), strict=True))
    block = {
        "intensity": {"field": "dogs", "response": {"classes": {"scores": scores}}},
        "unknown_intensity": 0.5,
    }
    for column in (pd.Series(cells), pd.Series(cells[:2])):
        found = feature_sources.intensity(block, pd.DataFrame({"dogs": column}))
        assert found.tolist() == pytest.approx([0.9, 0.1, 0.5][: len(column)])


def test_yes_and_no_of_a_team_mean_what_fields_say():
    fields = {"kept": {"from": "собаки", "values": {"true": "many", "false": "none"}}}
    table = features.with_fields(pd.DataFrame({"собаки": ["yes", "No", "on"]}), fields)
    assert table["kept"].tolist() == ["many", "none", "many"]


@pytest.mark.parametrize(("other", "strength"), [(0.1, 0.1), (None, 0.5)])
def test_classes_that_are_not_listed_are_what_other_says_and_blanks_unknown(other, strength):
    scores = {"classes": {"scores": {"town": 0.9}, "other": other}}
    block = {"intensity": {"field": "place", "response": scores}, "unknown_intensity": 0.5}
    table = pd.DataFrame({"place": ["town", "hamlet", None, "  "]})
    found = feature_sources.intensity(block, table)
    assert found.tolist() == pytest.approx([0.9, strength, 0.5, 0.5])


@pytest.mark.parametrize("area", [np.inf, 1e300])
def test_an_area_larger_than_the_earth_is_an_error(area):
    table = frame({"area_ha": area, "geometry": shapely.Point(0, 0)})
    block = {"kind": "exposure", "layer": "mines", "area_ha_field": "area_ha"}
    grid = GeoBox.from_bbox((0, 0, 4000, 4000), crs=CRS, resolution=1000)
    with pytest.raises(features.LayerError, match="mines, column area_ha"):
        feature_sources.saturating(block, {"mines": Layer(table)}, grid, grid)


def test_points_in_many_parts_are_points():
    shapes = [shapely.MultiPoint([(1000, 1000), (3000, 3000)]), shapely.Point(2000, 2000)]
    table = gpd.GeoDataFrame({"n": [1, 2]}, geometry=shapes, crs=CRS)
    found = features.prepare_vector(table, {}, GRID, 0)
    assert found.geom_type.tolist() == ["Point"] * 3
    assert found["n"].tolist() == [1, 1, 2]


def test_collections_are_their_parts_and_points_tell_of_how_many_they_are_one():
    mixed = shapely.GeometryCollection(
        [shapely.MultiPoint([(1000, 1000), (3000, 3000)]), shapely.box(0, 0, 2000, 2000)]
    )
    table = gpd.GeoDataFrame({"n": [7, 8]}, geometry=[mixed, shapely.Point(500, 500)], crs=CRS)
    found = features.prepare_vector(table, {}, GRID, 0)
    told = sorted(zip(found.geom_type, found["n"], found[features.PARTS], strict=True))
    assert told == [("Point", 7, 2), ("Point", 7, 2), ("Point", 8, 1), ("Polygon", 7, 1)]


SQUARE = shapely.box(10_000, 10_000, 14_000, 14_000)  # 16 km2


@pytest.mark.parametrize("area", [1600, 9, 0, None, "unknown"])
@pytest.mark.parametrize("kind", ["share", "exposure"])
def test_polygons_stand_as_they_are_drawn_whatever_their_column_of_areas_says(kind, area):
    table = frame({"area_ha": area, "geometry": SQUARE})
    block = {"kind": kind, "layer": "mines", "area_ha_field": "area_ha"}
    found = feature_sources.touching(block, {"mines": Layer(table)}, GRID)
    assert found.geometry.area.tolist() == [16e6]


def test_a_share_counts_polygons_and_discs_and_exposure_what_has_no_area_too():
    road = shapely.LineString([(0, 0), (9000, 9000)])
    shapes = [SQUARE, shapely.Point(3000, 3000), shapely.Point(5000, 5000), road]
    table = frame(
        *({"area_ha": a, "geometry": g} for a, g in zip([None, 100, 0, 50], shapes, strict=True))
    )
    mines = {"mines": Layer(table)}
    block = {"kind": "share", "layer": "mines", "area_ha_field": "area_ha"}
    share = feature_sources.touching(block, mines, GRID)
    assert share.geometry.area.tolist() == pytest.approx([16e6, 1e6], rel=2e-3)
    every = feature_sources.touching(block | {"kind": "exposure"}, mines, GRID)
    assert every.geom_type.tolist() == ["Polygon", "Polygon", "Point", "LineString"]


def test_points_of_one_feature_share_its_area():
    rows = frame({"area_ha": 200, "geometry": shapely.MultiPoint([(5000, 5000), (20_000, 20_000)])})
    mines = {"mines": Layer(features.prepare_vector(rows, {}, GRID, 0))}
    block = {"kind": "share", "layer": "mines", "area_ha_field": "area_ha"}
    found = feature_sources.touching(block, mines, GRID)
    assert found.geometry.area.tolist() == pytest.approx([1e6, 1e6], rel=2e-3)
    spots, _ = feature_sources.saturating(block, mines, GRID, GRID)
    assert np.unique(spots.radius_m).tolist() == pytest.approx([np.sqrt(1e6 / np.pi)])
