"""Draws: distributions, the design, one pass over surfaces, surfaces between nodes, places."""

import copy
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import scipy.ndimage
import shapely
from conftest import demo_config
from odc.geo.geobox import GeoBox

from manul import surfaces
from manul.config import load, ranges, selection
from manul.config.nodes import Value, filled
from manul.grid import block_maps, disk_maps, plain_files, vectors
from manul.grid.fields import Fields
from manul.model import cells
from manul.products import confidence, patches
from manul.uncertainty import (
    alternatives,
    design,
    displaced,
    distributions,
    key_draws,
    measure,
    passes,
    specs,
    summary,
    support,
    tables,
)

GRID = GeoBox.from_bbox((0, 0, 40_000, 30_000), crs="EPSG:6933", resolution=1000)
WEIGHT = {"value": 0.4, "range": [0.2, 0.6], "status": "G"}
SPEC = {
    "number": 64,
    "seed": 3,
    "design": "sobol",
    "parameters": {},
    "cumulative": {"saturation": 1.0},
    "realisations": 0,
    "errors": [],
}


def model(**more):
    """One habitat component and two threats; numbers in the head."""
    return {
        "habitat": {
            "floor": 0.05,
            "known_weight": 0.5,
            "reference": {},
            "components": {"food": {"surface": "food", "weight": 1.0}},
            "gates": {},
        },
        "threats": {
            "dogs": {"surface": "dogs", "weight": 0.4},
            "mines": {"surface": "mines", "weight": 0.3},
        },
        "cumulative": "additive",
        "dominant_floor": 0.02,
        "absent": [],
    } | more  # fmt: skip


def write(folder, **arrays):
    """Surfaces as rasters, and their paths by name; an array with three axes has bands."""
    paths = {}
    for name, array in arrays.items():
        bands = np.asarray(array, "float32")
        bands = bands[None] if bands.ndim == 2 else bands
        paths[name] = str(folder / f"{name}.tif")
        file = block_maps.MapFile(
            paths[name], GRID, {str(i): "" for i in range(len(bands))}, {}, "digest", name=name
        )

        def work(at, b=bands, n=name):
            return {n: {str(i): band[at[0] : at[1], at[2] : at[3]] for i, band in enumerate(b)}}

        blocks = block_maps.blocks(GRID, 1024)
        with block_maps.finishing([file], blocks):
            for at in blocks:
                block_maps.make(work, [file], at)
    return paths


def uncertain(files, parameters=None, bands=None, draws=None, of=None, **spec):
    """What a pass is told, and the draws."""
    draws = draws or design.draw(SPEC | {"parameters": parameters or {}} | spec)
    told = SimpleNamespace(
        model=of or model(), specs={}, errors=bands or {}, saturating=["dogs", "mines"]
    )
    key = {"thresholds": "expert", "suitable": 0.4, "key": 0.6}
    return passes.uncertain(told, draws, key, files, {}, {})


def each_by_itself(draws):
    """Each number that is drawn as a group of its own."""
    return measure.Behind(draws, {str(n): str(n) for n in draws.table().select_dtypes("number")})


def run(of, side=1024):
    """All maps of a pass, and the sums."""
    kept, out = {}, {}
    top = passes.top_tenth(of, [], GRID)
    behind = each_by_itself(of.draws)
    for at in block_maps.blocks(GRID, side):
        made = passes.on_block(of, top, [], [], kept.__setitem__, GRID, behind, at)
        for name, bands in made.items():
            for band, values in bands.items():
                whole = out.setdefault((name, band), np.zeros(GRID.shape, values.dtype))
                whole[at[0] : at[1], at[2] : at[3]] = values
    return out, sum(kept.values())


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(1)
    made = {n: rng.random(GRID.shape).astype("float32") for n in ("food", "dogs", "mines")}
    made["dogs"][3:6] = np.nan
    made["food"][10, 10] = np.nan
    return write(tmp_path, **made), made


@pytest.mark.parametrize(
    ("spread", "share", "told"),
    [(0.1, 0.5, "a"), (0.1, 0.02, ""), (1e-4, 0.5, ""), (0.1, 0.0, "")],
)
def test_what_hardly_varies_or_has_no_cause_that_stands_out_names_none(spread, share, told):
    """Of the variance of a cell `a` explains a share, and what nobody knows the rest."""
    rng = np.random.default_rng(7)
    n = 4000
    x = rng.standard_normal((n, 3))
    table = pd.DataFrame(x[:, :2], columns=["a", "b"])
    behind = measure.Behind(SimpleNamespace(table=lambda: table, number=n), {"a": "a", "b": "b"})
    values = spread * (share**0.5 * x[:, 0] + (1 - share) ** 0.5 * x[:, 2])
    (code,) = behind(values[None].astype("float32"))
    assert behind.codes[int(code)] == (told or "hardly in doubt, or no input stands out")


# ------------------------------------------------------------------- distributions and design


@pytest.mark.parametrize(
    ("name", "u", "expected"),
    [
        ("uniform", 0.25, 1.0),
        ("triangular", 0.5, 2.0),
        ("triangular", 0.125, 1.0),  # a right triangle of half the height at half its base
        ("pert", 0.5, 2.0),
        ("pert", 0.0, 0.0),
        ("triangular", 1.0, 4.0),
    ],
)
def test_quantiles_that_one_knows(name, u, expected):
    for start in (0, 3, -3):
        parameter = {"value": start + 2, "range": [start, start + 4], "distribution": name}
        found = distributions.quantiles(parameter, np.array([u]))
        assert found == pytest.approx([start + expected])


@pytest.mark.parametrize(("value", "u"), [(0, 31 / 32), (4, 1 / 32)])
def test_a_peak_at_an_end_is_a_fifth_power(value, u):
    """Beta with the shapes 1 and 5: half of the range is passed by a half to the fifth."""
    for start in (0, 3, -3):
        parameter = {"value": start + value, "range": [start, start + 4], "distribution": "pert"}
        assert distributions.quantiles(parameter, np.array([u])) == pytest.approx([start + 2])


@pytest.mark.parametrize(
    ("u", "expected"),
    [(0.0, 0), (0.0625, 0.5), (0.25, 1), (13 / 16, 2.5), (1.0, 4)],
)
def test_a_triangle_whose_peak_is_at_a_quarter(u, expected):
    """A quarter lies below the peak, a sixteenth below half of that; so too from the top."""
    for start in (0, 3, -3):
        parameter = {"value": start + 1, "range": [start, start + 4], "distribution": "triangular"}
        found = distributions.quantiles(parameter, np.array([u]))
        assert found == pytest.approx([start + expected])


def test_a_found_number_is_triangular_and_a_guess_uniform():
    assert distributions.named({"value": 1, "status": "F"}) == "triangular"
    assert distributions.named({"value": 1, "status": "G"}) == "uniform"
    assert distributions.named({"value": 1, "status": "F", "distribution": "pert"}) == "pert"


def test_a_number_without_a_status_is_a_guess_and_of_another_status_uniform_too():
    assert distributions.named({"value": 1}) == distributions.named({"status": "X"}) == "uniform"


@pytest.mark.parametrize(
    ("parameter", "told"), [({"range": [1, 2]}, True), ({"range": [1, 1]}, False), ({}, False)]
)
def test_only_a_number_with_a_range_of_some_width_is_drawn(parameter, told):
    assert distributions.drawn(parameter) == told


def test_every_distribution_that_a_config_may_name_is_there():
    assert tuple(distributions.DISTRIBUTIONS) == ranges.DISTRIBUTIONS


def test_pooled_answers_stand_for_the_range():
    parameter = {"value": 1, "range": [0, 9], "pooled": ([0, 0.5, 1], [2, 3, 6])}
    assert distributions.quantiles(parameter, np.array([0.25, 0.75])).tolist() == [2.5, 4.5]


@pytest.mark.parametrize("how", ["sobol", "latin_hypercube"])
def test_the_same_seed_gives_the_same_draws_that_fill_the_range(how):
    spec = SPEC | {"parameters": {"threats.dogs.weight": WEIGHT}, "design": how}
    first, again = (design.draw(spec).values["threats.dogs.weight"] for _ in range(2))
    assert np.array_equal(first, again)
    other = design.draw(spec | {"seed": 4}).values["threats.dogs.weight"]
    assert not np.array_equal(first, other)
    counts = np.histogram(first, bins=4, range=(0.2, 0.6))[0]
    assert counts.tolist() == [16, 16, 16, 16]


