"""What a config leaves out is left out by itself: every optional key and every layer in turn."""

import contextlib
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from conftest import ROOT, corner_config
from in_process import Project
from unit.test_load import MINIMAL

import manul
from manul.config import schema

pytestmark = pytest.mark.workflow

NEVER = ("model", "region", "layers", "surfaces", "scenarios", "counterfactuals", "products")
RULES = ("habitat", "threats", "key_habitat", "key_polygons", "recommend", "units", "index")
TABLES = ("recommendations.csv", "units.csv", "key_habitat.gpkg")


def run(folder, config, *targets) -> str:
    """Run a config to the end in a folder of its own; what was printed."""
    if not (folder / "resources").exists():
        shutil.copytree(ROOT / "resources", folder / "resources")
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    fixed = ["--snakefile", ROOT / "Snakefile", "--directory", folder, "--cores", "2"]
    command = [sys.executable, "-m", "snakemake", *targets, *fixed, "--configfile", path]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def without(*path) -> dict:
    """A scenario in which one key is taken away."""
    changes = None
    for key in reversed(path):
        changes = {key: changes}
    return {"title": f"Without {'.'.join(path)}", "changes": changes}


def optional_keys() -> list[tuple]:
    """Keys of the schema that a config need not have, at the top and one below."""
    whole = schema.schema()
    found = [(k,) for k in whole["properties"] if k not in (*whole["required"], *NEVER)]
    habitat = whole["properties"]["habitat"]
    return [*found, *(("habitat", k) for k in habitat["properties"] if k != "components")]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The corner at 2 km, and a scenario for each thing that can be left out."""
    config = corner_config()
    config["region"] |= {"cell_m": 2000}
    for name in ("camps", "manul_records"):  # one view of each scenario is enough here
        config["layers"][name] = {"path": config["layers"][name], "public": True}
    config["rules"]["R6"] = None  # not public: it would make the second view
    layers = [n for n in config["layers"] if n not in ("study_area", "provinces")]
    left_out = [*optional_keys(), *(("layers", n) for n in layers if n != "elevation")]
    left_out += [("threats", "roads_paved"), ("rules", "R1a"), ("surfaces", "slope")]
    left_out += [("habitat", "components", "den")]
    config["scenarios"] = {"current": {"title": "All"}} | {
        "_".join(["no", *path]).lower(): without(*path) for path in left_out
    }
    # The loss of burrows is told from their reference level.
    config["scenarios"]["no_habitat_reference"]["changes"]["threats"] = {"marmot_depletion": None}
    config["products"] = ["maps", "tables"]
    folder = tmp_path_factory.mktemp("left_out")
    shutil.copytree(ROOT / "resources", folder / "resources")
    with contextlib.chdir(folder):  # some 400 jobs: each in a process of its own takes far longer
        assert not Project().run(config, RULES)
    return folder / "results" / "corner", list(config["scenarios"])


def test_every_scenario_has_its_tables_and_its_maps(results):
    home, scenarios = results
    for name in scenarios:
        maps = manul.open_results(home / name, chunks=None)
        assert {"habitat", "key", "threat"} <= set(maps)
        assert np.isfinite(maps["habitat"].values).any()
        tables = [t for t in TABLES if (name, t) != ("no_rules", "recommendations.csv")]
        assert all((home / name / table).stat().st_size for table in tables), name


def test_only_what_rests_on_a_layer_changes_without_it(results):
    home, _ = results
    whole = manul.open_results(home / "current", chunks=None)
    camps = manul.open_results(home / "no_layers_camps", chunks=None)
    assert "effect_dogs_camps" in whole and "effect_dogs_camps" not in camps
    same = ("habitat", "effect_roads_paved", "effect_marmot_depletion")
    for name in same:
        np.testing.assert_array_equal(whole[name], camps[name])
    assert (camps["threat"] <= whole["threat"] + 1e-6).where(whole["threat"].notnull(), True).all()
    table = pd.read_csv(home / "no_layers_camps" / "recommendations.csv").set_index("rule")
    assert "R6" not in table.index or "herding camps" in table.loc["R6", "reason"]
    ndvi = manul.open_results(home / "no_layers_ndvi_max", chunks=None)
    assert np.isnan(ndvi["component_prey"]).all() and not np.isnan(ndvi["habitat"]).all()


def test_scenarios_that_share_a_map_have_it_once(results):
    home, scenarios = results
    habitats = {s: manul.results.index(home / s).loc["habitat", "file"] for s in scenarios}
    assert (
        habitats["no_layers_camps"]
        == habitats["no_threats_roads_paved"]
        == "../current/habitat.tif"
    )
    assert habitats["no_layers_ndvi_max"] == "habitat.tif"
    assert not (home / "no_layers_camps" / "habitat.tif").exists()


def test_no_optional_key_is_left_untried(results):
    _, scenarios = results
    assert {f"no_{k}" for k in ("cumulative", "key_habitat", "rules", "maps", "analyses")} <= set(
        scenarios
    )
    assert len(scenarios) > 30


def test_the_smallest_file_runs_to_the_end(tmp_path):
    config = yaml.safe_load(MINIMAL)
    assert len(MINIMAL.strip().splitlines()) <= 25
    config["actions"] = {"budget": 1000}  # to be warned of one thing
    printed = run(tmp_path, config)
    home = tmp_path / "results" / "small" / "current"
    for page in ("report.html: what was found", "first_actions.html: where to act first"):
        assert f"open results/small/current/{page}" in printed
    assert "stands row by row under results/small/: current/preflight.csv" in printed
    warned = "results/small/current/preflight.csv: 1 warning about the data behind the maps of this"
    assert f"{warned} run\nopen results/small/current/" in printed
    assert {p.stem for p in home.glob("maps/*.png")} == {
        "chance_key", "habitat", "key_habitat", "measure_habitat", "recommendations", "corridors",
        "between", "flow", "resistance",
    }, "no crossings where no layer of lines is there, no loss where none tells of it"  # fmt: skip
    table = pd.read_csv(home / "recommendations.csv")
    reasons = table.set_index("rule")["reason"]
    assert reasons["R6"] == "not assessed: needs herding camps with their dogs"
    assert (table["mean_threat"].isna()).all()
    with rasterio.open(home / "habitat.tif") as source:
        assert "snow" not in source.tags()["MANUL_LAYERS"]


@pytest.mark.parametrize("key", ["mask", "units"])
def test_a_region_without_a_mask_or_units_runs_to_the_end(tmp_path, key):
    config = yaml.safe_load(MINIMAL)
    config["layers"] |= {"provinces": "resources/tien_shan/provinces.gpkg"}
    config["layers"] |= {"study_area": "resources/tien_shan/study_area.gpkg"}
    config["region"] |= {"cell_m": 4000, "mask": "study_area", "units": "provinces"}
    del config["region"][key]
    run(tmp_path, config, "results/small/current/recommendations.csv")
    units = pd.read_csv(tmp_path / "results/small/current/recommendations.csv")["unit"]
    assert units.notna().any() == (key != "units")
