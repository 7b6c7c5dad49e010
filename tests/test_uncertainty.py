"""Draws in the workflow: chances, intervals and verdicts of a region, and what they rest on."""

import geopandas as gpd
import in_process
import numpy as np
import pandas as pd
import pytest
import rasterio
from conftest import ROOT

pytestmark = pytest.mark.workflow

DRAWS = {"number": 16, "realisations": 1, "cumulative": {"saturation": 1}}


@pytest.fixture(scope="module")
def results(corner, tmp_path_factory):
    """The current scenario of the corner with a few draws, a closed mine, a state of the past."""
    more = {"draws": DRAWS, "series": {"dates": ["2022-10-01"]}}
    sure = corner.copy(tmp_path_factory.mktemp("draws")).overlay("draws", more)
    of = ("key_habitat.tif", "draws.csv", "units.csv", "key_units.csv", "sensitivity.csv",
          "without_threats.csv")  # fmt: skip
    wanted = [f"uncertainty/{name}" for name in of] + ["recommendations.csv", "maps/chance_key.png"]
    targets = [f"current/{name}" for name in (*wanted, "series/series.mp4")]
    targets += ["planned/scenario.html", "planned/maps/change.png"]
    in_process.make(sure, [f"results/corner/{target}" for target in targets])
    return sure.results / "current"


def bands(path) -> dict:
    with rasterio.open(path) as raster:
        names = [text.split(" [")[0] for text in raster.descriptions]
        return {name: raster.read(i, masked=True).filled(np.nan) for i, name in enumerate(names, 1)}


def test_intervals_hold_the_main_run_and_are_known_where_it_is(results):
    for name in ("habitat", "threat", "value_at_risk"):
        found = bands(results / "uncertainty" / f"{name}.tif")
        (main,) = bands(results / f"{name}.tif").values()
        assert (np.isnan(found["mean"]) == np.isnan(main)).all()
        known = ~np.isnan(main)
        assert (found["p05"] <= found["mean"] + 1e-6)[known].all()
        assert (found["mean"] <= found["p95"] + 1e-6)[known].all()
        inside = (found["p05"] <= main) & (main <= found["p95"])
        assert inside[known].mean() > 0.8


def test_key_habitat_is_never_likelier_than_cells_that_are_good_enough(results):
    patches = bands(results / "uncertainty" / "key_habitat.tif")
    cells = bands(results / "uncertainty" / "habitat.tif")
    known = np.isfinite(patches["p_key"])
    assert known.any()
    assert (patches["p_breeding"] <= patches["p_key"])[known].all()
    assert (patches["p_key"] <= cells["p_key_cell"])[known].all()


def test_every_recommendation_has_the_share_of_its_draws(results):
    table = pd.read_csv(results / "recommendations.csv")
    placed = table[table["zone"].notna()]
    assert len(placed)
    sixteenths = placed["support"] * 16
    assert (sixteenths - sixteenths.round()).abs().max() < 0.01
    issued = placed[placed["verdict"] == "issue"]
    assert (issued["support"] >= 0.7).all()
    doubtful = placed[placed["verdict"] == "survey first"]
    assert doubtful["support"].between(0.5, 0.7).all()


def test_a_row_for_each_draw_and_each_province(results):
    draws = pd.read_csv(results / "uncertainty" / "draws.csv")
    assert draws["draw"].tolist() == list(range(1, 17))
    assert draws["habitat.reference.burrow_density"].between(2, 3).all()
    units = pd.read_csv(results / "uncertainty" / "key_units.csv")
    assert units["unit"].iloc[-1] == "(whole region)"
    assert (units["key_km2_p05"] <= units["key_km2_p95"]).all()
    assert (units["data_status"] == "illustrative").all()
    assert units["notice"].str.contains("Marmot burrow transects").all()
    page = (results / "uncertainty" / "sensitivity.html").read_text(encoding="utf-8")
    assert "ILLUSTRATIVE, NOT OBSERVED" in page


def test_a_closed_mine_changes_only_what_lies_in_its_reach(results):
    planned = results.parent / "planned" / "uncertainty"
    mines = gpd.read_file(ROOT / "resources" / "tien_shan" / "mines.gpkg").set_index("id")
    with rasterio.open(planned / "change_threat.tif") as raster:
        change = raster.read(1, masked=True).filled(np.nan)
        mine = mines.to_crs(raster.crs).geometry["M03"]
        rows, columns = np.nonzero(np.nan_to_num(change))
        x, y = raster.transform @ (columns + 0.5, rows + 0.5)
    assert len(rows) > 20 and (change[rows, columns] < 0).all()
    # 15 km of reach, and its place is known to 3 km: 1.5 sd of the farthest displacement at most
    assert np.hypot(x - mine.x, y - mine.y).max() <= 15_000 + 6_000
    for band in bands(planned / "change_habitat.tif").values():
        assert not np.nan_to_num(band).any()
    for band in bands(planned / "change_key.tif").values():
        assert not np.nan_to_num(band).any()
    table = pd.read_csv(planned / "change_units.csv").set_index("unit")
    region = table.loc["(whole region)"]
    assert region["value_at_risk_km2_p95"] <= 0 and region["value_at_risk_rises"] == 0
    sums = {
        name: pd.read_csv(folder / "uncertainty" / "draws.csv")["value_at_risk_km2"]
        for name, folder in (("before", results), ("after", planned.parent))
    }
    moved = sums["after"] - sums["before"]
    assert region["value_at_risk_km2_mean"] == pytest.approx(moved.mean(), abs=1e-3)
    page = (planned.parent / "scenario.html").read_text(encoding="utf-8")
    assert "No key habitat is gained or lost." in page and "Value at risk falls by" in page


def test_what_would_come_back_is_ranked_by_threat(results):
    table = pd.read_csv(results / "uncertainty" / "without_threats.csv")
    region = table[(table["unit"] == "(whole region)") & (table["change"] == "without")]
    assert region["quality_km2_mean"].is_monotonic_decreasing
    assert region["most_in_draws"].sum() == pytest.approx(1)
    burrows = region.set_index("threat").loc["Loss of marmot burrows"]
    assert burrows["key_cell_km2_mean"] > 0
    halved = table[(table["unit"] == "(whole region)") & (table["change"] == "halved")]
    both = (
        region.set_index("threat")["quality_km2_mean"],
        halved.set_index("threat")["quality_km2_mean"],
    )
    assert (both[1] <= both[0] + 1e-6).all()


def test_a_state_of_the_past_knows_only_what_was_known_then(results):
    table = pd.read_csv(results / "series" / "series.csv")
    region = table[table["unit"] == "(whole region)"].set_index("date")
    assert list(region.index) == ["2022-10-01", "2025-10-01"]
    transects = pd.read_csv(ROOT / "resources" / "tien_shan" / "burrow_transects.csv")
    assert region["reports_burrow_transects"].tolist() != [len(transects)] * 2
    assert region["value_at_risk_km2_mean"].nunique() == 2
    trends = pd.read_csv(results / "series" / "trends.csv")
    assert set(trends["outcome"]) == {"value_at_risk_km2", "mean_threat", "key_cell_km2"}
    assert (results / "series" / "series.gif").read_bytes()[:3] == b"GIF"
    past = results.parent / "on_2022_10_01"
    assert (past / "uncertainty" / "value_at_risk.tif").exists()
    assert not list(past.rglob("recommendations.*")) and not list(past.glob("restricted/*.tif"))