def test_modes_and_places_come_as_often_as_their_chances():
    chances = {"saturation": 0.5, "additive": 0.25, "dominant": 0.25}
    draws = design.draw(SPEC | {"cumulative": chances, "realisations": 4})
    assert {m: len(w) for m, w in draws.modes.items()} == {
        "saturation": 32,
        "additive": 16,
        "dominant": 16,
    }
    assert np.bincount(draws.places).tolist() == [16] * 4
    assert (np.diff(draws.places) >= 0).all()


@pytest.mark.parametrize("number", [1, 5, 9])
def test_any_number_of_draws_is_made(number):
    for how in ("sobol", "latin_hypercube"):
        spec = {"number": number, "parameters": {"a": WEIGHT}, "design": how, "errors": ["b"]}
        made = design.draw(SPEC | spec)
        assert made.number == len(made.values["a"]) == len(made.fitted) == number
        assert np.isfinite(made.errors["b"]).all()


def test_some_of_the_draws_keep_what_each_of_them_is():
    made = design.draw(
        SPEC | {
            "parameters": {"a": WEIGHT}, "cumulative": {"additive": 0.5, "maximum": 0.5},
            "realisations": 4, "errors": ["burrows"], "fitted": 0.5,
        }
    )  # fmt: skip
    which = np.array([3, 60, 17])
    some = made.only(which)
    assert some.number == 3
    expected = made.table().iloc[which].reset_index(drop=True)
    assert some.table().reset_index(drop=True).equals(expected)
    of_one = made.modes["maximum"][:2]
    assert list(made.only(of_one).modes) == ["maximum"]


def test_corners_of_a_trapezoid_keep_their_order():
    block = {"response": {"trapezoid": {"a": 0, "b": 1, "c": 2, "d": 3}}}
    drawn = {
        "response.trapezoid.b": np.array([0.5, 2.5]),
        "response.trapezoid.a": np.array([0.7, 0]),
    }
    corners = design.applied(block, drawn)["response"]["trapezoid"]
    assert (corners["b"] > corners["a"]).all()
    assert corners["c"].tolist() == [2.0, 2.5]


# ------------------------------------------------------------------------------------- passes


def test_weights_that_are_shares_of_a_sum_add_up_to_one_in_each_draw():
    def block(*weights):
        terms = {n: {"surface": n, "weight": w} for n, w in zip("ab", weights, strict=True)}
        return {"habitat": [{"combine": "sum", "terms": terms}]}

    drawn = {
        "habitat.0.terms.a.weight": np.array([0.4, 0.8]),
        "habitat.0.terms.b.weight": [0.6, 0.4],
    }
    terms = design.applied(block(0.6, 0.4), drawn)["habitat"][0]["terms"]
    np.testing.assert_allclose(terms["a"]["weight"], [0.4, 0.8 / 1.2], rtol=1e-6)
    np.testing.assert_allclose(terms["b"]["weight"], [0.6, 0.4 / 1.2], rtol=1e-6)
    terms = design.applied(block(0.5, 0.3), drawn)["habitat"][0]["terms"]  # at most 1
    np.testing.assert_allclose(terms["a"]["weight"], [0.4, 0.8 / 1.2], rtol=1e-6)
    drawn |= {"habitat.0.terms.b.weight": [0.5, 0.4]}
    terms = design.applied(block(0.5, 0.3), drawn)["habitat"][0]["terms"]
    np.testing.assert_allclose(terms["b"]["weight"], [0.5, 0.4 / 1.2], rtol=1e-6)
    drawn |= {"habitat.0.terms.b.weight": [0.6, 0.4]}
    amounts = block(0.6, 0.4)
    amounts["habitat"][0]["response"] = {"half_saturation": {"half": 5}}
    terms = design.applied(amounts, drawn)["habitat"][0]["terms"]
    np.testing.assert_allclose(terms["b"]["weight"], [0.6, 0.4], rtol=1e-6)
    one = {"habitat": [{"combine": "sum", "terms": {"a": {"surface": "a", "weight": 1.0}}}]}
    (term,) = design.applied(one, drawn)["habitat"][0]["terms"].values()
    np.testing.assert_allclose(term["weight"], [0.4, 0.8], rtol=1e-6)
    terms = design.applied(block(15, 3), drawn)["habitat"][0]["terms"]  # amounts, not shares
    np.testing.assert_allclose(terms["a"]["weight"], [0.4, 0.8], rtol=1e-6)
    terms = design.applied(block(0.6, 0.4), {})["habitat"][0]["terms"]
    assert [term["weight"] for term in terms.values()] == [0.6, 0.4]


def test_ranges_of_no_width_give_the_deterministic_maps(files):
    paths, arrays = files
    flat = {"threats.dogs.weight": WEIGHT | {"range": [0.4, 0.4]}}
    made, _ = run(uncertain(paths, flat, cumulative={"additive": 1.0}))
    once = cells.evaluate(arrays, model())
    for name in ("habitat", "threat", "value_at_risk"):
        for band in ("mean", "p05", "p95"):
            np.testing.assert_array_equal(made[name, band], once[name], err_msg=f"{name} {band}")
        assert np.nanmax(made[name, "sd"]) == 0
    suitable = np.where(np.isnan(once["habitat"]), np.nan, once["habitat"] >= 0.4)
    np.testing.assert_array_equal(made["habitat", "p_suitable"], suitable)


def test_a_component_without_a_layer_is_left_out_where_all_else_is_known(tmp_path):
    ones = np.full(GRID.shape, 0.7, "float32")
    paths = write(tmp_path, food=ones, dogs=ones, mines=ones)
    of = model()
    of["habitat"]["components"]["den"] = {"surface": "den", "weight": 0.5}
    made, _ = run(uncertain(paths, {"threats.dogs.weight": WEIGHT}, of=of))
    np.testing.assert_allclose(made["habitat", "mean"], 0.7, rtol=1e-6)
    assert np.isfinite(made["value_at_risk", "p05"]).all()


def test_some_draws_take_the_habitat_that_is_fitted_to_records(tmp_path):
    food = np.full(GRID.shape, 0.5, "float32")
    fitted = np.full(GRID.shape, 0.3, "float32")  # where the fit is as sure as the expert at 0.4
    fitted[5], fitted[6], fitted[7] = 0.5, 1.0, np.nan
    paths = write(tmp_path, food=food, dogs=food, mines=food, fitted=fitted)
    of = model()
    of["habitat"]["reference"] = {"food": 0.75}
    draws = design.draw(SPEC | {"fitted": 0.25})
    assert draws.fitted.sum() == 16 and draws.table()[design.FITTED].sum() == 16
    told = uncertain(paths, draws=draws, of=of)
    fit = passes.Fit(paths["fitted"], (0, 0.3, 0.5, 1), (0, 0.4, 0.6, 1))
    del told.files["fitted"]
    told = dataclasses.replace(told, fit=fit)
    made, _ = run(told)
    mean = made["habitat", "mean"][:, 0]
    quarter = [0.4, 0.6, 1.0, 0.5]
    np.testing.assert_allclose(
        mean[[0, 5, 6, 7]], [0.75 * 0.5 + 0.25 * q for q in quarter], rtol=1e-6
    )
    at = told.read((0, 1, 0, 1))
    outcome = told.outcome({name: bands[:, :1] for name, bands in at.items()})
    # what is lost is the same part: 0.75 / 0.5 of what is there
    assert sorted(set(outcome.reference.number[0].round(5))) == [0.6, 0.75]
    unused = dataclasses.replace(told, draws=design.draw(SPEC))
    assert not unused.draws.fitted.any()
    np.testing.assert_array_equal(run(unused)[0]["habitat", "mean"][:, 0], 0.5)
    without, _ = run(dataclasses.replace(told, fit=None))
    np.testing.assert_array_equal(without["habitat", "mean"][:, 0], 0.5)


@pytest.mark.parametrize(
    ("gate", "taken"), [("passed", True), ("misses the gate for use: AUC 0.72", False)]
)
def test_a_fit_that_misses_its_gate_is_not_drawn(tmp_path, gate, taken):
    table = pd.DataFrame(
        {"map": ["habitat", "fitted"], "suitable": [0.4, 0.44], "key": [0.6, 0.44], "gate": gate}
    )
    plain_files.write_table(tmp_path / "thresholds.csv", table)
    named = {"fit": {"thresholds": str(tmp_path / "thresholds.csv")}, "fitted": {"fitted": "f.tif"}}
    fit = tables.fit_of_job(lambda role: named.get(role, {}), {"suitable": 0.4, "key": 0.6})
    spec = tables.spec_of_job(lambda role: named.get(role, {}), {"draws": SPEC | {"fitted": 0.3}})
    assert (fit is not None, spec["fitted"]) == (taken, 0.3 if taken else 0)
    if taken:
        assert fit.fitted == (0, 0.44, pytest.approx(0.441), 1) and fit.expert == (0, 0.4, 0.6, 1)
    assert tables.fit_of_job(lambda role: {}, {}) is None


