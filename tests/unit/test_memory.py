"""What a run will need, on a region of 1000 x 2000 cells: sums that one can do in the head."""

from types import SimpleNamespace

import pandas as pd
import pytest
from odc.geo.geobox import GeoBox

from manul import plan
from manul.analyses import connectivity

GRID = GeoBox.from_bbox((0, 0, 2e6, 1e6), crs="EPSG:6933", resolution=1000)
EXPOSURE = {"kind": "exposure", "layer": "a", "reach_m": 10_000, "scale_m": 4000}
BLOCKS = {
    "value": {"kind": "value", "layer": "a"},
    "burrows": {"kind": "burrow_density"},
    "hours": {"kind": "travel_time"},
    **{kernel: EXPOSURE | {"kernel": kernel} for kernel in ("nearest", "saturating", "density")},
    "steep": EXPOSURE | {"kernel": "nearest", "scale_m": 2000},
}
WAYS = {"ways": {"most_cells": 1_000_000}}
CONFIG = {"region": {"cell_m": 1000}, "surfaces": BLOCKS, "threats": {}, "analyses": WAYS}


@pytest.fixture(autouse=True)
def two_million_cells(monkeypatch):
    monkeypatch.setattr(plan, "grid_of", lambda region: GRID)
    monkeypatch.setattr(plan, "SPARE", 1)


@pytest.mark.parametrize(
    ("rule", "key", "mb"),
    [
        ("prepare_vector", "", 250),
        ("surface", "value", 310 + 2 * (17 + 4)),
        ("surface", "burrows", 310 + 2 * (3 * 17 + 4)),  # three bands
        # 50 km and a cell around it: three maps of the region, and tiles of two of them.
        ("surface", "hours", 310 + 1.102 * 2.102 * (13 + 12) + 2 * (17 + 4)),
        ("surface", "nearest", 310 + 2 * (10 + 16)),
        ("surface", "saturating", 310 + 2 * (6 + 16)),
        ("surface", "density", 310 + 2 * (12 + 16)),
        # Four source cells a cell in blocks of 1024, with 10 cells on both sides of them.
        ("surface", "steep", 310 + (1.044 * 4 * 10 + 1.024 * 16)),
        ("generalise", "value", 310 + 8 + 8 + 52),  # a map kept, and in GDAL's cache; a window
        ("analysis_suitability", "", 310 + 120 + 250 * 0.512**2),
        # The whole region, and ways on as many cells as the block has, half of them here; current
        # flows through a corridor of them beside half of what draws of ways take.
        ("analysis_connectivity", "ways", 310 + 120 + 250 * 0.512**2 + 2 * 26 + 109 + 540 * 0.524),
    ],
)
def test_memory_of_a_job(rule, key, mb):
    assert plan.memory_mb(CONFIG, rule, key) == pytest.approx(mb, abs=1)


@pytest.mark.parametrize(
    ("maps", "mb"),
    [((1,), 8 + 8 + 52), ((3,), 24 + 24 + 52), ((3, 40), 24 + 256 + 128 + 52)],
)
def test_memory_of_reading_maps_is_limited_by_what_is_kept(maps, mb):
    assert plan._reading_mb(CONFIG, *maps) == pytest.approx(mb, abs=1)


def test_more_threads_hold_more_blocks_up_to_the_region():
    assert plan._at_once(100, 1, GRID) == 10_000
    assert plan._at_once(100, 4, GRID) == 40_000
    assert plan._at_once(1500, 1, GRID) == 1_500_000
    assert plan._at_once(1500, 4, GRID) == pytest.approx(2e6)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (60, "a minute"),
        (61, "minutes"),
        (601, "an hour"),
        (5401, "hours"),
        (50_001, "a day or more"),
    ],
)
def test_time_in_words(seconds, words):
    assert plan._class(seconds) == words


def test_maps_that_the_model_holds_count_one_by_one():
    made = [SimpleNamespace(bands=[1, 2]), SimpleNamespace(bands=[1])]
    one = plan._at_once(plan.model_outputs.BLOCK, 1, GRID) * 7 / 1e6
    assert plan._model(CONFIG, made, ["a", "b"], 1) == pytest.approx(310 + 5 * one)


def test_advice_where_the_machine_is_too_small(monkeypatch, tmp_path):
    monkeypatch.setattr(plan.os, "sysconf", {"SC_PAGE_SIZE": 1000, "SC_PHYS_PAGES": 8e6}.get)
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2e9))
    table = pd.DataFrame({"rule": ["a", "b"], "memory_mb": [8000, 400], "disk_mb": [600, 400]})
    assert plan.advice(table) == []
    (memory,) = plan.advice(table.assign(memory_mb=[8001, 400]))
    assert memory.startswith("a needs 8001 MB and this machine has 8000 MB")
    known = table.assign(rule=["key_polygons", "b"], memory_mb=[8001, 400])
    (memory,) = plan.advice(known)
    assert memory.startswith("key_polygons needs 8001 MB for the outlines of all patches and this")
    (disk,) = plan.advice(table.assign(disk_mb=[601, 400]))
    assert disk.startswith("results need 2002 MB and the disk has 2000 MB free")


