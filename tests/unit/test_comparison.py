"""Two runs compared: what differs, and a change split among its causes."""

import json
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from conftest import ROOT, demo_config

from manul import digests, results
from manul.comparison import causes, differences, kept, maps, mixtures, page, shares
from manul.config import load, responses
from manul.graph import Graph
from manul.grid import block_maps, plain_files
from manul.grid.region import grid_of

REGION = {
    "name": "square", "title": "A square", "crs": "EPSG:6933", "cell_m": 1000.0,
    "bounds": [0.0, 0.0, 0.1, 0.08], "mask": None, "units": None,
}  # fmt: skip
HALF = grid_of(REGION).shape[1] // 2
CELLS = int(np.prod(grid_of(REGION).shape))
CAMPS = {
    "kind": "vector",
    "title": "Camps",
    "date": 2020,
    "source": "a map",
    "data_status": "measured",
}
PREY = {
    "kind": "continuous",
    "title": "Prey",
    "date": 2020,
    "source": "a map",
    "data_status": "measured",
}


def config(**changes):
    """Habitat is the prey; the threat is 0.4 of the dogs, which half saturate at 1."""
    whole = {
        "region": REGION,
        "scenario": "current",
        "scenario_title": "Current state",
        "surfaces": {
            "prey": {"kind": "value", "layer": "prey"},
            "dogs": {"kind": "value", "layer": "camps"},
        },
        "habitat": {
            "floor": 0.0, "known_weight": 0.5, "loss": "", "reference": {}, "gates": {},
            "components": {"prey": {"title": "Prey", "weight": 1.0, "surface": "prey"}},
        },
        "threats": {
            "dogs": {
                "title": "Dogs", "weight": 0.4, "surface": "dogs",
                "response": {"half_saturation": {"half": 1.0}},
            }
        },
        "cumulative": "saturation",
        "ranges": {},
        "extensions": {},
    }  # fmt: skip
    return whole | changes


def weighed(weight):
    return {"dogs": config()["threats"]["dogs"] | {"weight": weight}}


def made(folder, label, prey=0.8, dogs=1.0, told=None, camps=CAMPS, content="a", code="one"):
    """A kept run on disk, whose maps the model makes; `prey` and `dogs` are its surfaces."""
    told = told or config()
    grid = grid_of(told["region"])
    home = folder / label / "public" / "current"
    surfaces = {
        name: np.broadcast_to(np.asarray(value, "float32"), grid.shape)
        for name, value in (("prey", prey), ("dogs", dogs))
    }
    about = {
        "format": kept.FORMAT, "label": label, "kept": "2026-11-28T12:00:00+00:00",
        "public": True, "scenario": "current", "versions": {"manul": "1"},
        "key_rules": {"suitable": 0.4, "key": 0.6, "core_km2": 4.0},
        "layers": {
            "prey": {"block": PREY, "content": ["p"], "size": 10, "of": "cells"},
            "camps": {"block": camps, "content": [content], "size": 3, "of": "features"},
        },
        "surfaces": {
            "prey": {"layers": ["prey"], "uses": []}, "dogs": {"layers": ["camps"], "uses": []}
        },
        "named": {}, "config": told, "code": {"config.responses": {"half_saturation": code}},
        "files": {},
    }  # fmt: skip
    run = kept.Run(home, about)
    model = mixtures.model_of(run)
    given = surfaces | {mixtures.MASK: np.ones(grid.shape, "float32")}
    found = mixtures.evaluate(given, set(surfaces), model)
    found["key_class"] = np.where(found["habitat"] >= 0.6, np.uint8(2), np.uint8(0))
    index = {}
    for name, array in {**surfaces, **found}.items():
        classes = {0: "other", 2: "key"} if name == "key_class" else None
        path = home / f"{name}.tif"
        file = block_maps.MapFile(path, grid, {name: ""}, {}, "0" * 16, classes)
        block = (0, grid.shape[0], 0, grid.shape[1])
        file.write(block, [array])
        file.join([block])
        file.publish()
        index[name] = {
            "title": name, "path": str(path), "band": 1, "unit": "", "codes": (), "public": True,
            "layers": (),
        }  # fmt: skip
    index["key"] = index["key_class"] | {"codes": (2, 3)}
    plain_files.write_table(home / "outputs.csv", results.index_table(index, str(home)))
    (home / "run.json").write_text(json.dumps(about))
    return kept.Run(home, about)