def test_what_experts_say_stands_for_the_range(tmp_path):
    path = tmp_path / "elicited.csv"
    said = {"parameter": "a", "experts": 2, "pool": "equal", "q0000": 1, "q0500": 2, "q1000": 5}
    plain_files.write_table(path, pd.DataFrame([said]))
    named = {"elicited": {"elicited": str(path)}}
    told = {"draws": SPEC | {"parameters": {"a": WEIGHT, "b": WEIGHT}}}
    found = tables.spec_of_job(lambda role: named.get(role, {}), told)["parameters"]
    assert found["b"] == WEIGHT and {n: found["a"][n] for n in WEIGHT} == WEIGHT
    assert [list(part) for part in found["a"]["pooled"]] == [[0, 0.5, 1], [1, 2, 5]]


def test_where_no_threat_is_known_none_is_told():
    sums = np.zeros((2, len(passes.SUMS), 8))
    of = {name: i for i, name in enumerate(passes.SUMS)}
    sums[:, of["cells"]], sums[0, of["told"]], sums[0, of["threat"]] = 10, 5, 2
    table = tables.of_units(["east"], sums, GRID).set_index("unit")
    assert table.loc["east", ["mean_threat_mean", "value_at_risk_km2_p05"]].isna().all()
    assert table.loc[tables.REGION, "mean_threat_mean"] == 0.4  # of the cells where it is known
    assert table.loc["east", "mean_habitat_mean"] == 0


def test_outcomes_are_in_km2_whatever_a_cell_measures():
    """Cells of 4 km2: ten are known, of five the threat."""
    grid = GeoBox.from_bbox((0, 0, 10_000, 6000), crs=GRID.crs, resolution=2000)
    of = dict.fromkeys(passes.SUMS, 0.0) | {
        "cells": 10, "told": 3, "threat": 1, "value_at_risk": 4, "habitat": 5, "suitable": 3,
        "key_cell": 2,
    }  # fmt: skip
    sums = np.array(list(of.values()))[None, :, None] * np.ones(2)
    expected = {
        "suitable_km2": 12, "key_cell_km2": 8, "mean_habitat": 0.5, "mean_threat": 0.3333,
        "value_at_risk_km2": 16,
    }  # fmt: skip
    (whole,) = tables.of_units([], sums, grid).to_dict("records")
    assert {name: whole[f"{name}_mean"] for name in tables.OUTCOMES} == expected
    expected["mean_threat"] = 0.333333
    each = tables.units_of_draws([], sums, grid)
    assert each[list(tables.OUTCOMES)].to_dict("records") == [expected] * 2
    assert each[["number", "draw", "threat_cells"]].values.tolist() == [[0, 1, 3], [0, 2, 3]]
    every = tables.of_draws(design.draw(SPEC | {"number": 2}), sums, grid)
    assert every[list(tables.OUTCOMES)].to_dict("records") == [expected] * 2


def test_a_threat_is_told_where_it_and_the_habitat_are_known(tmp_path):
    """Of 30 x 40 cells a row has no habitat, and two others no threat."""
    food, threat = np.ones((2, *GRID.shape))
    food[0], threat[10:12] = np.nan, np.nan
    _, sums = run(uncertain(write(tmp_path, food=food, dogs=threat, mines=threat)))
    of = dict(zip(passes.SUMS, sums[0], strict=True))
    assert set(of["cells"]) == {29 * 40} and set(of["told"]) == {27 * 40}


def test_sums_of_a_block_are_those_of_its_units(tmp_path):
    """A unit of 10 x 30 km on a map of 40 x 30 km."""
    west = gpd.GeoDataFrame(
        {"name": ["West"]}, geometry=[shapely.box(0, 0, 1e4, 3e4)], crs=GRID.crs
    )
    west.to_file(tmp_path / "units.gpkg")
    ones, kept = np.ones(GRID.shape), {}
    of = uncertain(write(tmp_path, food=ones, dogs=ones, mines=ones))
    behind = measure.Behind(of.draws, {})
    units, at = [str(tmp_path / "units.gpkg")], (0, 30, 0, 40)
    passes.on_block(of, None, [], units, kept.__setitem__, GRID, behind, at)
    cells_ = kept[at][:, passes.SUMS.index("cells")]
    assert cells_.tolist() == [[900] * 64, [300] * 64]


def test_what_is_measured_is_added_to_the_unit_of_each_cell():
    sums, unit = np.zeros((3, len(passes.SUMS), 2)), np.array([0, 2, 2])
    known = np.array([True, True, False])
    habitat = np.array([[0.1, 0.2], [0.3, 0.4], [9, 9]])
    passes.add(sums, unit, {"cells": known, "habitat": (habitat, known)})
    passes.add(sums, unit[1:2], {"habitat": (np.array([[0.5]]), known[:1])})
    of = dict(zip(passes.SUMS, sums.swapaxes(0, 1).tolist(), strict=True))
    assert of["cells"] == [[1, 1], [0, 0], [1, 1]] and not np.any(of["threat"])
    assert of["habitat"] == [[0.1, 0.2], [0, 0], [0.8, 0.9]]


def test_the_result_is_the_same_on_several_threads(files):
    paths, _ = files
    of = uncertain(paths, {"threats.dogs.weight": WEIGHT})
    one, sums = run(of, 16)
    out, kept = {}, {}
    top = passes.top_tenth(of, [], GRID)
    behind = each_by_itself(of.draws)
    blocks = block_maps.blocks(GRID, 16)

    def work(at):
        return at, passes.on_block(of, top, [], [], kept.__setitem__, GRID, behind, at)

    with ThreadPoolExecutor(4) as threads:
        for at, made in threads.map(work, reversed(blocks)):
            for name, bands in made.items():
                for band, values in bands.items():
                    whole = out.setdefault((name, band), np.zeros(GRID.shape, values.dtype))
                    whole[at[0] : at[1], at[2] : at[3]] = values
    for name, values in one.items():
        np.testing.assert_array_equal(values, out[name], err_msg=str(name))
    np.testing.assert_array_equal(sums, sum(kept[at] for at in blocks))


def test_intervals_hold_the_truth_as_often_as_they_say(files):
    """A landscape of which the truth is known: one draw of all its numbers, 200 times."""
    paths, _ = files
    drawn = {
        "threats.dogs.weight": WEIGHT,
        "threats.mines.weight": {"value": 0.3, "range": [0.1, 0.6], "status": "F"},
        "habitat.components.food.weight": {"value": 1, "range": [0.5, 2], "status": "F"},
    }
    modes = {"cumulative": {"saturation": 0.5, "additive": 0.25, "dominant": 0.25}}
    _, sums = run(uncertain(paths, drawn, number=128, **modes))
    _, truths = run(uncertain(paths, drawn, number=200, seed=11, design="latin_hypercube", **modes))
    for name in ("threat", "value_at_risk"):
        i = passes.SUMS.index(name)
        low, high = np.quantile(sums[0, i], [0.025, 0.975])
        held = np.mean((truths[0, i] >= low) & (truths[0, i] <= high))
        assert 0.90 <= held <= 0.99, name


def test_the_result_is_the_same_for_blocks_of_any_size(files):
    paths, _ = files
    of = uncertain(
        paths, {"threats.dogs.weight": WEIGHT}, cumulative={"additive": 0.5, "dominant": 0.5}
    )
    (whole, sums), (parts, other) = run(of), run(of, 16)
    for name, values in whole.items():
        np.testing.assert_array_equal(values, parts[name], err_msg=str(name))
    np.testing.assert_allclose(sums, other, rtol=1e-12)