@pytest.mark.parametrize(
    ("rule", "held", "strip"),
    [("key_habitat", 12, 16), ("key_draws", 5, 32), ("change", 5, 40), ("key_polygons", 4, 16)],
)
def test_maps_of_patches_are_held_up_to_a_size_and_strips_up_to_theirs(
    monkeypatch, rule, held, strip
):
    assert plan._of_patches(CONFIG, rule) == pytest.approx(2 * (held + strip))
    assert plan._on_disk(CONFIG, rule, "") == 0
    large = GeoBox.from_bbox((0, 0, 4e7, 2e7), crs="EPSG:6933", resolution=1000)  # 8e8 cells
    monkeypatch.setattr(plan, "grid_of", lambda region: large)
    maps = len(plan.MAPS_OF_PATCHES[rule])
    cells = 512 * 40_000  # the rows of a tile
    assert plan._of_patches(CONFIG, rule) == pytest.approx((maps * 2**28 + cells * strip) / 1e6)
    assert plan._on_disk(CONFIG, rule, "") == pytest.approx(held * 800)


def test_outlines_take_memory_up_to_what_is_outlined_at_once(monkeypatch):
    monkeypatch.setattr(plan.selection, "assessed", lambda config: [])
    small = plan.memory_mb(CONFIG, "key_polygons") - plan.memory_mb(CONFIG, "units")
    assert small == pytest.approx(2 * (5 + 4 + 16), abs=1)
    large = GeoBox.from_bbox((0, 0, 4e7, 2e7), crs="EPSG:6933", resolution=1000)  # 8e8 cells
    monkeypatch.setattr(plan, "grid_of", lambda region: large)
    at_most = plan.memory_mb(CONFIG, "key_polygons") - plan.memory_mb(CONFIG, "units")
    assert at_most == pytest.approx(800 + (2**28 + 512 * 40_000 * 16) / 1e6, abs=1)


@pytest.mark.parametrize(
    ("rule", "key", "blocks"),
    [
        ("surface", "value", 1), ("surface", "steep", 2), ("surface", "hours", 1),
        ("alternatives", "steep", 2), ("habitat", "", 2), ("threats", "", 2), ("draws", "", 8),
        ("change", "", 8), ("key_habitat", "", 1), ("units", "", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("most", [1, 2, 5, 100])
def test_blocks_of_1000_x_2000_cells_are_dealt_out_among_jobs(rule, key, blocks, most):
    """Blocks of 2048 cells, of 1024 for a steep effect and the model, of 512 for draws."""
    assert plan.parts(CONFIG | {"jobs_for_a_map": most}, rule, key) == min(most, blocks)


def test_travel_times_of_a_large_region_lie_on_disk(monkeypatch):
    """8e8 cells, and 51 around them: three maps, each held up to a size, and tiles of two."""
    large = GeoBox.from_bbox((0, 0, 4e7, 2e7), crs="EPSG:6933", resolution=1000)
    monkeypatch.setattr(plan, "grid_of", lambda region: large)
    wide = 20_102 * 40_102
    window = 2048**2 * (17 + 4)
    expected = 310 + (3 * 2**28 + 1.8e9 + window) / 1e6
    assert plan.memory_mb(CONFIG, "surface", "hours") == pytest.approx(expected, abs=1)
    assert plan._on_disk(CONFIG, "surface", "hours") == pytest.approx(wide * 13 / 1e6)
    assert plan._on_disk(CONFIG, "surface", "value") == 0
    monkeypatch.setattr(plan, "_bands", lambda config, key: 3)  # each keeps its hours
    assert plan._on_disk(CONFIG, "alternatives", "hours") == pytest.approx(wide * 29 / 1e6)
    more = plan.memory_mb(CONFIG, "alternatives", "hours") - expected
    assert more == pytest.approx((2 * 2**28 + 3 * 2048**2 * 17) / 1e6, abs=1)


def test_memory_of_an_invest_case_whose_files_are_not_there():
    case = {"land_cover": "nowhere.tif", "threats": "nowhere.csv"}
    config = CONFIG | {"invest": {"case": case}, "allow": []}
    strip = plan.invest_run.TILE * 2000 / 1e6
    made = [plan.memory_mb(config, "invest", "case", threads) for threads in (1, 2)]
    assert made == pytest.approx([190 + 95 * strip, 190 + 145 * strip], abs=1)


@pytest.mark.parametrize(
    ("million", "threads", "of_ways"),
    [(0.2, 1, 1), (0.6, 1, 2), (1.9, 1, 7), (2.2, 2, 8), (6, 5, 8), (100, 8, 8)],
)
def test_a_job_has_the_threads_that_its_cells_are_worth(monkeypatch, million, threads, of_ways):
    monkeypatch.setattr(plan, "number_of_cells", lambda region: int(million * 1e6))
    assert plan.threads(CONFIG) == threads
    assert plan.threads(CONFIG, "analysis_connectivity") == of_ways


@pytest.mark.parametrize(("million", "together"), [(0.5, 8), (2, 4), (4, 2), (16, 1)])
def test_draws_of_ways_side_by_side_take_no_more_than_planned(million, together):
    cells = int(million * 1024**2)
    assert connectivity.at_once(cells, 8) == together
    assert connectivity.at_once(cells, 1) == 1
    assert together * cells <= max(2**23, cells)


def test_memory_of_ways_grows_with_what_runs_side_by_side(monkeypatch):
    one, two = (plan.memory_mb(CONFIG, "analysis_connectivity", "ways", n) for n in (1, 2))
    assert two - one == pytest.approx(540 * 2**19 / 1e6 + 250 * 0.512**2, abs=1), "of currents"
    monkeypatch.setattr(connectivity, "CELLS_OF_A_WAY", 2**17)
    one, two = (plan.memory_mb(CONFIG, "analysis_connectivity", "ways", n) for n in (1, 2))
    assert two - one == pytest.approx(68 + 250 * 0.512**2, abs=1), "of draws"