def by_title(split, number):
    """The parts of the causes for one number of the region."""
    return {c.title: p[number, 0] for c, p in zip(split.causes, split.parts, strict=True)}


def run_here(maps, files):
    height, width = files[0].grid.shape
    with block_maps.finishing(files, [(0, height, 0, width)]):
        block_maps.make(
            lambda block: maps(slice(*block[:2]), slice(*block[2:])), files, (0, height, 0, width)
        )


def old_half_saturation(x, half):
    """1 of 1 + 2 halves: a third where the present code says a half."""
    return x / (x + 2 * half)


@pytest.fixture
def staged(tmp_path, monkeypatch):
    """Camps of a later date, a weight of 0.8 for 0.4, and another code of a response."""
    with monkeypatch.context() as patch:
        patch.setitem(responses.RESPONSES, "half_saturation", old_half_saturation)
        before = made(tmp_path, "before", dogs=1.0, code="one")
    camps = CAMPS | {"date": 2025}
    told = config(threats=weighed(0.8))
    after = made(tmp_path, "after", dogs=3.0, told=told, camps=camps, content="b", code="two")
    return before, after


def test_a_staged_triple_change_is_split_among_layer_parameter_and_code(staged):
    split = mixtures.explained(*staged)
    # Threat is weight x response. As the runs made it: 0.4 / 3 and 0.8 x 0.75. By present code the
    # first is 0.2, with the camps alone 0.4 x 0.75 = 0.3, with the weight alone 0.8 x 0.5 = 0.4.
    threat = list(mixtures.NUMBERS).index("mean_threat")
    np.testing.assert_allclose(split.before[threat], 0.4 / 3, atol=1e-6)
    np.testing.assert_allclose(split.after[threat], 0.6, atol=1e-6)
    told = {
        cause.title: part[threat, 0] for cause, part in zip(split.causes, split.parts, strict=True)
    }
    assert told == pytest.approx({"Camps": 0.15, "Threat: Dogs": 0.25}, abs=1e-6)
    assert split.code[threat, 0] == pytest.approx(0.2 - 0.4 / 3, abs=1e-6)
    kinds = [(cause.kind, cause.group) for cause in split.causes]
    assert kinds == [
        ("new data of a later date", "Real change: new data of a later date"),
        ("changed parameters", "Changed parameters"),
    ]


def test_parts_sum_to_the_whole_in_each_number_and_area(staged):
    split = mixtures.explained(*staged)
    total = sum(split.parts) + split.code
    np.testing.assert_allclose(total, split.after - split.before, rtol=0, atol=1e-6)
    value = list(mixtures.NUMBERS).index("value_at_risk_km2")
    whole = split.after[value, 0] - split.before[value, 0]
    assert whole == pytest.approx(CELLS * 0.8 * (0.6 - 0.4 / 3), rel=1e-6)


def test_each_of_the_three_is_named(staged):
    layer = differences.layers(*staged).iloc[0]
    assert (layer["title"], layer["change"]) == ("Camps", "new data of a later date")
    assert (layer["date_before"], layer["date_after"]) == (2020, 2025)
    changed = differences.parameters(*staged).iloc[0]
    assert tuple(changed[:3]) == ("threats.dogs.weight", 0.4, 0.8)
    assert list(differences.code(*staged)["part"]) == ["manul.config.responses.half_saturation"]


def test_the_page_says_the_answer_first(staged, tmp_path):
    sides = ({("public", "current"): run} for run in staged)
    folder = page.compare(tuple(sides), run_here, tmp_path / "compared")[0]
    assert folder == tmp_path / "compared" / "before_to_after" / "public" / "current"
    text = (folder / "index.html").read_text()
    assert text.index("Mean threat rose from 0.133 to 0.600") < text.index("<img")
    assert "Threat: Dogs (changed parameters) +0.25" in text and "Code of the model" in text
    assert "Code of an earlier run cannot be run again" in text
    assert "http" not in text.split("</style>")[1].replace("http-equiv", "")
    causes = plain_files.read_table(folder / "causes.csv")
    assert causes[causes["number"] == "mean_threat"]["part"].sum() == pytest.approx(0.6 - 0.4 / 3)