@pytest.fixture
def patchy(tmp_path):
    """Dogs in the east alone, mines in one corner of it and one cell of the west."""
    rng = np.random.default_rng(1)
    made = {n: rng.random(GRID.shape).astype("float32") for n in ("food", "dogs", "mines")}
    made["dogs"][:, : GRID.width // 2] = 0
    made["mines"][5:] = made["mines"][:, :-5] = 0
    made["mines"][10, 2] = 0.5
    return write(tmp_path, **made)


def test_what_is_nowhere_near_is_left_out_and_changes_no_bit(patchy):
    drawn = {f"threats.{name}.weight": WEIGHT for name in ("dogs", "mines")}
    every = dict.fromkeys(("saturation", "additive", "diminishing", "dominant"), 0.25)
    of = uncertain(patchy, drawn, cumulative=every)
    assert of.of_threats == {"dogs", "mines"}
    whole = uncertain(patchy, drawn, cumulative=every)
    whole.__dict__["of_threats"] = frozenset()  # every surface is worked out in each draw
    (made, sums), (plain, plain_sums) = run(of), run(whole)
    for name, values in plain.items():
        np.testing.assert_array_equal(made[name], values, err_msg=str(name))
    np.testing.assert_allclose(sums, plain_sums, rtol=1e-12)


def test_cells_with_the_same_threats_come_together(patchy, monkeypatch):
    """First those with none, then with the threat of most cells, last those with the rarest."""
    monkeypatch.setattr(passes, "PIECE", 8)
    monkeypatch.setattr(passes, "NUMBERS", 1)
    of = uncertain(patchy)
    at = (0, *GRID.shape[:1], 0, GRID.width)
    arrays = of.read(at)
    order = of.grouped(arrays, np.arange(GRID.height * GRID.width))
    dogs, mines = (arrays[name][0, order] > 0 for name in ("dogs", "mines"))
    assert sorted(order) == list(range(len(order)))
    assert (np.diff((2 * mines + dogs).astype(int)) >= 0).all()
    pieces = [(here, outcome) for here, outcome in of.pieces(arrays, order)]
    assert pieces[0][1].given["dogs"] is passes.NOTHING is pieces[0][1].given["mines"]
    assert pieces[-1][1].given["mines"].number.shape == (8, 1)
    assert all(outcome.threat.number.shape[0] == len(here) for here, outcome in pieces)


@pytest.mark.parametrize("mode", ["saturation", "additive", "diminishing", "dominant"])
def test_a_threat_that_is_nowhere_near_gains_nothing(patchy, mode):
    of = uncertain(patchy, cumulative={mode: 1.0})
    arrays = of.read((0, 4, 0, 4))
    ((_, outcome),) = of.pieces(arrays, np.arange(16))
    for threat in ("dogs", "mines"):
        assert not filled(outcome.gain(("without", threat), of)).any()
    kept = filled(outcome.gain(("keep_from", "dogs"), of))
    np.testing.assert_allclose(kept[:, :1], 0.4 * arrays["food"].T, rtol=1e-6)


def test_a_linear_model_has_its_analytic_mean_and_variance(files):
    paths, arrays = files
    drawn = {"threats.dogs.weight": WEIGHT, "threats.mines.weight": WEIGHT | {"value": 0.3}}
    made, _ = run(uncertain(paths, drawn, number=1024, cumulative={"additive": 1.0}))
    low = np.nan_to_num(arrays["dogs"]) * 0.6 + arrays["mines"] * 0.6 < 1  # nothing is cut at 1
    mean = 0.4 * (np.nan_to_num(arrays["dogs"]) + arrays["mines"])
    variance = 0.4**2 / 12 * (np.nan_to_num(arrays["dogs"]) ** 2 + arrays["mines"] ** 2)
    np.testing.assert_allclose(made["threat", "mean"][low], mean[low], rtol=2e-3)
    np.testing.assert_allclose(made["threat", "sd"][low], np.sqrt(variance[low]), rtol=1e-2)


def test_percentiles_are_those_of_numpy():
    x = np.random.default_rng(2).random((50, 77)).astype("float32")
    found = summary.spread(x)
    np.testing.assert_allclose(found["p05"], np.percentile(x, 5, axis=1), rtol=1e-5)
    np.testing.assert_allclose(found["p95"], np.percentile(x, 95, axis=1), rtol=1e-5)
    np.testing.assert_allclose(found["sd"], x.std(1), rtol=1e-5)


def test_what_draws_agree_on(files):
    paths, arrays = files
    made, _ = run(uncertain(paths, {"threats.dogs.weight": WEIGHT}, cumulative={"additive": 1.0}))
    i = np.unravel_index(np.nanargmax(arrays["dogs"] - arrays["mines"] * 2), GRID.shape)
    assert made["threat", "agreement"][i] == 1
    agreed = made["threat", "agreement"]
    assert 0.5 <= np.nanmin(agreed) < 0.6  # two threats: one of them leads in half of the draws


def test_each_draw_adds_threats_in_its_own_way(tmp_path):
    """Effects of 0.2 and 0.3 are 0.5 in the draws that add them and 0.3 where the larger counts."""
    ones = np.ones(GRID.shape)
    paths = write(tmp_path, food=ones, dogs=0.5 * ones, mines=ones)
    made, _ = run(uncertain(paths, cumulative={"additive": 0.25, "dominant": 0.75}))
    found = [made["threat", band][3, 3] for band in ("mean", "p05", "p95")]
    assert found == pytest.approx([0.25 * 0.5 + 0.75 * 0.3, 0.3, 0.5])


@pytest.mark.parametrize(("dogs", "agreed"), [(0.0, 1), (0.05, 0.5), (0.5, 1)])
def test_draws_may_agree_that_no_threat_is_strong(tmp_path, dogs, agreed):
    """A weight of 0.2 to 0.6 takes 0.05 above the floor of 0.02 in half of the draws."""
    ones = np.ones(GRID.shape)
    paths = write(tmp_path, food=ones, dogs=dogs * ones, mines=0 * ones)
    made, _ = run(uncertain(paths, {"threats.dogs.weight": WEIGHT}))
    assert set(made["threat", "agreement"].ravel()) == {agreed}


def test_where_nothing_is_at_risk_is_no_top_tenth(tmp_path):
    """One cell in 1200 has a threat, so the value above which a tenth lies is 0."""
    ones, dogs = np.ones(GRID.shape), np.zeros(GRID.shape)
    dogs[7, 9] = 0.5
    paths = write(tmp_path, food=ones, dogs=dogs, mines=0 * ones)
    of = uncertain(paths, {"threats.dogs.weight": WEIGHT})
    assert not passes.top_tenth(of, [], GRID).any()
    found = run(of)[0]["value_at_risk", "p_top_tenth"]
    assert found[7, 9] == 1 and found.sum() == 1


def test_a_tenth_of_the_cells_is_in_the_top_tenth(files):
    paths, _ = files
    made, _ = run(uncertain(paths, {"threats.dogs.weight": WEIGHT}))
    assert np.nanmean(made["value_at_risk", "p_top_tenth"]) == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize("most", [400, 500])
def test_the_top_tenth_of_a_sample_is_that_of_the_region(files, monkeypatch, most):
    paths, _ = files
    read, outcome = [], passes.Uncertain.outcome

    def counted(self, arrays):
        read.append(arrays["food"].shape[1])
        return outcome(self, arrays)

    monkeypatch.setattr(passes, "SAMPLE", most)
    monkeypatch.setattr(passes.Uncertain, "outcome", counted)
    of = uncertain(paths, {"threats.dogs.weight": WEIGHT})
    passes.top_tenth(of, [], GRID)
    assert sum(read) == 400 == GRID.shape[0] * GRID.shape[1] / 3
    made, _ = run(of)
    error = np.sqrt(0.1 * 0.9 / 400)
    assert np.nanmean(made["value_at_risk", "p_top_tenth"]) == pytest.approx(0.1, abs=3 * error)


def test_a_bit_for_each_draw_says_where_habitat_is_good_enough(files):
    paths, arrays = files
    made, _ = run(uncertain(paths, number=16))
    bits = np.unpackbits(np.stack([made["good", b] for b in passes.bits(16)], -1), axis=-1)
    np.testing.assert_array_equal(bits.all(-1), np.nan_to_num(arrays["food"]) >= 0.6)
    assert bits.shape[-1] == 16


def test_sums_and_tables_of_the_region(files):
    paths, arrays = files
    of = uncertain(paths, {"threats.dogs.weight": WEIGHT})
    _, sums = run(of)
    table = tables.of_draws(of.draws, sums, GRID)
    assert table["suitable_km2"].unique() == pytest.approx([(arrays["food"] >= 0.4).sum()])
    assert list(table.columns)[:2] == ["draw", "threats.dogs.weight"]
    whole = tables.of_units([], sums, GRID).iloc[0]
    assert whole["unit"] == "(whole region)"
    assert whole["mean_threat_p05"] < whole["mean_threat_mean"] < whole["mean_threat_p95"]


def test_an_error_of_a_survey_keeps_the_mean_and_has_its_spread(tmp_path):
    food = np.full((2, *GRID.shape), 0.5)
    food[0] = 0.2
    paths = write(tmp_path, food=food, dogs=food[0], mines=food[0])
    made, _ = run(uncertain(paths, number=1024, bands={"food": 2}, errors=["food"]))
    # band 2 is a coefficient of variation of 0.5
    assert made["habitat", "mean"][0, 0] == pytest.approx(0.2, rel=0.01)
    assert made["habitat", "sd"][0, 0] == pytest.approx(0.1, rel=0.05)


# ------------------------------------------------------------------------------- alternatives

SCALE = {"value": 2000, "range": [1000, 6000], "status": "G"}
ROADS = {"kind": "exposure", "layer": "roads", "decay": "exponential", "scale_m": 2000,
         "reach_m": 2e4, "kernel": "saturating", "unknown_intensity": 1.0}  # fmt: skip


class Layer:
    """A vector layer in memory."""

    extent = None

    def __init__(self, *shapes):
        self.table = gpd.GeoDataFrame(geometry=list(shapes), crs=str(GRID.crs))

    def read(self, bounds=None):
        if bounds is None:
            return self.table
        return self.table[self.table.intersects(shapely.box(*bounds))]

    rows = read


def test_a_surface_between_nodes_is_that_made_again():
    layers = {"roads": Layer(*(shapely.Point(x, 15_300) for x in (5_000, 9_000, 22_000)))}
    spec = {"parameters": {"surfaces.roads.scale_m": SCALE}, "realisations": 0, "errors_m": {}}
    every = alternatives.alternatives(spec)
    assert [one.value for one in every] == pytest.approx([0, 1000, 1414.2, 3464.1, 6000], abs=0.1)
    bands = []
    for one in every:
        block, rules = alternatives.changed(ROADS, {}, "roads", one)
        bands.append(surfaces.Sources(layers, rules).of(block, GRID).ravel())
    draws = design.draw(SPEC | {"parameters": spec["parameters"]})
    made = alternatives.Between(spec, draws, True)(np.stack(bands))
    for i in (0, 7, 20, 41):
        scale = float(draws.values["surfaces.roads.scale_m"][i])
        again = surfaces.Sources(layers).of(ROADS | {"scale_m": scale}, GRID).ravel()
        assert np.abs(made[:, i] - again).max() < 0.01, scale


def test_weights_are_one_at_their_own_node():
    nodes = [1.0, 2.0, 4.0]
    np.testing.assert_allclose(
        alternatives.interpolation_weights(nodes, nodes), np.eye(3), atol=1e-7
    )
    # linear in the logarithm: between 1 and 4 in the middle lies 2
    assert alternatives.interpolation_weights([1.0, 4.0], [2.0])[:, 0] == pytest.approx([0.5, 0.5])


def test_weights_of_small_numbers_are_linear_in_the_logarithm_too():
    found = alternatives.interpolation_weights([0.001, 0.1], [0.001, 0.01, 0.1])
    np.testing.assert_allclose(found, [[1, 0.5, 0], [0, 0.5, 1]], atol=1e-6)


@pytest.mark.parametrize(
    ("value", "ends", "nodes"),
    [
        (2, [1, 4], [1, 2, 4]),  # four times as much is not wide
        (4, [1, 16], [1, 2, 4, 8, 16]),
        (2, [0, 4], [0, 1, 2, 3, 4]),
        (0, [-2, 4], [-2, -1, 0, 2, 4]),
    ],
)
def test_a_wide_range_has_nodes_half_way_to_its_ends(value, ends, nodes):
    assert alternatives.nodes_of({"value": value, "range": ends}) == nodes


def test_layers_of_each_realisation_are_moved_in_their_own_way():
    roads, mines, lakes = (Layer(shapely.Point(0, 0)) for _ in range(3))
    layers = {"roads": roads, "mines": mines, "lakes": lakes}
    errors = {"roads": 3000, "mines": 3000}
    places = [alternatives.sources_of(layers, {}, errors, place).layers for place in (0, 1, 2)]
    assert places[0] == layers and places[1]["lakes"] is lakes
    moved = [of[name].read().geometry[0] for of in places[1:] for name in errors]
    assert len({(point.x, point.y) for point in moved}) == 4
    assert all(0 < point.distance(shapely.Point(0, 0)) < 4000 for point in moved)


def test_a_parameter_that_changes_nothing_is_seen(tmp_path):
    other = {"value": 60, "range": [30, 90]}
    spec = {"parameters": {"scale": SCALE, "half_life": other}, "realisations": 0, "errors_m": {}}
    values = [0.5, 0.2, 0.4, 0.7, 0.9, 0.5, 0.5]  # base, four of the scale, two of the half-life
    bands = np.array(values)[:, None, None] * np.ones(GRID.shape)
    path = write(tmp_path, roads=bands)["roads"]
    changes = alternatives.largest_changes(path, spec, block_maps.blocks(GRID, 16))
    assert changes["parameter"].tolist() == ["scale", "half_life"]
    assert changes["change"].tolist() == pytest.approx([0.4, 0])
    between = alternatives.Between(spec, design.draw(SPEC), True, ["half_life"])
    assert len(between.bands) == 5


def test_points_scatter_by_their_error_and_without_one_stay():
    shapes = [shapely.Point(x * 50.0, 0) for x in range(4000)]
    layer = Layer(*shapes)
    moved = displaced.Displaced(layer, 2000, 5).read()
    away = moved.distance(layer.table)
    assert (away <= 2000).mean() == pytest.approx(0.95, abs=0.015)
    again = displaced.Displaced(layer, 2000, 5).read((0, -9e9, 60_000, 9e9))
    same = moved.loc[again.index]
    assert again.geom_equals(same).all()  # the same places whichever block reads them
    assert displaced.Displaced(layer, 0, 5).read().geom_equals(layer.table).all()


@pytest.mark.parametrize(
    "bounds", [(50_000, -9e3, 60_000, 9e3), (0, 300, 2e5, 9e3), (0, -9e3, 2e5, -300)]
)
def test_all_points_that_move_into_a_block_are_read_for_it(bounds):
    layer = Layer(*(shapely.Point(x * 50.0, 0) for x in range(4000)))
    moved = displaced.Displaced(layer, 1000, 5)
    every, block = moved.read(), shapely.box(*bounds)
    inside = every.index[every.intersects(block)]
    assert len(inside) and inside.isin(moved.read(bounds).index).all()


def test_no_point_moves_farther_than_three_standard_deviations():
    layer = Layer(*(shapely.Point(x * 50.0, 0) for x in range(4000)))
    away = displaced.Displaced(layer, 2447.7, 5).read().distance(layer.table)  # sigma: 1000 m
    assert 2_900 < away.max() <= 3_000.001


def test_what_has_no_place_stays_without_one():
    layer = Layer(shapely.Point(0, 0), None, shapely.Point())
    moved = displaced.Displaced(layer, 2000, 5).read().geometry
    assert moved.isna().tolist() == [False, True, False]
    assert moved.is_empty.tolist() == [False, False, True]
    assert moved[0].distance(shapely.Point(0, 0)) > 0


def test_numbers_of_a_place_are_those_of_splitmix():
    """The first three numbers of SplitMix64 from 0, as Steele et al. have them."""
    steps = np.arange(3, dtype="uint64") * np.uint64(0x9E3779B97F4A7C15)
    told = [f"{n:x}" for n in displaced._scrambled(steps).tolist()]
    assert told == ["e220a8397b1dcdaf", "6e789e6aa1b965f4", "6c45d188009454f"]


def test_steps_of_points_go_in_all_directions_and_are_those_of_their_centimetre():
    at = np.stack([np.arange(8000) * 50.0, np.zeros(8000)], axis=1)
    steps = displaced._normal(at, 5)
    assert steps.mean(0) == pytest.approx([0, 0], abs=0.05)
    assert steps.std(0) == pytest.approx([1, 1], abs=0.03)
    quarters = np.bincount(2 * (steps[:, 0] > 0) + (steps[:, 1] > 0)) / 8000
    eighth = np.mean(np.abs(steps[:, 0]) > np.abs(steps[:, 1]))
    assert [*quarters, eighth / 2] == pytest.approx([0.25] * 5, abs=0.02)
    assert np.array_equal(displaced._normal(at + 0.004, 5), steps)
    assert (displaced._normal(at + 0.01, 5) != steps).all()


def test_the_field_changes_over_four_times_the_error_and_goes_no_farther_than_three_deviations():
    ends = np.array([[0.0, 0], [4000, 0], [0, 40_000]])
    still = Layer()
    layers = [displaced.Displaced(still, 1000, seed) for seed in range(400)]
    steps = np.array([(layer._field(ends) - ends).ravel() for layer in layers])
    alike = np.corrcoef(steps.T)
    x, y = alike[0, 2], alike[1, 3]
    assert [x, y] == pytest.approx([np.exp(-0.5)] * 2, abs=0.1)
    assert alike[0, [1, 4]] == pytest.approx([0, 0], abs=0.15)  # axes, and places far apart
    assert steps.std(0) == pytest.approx([1000 / 2.4477] * 6, rel=0.1)
    wide = np.stack([np.arange(4000) * 9000.0, np.zeros(4000)], axis=1)
    assert np.abs(layers[0]._field(wide) - wide).max() == pytest.approx(3000 / 2.4477)


def test_lines_move_smoothly_and_stay_joined():
    first = shapely.LineString([(x * 100.0, 0) for x in range(101)])
    second = shapely.LineString([(10_000.0, y * 100.0) for y in range(50)])
    layer = Layer(first, second)
    a, b = displaced.Displaced(layer, 3000, 9).read().geometry
    assert shapely.Point(a.coords[-1]).distance(shapely.Point(b.coords[0])) < 1e-6
    assert abs(a.length / first.length - 1) < 0.3
    steps = [
        np.array(displaced.Displaced(layer, 3000, seed).read().geometry[0].coords[50])
        - np.array(first.coords[50])
        for seed in range(300)
    ]
    assert np.std(steps) == pytest.approx(3000 / 2.4477, rel=0.1)


def test_draws_of_displaced_layers_take_their_own_realisation():
    spec = {"parameters": {}, "realisations": 2, "errors_m": {"roads": 3000}}
    draws = design.draw(SPEC | {"number": 4, "realisations": 2})
    bands = np.array([[0.2], [0.6]], "float32")
    made = alternatives.Between(spec, draws, True)(bands)
    np.testing.assert_allclose(made, [[0.2, 0.2, 0.6, 0.6]], rtol=1e-5)


def alternatives_file(path, **values):
    """A file with a band of one value for each alternative, by its name."""
    shape = {"count": len(values), "height": 30, "width": 40, "transform": GRID.affine}
    with rasterio.open(path, "w", "GTiff", dtype="float32", crs="EPSG:6933", **shape) as raster:
        for i, (name, value) in enumerate(values.items(), 1):
            raster.write(np.full(GRID.shape, value, "float32"), i)
            raster.set_band_description(i, name)
    return path


@pytest.mark.parametrize(("saturating", "told"), [(["dogs"], [0.5, 0.75]), ([], [0.375, 0.75])])
def test_an_intensity_that_saturates_is_halved_in_its_exponent(tmp_path, saturating, told):
    """Half-way between nothing and 3/4, which is 1 less a quarter, lies 1 less a half."""
    values = {"places as drawn": 0.0, "places as drawn; scale = 4": 0.75}
    path = alternatives_file(tmp_path / "others.tif", **values)
    draws = dataclasses.replace(
        design.draw(SPEC | {"number": 2}), values={"scale": np.array([2.0, 4.0])}
    )
    scale = {"value": 1, "range": [1, 4]}  # 2 is half-way, as factors go
    spec = {"parameters": {"scale": scale}, "realisations": 0, "errors_m": {}}
    job = SimpleNamespace(model=model(), specs={"dogs": spec}, errors={}, saturating=saturating)
    key = {"thresholds": "fit", "suitable": 0.4, "key": 0.6}
    of = passes.uncertain(job, draws, key, {}, {"dogs": str(path)}, {})
    given = of.given({"dogs": of.read((0, 1, 0, 1))["dogs"]})
    np.testing.assert_allclose(given["dogs"].number[:1], [told], rtol=1e-6)


def test_bands_of_alternatives_are_found_by_their_names(tmp_path):
    """The file holds more than is needed, in another order."""
    values = {"places 9": 0.9, "places 2": 0.6, "places 1": 0.2}
    path = alternatives_file(tmp_path / "others.tif", **values)
    draws = design.draw(SPEC | {"number": 3, "realisations": 2})
    draws = dataclasses.replace(draws, places=np.array([0, 0, 1]))
    spec = {"parameters": {}, "realisations": 2, "errors_m": {}}
    told = SimpleNamespace(model=model(), specs={"dogs": spec}, errors={}, saturating=[])
    key = {"thresholds": "fit", "suitable": 0.4, "key": 0.6}
    of = passes.uncertain(told, draws, key, {}, {"dogs": str(path)}, {})
    assert of.files["dogs"] == (str(path), (3, 2))
    given = of.given({"dogs": of.read((0, 1, 0, 1))["dogs"]})
    np.testing.assert_allclose(given["dogs"].number, [[0.2, 0.2, 0.6]], rtol=1e-6)
    for which, band, numbers in (([0, 1], 3, [0.2]), ([2], 2, [0.6])):  # read what they need alone
        few = passes.uncertain(told, draws.only(np.array(which)), key, {}, {"dogs": str(path)}, {})
        few = few.narrowed()
        assert few.files["dogs"] == (str(path), (band,))
        given = few.given({"dogs": few.read((0, 1, 0, 1))["dogs"]})
        np.testing.assert_allclose(given["dogs"].number, [numbers], rtol=1e-6)


# --------------------------------------------------------------------------- patches and rules


def test_key_habitat_of_each_draw_keeps_the_rule_of_patches(tmp_path):
    """Food of 0.7 in 5 x 5 km, of which one draw in two makes habitat good enough."""
    food = np.full(GRID.shape, 0.2, "float32")
    food[5:10, 5:10] = 0.7  # 25 km2: key habitat and a breeding patch
    food[20, 20] = 0.9  # 1 km2: too small for a patch
    paths = write(tmp_path, food=food, dogs=food, mines=food)
    drawn = {"key_habitat.key": {"value": 0.7, "range": [0.6, 0.8], "status": "G"}}
    made, sums = run(uncertain(paths, drawn))
    bits = np.stack([made["good", b] for b in passes.bits(64)])
    good = write_bits(tmp_path, bits)
    rules = {"core_km2": 4.2, "breeding_km2": 23}
    sites = np.zeros(GRID.shape, "int32")
    sites[:8] = 1  # 15 of the 25 km2; the second area holds none
    sites[25:] = 2
    fields = Fields({"habitat_mean": food, "key_area": sites}, GRID)
    found = key_draws.find(good, 64, fields, rules, [])
    assert found.of_sites().values.tolist() == [[1, 7.5, 0, 15], [2, 0, 0, 0]]
    chances = found.maps(slice(0, 30), slice(0, 40))["key_habitat"]
    assert chances["p_key"][7, 7] == chances["p_breeding"][7, 7] == 0.5
    assert chances["p_key"][20, 20] == 0 < made["habitat", "p_key_cell"][20, 20]
    assert sorted(found.of_draws()["key_km2"].unique()) == [0, 25]
    density = {"low": {"suitable": 2, "key": 4}, "high": {"suitable": 4, "key": 15}}
    path = tmp_path / "units.csv"
    plain_files.write_table(path, tables.units_of_draws(["east"], sums, GRID))
    suitable = tables.of_each_unit(path, "suitable_km2")
    whole = found.of_units([], density, "cats", suitable).iloc[-1]
    assert [whole["key_km2_p05"], whole["key_km2_mean"], whole["key_km2_p95"]] == [0, 12.5, 25]
    assert whole["cats_high"] == pytest.approx(25 * 0.15 + 1 * 0.04)  # 1 km2 is suitable alone


def test_key_habitat_of_draws_is_in_km2_whatever_a_cell_measures(tmp_path):
    """Cells of 2 km: three of them are 12 km2 in the four first of 8 draws; two alone are none."""
    grid = GeoBox.from_bbox((0, 0, 10_000, 6000), crs=GRID.crs, resolution=2000)
    bits = np.zeros((1, *grid.shape), "uint8")
    bits[0, 0, :3] = bits[0, 2, 3:] = 0b11110000
    sites = np.ones(grid.shape, int)
    sites[0, 0] = 0
    for breeding_km2, breeding in ((12, 12), (12.5, 0)):
        rules = {"core_km2": 10, "breeding_km2": breeding_km2}
        fields = Fields({"habitat_mean": np.ones(grid.shape), "key_area": sites}, grid)
        found = key_draws.find(write_bits(tmp_path, bits), 8, fields, rules, [])
        assert found.of_draws()["key_km2"].tolist() == [12] * 4 + [0] * 4
        assert found.of_draws()["breeding_km2"].tolist() == [breeding] * 4 + [0] * 4
        assert found.of_sites().values.tolist() == [[1, 4, 0, 8]]
    for core_km2, key_km2 in ((12, 12), (12.5, 0)):
        rules = {"core_km2": core_km2, "breeding_km2": 20}
        least = key_draws.find(write_bits(tmp_path, bits), 8, fields, rules, [])
        assert least.of_draws()["key_km2"].tolist() == [key_km2] * 4 + [0] * 4
    rules = {"core_km2": 10, "breeding_km2": 12.5}
    one = write_bits(tmp_path, bits & 0b10000000)
    third = key_draws.find(one, 3, fields, rules, [])
    assert third.of_sites()["key_km2_mean"].tolist() == [2.67]  # 8 km2 in one draw of three
    density = {"low": {"suitable": 2, "key": 4}, "high": {"suitable": 4, "key": 100 / 9}}
    (whole,) = found.of_units([], density, "cats", np.full((1, 8), 12.0)).to_dict("records")
    assert (whole["key_km2_mean"], whole["key_km2_p95"]) == (6, 12)
    assert (whole["cats_low"], whole["cats_high"]) == (0.24, 1.33)  # 12 x 2 % and 12 / 9


def write_bits(folder, bits):
    path = folder / "good.tif"
    shape = {"count": len(bits), "height": bits.shape[1], "width": bits.shape[2]}
    with rasterio.open(path, "w", "GTiff", dtype="uint8", **shape) as raster:
        raster.write(bits)
    return path


def test_each_draw_is_a_bit_of_a_band_of_eight(tmp_path):
    bits = np.array([0b10000000, 0b00000010, 0b00000001], "uint8")[:, None, None]
    path, grid = write_bits(tmp_path, bits), GRID[:1, :1]
    masks = key_draws.Draws(path, 24, grid).masks(0)
    assert [i for i, mask in enumerate(masks) if mask.all()] == [0, 14, 23]
    assert len(list(key_draws.Draws(path, 20, grid).masks(0))) == 20


def test_key_habitat_of_draws_is_the_same_strip_by_strip_and_from_files(tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    smooth = scipy.ndimage.gaussian_filter(rng.random((16, *GRID.shape)), (0, 1.5, 1.5))
    bits = np.packbits((smooth > np.median(smooth)).reshape(2, 8, *GRID.shape), 1)[:, 0]
    path = write_bits(tmp_path, bits)
    habitat, sites = rng.random(GRID.shape), np.zeros(GRID.shape)
    habitat[4] = np.nan
    sites[2:9], sites[20:] = 2, 1
    units = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 25_000, 12_500)], crs=GRID.crs)
    vectors.write_vector(tmp_path / "units.gpkg", {"units": units}, {})
    given = Fields({"habitat_mean": habitat, "key_area": sites}, GRID), {
        "core_km2": 6, "breeding_km2": 20,
    }, [tmp_path / "units.gpkg"]  # fmt: skip
    whole = key_draws.find(path, 16, *given)
    monkeypatch.setattr(patches, "STRIP", 5 * GRID.shape[1])
    monkeypatch.setattr(patches, "TILE", 5)
    monkeypatch.setattr(disk_maps, "HELD", 0)
    parts = key_draws.find(path, 16, *given, folder=tmp_path)
    assert whole.of_draws()["breeding_km2"].nunique() > 5
    assert 0 < whole.areas["p_key"][1].sum() < whole.areas["p_key"].sum()
    pd.testing.assert_frame_equal(parts.of_draws(), whole.of_draws())
    pd.testing.assert_frame_equal(parts.of_sites(), whole.of_sites())
    for name, areas in whole.areas.items():
        np.testing.assert_allclose(parts.areas[name], areas)
    window = slice(2, 30), slice(0, 40)
    for name, shares in whole.maps(*window)["key_habitat"].items():
        np.testing.assert_array_equal(parts.maps(*window)["key_habitat"][name], shares)


