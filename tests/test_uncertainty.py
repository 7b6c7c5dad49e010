"""Draws in the workflow: chances, intervals and verdicts of a region, and what they rest on."""

import numpy as np
import pandas as pd
import pytest
import rasterio

pytestmark = pytest.mark.workflow

DRAWS = {"number": 16, "realisations": 1, "cumulative": {"saturation": 1}}


@pytest.fixture(scope="module")
def results(corner, tmp_path_factory):
    """The current scenario of the corner with a few draws."""
    sure = corner.copy(tmp_path_factory.mktemp("draws")).overlay("draws", {"draws": DRAWS})
    of = ("key_habitat.tif", "draws.csv", "units.csv", "key_units.csv", "sensitivity.csv")
    wanted = [f"uncertainty/{name}" for name in of] + ["recommendations.csv", "maps/chance_key.png"]
    sure.run(*(f"results/corner/current/{name}" for name in wanted))
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