def test_a_run_differs_nowhere_from_itself(tmp_path):
    run = made(tmp_path, "one")
    split = mixtures.explained(run, run)
    assert split.causes == [] and not split.code.any()
    for table in (differences.layers, differences.parameters, differences.code):
        assert table(run, run).empty
    folder = page.compare(({"k": run}, {"k": run}), run_here, tmp_path / "compared")[0]
    assert "The two runs have the same numbers" in (folder / "index.html").read_text()
    change = results.open_maps({"x": results.Source(str(folder / "threat_change.tif"))})["x"]
    assert not change.values.any()


def test_key_habitat_needs_a_patch_and_is_counted_where_it_was_gained(tmp_path):
    poor = np.full(grid_of(REGION).shape, 0.5)
    one_cell, west = poor.copy(), poor.copy()
    one_cell[0, 0] = 0.9  # smaller than the 4 km2 of a core
    west[:, :HALF] = 0.9
    before, after = (made(tmp_path, str(i), prey=p) for i, p in enumerate((one_cell, west)))
    split = mixtures.explained(before, after)
    height, width = grid_of(REGION).shape
    cells = HALF * height
    assert split.parts[0][0, 0] == cells
    everywhere = slice(0, height), slice(0, width)
    change = maps.key_change(mixtures.Pair(before, after), everywhere)
    counts = {name: (change == code).sum() for code, name in maps.KEY_CLASSES.items()}
    # The maps of these runs call each good cell key habitat.
    assert counts == {
        "no key habitat in either run": CELLS - cells, "gained": cells - 1, "lost": 0, "in both": 1,
    }  # fmt: skip


def test_two_causes_behind_one_surface_share_what_it_does(tmp_path):
    told = config(
        surfaces=config()["surfaces"] | {"dogs": {"kind": "value", "layer": "camps", "reach_m": 5}}
    )
    before = made(tmp_path, "before", dogs=1.0)
    after = made(tmp_path, "after", dogs=3.0, told=told, content="b")
    split = mixtures.explained(before, after)
    assert by_title(split, 1) == pytest.approx({"Camps": 0.05, "Threat: Dogs": 0.05}, abs=1e-6)


def test_a_surface_that_differs_without_a_reason_is_laid_to_the_code(tmp_path):
    before, after = made(tmp_path, "before", dogs=1.0), made(tmp_path, "after", dogs=3.0)
    split = mixtures.explained(before, after)
    assert [cause.title for cause in split.causes] == ["Code that makes surfaces"]
    assert split.parts[0][1, 0] == pytest.approx(0.4 * 0.25, abs=1e-6)


def test_a_threat_that_appears_is_a_cause(tmp_path):
    before = made(tmp_path, "before", told=config(threats={}))
    split = mixtures.explained(before, made(tmp_path, "after"))
    value = list(mixtures.NUMBERS).index("value_at_risk_km2")
    assert split.causes[0].title == "Threat: Dogs"
    assert split.after[value, 0] == pytest.approx(CELLS * 0.8 * 0.2, rel=1e-6)


def test_a_surface_that_there_was_not_is_a_cause(tmp_path):
    """Without camps 0.25 is at risk of the other threat, with them 1 - 0.75 x 0.8."""
    half = {"half_saturation": {"half": 0.8}}
    other = {"title": "Other", "weight": 0.5, "surface": "prey", "response": half}
    told = config(threats=config()["threats"] | {"other": other})
    absent = CAMPS | {"kind": "absent"}
    before = made(tmp_path, "before", dogs=0.0, told=told, camps=absent, content="")
    index = plain_files.read_table(before.folder / "outputs.csv")
    plain_files.write_table(before.folder / "outputs.csv", index[index["map"] != "dogs"])
    split = mixtures.explained(before, made(tmp_path, "after", dogs=1.0, told=told))
    assert by_title(split, 1) == pytest.approx({"Camps": 0.15}, abs=1e-6)
    np.testing.assert_allclose(split.before[1], 0.25, atol=1e-6)
    np.testing.assert_allclose(split.code[1], 0, atol=1e-6)


