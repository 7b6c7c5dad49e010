"""The analysis of connectivity on made-up ground, with answers that one can see."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import demo_config
from odc.geo.geobox import GeoBox

from manul.analyses import connectivity, connectivity_fit
from manul.config import load, selection
from manul.grid import rasters, vectors
from manul.preflight import uses

KM = 1000
GRID = GeoBox.from_bbox((0, 0, 60 * KM, 40 * KM), crs="EPSG:6933", resolution=KM)
SPEC = {
    "highest": 100, "power": 3,
    "grounds": [{"surface": "lake", "minimum": 0.5, "resistance": 1000}],
    "barriers": [{"layer": "roads", "where": "road_class == 'paved'", "factor": 10}],
    "most_cells": 16_000_000, "cutoff_km": 20, "median_km": 30, "median_between_km": [15, 60],
    "least_probability": 0.0,
    "radius_km": 12, "flow_cell_km": 2, "draws": 3, "highest_between": [50, 200],
    "power_between": [2, 4], "lines_between": [0.5, 1.5], "test_on": None, "seed": 1,
    "protected": None, "collars": None, "max_speed_m_s": 1.5, "max_dop": 10, "max_error_m": 1000,
}  # fmt: skip


class Job:
    """What the analysis asks of a job, with maps in memory; what it makes is kept."""

    def __init__(self, ground, monkeypatch, roads=(), fixes=None, spec=None):
        self.ground, self.made, self.threads = ground, {}, 1
        region = {"name": "x"}
        self.told = SimpleNamespace(block=SPEC | (spec or {}), region=region)
        self.log = SimpleNamespace(info=lambda *_: None)
        self.fixes = fixes
        table = gpd.GeoDataFrame(
            {"road_class": "paved", "name": [f"road {i}" for i in range(len(roads))]},
            geometry=list(roads), crs=GRID.crs,
        )  # fmt: skip
        monkeypatch.setattr(rasters, "read_map", lambda path, band=1: ground[path].copy())
        monkeypatch.setattr(vectors, "read_vector", lambda path, *_: table)
        monkeypatch.setattr(vectors, "read_rows", lambda path: fixes)
        monkeypatch.setattr(
            rasters, "read_block", lambda path, at: ground[path][at[0] : at[1], at[2] : at[3]]
        )
        monkeypatch.setattr(connectivity_fit, "grid_of", lambda region: GRID)
        monkeypatch.setattr(
            connectivity_fit.plain_files, "write_table", lambda path, t: self.made.update({path: t})
        )
        monkeypatch.setattr(
            vectors, "write_vector", lambda path, layers, tags: self.made.update(layers)
        )

    def inputs(self, role):
        there = {"reference": ["reference"], "areas": ["areas"]}
        there |= {"fixes": ["fixes"]} if self.fixes is not None else {}
        there |= {"protected": ["protected"]} if "protected" in self.ground else {}
        return there.get(role, [])

    def named(self, role):
        return {
            "grounds": {"lake": "lake"} if "lake" in self.ground else {},
            "barriers": {"roads": "roads"},
        }[role]

    def output(self, name):
        return name

    def told_of(self, things, number, of="draws"):
        return things

    def tags(self):
        return {}

    def provenance(self):
        return {"roads": {}, "collar_fixes": {}}

    def map_file(self, name, path, grid, bands, record):
        self.made[f"behind {name}"] = record
        return name

    def run_here(self, maps, files):
        whole = (slice(0, size) for size in GRID.shape)
        self.made |= {f"map {k}": v for k, v in maps(*whole).items()}


def ground():
    """Two key areas left and right of a plain; good ground everywhere but in a wall with a gap."""
    reference = np.full(GRID.shape, 0.8)
    reference[:, 30] = 0.0
    reference[18:22, 30] = 0.8
    areas = np.zeros(GRID.shape)
    areas[10:30, 3:8], areas[10:30, 52:57] = 1, 2
    return {"reference": reference, "areas": areas, "lake": np.zeros(GRID.shape)}


def run(job):
    connectivity_fit.run(job)
    return job.made


@pytest.mark.parametrize(("column", "known"), [(52, True), (9, False)])
def test_a_way_shorter_than_wide_has_no_mean_width(monkeypatch, column, known):
    """45 cells from edge to edge, and two: there the ground around is far wider than that."""
    maps = ground() | {"areas": np.zeros(GRID.shape)}
    maps["areas"][10:30, 3:8], maps["areas"][10:30, column : column + 5] = 1, 2
    link = run(Job(maps, monkeypatch))["links"].iloc[0]
    width = link["corridor_km2"] / link["length_km"]
    assert (width <= link["length_km"]) == known
    assert link["mean_width_km"] == pytest.approx(width if known else np.nan, nan_ok=True)


def test_a_gap_in_a_wall_is_where_everything_goes(monkeypatch):
    made = run(Job(ground(), monkeypatch))
    link = made["links"].iloc[0]
    best = 1 + 99 * 0.2**3
    assert link["mean_resistance"] == pytest.approx(best, rel=1e-6)
    assert link["cost_km"] == pytest.approx(45 * best, rel=1e-3), "straight from edge to edge"
    at = gpd.GeoSeries([shapely.Point(link["narrowest_lon"], link["narrowest_lat"])], crs=4326)
    x, y = at.to_crs(GRID.crs)[0].coords[0]
    assert x == pytest.approx(30.5 * KM, abs=2 * KM) and abs(y - 20 * KM) < 3 * KM
    assert link["narrowest_km"] == 3, "of a gap of four cells: 2 D - 1, as `widths` tells"
    flow = made["map flow"]["rank"]
    assert flow[18:22, 30].min() > 0.85
    pinch = made["map flow"]["pinch point"]
    assert pinch[18:22, 30].any() and pinch.mean() < 0.1, "in the gap, and at few places else"
    assert np.nanmax(flow[:14, 30]) < flow[18:22, 30].min(), "the wall carries less than its gap"
    share = made["map between"]["share of movements"]
    assert share[18:22, 30].sum() == pytest.approx(100, rel=0.02), "a km each; the wall lets some"
    assert 5 < link["effective_width_km"] < 35, "of 40 km"
    assert np.isnan(share[20, 5]), "on a key area"
    frequency = made["map corridors"]["frequency"]
    assert frequency[20, 30] == 1 and frequency[2, 30] == 0


def test_where_corridors_overlap_the_one_that_crowds_most_counts(monkeypatch):
    areas = np.zeros(GRID.shape, int)
    areas[2:8, 3:8], areas[30:38, 3:8], areas[10:30, 52:57] = 1, 2, 3
    even = np.full(GRID.shape, 2.0)
    links = list(connectivity_fit.corridors.links(even, areas, KM, [60 * KM]))
    share, told = connectivity_fit._between(Job(ground(), monkeypatch), links, even, 60 * KM)
    want = np.full((3, *GRID.shape), np.nan)
    for layer, link in zip(want, links, strict=True):
        layer[link.box] = connectivity_fit.between(link, even, 60 * KM, 10_000).share_per_km
    assert (np.isfinite(want).sum(axis=0) == 3).sum() > 100
    assert len({each.effective_width_km for each in told}) == 3
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(share, np.fmax.reduce(want))


@pytest.mark.parametrize(
    ("unknown", "meets"),
    [(np.s_[:0], False), (np.s_[24:], True), (np.s_[30:], False), (np.s_[20:22, 40], True)],
)
def test_a_corridor_beside_unknown_ground_may_be_wider(monkeypatch, unknown, meets):
    """Along the middle of the map, 8 km wide, in ground that is hard on both sides."""
    given = ground()
    given["reference"][:] = 0.0
    given["reference"][16:24] = 0.8
    given["reference"][unknown] = np.nan
    given["areas"][:] = 0
    given["areas"][18:22, 3:8], given["areas"][18:22, 52:57] = 1, 2
    made = run(Job(given, monkeypatch, spec={"cutoff_km": 5}))
    assert made["links"]["meets_the_border"].tolist() == ["yes" if meets else "no"]
    told = "1 corridor meets the end of the map or unknown ground, and may be wider than drawn."
    assert connectivity.headline(made["summary"]).endswith(told) == meets


def test_draws_side_by_side_give_the_same_frequency(monkeypatch):
    made = []
    for threads in (1, 3):
        job = Job(ground(), monkeypatch)
        job.threads = threads
        made.append(run(job)["map corridors"]["frequency"])
    assert set(np.unique(made[0]).round(6)) > {0, 1}, "some cells in some of the draws alone"
    np.testing.assert_array_equal(*made)


def test_a_road_holds_back_and_a_crossing_is_named(monkeypatch):
    road = shapely.LineString([(20.5 * KM, -KM), (20.5 * KM, 41 * KM)])
    made = run(Job(ground(), monkeypatch, [road]))
    link = made["links"].iloc[0]
    assert link["crosses"] == "roads: road 0"
    table = made["crossings"]
    assert 38 <= len(table) <= 42 and (table["barrier_effect"] > 0).all()
    assert table["saved"].max() == pytest.approx(9 * (1 + 99 * 0.2**3), rel=0.05)
    free = run(Job(ground(), monkeypatch))
    assert link["cost_km"] > free["links"].iloc[0]["cost_km"] + 8


def test_a_lake_is_hard_and_unknown_stays_unknown(monkeypatch):
    given = ground()
    given["lake"][5:8, 40:44] = 1
    given["reference"][35:, :] = np.nan
    made = run(Job(given, monkeypatch))
    assert (made["map resistance"]["resistance"][5:8, 40:44] == 1000).all()
    for bands in (made[f"map {m}"] for m in ("resistance", "corridors", "between", "flow")):
        for values in bands.values():
            assert np.isnan(values[35:]).all()


def test_areas_that_nothing_joins_are_told(monkeypatch):
    given = ground()
    given["reference"][:, 29:32] = np.nan
    made = run(Job(given, monkeypatch))
    summary = made["summary"]
    assert summary["links"].iloc[0] == 0 and summary["alone"].iloc[0] == 2
    assert summary["equivalent_km2"].iloc[0] == pytest.approx(np.hypot(100, 100))
    assert "0 links between 2 key areas, 2 of which have none" in connectivity.headline(summary)


def test_worth_of_two_areas_by_hand(monkeypatch):
    made = run(Job(ground(), monkeypatch))
    p = 0.5 ** (made["links"]["cost_km"].iloc[0] / 30)
    assert made["links"]["probability"].iloc[0] == pytest.approx(p)
    worth = 100**2 * (2 + 2 * p)
    assert made["summary"]["equivalent_km2"].iloc[0] == pytest.approx(worth**0.5)
    assert made["areas"]["within"].iloc[0] == pytest.approx(100 * 100**2 / worth)
    assert made["areas"]["stepping_stone"].abs().max() < 1e-9


def test_the_worth_of_key_areas_is_a_map_for_rules(monkeypatch):
    made = run(Job(ground(), monkeypatch))
    worth = made["map worth"]["connectivity lost"]
    adds = made["areas"].set_index("area")["adds_percent"]
    assert worth[20, 5] == pytest.approx(adds[1]) and worth[20, 54] == pytest.approx(adds[2])
    assert np.isnan(worth[20, 30])


def test_protected_land_that_is_connected_by_hand(monkeypatch):
    given = ground()
    given["reference"][:] = 1.0  # resistance is 1 everywhere
    given["protected"] = np.zeros(GRID.shape)
    given["protected"][10:20, 5:15], given["protected"][10:20, 35:45] = 0.6, 1.0
    given["protected"][30:32, 5:15] = 0.4  # less than half of a cell
    summary = run(Job(given, monkeypatch))["summary"].iloc[0]
    land = 60 * 40
    assert summary["protected_percent"] == pytest.approx(100 * 200 / land)
    for median, end in ((30, ""), (15, "_low"), (60, "_high")):
        joined = (100**2 * (2 + 2 * 0.5 ** (21 / median))) ** 0.5
        assert summary[f"connected{end}_percent"] == pytest.approx(100 * joined / land)
    assert "Of the land 8.3 % is protected" in connectivity.headline(pd.DataFrame([summary]))
    nobody = run(Job(ground(), monkeypatch))["summary"]
    assert np.isnan(nobody["protected_percent"].iloc[0])
    assert "protected" not in connectivity.headline(nobody)


def test_a_busy_road_is_harder_to_cross(monkeypatch):
    lines = [shapely.LineString([(x * KM, -KM), (x * KM, 41 * KM)]) for x in (20.5, 40.5)]
    job = Job(ground(), monkeypatch, lines)
    table = gpd.GeoDataFrame(
        {"road_class": "paved", "name": "", "cars": [5500.0, np.nan]}, geometry=lines, crs=GRID.crs
    )
    monkeypatch.setattr(vectors, "read_vector", lambda path, *_: table)
    job.told.block["barriers"] = [
        {"layer": "roads", "factor": 10,
         "traffic": {"field": "cars", "factors": [[1000, 2], [10_000, 100]]}}
    ]  # fmt: skip
    found = run(job)["map resistance"]["resistance"]
    free = 1 + 99 * 0.2**3
    assert found[5, 20] == pytest.approx(free * 51, rel=1e-6), "half way between 2 and 100"
    assert found[5, 40] == pytest.approx(free * 10, rel=1e-6), "not counted: as all"


def test_tracks_in_the_corridor_and_elsewhere(monkeypatch):
    x = np.linspace(10, 50, 60) * KM
    told = {"animal": "a", "time": pd.date_range("2025-01-01", periods=60, freq="D", tz="UTC")}
    along = gpd.GeoDataFrame(told, geometry=gpd.points_from_xy(x, x * 0 + 20.5 * KM), crs=GRID.crs)
    up = gpd.points_from_xy(x * 0 + 20 * KM, np.linspace(1, 39, 60) * KM)
    across = gpd.GeoDataFrame(told, geometry=up, crs=GRID.crs)
    spec = {"cutoff_km": 3, "test_on": "collar_fixes"}
    made = run(Job(ground(), monkeypatch, fixes=along, spec=spec))
    assert made["behind flow"] == {"roads": {}}, "no map is made from the tracks"
    told = made["summary"]["tested"].iloc[0]
    assert "100%" in told and "more often than the same" in told
    poor = across.assign(dop=50.0, animal="b")  # fixes that no home range is made of either
    both = pd.concat([along, poor], ignore_index=True)
    found = run(Job(ground(), monkeypatch, fixes=both, spec=spec))
    assert found["summary"]["tested"].iloc[0] == told
    told = run(Job(ground(), monkeypatch, fixes=across, spec=spec))["summary"]["tested"].iloc[0]
    assert "no more often than" in told
    told = run(Job(ground(), monkeypatch))["summary"]["tested"].iloc[0]
    assert "not tested with tracks" in told


def small(**changes):
    """The smallest config with the analysis of the default model, changed."""
    return load.load({
        "region": {
            "name": "x", "title": "X", "crs": "EPSG:6933", "cell_m": 1000,
            "bounds": [100, 45, 101, 46],
        },
        "as_of": "2025-01-01",
        "layers": {"elevation": "resources/tien_shan/elevation.tif"},
        "analyses": {"connectivity": changes},
    })["current"]  # fmt: skip


def test_the_default_model_has_it_and_a_region_without_roads_does_without():
    config = small()
    wanted = connectivity.reads(selection.analysis_block(config, "connectivity"), config)
    assert wanted["barriers"] == [] and wanted["grounds"] == [] and wanted["fixes"] == []
    assert wanted["reference"] == [("map", "habitat_reference")]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"barriers": [{"layer": "raods", "factor": 3}]}, r"barriers\.0.*no vector layer 'raods'"),
        ({"barriers": [{"layer": "elevation", "factor": 3}]}, r"no vector layer 'elevation'"),
        ({"grounds": [{"surface": "lake", "resistance": 9}]}, r"grounds\.0.*'lake'"),
        ({"power_between": [4, 2]}, r"power_between: found 4, above 2"),
        ({"protected": "reserves"}, r"protected: there is no surface 'reserves'"),
        (
            {
                "barriers": [
                    {
                        "layer": "roads",
                        "factor": 3,
                        "traffic": {"field": "n", "factors": [[9, 2], [9, 3]]},
                    }
                ]
            },
            "rising traffic",
        ),
        (
            {
                "barriers": [
                    {
                        "layer": "roads",
                        "factor": 3,
                        "traffic": {"field": "n", "factors": [[0, 0], [9, 3]]},
                    }
                ]
            },
            "factors from 1",
        ),
        ({"test_on": "collar_fixs"}, r"no records layer 'collar_fixs'"),
    ],
)
def test_a_name_that_points_nowhere_is_a_fault(changes, told):
    with pytest.raises(load.ConfigError, match=told):
        small(**changes)


def test_a_column_that_lines_do_not_have_is_told_before_the_run():
    config = demo_config()
    config["analyses"]["connectivity"] = {
        "barriers": [{"layer": "roads", "where": "road_klass == 'paved'", "factor": 3}]
    }
    made = load.load(config)["current"]
    roads = gpd.GeoDataFrame({"road_class": ["paved"]}, geometry=[shapely.Point(0, 0)])
    (problem,) = [p for p in uses.check_analyses(made, {"roads": roads}) if "roads" in p.file]
    assert problem.layer == "analysis connectivity" and "road_klass" in problem.value


def test_the_rank_of_a_flow_is_the_share_of_cells_with_less():
    found = connectivity_fit._ranks(np.array([3.0, 1.0, 2.0, np.nan, 2.0]))
    assert found[[0, 1, 2, 4]].tolist() == [1, 0, 1 / 3, 1 / 3] and np.isnan(found[3])


def test_a_region_of_too_many_cells_is_worked_out_on_coarser_ones_and_the_answers_stay(monkeypatch):
    """Key areas left and right of a hill; the map has 2 400 cells, and 600 with half the detail."""
    y, x = np.mgrid[0.5:40, 0.5:60]
    given = ground()
    given["reference"] = 0.9 - 0.5 * np.exp(-((x - 30) ** 2 + (y - 20) ** 2) / 100)
    given["reference"][:, 59] = np.nan
    fine = run(Job(given, monkeypatch, spec={"flow_cell_km": 4}))
    coarse = run(Job(given, monkeypatch, spec={"flow_cell_km": 4, "most_cells": 600}))
    one, two = (made["links"].iloc[0] for made in (fine, coarse))
    assert two["cost_km"] == pytest.approx(one["cost_km"], rel=0.05)
    assert two["corridor_km2"] == pytest.approx(one["corridor_km2"], rel=0.10)
    assert fine["areas"]["key_km2"].tolist() == coarse["areas"]["key_km2"].tolist() == [100, 100]
    for name in ("map resistance", "map corridors", "map between", "map flow"):
        for band, values in coarse[name].items():
            assert values.shape == GRID.shape and np.isnan(values[:, 59]).all(), band
    pairs = zip(fine["map resistance"].values(), coarse["map resistance"].values(), strict=True)
    ((a, b),) = pairs
    assert np.corrcoef(a[:, :58].ravel(), b[:, :58].ravel())[0, 1] > 0.98
    told = connectivity.headline(coarse["summary"])
    assert "Ways were worked out on cells of 2 km." in told and "flowed" not in told
    summary = fine["summary"].assign(current_cell_km=3.0)
    assert "movements flowed on cells of 3 km." in connectivity.headline(summary)
    assert "worked out on" not in connectivity.headline(fine["summary"])


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"cars": [250, 900]}, []),
        ({"cars": ["250", "many"]}, ["cars"]),
        ({"cor": [1, 2]}, ["cars"]),
    ],
)
def test_traffic_that_is_no_number_is_told_before_the_run(column, told):
    config = demo_config()
    traffic = {"field": "cars", "factors": [[0, 1], [1000, 9]]}
    config["analyses"]["connectivity"] = {
        "barriers": [{"layer": "roads", "factor": 3, "traffic": traffic}]
    }
    made = load.load(config)["current"]
    roads = gpd.GeoDataFrame(column, geometry=[shapely.Point(0, 0)] * 2)
    found = [p for p in uses.check_analyses(made, {"roads": roads}) if "connectivity" in p.layer]
    assert [p.field for p in found] == told


def test_ways_run_from_middle_to_middle_of_cells():
    grid = GeoBox.from_bbox((0, 0, 4000, 3000), crs="EPSG:6933", resolution=1000)
    links = [
        SimpleNamespace(a=1, b=2, path=[(0, 0), (1, 1), (1, 2)]),
        SimpleNamespace(a=1, b=3, path=[(2, 3)]),  # areas that touch
    ]
    table = pd.DataFrame({"a": [1, 1], "b": [3, 2]})  # in another order
    ways = connectivity_fit._ways(links, table, grid)
    touch, way = ways.geometry
    assert list(way.coords) == [(500, 2500), (1500, 1500), (2500, 1500)]
    assert list(touch.coords) == [(3500, 500), (3500, 500)]