def test_what_a_share_of_the_draws_stands_for():
    shares = (1, 0.7, 0.69, 0.5, 0.49, 0, np.nan)
    told = [confidence.verdict(share) for share in shares]
    assert told == ["issue", "issue", *["survey first"] * 2, *["not supported"] * 2, ""]


def test_the_number_that_would_turn_the_answer_is_named():
    reach = np.linspace(1000, 3000, 100)
    inputs = pd.DataFrame({"dogs": reach, "noise": np.random.default_rng(5).random(100)})
    holds = np.stack([reach < 2400, reach > 1500, np.ones(100, bool)])
    told = confidence.tipping(holds, inputs, {"dogs": "the reach of dogs (m)"})
    assert told[0] == 'holds unless "the reach of dogs (m)" is above 2200'
    assert told[1].startswith('holds unless "the reach of dogs (m)" is below')
    assert told[2] == ""


@pytest.mark.parametrize(
    ("yes", "no", "told"),
    [
        ([1] * 5, [0] * 5, "below 0.5"),
        ([1] * 4, [0] * 6, None),  # four draws are too few to compare
        ([0] * 6, [1] * 4, None),
        ([1] * 8 + [0] * 2, [1] * 2 + [0] * 8, "below 0.5"),  # means 0.6 apart, the deviation 0.5
        ([1] * 7 + [0] * 3, [1] * 3 + [0] * 7, None),  # 0.4 apart
        ([0] * 9, [2e-5] * 9, "above 1e-05"),
        ([0] * 9, [2468] * 9, "above 1230"),
    ],
)
def test_a_number_is_named_where_it_parts_draws_by_more_than_it_scatters(yes, no, told):
    inputs = pd.DataFrame({"reach": [*yes, *no], "word": "", "same": 3.0})
    holds = np.array([[True] * len(yes) + [False] * len(no)])
    words = "" if told is None else f'holds unless "reach" is {told}'
    assert confidence.tipping(holds, inputs, {}) == [words]
    assert confidence.tipping(holds, inputs[["word"]], {}) == [""]