def test_other_words_are_no_cause(tmp_path):
    before = made(tmp_path, "before")
    told = config(threats={"dogs": config()["threats"]["dogs"] | {"title": "Herders' dogs"}})
    after = made(tmp_path, "after", told=told, camps=CAMPS | {"source": "a better map"})
    assert mixtures.explained(before, after).causes == []
    assert list(differences.parameters(before, after)["parameter"]) == ["threats.dogs.title"]
    assert list(differences.layers(before, after)["change"]) == ["described anew, the same data"]


@pytest.mark.parametrize(
    ("changes", "content", "told"),
    [
        ({}, "a", ""),
        ({}, "b", "corrected data: same source and date"),
        ({"date": "2021-03-01"}, "b", "new data of a later date"),
        ({"date": "1999-2019"}, "b", "data of an earlier date"),
        ({"source": "another map"}, "b", "another source"),
        ({"source": "another map", "date": 2021}, "b", "another source, of a later date"),
        ({"filter": "size > 3"}, "a", "the same data, read in another way"),
        ({"kind": "absent"}, "b", "a layer taken away"),
        ({"path": "elsewhere.gpkg"}, "a", ""),
    ],
)
def test_the_kind_of_a_layers_change(changes, content, told):
    old = {"block": CAMPS, "content": ["a"], "size": 1, "of": "features"}
    new = {"block": CAMPS | changes, "content": [content], "size": 1, "of": "features"}
    assert differences.kind_of_change(old, new) == told


def test_shapley_values_by_hand_and_one_after_another():
    # v(a) = 1, v(b) = 2, v(ab) = 5: a adds 1 or 3, b adds 2 or 4.
    values = {frozenset(): 0, frozenset("a"): 1, frozenset("b"): 2, frozenset("ab"): 5}
    value = lambda subset: np.array([values[subset]], float)  # noqa: E731
    assert {c: float(p[0]) for c, p in shares.split("ab", value).items()} == {"a": 2, "b": 3}
    steps = shares.split("ab", value, most=1)
    assert {c: float(p[0]) for c, p in steps.items()} == {"a": 1, "b": 4}
    assert len(shares.subsets("abcdef")) == 64 and len(shares.subsets("abcdefg")) == 8


def test_what_is_set_otherwise_in_reading_a_layer_is_told():
    old = {"block": CAMPS | {"filter": "size > 1", "buffer_m": 5}}
    new = {"block": CAMPS | {"filter": "size > 3", "source": "another map", "id": "n"}}
    told = "filter: size > 1 → size > 3; buffer_m: 5 → none; id: none → n"
    assert differences._settings(old, new) == told
    assert differences._settings(old, old) == ""
    assert differences._settings(None, {"block": {"kind": "vector"}}) == "kind: none → vector"


def test_key_habitat_is_counted_in_km2_and_not_in_cells(tmp_path):
    """Cells of 500 m, four to a km2."""
    fine = config(region=REGION | {"cell_m": 500.0})
    good = np.full(grid_of(fine["region"]).shape, 0.5)
    good[:8, :6] = 0.9  # 12 km2
    before = made(tmp_path, "before", prey=0.5, told=fine)
    split = mixtures.explained(before, made(tmp_path, "after", prey=good, told=fine))
    assert (split.before[0, 0], split.after[0, 0]) == (0, 12)
    assert split.parts[0][0, 0] == 12


