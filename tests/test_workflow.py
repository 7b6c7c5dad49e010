"""The whole graph on a small second region: what it makes, what it makes again, how it resumes."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import yaml
from conftest import ROOT, Region
from packaging.requirements import Requirement

from manul import digests, plan
from manul.config import load
from manul.graph import Graph
from manul.grid import provenance, vectors

pytestmark = pytest.mark.workflow

MAPS = (
    "habitat.tif",
    "habitat_reference.tif",
    "habitat_components.tif",
    "threat.tif",
    "quality.tif",
    "value_at_risk.tif",
    *(f"threats/{t}.tif" for t in ("dogs_camps", "mines_large", "roads_paved", "marmot_depletion")),
)
CLASSES = ("dominant_threat.tif", "key_habitat.tif", "missing_inputs.tif")
OF_THREATS = ("threat", "dominant_threat", "quality", "value_at_risk", "missing_inputs")
SHARED = ("habitat.tif", "habitat_reference.tif", "habitat_components.tif", "key_habitat.tif")
OTHERS = ("key_habitat.gpkg", "recommendations.gpkg", "recommendations.csv", "units.csv")
SHEETS = ("maps/threat.png", "maps/threat.pdf", "maps/key_habitat.png", "maps/key_habitat.pdf")
EVERY = (*MAPS, *CLASSES)
INVENTED = {"habitat.tif", "threats/dogs_camps.tif", "threats/marmot_depletion.tif"}
OBSERVED = {"threats/mines_large.tif", "threats/roads_paved.tif"}


@pytest.fixture(scope="module")
def corner(empty_corner, tmp_path_factory) -> Region:
    """The corner after a whole run. Tests read it; those that change something take a copy."""
    region = empty_corner.copy(tmp_path_factory.mktemp("run"))
    region.run(*region.targets)
    return region


@pytest.fixture(params=["current", "planned"])
def home(corner, request):
    """The folder of one scenario."""
    return corner.results / request.param


def file(home, name):
    """A file of a scenario, which may lie with the first scenario that has the same one."""
    mine = home / name
    return mine if mine.exists() or name not in SHARED else home.parent / "current" / name


# ------------------------------------------------------------------------------ what it makes


def test_every_promised_file_is_there(home):
    missing = [
        f
        for f in (*EVERY, *OTHERS, *SHEETS, "preflight.csv", "outputs.csv")
        if not file(home, f).stat().st_size
    ]
    assert missing == []


def test_each_map_is_tagged_with_the_layers_of_the_index(home):
    index = pd.read_csv(home / "outputs.csv")
    for row in index.itertuples():
        if not (home / row.file).exists():  # no product that was asked for rests on it
            continue
        with rasterio.open(home / row.file) as raster:
            tagged = json.loads(raster.tags()["MANUL_LAYERS"])
        assert set(tagged) - {"study_area"} == set(row.layers.split()), row.map


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_float32_from_0_to_1(home, name):
    with rasterio.open(file(home, name)) as source:
        assert set(source.dtypes) == {"float32"}
        assert np.isnan(source.nodata)
        shares = [i for i, unit in enumerate(source.units, 1) if unit == "0..1"]
        assert shares
        for band in shares:
            values = source.read(band)
            known = values[np.isfinite(values)]
            assert known.size
            assert known.min() >= 0
            assert known.max() <= 1


@pytest.mark.parametrize("name", CLASSES)
def test_class_maps_name_each_class(home, name):
    with rasterio.open(file(home, name)) as source:
        assert set(source.dtypes) == {"uint8"}
        assert source.nodata == 255
        table = source.tags()["CATEGORIES"]
        named = {int(entry.split()[0]) for entry in table.split("; ")}
        if name != "missing_inputs.tif":  # a count, whose table tells what is counted
            assert set(np.unique(source.read(1))) <= named | {255}


@pytest.mark.parametrize("name", EVERY)
def test_maps_are_tiled_compressed_described_and_signed(home, name):
    with rasterio.open(file(home, name)) as source:
        assert source.profile["tiled"]
        assert source.compression is not None
        assert all(source.descriptions)
        if max(source.shape) > max(source.block_shapes[0]):
            assert source.overviews(1)
        tags = source.tags()
    assert "Least Concern (2020)" in tags["MANUL_SPECIES_STATUS"]
    assert tags["MANUL_REGION"] == "corner"
    assert tags["MANUL_SCENARIO"] == file(home, name).parents[name.count("/")].name
    assert tags["MANUL_CONFIG_DIGEST"]
    assert json.loads(tags["MANUL_LAYERS"])


@pytest.mark.parametrize("name", EVERY)
def test_only_maps_of_invented_layers_say_so(home, name):
    with rasterio.open(file(home, name)) as source:
        tags = source.tags()
    behind = provenance.load(tags["MANUL_LAYERS"])
    invented = any(layer["status"] == "illustrative" for layer in behind.values())
    assert ("ILLUSTRATIVE" in tags["MANUL_NOTICE"]) == invented
    assert name not in INVENTED or invented
    assert name not in OBSERVED or not invented


def test_polygons_are_valid_and_signed(home):
    for name in ("key_habitat.gpkg", "recommendations.gpkg"):
        metadata = pyogrio.read_info(home / name, layer=layers_of(home / name)[0])
        assert "Least Concern (2020)" in metadata["dataset_metadata"]["MANUL_SPECIES_STATUS"]
        for layer in layers_of(home / name):
            table = gpd.read_file(home / name, layer=layer)
            assert table.geometry.is_valid.all()
            assert not table.geometry.is_empty.any()


def test_no_rule_that_gives_camps_away_is_public(home):
    assert "R6" not in layers_of(home / "recommendations.gpkg")
    assert "R6" in layers_of(home / "restricted" / "recommendations.gpkg")
    table = pd.read_csv(home / "recommendations.csv").set_index("rule")
    assert table.loc[["R6"], "reason"].tolist() == ["withheld: its places are not public"]
    exact = pd.read_csv(home / "restricted" / "recommendations.csv").set_index("rule")
    assert "withheld" not in " ".join(exact["reason"]) and "R6" in exact.index


def test_what_has_no_layer_is_listed_with_its_need(home):
    table = pd.read_csv(home / "recommendations.csv").set_index("rule")
    assert table.loc["R8", "reason"] == (
        "not assessed: needs forage use (demand / available) or stocking rate"
    )


def test_recommendations_add_up_to_the_unit_table(home):
    units = pd.read_csv(home / "units.csv")
    listed = pd.read_csv(home / "recommendations.csv")
    for rule in ("R1a", "R1b", "R2a"):
        drawn = gpd.read_file(home / "recommendations.gpkg", layer=rule)
        km2 = drawn.area.sum() / 1e6
        assert km2 > 0
        assert listed.loc[listed["rule"] == rule, "area_km2"].sum() == pytest.approx(km2, rel=1e-3)
        assert units[f"{rule}_km2"].sum() == pytest.approx(km2, rel=1e-3)


def test_units_add_up_to_the_known_cells(home):
    units = pd.read_csv(home / "units.csv")
    with rasterio.open(file(home, "habitat.tif")) as source:
        known = np.isfinite(source.read(1)).sum() * abs(source.transform.a * source.transform.e)
    assert units["area_km2"].sum() == pytest.approx(known / 1e6, rel=1e-3)


def test_a_closed_mine_changes_only_what_it_reaches(corner):
    mines = gpd.read_file(corner.folder / "resources" / "tien_shan" / "mines.gpkg")
    with rasterio.open(corner.results / "current" / "threats" / "mines_large.tif") as source:
        current, grid = source.read(1), source.transform
        mine = mines[mines["id"] == "M03"].to_crs(source.crs).geometry.iloc[0]
    rows, columns = np.indices(current.shape)
    x, y = rasterio.transform.xy(grid, rows.ravel(), columns.ravel())
    x, y = np.reshape(x, rows.shape), np.reshape(y, rows.shape)
    far = np.hypot(x - mine.x, y - mine.y) > 10_000 + abs(grid.a)
    for name in ("threats/mines_large.tif", "threat.tif", "habitat.tif"):
        before, after = (band(file(corner.results / s, name)) for s in ("current", "planned"))
        np.testing.assert_array_equal(before[far], after[far])
    planned = band(corner.results / "planned" / "threats" / "mines_large.tif")
    near = (~far) & np.isfinite(current)
    assert (planned[near] <= current[near]).all()
    assert (current[near] - planned[near]).max() > 0.05


# ------------------------------------------------------------------------ what it makes again


def test_a_second_run_has_nothing_to_do(corner):
    assert "Nothing to be done" in corner.run(*corner.targets)


def test_a_changed_layer_makes_its_descendants_again_and_nothing_else(corner, tmp_path):
    changed = corner.copy(tmp_path)
    camps = "resources/tien_shan/camps.csv"
    text = (tmp_path / camps).read_text(encoding="utf-8")
    row = pd.read_csv(tmp_path / camps).iloc[0]
    old = f"{row['id']},{row['season']},{row['households']},{row['dogs']},"
    assert old in text
    new = f"{row['id']},{row['season']},{row['households']},{row['dogs'] + 1},"
    (tmp_path / camps).write_text(text.replace(old, new), encoding="utf-8")
    os.utime(tmp_path / camps, (1e9, 1e9))  # by the clock it is older than what was made of it
    found = changed.summary()
    assert found.pending == found.behind({camps})
    parts = ("/layers/", "/surfaces/", "/generalised/")
    assert {f for f in found.pending if any(part in f for part in parts)} == {
        "results/corner/current/restricted/layers/camps.gpkg",
        "results/corner/current/restricted/surfaces/dogs_camps.tif",
        "results/corner/current/generalised/dogs_camps.tif",
    }
    assert "results/corner/planned/threat.tif" in found.pending


def test_a_changed_weight_makes_threats_again_but_no_habitat_and_no_surface(corner):
    found = corner.overlay("weight", {"threats": {"dogs_camps": {"weight": 0.3}}}).summary()
    maps = (f for f in found.inputs if f.endswith(".tif"))
    threats = {f for f in maps if "/threats/" in f or Path(f).stem in OF_THREATS}
    assert len(threats) == 2 * 2 * (len(OF_THREATS) + 4)  # scenarios, views
    assert found.pending == found.behind(threats)
    assert not any(part in f for f in found.pending for part in ("/layers/", "/surfaces/"))
    assert not {"habitat.tif", "key_habitat.tif", "habitat.png"} & {
        Path(f).name for f in found.pending
    }
    assert not any("analyses" in f for f in found.pending)


def test_a_new_threat_needs_no_python(corner, tmp_path):
    railways = "resources/tien_shan/railways.gpkg"
    power = {
        "title": "Power lines along railways",
        "group": "infrastructure",
        "iucn": "4.2",
        "cmp": "1.1",
        "weight": 0.3,
        "surface": {"kind": "exposure", "layer": "railways", "decay": "linear", "reach_m": 5000},
    }
    changes = {"layers": {"railways": railways}, "threats": {"power": power}}
    more = corner.copy(tmp_path).overlay("power", changes)
    before = band(corner.results / "current" / "threat.tif")
    more.run("results/corner/current/threats/power.tif")
    effect = band(more.results / "current" / "threats" / "power.tif")
    after = band(more.results / "current" / "threat.tif")
    known = np.isfinite(effect)
    assert 0.25 < effect[known].max() <= 0.3  # the mean over a cell beside the line
    np.testing.assert_allclose(
        after[known], 1 - (1 - before[known]) * (1 - effect[known]), atol=1e-6
    )


def test_the_demo_config_takes_an_overlay_with_another_region(corner):
    region = {"name": "corner", "bounds": [75.5, 41.3, 76.6, 42.0], "cell_m": 2000}
    demo = Region(corner.folder, (ROOT / "config" / "config.yaml",)).overlay(
        "region", {"region": region}
    )
    assert "results/corner/planned/maps/recommendations.png" in demo.run("--summary")


# -------------------------------------------------------------------------------- how it resumes


def test_a_killed_run_resumes_and_ends_with_the_same_maps(corner, tmp_path):
    again = corner.copy(tmp_path)
    home = again.results / "current"
    for path in [*home.glob("surfaces/[!.]*.tif"), *(home / name for name in MAPS + CLASSES)]:
        path.unlink()
    targets = ["results/corner/current/threat.tif", "results/corner/current/key_habitat.tif"]
    with subprocess.Popen(
        again.command(*targets),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        wait_for(lambda: len(list(home.glob("surfaces/[!.]*.tif"))) >= 2, running)
        os.killpg(running.pid, signal.SIGKILL)
    left = sorted(path.name for path in home.glob("surfaces/[!.]*.tif"))
    assert 2 <= len(left) < len(list((corner.results / "current" / "surfaces").glob("*.tif")))
    assert not (home / "threat.tif").exists()
    for name in left:
        assert digest(home / "surfaces" / name) == digest(
            corner.results / "current" / "surfaces" / name
        )
    again.run("--unlock")
    again.run("--rerun-incomplete", *targets)
    for name in EVERY:
        assert digest(home / name) == digest(corner.results / "current" / name), name


# ------------------------------------------------------------------------------- the house rules


@pytest.mark.parametrize(
    "command",
    [
        ["snakemake", "--lint"],
        ["snakemake", "--rulegraph"],
        ["snakefmt", "--check", "Snakefile", "workflow"],
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
    ],
    ids=" ".join,
)
def test_code_is_clean(command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_conda_environment_is_in_step_with_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {"python": project["requires-python"]}
    for text in project["dependencies"]:
        need = Requirement(text)
        names = [need.name, *(need.extras & {"distributed"})]  # an extra is a package of its own
        wanted |= dict.fromkeys(names, str(need.specifier))
    mirror = yaml.safe_load((ROOT / "envs" / "manul.yaml").read_text(encoding="utf-8"))
    named = [text for text in mirror["dependencies"] if isinstance(text, str)]
    (from_pypi,) = [more["pip"] for more in mirror["dependencies"] if not isinstance(more, str)]
    found = [Requirement(text) for text in (*named, *from_pypi)]
    wanted["pip"] = ""  # conda brings it, for what is not on conda-forge
    assert {need.name: str(need.specifier) for need in found} == wanted


@pytest.mark.parametrize("command", ["uv run snakemake --cores all", "uv run pytest"])
def test_readme_prints_the_two_commands(command):
    lines = [" ".join(s.split()) for s in (ROOT / "README.md").read_text("utf-8").splitlines()]
    fences = [i for i, line in enumerate(lines) if line.startswith("```")]
    code = {
        line for a, b in zip(fences[::2], fences[1::2], strict=True) for line in lines[a + 1 : b]
    }
    assert f"pip install uv && {command}" in code


# --------------------------------------------------------------------------------------- helpers


def layers_of(path) -> list[str]:
    return list(vectors.read_layers(path))


def band(path) -> np.ndarray:
    with rasterio.open(path) as source:
        return source.read(1)


def digest(path) -> str:
    """Of all cells and what nodata is; not of tags or layout."""
    with rasterio.open(path) as source:
        told = (source.nodata, source.dtypes, source.shape, source.transform)
        return digests.digest(repr(told), hashlib.sha256(source.read().tobytes()).hexdigest())


def wait_for(condition, process, limit_s=300) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < end, "nothing was made"
        time.sleep(0.05)


# ------------------------------------------------------------------------- what jobs need

STEMS = ("prepare", "analysis")  # logs of rules with several kinds


def peaks(corner) -> dict[str, float]:
    """Largest resident memory (MB) of each job of the present scenario, as its log tells it."""
    folder = corner.folder / "logs" / "corner" / "current"
    told = {
        path.stem: re.search(r"at most (\d+) MB", path.read_text()) for path in folder.glob("*.log")
    }
    return {name: float(found[1]) for name, found in told.items() if found}


def test_jobs_take_what_is_planned_within_a_factor_of_1_5(corner):
    graph = Graph(load.load(yaml.safe_load(corner.configs[0].read_text())))
    config = graph.configs["current"]
    planned = {}
    for rule in graph.rules("current"):
        stem = next((s for s in STEMS if rule.startswith(f"{s}_")), rule)
        for key in graph.keys("current", rule):
            planned[f"{stem}_{key}" if key else stem] = plan.memory_mb(config, rule, key, 2)
    measured = peaks(corner)
    assert measured.keys() <= planned.keys()
    assert measured.keys() >= {"threats", "recommend", "surface_roads_paved", "sheet_threat"}
    ratios = {name: planned[name] / mb for name, mb in measured.items()}
    assert not {name: ratio for name, ratio in ratios.items() if ratio < 1 / 1.5}
    near = [name for name, ratio in ratios.items() if ratio <= 1.5]
    assert len(near) >= 0.8 * len(ratios)