@pytest.mark.parametrize(("block", "held_mb"), [(512, 400), (16, 0.03)])
def test_maps_of_each_draw_follow_from_its_own_numbers(tmp_path, monkeypatch, block, held_mb):
    """In one block and all draws at once, or in small ones and a draw or two at a time."""
    monkeypatch.setattr(passes, "BLOCK", block)
    monkeypatch.setattr(passes, "NUMBERS", 800)  # a hundred cells of 8 draws in a piece
    monkeypatch.setattr(support, "HELD_MB", held_mb)
    food = np.full(GRID.shape, 0.7, "float32")
    dogs = food - np.arange(GRID.shape[0] * GRID.shape[1]).reshape(GRID.shape) / 2000
    paths = write(tmp_path, food=food, dogs=dogs, mines=0 * food)
    drawn = {"threats.dogs.weight": WEIGHT, "key_habitat.key": {"value": 0.7, "range": [0.5, 0.9]}}
    of = uncertain(paths, drawn, cumulative={"additive": 1.0}, number=8)
    main = Fields({"threat": 0 * food, "other": food}, GRID)

    def of_draws(some):
        return uncertain(paths, drawn, draws=some)

    key = {"core_km2": 4.2, "breeding_km2": 23, "area_km2": 500, "join_km": 2.7, "density_km": 10}
    names = {"threat", "key", "key_area", "effect_dogs", "other"}
    seen = 0
    runs = support.maps_of_draws(of_draws, of.draws, main, names, key, [])
    for i, maps in enumerate(runs):  # those of a draw are gone with the next ones
        seen += 1
        weight, level = (of.draws.values[path][i] for path in drawn)
        np.testing.assert_allclose(maps["threat"], dogs * weight, rtol=1e-5)
        assert maps["key"][3, 3] == maps["key_area"][3, 3] == (level <= 0.7)
        assert maps["other"][3, 3] == np.float32(0.7)
    assert seen == 8