def test_recommendations_appear_vanish_and_stay(tmp_path):
    rows = {
        "old": [("R1-a", "R1", "block A", 5), ("R1-b", "R1", "block B", 4), ("R2-c", "R2", "C", 3)],
        "new": [("R1-a", "R1", "block A", 6), ("R1-d", "R1", "block B", 4), ("R4-e", "R4", "E", 1)],
    }
    runs = []
    for label, table in rows.items():
        told = pd.DataFrame(table, columns=["id", "rule", "zone", "value_at_risk_km2"])
        told = told.assign(title=told["rule"], unit="", reason="")
        plain_files.write_table(tmp_path / f"{label}.csv", told)
        runs.append(kept.Run(tmp_path, {"named": {"recommend table": f"{label}.csv"}}))
    found = differences.recommendations(*runs)
    assert dict(zip(found["id"], found["change"], strict=True)) == {
        "R4-e": "appears", "R2-c": "vanishes", "R1-a": "stays", "R1-d": "stays",
    }  # fmt: skip
    assert differences.by_rule(found).set_index("rule").loc["R1", "stays"] == 2


def test_a_label_is_used_once_and_is_the_name_of_a_folder(tmp_path):
    (tmp_path / "2026-11").mkdir()
    with pytest.raises(kept.KeptError, match="2026-11 holds a kept run"):
        kept.free_label("2026-11", home=tmp_path)
    assert kept.free_label("2026-11", replace=True, home=tmp_path) == "2026-11"
    for wrong in ("../away", "", "a b", None, 2026.1, True, "present"):
        with pytest.raises(kept.KeptError, match="label"):
            kept.free_label(wrong, home=tmp_path)


def test_other_grids_are_refused(tmp_path):
    wide = config(region=REGION | {"cell_m": 2000.0})
    runs = made(tmp_path, "fine"), made(tmp_path, "wide", told=wide)
    with pytest.raises(kept.KeptError, match="one region on one grid"):
        page.compare(tuple({"k": run} for run in runs), run_here, tmp_path / "compared")
    with pytest.raises(kept.KeptError, match="cells of 2000 m"):
        kept.pair("fine", "wide", config(), tmp_path)
    with pytest.raises(kept.KeptError, match="present is of region square"):
        kept.pair("wide", None, config(), tmp_path)
    assert kept.pair("fine", None, config(), tmp_path) == ("fine", "present")


def test_a_kept_run_that_was_cut_is_refused(tmp_path):
    run = made(tmp_path, "one")
    about = dict(run.about) | {"files": {"threat.tif": (run.folder / "threat.tif").stat().st_size}}
    (run.folder / "run.json").write_text(json.dumps(about))
    assert ("public", "current") in kept.open_kept("one", tmp_path)
    (run.folder / "threat.tif").write_bytes(b"")
    with pytest.raises(kept.KeptError, match="not whole"):
        kept.open_kept("one", tmp_path)
    with pytest.raises(kept.KeptError, match="there are: one"):
        kept.open_kept("two", tmp_path)


# ------------------------------------------------------------------------------ a run that is kept


@pytest.fixture(scope="module")
def demo():
    return load.load(demo_config())["current"]


