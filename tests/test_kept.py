"""A finished run is kept, and compared with the present results."""

import subprocess

import numpy as np
import pytest
from conftest import ROOT

import manul
from manul.grid import plain_files, rasters

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def kept_corner(corner, tmp_path_factory):
    """A copy of the corner, with its run kept as 2026-11."""
    region = corner.copy(tmp_path_factory.mktemp("kept"))
    assert "not for publication" in region.run("keep", "--config", "label=2026-11")
    return region


def test_a_kept_run_opens_like_results_and_holds_no_path_of_the_machine(kept_corner):
    home = kept_corner.folder / "kept" / "2026-11"
    for view, exact in (("public", "current"), ("restricted", "current/restricted")):
        maps = manul.open_results(home / view / "current")
        assert {"habitat", "threat", "value_at_risk", "key", "effect_dogs_camps"} <= set(maps)
        there = rasters.read_map(kept_corner.results / exact / "threat.tif")
        np.testing.assert_array_equal(maps["threat"], there)
    for file in (file for file in home.rglob("*") if file.is_file()):
        assert not file.stat().st_mode & 0o222
        told = file.read_bytes()
        assert str(kept_corner.folder).encode() not in told and str(ROOT).encode() not in told


def test_what_is_exact_lies_apart(kept_corner):
    public = kept_corner.folder / "kept" / "2026-11" / "public"
    index = manul.results.index(public / "current")
    assert not any("restricted" in file for file in index["file"])
    assert index.loc["dogs_camps", "file"] == "generalised/dogs_camps.tif"
    assert not [f for f in public.rglob("*") if "camps" in f.name and "layers" in f.parts]


def test_a_label_is_not_used_twice(kept_corner):
    command = kept_corner.command("keep", "--config", "label=2026-11")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode and "kept/2026-11 holds a kept run" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_nothing_differs_from_the_present_results(kept_corner):
    kept_corner.run("compare")
    home = kept_corner.folder / "compared" / "2026-11_to_present"
    for folder in (home / "public" / "planned", home / "restricted" / "current"):
        assert "The two runs have the same numbers" in (folder / "index.html").read_text()
        changes = plain_files.read_table(folder / "recommendations.csv")["change"]
        assert set(changes) == {"stays"}
    assert not list((kept_corner.folder / ".snakemake").glob("manul-present*"))