# --------------------------------------------------------------------------- what is uncertain


def described(**more):
    """A config with two layers, of which one is known to 5 km, and surfaces made of them."""
    return {
        "region": {"cell_m": 1000},
        "layers": {
            "camps": {"kind": "records", "positional_error_m": 5000},
            "roads": {"kind": "vector", "positional_error_m": 1000},
            "relief": {"kind": "continuous", "positional_error_m": 9000},
        },
        "surfaces": {name: {"kind": "value", "layer": name} for name in LAYERS},
        "draws": {"realisations": 8, "number": 10, "cumulative": {}},
        "cumulative": "additive",
        "products": ["uncertainty"],
    } | more  # fmt: skip


LAYERS = ("camps", "roads", "relief")


def test_features_known_less_well_than_a_cell_are_moved():
    found = [specs.displaced(described(), name) for name in LAYERS]
    assert found == [{"camps": 5000}, {}, {}]
    still = described(draws={"realisations": 0})
    assert [specs.displaced(still, name) for name in LAYERS] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("products", "number", "told"), [(["uncertainty"], 1, True), (["uncertainty"], 0, False),
                                     ([], 9, False)]
)  # fmt: skip
def test_draws_are_made_where_they_are_wanted(products, number, told):
    assert specs.wanted({"products": products, "draws": {"number": number}}) == told