@pytest.fixture
def finished(tmp_path, monkeypatch, demo):
    """The demo as if it had run: each result holds its own path, but for four layers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    runs = Graph({"current": demo})
    home = tmp_path / "results" / "tien_shan" / "current"
    public, hidden = home / "layers", home / "restricted" / "layers"
    layers = {"study_area": (public, 1), "provinces": (public, 2), "camps": (hidden, 3)}
    for path in kept.files(runs):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    for name, (folder, number) in layers.items():
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.gpkg").unlink(missing_ok=True)
        points = gpd.GeoSeries([shapely.Point(0, 0)] * number, crs="EPSG:6933")
        points.to_file(folder / f"{name}.gpkg")
    raster_of(public, np.ones((3, 4))).rename(public / "elevation.tif")
    return runs


def test_each_view_of_a_kept_run_has_its_own_maps_and_tables(finished, tmp_path):
    folder, size = kept.keep(finished, "2026-11")
    assert folder.as_posix() == "kept/2026-11" and kept.labels() == ["2026-11"]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert size == sum(path.stat().st_size for path in files)
    assert not any(path.stat().st_mode & 0o222 for path in files)
    runs = kept.open_kept("2026-11")
    assert set(runs) == {("public", "current"), ("restricted", "current")}
    home = "results/tien_shan/current"
    for (view, _), run in runs.items():
        made = home if view == "public" else f"{home}/restricted"
        assert (run.folder / "threat.tif").read_text() == f"{made}/threat.tif"
        assert run.file("recommend table").read_text() == f"{made}/recommendations.csv"
        assert run.file("units table").read_text() == f"{made}/units.csv"
        assert run.file("mask").samefile(folder / "public/current/layers/study_area.gpkg")
        assert {*kept.MAPS, "effect_roads_paved", "relief"} <= set(run.maps)
        assert run.about["public"] is (view == "public")
        assert {"manul", "python", "numpy", "gdal"} <= set(run.about["versions"])
        assert {"model.cells", "products.zones", "analyses.suitability"} <= set(run.about["code"])
        # Maps that do not rest on hidden places are kept once, with the public ones.
        assert Path(run.maps["habitat"].path).samefile(folder / "public/current/habitat.tif")


def test_how_much_there_is_of_a_layer_is_told_unless_it_is_hidden(finished):
    kept.keep(finished, "a")
    public, exact = (kept.open_kept("a")[view, "current"] for view in ("public", "restricted"))
    told = {name: (layer["size"], layer["of"]) for name, layer in public.about["layers"].items()}
    assert told["elevation"] == (12, "cells") and told["provinces"] == (2, "features")
    assert told["camps"] == told["roads"] == (None, "")
    assert exact.about["layers"]["camps"]["size"] == 3
    behind = [run.about["surfaces"]["dogs_camps"] for run in (public, exact)]
    assert behind[0] == behind[1] | {"uses": [*behind[1]["uses"], "privacy"]}
    assert behind[1]["layers"] == ["camps"] and "as_of" in behind[1]["uses"]


def test_a_run_is_kept_whole_or_not_at_all(finished, tmp_path):
    lost = tmp_path / "results" / "tien_shan" / "current" / "threat.tif"
    lost.rename(tmp_path / "threat.tif")
    with pytest.raises(kept.KeptError, match=r"current/threat\.tif is not there; finish the run"):
        kept.keep(finished, "a")
    assert list((tmp_path / "kept").iterdir()) == []
    lost.write_text("first")
    kept.keep(finished, "a")
    lost.write_text("second")
    with pytest.raises(kept.KeptError, match="holds a kept run"):
        kept.keep(finished, "a")
    kept.keep(finished, "a", replace=True)
    assert (tmp_path / "kept/a/public/current/threat.tif").read_text() == "second"
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["a"]


def test_present_results_are_opened_like_kept_ones_and_leave_nothing(finished, tmp_path):
    with kept.present(finished) as runs:
        run = runs["public", "current"]
        assert run.label == kept.PRESENT
        there, linked = (
            tmp_path / "results/tien_shan/current/threat.tif",
            run.folder / "threat.tif",
        )
        assert linked.samefile(there)
    assert list((tmp_path / ".snakemake").iterdir()) == [] and there.is_file()


def test_kept_runs_are_told_by_age(tmp_path):
    for label, when in (("b", "2026-01-01"), ("a", "2026-02-01"), ("c", "2025-12-01")):
        folder = tmp_path / label / "public" / "current"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"kept": when}))
    (tmp_path / "empty").mkdir()
    assert kept.labels(tmp_path) == ["c", "b", "a"]


def test_a_path_of_the_machine_is_told_by_its_last_part():
    told = {"a": ["/home/ann/dem.tif", ("dem.tif", 2)], "/x/y": None}
    assert kept._without_paths(told) == {"a": ["dem.tif", ["dem.tif", 2]], "y": None}


def test_a_digest_of_each_function(tmp_path):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "a.py").write_text(
        "from pack import b\nX = 1\ndef f(x):\n    '''Words.'''\n    return x\n"
    )
    (package / "b.py").write_text("def g(x):\n    return x\n")
    first = digests.of_functions("a", package=package)
    assert {name: set(parts) for name, parts in first.items()} == {"a": {"", "f"}, "b": {"g"}}
    (package / "a.py").write_text("from pack import b\nX = 1\ndef f(x):\n    return x + 1\n")
    digests.of_functions.cache_clear()
    second = digests.of_functions("a", package=package)
    assert first["a"]["f"] != second["a"]["f"]
    assert first["a"][""] == second["a"][""] and first["b"] == second["b"]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("current/maps/threat.tif", "public/current/maps/threat.tif"),
        ("current/restricted/key.tif", "restricted/current/key.tif"),
    ],
)
def test_what_is_restricted_is_kept_apart(path, place):
    runs = SimpleNamespace(region="corner")
    assert kept._place(runs, f"results/corner/{path}").as_posix() == place


def test_causes_that_swap_blocks_may_be_taken_as_one():
    layer = causes.Cause("camps", "Camps", "new data", "data", surfaces=frozenset({"dogs"}))
    first, second = (
        causes.Cause(name, name, "k", "g", ((name,),), frozenset({name})) for name in "ab"
    )
    plain, joined = causes.together([first, layer, second])
    assert plain == layer
    assert joined.blocks == (("a",), ("b",)) and joined.surfaces == {"a", "b"}


# ------------------------------------------------------------------------- pictures of differences


def raster_of(folder, values):
    """A raster of float32 with NaN for unknown."""
    values = np.asarray(values, "float32")
    height, width = values.shape
    path = folder / "map.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype="float32",
        crs="EPSG:6933", transform=rasterio.Affine(100, 0, 0, 0, -100, 0), nodata=np.nan,
    ) as file:  # fmt: skip
        file.write(values, 1)
    return path


def test_of_many_cells_the_one_farthest_from_zero_is_drawn(tmp_path):
    nan = np.nan
    path = raster_of(tmp_path, [[1, -3, nan, nan, 7], [2, 0, nan, nan, 1], [-1, 1, nan, 5, -9]])
    found = maps.reduced(path, maps._largest, most=3)  # squares of two cells, the last in part
    np.testing.assert_array_equal(found, [[-3, nan, 7], [1, 5, -9]])
    assert maps.reduced(path, maps._largest, most=5).shape == (3, 5)


def test_of_many_cells_a_loss_is_drawn_before_a_gain_and_a_gain_before_the_rest(tmp_path):
    nan = np.nan
    path = raster_of(tmp_path, [[0, 3, 1, 3, nan, nan], [2, 1, 0, 0, nan, nan]])
    np.testing.assert_array_equal(maps.reduced(path, maps._rarest, most=3), [[2, 1, nan]])


def test_a_tall_map_is_read_in_strips_of_whole_squares(tmp_path):
    path = raster_of(tmp_path, np.arange(2500.0)[:, None])
    found = maps.reduced(path, maps._largest, most=1250)
    assert found.ravel().tolist() == list(range(1, 2500, 2))


def test_key_habitat_of_two_runs_in_one_code():
    """none, gained, lost, both, none with habitat unknown in one run, unknown in both."""
    nan = np.nan
    key = {0: [0, 0, 1, 1, 0, 0], 1: [0, 1, 0, 1, 0, 0]}
    habitat = {0: [1, 1, 1, 1, nan, nan], 1: [1, 1, 1, 1, 1, nan]}
    told = {"key": key, "habitat": habitat}
    pair = SimpleNamespace(made=lambda side, name, at: np.array(told[name][side], "float32"))
    assert maps.key_change(pair, None).tolist() == [0, 1, 2, 3, 0, 255]


def test_many_causes_are_taken_one_after_another_and_few_in_all_orders():
    assert [len(s) for s in shares.subsets("abc", most=2)] == [0, 1, 2, 3]
    assert len(shares.subsets("abc", most=3)) == 8

    def value(subset):  # a and b together are worth 6
        return np.array(6.0 if {"a", "b"} <= subset else 0.0)

    assert {c: float(v) for c, v in shares.split("abc", value, most=2).items()} == {
        "a": 0, "b": 6, "c": 0,
    }  # fmt: skip
    parts = shares.split("abc", value, most=3)
    assert {c: float(v) for c, v in parts.items()} == pytest.approx({"a": 3, "b": 3, "c": 0})
