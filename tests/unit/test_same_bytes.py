"""The same inputs give the same bytes: at another time, and with another order of Python's sets."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from manul.grid import vectors

DRAW = """
import sys
sys.path.insert(0, {tests!r})
import test_maps as maps
from manul.maps import layouts, printed

scale = layouts.Scale("Threat", palette="threat")
panels = [layouts.Panel(f"Threat {{i}}", "words", maps.RAMP) for i in range(17)]
pages = layouts.small_multiples(maps.SHEET, maps.CONTEXT, maps.GRID, panels, scale)
figures = {{"one": [maps.threat_map()], "many": pages}}
for name, drawn in figures.items():
    printed.save(drawn, f"{{name}}.pdf", [f"{{name}}.png"], 40, name, maps.LAEA)
"""

JOBS = """
import sys
sys.path.insert(0, {tests!r})
from conftest import demo_config
from manul import graph
from manul.config import load

of = graph.Graph(load.load(demo_config()))
for scenario in of.configs:
    for rule in graph.RULES:
        for key in of.keys(scenario, rule):
            job = scenario, rule, key
            print(*job, of.job(*job).told, of.reads(*job), of.paths(*job))
"""


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """Sheets drawn by two processes whose sets are in another order, one after the other."""
    folders = [tmp_path_factory.mktemp(seed) for seed in ("first", "second")]
    script = DRAW.format(tests=str(Path(__file__).parent))
    for seed, folder in enumerate(folders, 1):
        place = os.environ | {"PYTHONHASHSEED": str(seed)}
        subprocess.run([sys.executable, "-c", script], cwd=folder, env=place, check=True)
        time.sleep(1.1)  # files that hold the time hold seconds
    return folders


def test_what_jobs_are_told_and_read_has_an_order():
    """Else a run in which nothing has changed would be made anew in great part."""
    script = JOBS.format(tests=str(Path(__file__).parents[1]))
    told = []
    for seed in (1, 2, 3):
        place = os.environ | {"PYTHONHASHSEED": str(seed)}
        asked = [sys.executable, "-c", script]
        told.append(subprocess.run(asked, env=place, check=True, capture_output=True, text=True))
    first, *others = (one.stdout.splitlines() for one in told)
    assert len(first) > 300 and any(" analysis_survival " in line for line in first)
    for other in others:
        assert [a[:200] for a, b in zip(first, other, strict=True) if a != b] == []


@pytest.mark.parametrize("name", ["one.png", "one.pdf", "many.png", "many.pdf"])
def test_sheets_are_the_same_bytes(two_runs, name):
    first, second = ((folder / name).read_bytes() for folder in two_runs)
    assert first == second and len(first) > 1000


def test_a_sheet_of_many_panels_is_a_book_of_two_pages(two_runs):
    books = [(two_runs[0] / f"{name}.pdf").read_bytes() for name in ("one", "many")]
    assert [re.findall(rb"/Count (\d+)", book) for book in books] == [[b"1"], [b"2"]]


def test_a_geopackage_is_the_same_bytes_at_another_time(tmp_path):
    squares = [shapely.box(i, 0, i + 1, 1) for i in range(50)]
    table = gpd.GeoDataFrame({"name": list(range(50))}, geometry=squares, crs="EPSG:6933")
    layers = {"key": table, "empty": table.iloc[:0]}
    for name in ("first", "second"):
        vectors.write_vector(tmp_path / f"{name}.gpkg", layers, {"MANUL_SCENARIO": "current"})
        time.sleep(1.1)
    first, second = ((tmp_path / f"{name}.gpkg").read_bytes() for name in ("first", "second"))
    assert first == second