@pytest.mark.parametrize(
    ("told", "explained", "later"),
    [
        ({"scenario": "b"}, True, True), ({"scenario": "a"}, True, False),
        ({"scenario": "b", "scenarios": {}}, True, False),
        ({"scenario": "b", "products": ["states"]}, False, False),
        ({"scenario": "b", "draws": {"number": 0}}, False, False),
    ],
)  # fmt: skip
def test_each_scenario_but_the_first_is_held_against_it(told, explained, later):
    config = {"products": ["uncertainty"], "draws": {"number": 4}, "scenarios": {"a": {}, "b": {}}}
    assert specs.explained(config | told) == explained and specs.later(config | told) == later


def test_numbers_of_threats_without_data_are_not_drawn(monkeypatch):
    monkeypatch.setattr(specs.selection, "assessed", lambda _: ["dogs"])
    paths = ["threats.dogs.weight", "threats.fire.weight", "habitat.components.food.weight"]
    ranges_ = dict.fromkeys([*paths, "surfaces.dogs.scale_m"], WEIGHT)
    ranges_["habitat.gates.snow.weight"] = WEIGHT | {"range": [0.4, 0.4]}
    assert list(specs.parameters({"ranges": ranges_})) == [paths[0], paths[2]]


def test_places_are_drawn_where_a_surface_has_places_that_are_known_roughly():
    """Each layer of the demo is known to the same error; its surfaces have numbers with ranges."""
    demo = load.load(demo_config())["current"]
    assert demo["draws"]["realisations"] > 1
    own = [path for path in demo["ranges"] if path.startswith("surfaces.dogs_camps.")]
    assert own and list(specs.inside(demo, "dogs_camps")) == own
    for error_m, number in ((5000, demo["draws"]["realisations"]), (0, 0)):
        config = copy.deepcopy(demo)
        for block in config["layers"].values():
            block["positional_error_m"] = error_m
        assert any(specs.of_surface(config, name) for name in specs.surfaces_of(config))
        assert specs.of_model(config)["realisations"] == number


def test_every_part_of_the_demo_is_between_0_and_1_in_each_draw():
    demo = load.load(demo_config())["current"]
    draws = design.draw(specs.of_model(demo) | {"number": 64})
    model = design.applied(selection.model(demo), draws.values)
    rng, given = np.random.default_rng(4), {}
    for name in specs.surfaces_of(demo):
        most = 1 if demo["surfaces"][name].get("units", "") in ("", "1") else 2000
        given[name] = Value((most * rng.random((50, 1)) ** 2).astype("float32"), None)
    parts = cells.habitat_values(given, model["habitat"])
    effects = cells.effect_values(given, parts, model)
    assert len(effects) > 10 and len(parts) > 8
    for name, value in (parts | effects).items():
        number = filled(value)
        assert not (number < 0).any() and not (number > 1 + 1e-6).any(), name


@pytest.mark.parametrize(("names", "several"), [("a", False), ("ab", True)])
def test_which_input_matters_is_asked_of_two_or_more(monkeypatch, names, several):
    spec = SPEC | {"parameters": dict.fromkeys(names, WEIGHT)}
    monkeypatch.setattr(specs, "of_model", lambda _: spec)
    config = {"products": ["uncertainty"], "draws": {"number": 4}}
    assert specs.several(config) == several


@pytest.mark.parametrize("fitted", [0, 0.5])
@pytest.mark.parametrize("realisations", [0, 1, 3])
@pytest.mark.parametrize("cumulative", [{"a": 1.0}, {"a": 1.0, "b": 0.0}, {"a": 0.5, "b": 0.5}])
@pytest.mark.parametrize("errors", [[], ["burrows"]])
def test_what_may_differ_is_what_the_table_of_draws_has(fitted, realisations, cumulative, errors):
    spec = SPEC | {
        "number": 64, "parameters": {"w": WEIGHT}, "cumulative": cumulative, "errors": errors,
        "realisations": realisations, "fitted": fitted,
    }  # fmt: skip
    assert design.varied(spec) == list(design.draw(spec).table().columns)


def test_the_own_way_of_adding_threats_is_the_likeliest_unless_the_config_says_otherwise():
    found = specs.chances(described())
    assert sum(found.values()) == pytest.approx(1)
    assert found["additive"] == specs.OWN_MODE and max(found, key=found.get) == "additive"
    assert len({chance for mode, chance in found.items() if mode != "additive"}) == 1
    told = described(draws={"cumulative": {"maximum": 1.0}})
    assert specs.chances(told) == {"maximum": 1.0}


def test_an_error_of_a_survey_is_known_by_its_band(monkeypatch):
    monkeypatch.setattr(specs, "surfaces_of", lambda config: ["camps", "burrows"])
    config = described()
    config["surfaces"]["burrows"] = {"kind": "burrow_density"}
    config["draws"]["survey_error"] = True
    bands = ["value", *specs.KINDS["burrow_density"].bands]
    assert specs.errors(config) == {"burrows": bands.index("cv") + 1}
    config["draws"]["survey_error"] = False
    assert specs.errors(config) == {}


@pytest.mark.parametrize(("q", "told"), [(0.0, 1), (0.25, 2), (0.375, 2.5), (0.9, 10), (1.0, 14)])
def test_a_percentile_lies_between_neighbours(q, told):
    ordered = np.array([[1, 2, 3, 4, 14]], "float32")
    assert summary.percentile(ordered, q) == pytest.approx([told])


def test_the_spread_of_what_is_not_drawn_is_none():
    found = summary.spread(np.array([[3.0]]))
    assert {name: values.tolist() for name, values in found.items()} == {
        "mean": [3], "sd": [0], "p05": [3], "p95": [3],
    }  # fmt: skip


@pytest.mark.parametrize("draws", [4, 255, 256, 300])
def test_draws_are_counted_without_running_over(draws):
    assert summary.count(np.ones((2, draws), bool)).tolist() == [draws, draws]
    assert summary.share(np.arange(draws)[None] < draws // 2, draws) == pytest.approx(
        [(draws // 2) / draws]
    )


def test_bands_of_bits_say_which_draws_they_hold():
    assert passes.bits(20) == ["draws 1 to 8", "draws 9 to 16", "draws 17 to 20"]


# --------------------------------------------------------------------------- tables of draws


def test_sums_of_blocks_are_added_in_order_also_of_fewer_units(tmp_path):
    kept = tables.Sums(str(tmp_path / "units.csv"), "abc")
    kept.keep((0, 1, 0, 1), np.full((1, 2, 3), 1.0))
    kept.keep((0, 1, 1, 2), np.full((2, 2, 3), 4.0))
    total = kept.total([(0, 1, 0, 1), (0, 1, 1, 2)])
    assert total[:, 0, 0].tolist() == [5, 4] and total.shape == (2, 2, 3)
    assert not list(kept.folder.glob("*.part"))
    kept.remove()
    assert not kept.folder.exists()


def test_parameters_that_change_nothing_are_told_by_surface(tmp_path):
    path = tmp_path / "changes.csv"
    pd.DataFrame({"parameter": ["a", "b"], "change": [0.0, 0.1]}).to_csv(path, index=False)
    assert tables.without_effect({"dogs": str(path)}) == {"dogs": ["a"]}


def test_the_table_of_draws_has_a_column_for_each_input_that_is_drawn():
    made = design.draw(
        SPEC | {
            "number": 4, "parameters": {"threats.dogs.weight": WEIGHT}, "realisations": 2,
            "cumulative": {"additive": 0.5, "maximum": 0.5}, "errors": ["burrows"],
        }
    )  # fmt: skip
    table = made.table()
    assert table.index.tolist() == [1, 2, 3, 4]
    assert len(table.columns) == 4 and "error of burrows" in table
    assert set(table[design.CUMULATIVE]) == {"additive", "maximum"}
    assert set(table[design.PLACES]) == {1, 2}
    plain = design.draw(SPEC | {"number": 4, "parameters": {"threats.dogs.weight": WEIGHT}})
    assert plain.table().columns.tolist() == ["threats.dogs.weight"]


@pytest.mark.parametrize(
    ("cells_", "starts", "size"),
    [(512, [0], 512), (513, [0, 64, 128, 192, 256, 320, 384, 449], 64),
     (764, [0, 100, 200, 300, 400, 500, 600, 700], 64)],
)  # fmt: skip
def test_tiles_of_a_sample_are_spread_from_end_to_end(cells_, starts, size):
    assert passes._tiles(cells_) == [(start, start + size) for start in starts]
