"""Which number matters: shares of the variance that one can work out."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import demo_config
from test_draws import GRID, SPEC, WEIGHT, alternatives_file, model, write

from manul.config import load
from manul.uncertainty import (
    design,
    measure,
    passes,
    sensitivity,
    sensitivity_page,
    specs,
    tables,
)

INPUTS = ("a", "b", "dead")


def linear(u):
    """Variances of 3 a and b are as 9 to 1; the second output does not vary."""
    return np.stack([3 * u[:, 0] + u[:, 1], np.ones(len(u))], axis=1)


def test_a_linear_model_has_its_shares_of_variance():
    shares, constant = sensitivity.sobol(linear, INPUTS, INPUTS, seed=1)
    for column in ("first_order", "total"):
        np.testing.assert_allclose(shares[column], [0.9, 0.1, 0], atol=0.02)
        low, high = (shares[f"{column}_{end}"] for end in ("low", "high"))
        np.testing.assert_allclose((low + high) / 2, shares[column])
        assert (low[:2] < high[:2]).all()
    assert constant.isna().all(axis=None)


def test_inputs_of_a_group_share_what_they_explain():
    shares, _ = sensitivity.sobol(linear, INPUTS, ["b"], seed=1)
    assert list(shares.index) == [sensitivity.REST, "b"]
    np.testing.assert_allclose(shares["first_order"], [0.9, 0.1], atol=0.02)


def test_a_share_of_what_acts_together_is_in_the_total_alone():
    def product(u):  # of mean 0: nothing is explained by one input alone
        return np.prod(u - 0.5, axis=1, keepdims=True)

    (shares,) = sensitivity.sobol(product, INPUTS[:2], INPUTS[:2], seed=1)
    np.testing.assert_allclose(shares["first_order"], 0, atol=0.05)
    np.testing.assert_allclose(shares["total"], 1, atol=0.05)


def test_screening_tells_the_move_between_the_percentiles_and_a_dead_input_is_last():
    effects, _ = sensitivity.morris(linear, INPUTS, seed=1)
    # over 0.9 of the range
    np.testing.assert_allclose(effects["mu_star"], [2.7, 0.9, 0], atol=1e-9)
    assert sensitivity.strongest([effects]) == ["a", "b"]


def test_the_table_is_ranked_and_the_same_each_time():
    made = [("mean_threat", tables.REGION), ("mean_threat", "Naryn")]
    first, again = (sensitivity.table(linear, INPUTS, made, 1, {"a": "snow"}) for _ in range(2))
    assert first.equals(again) and first.equals(first.round(4))
    assert list(first.columns) == list(sensitivity.COLUMNS)
    of_region = first[first["unit"] == tables.REGION]
    assert of_region["input"].tolist() == ["a", "b", sensitivity.REST, "dead"]
    assert of_region["words"].tolist()[:2] == ["snow", "b"]


def test_twelve_inputs_are_looked_at_and_none_that_moves_nothing():
    """The second output is moved by the last input alone, which counts as much as the first."""
    names = [f"i{n}" for n in range(15)]
    one = pd.DataFrame({"mu_star": np.arange(15.0, 0, -1)}, index=names)
    other = pd.DataFrame({"mu_star": [0.0] * 14 + [1e-6]}, index=names)
    assert sensitivity.strongest([one, other]) == ["i0", "i14", *names[1:11]]
    assert sensitivity.strongest([0 * one]) == []


@pytest.mark.parametrize(("size", "varies"), [(1e-6, True), (1e-13, False)])
def test_what_varies_by_less_than_numbers_can_tell_does_not_vary(size, varies):
    (shares,) = sensitivity.sobol(lambda u: size * u[:, :1], INPUTS, INPUTS, seed=1, points=64)
    assert shares["total"].notna().all() == varies
    (shares,) = sensitivity.sobol(lambda u: 1 + size * u[:, :1], INPUTS, INPUTS, 1, points=64)
    assert shares["total"].notna().all() == varies


def test_a_sample_is_the_same_from_blocks_of_any_size(tmp_path, monkeypatch):
    """Each third cell of each third row, told by the number of the cell that it has as food."""
    numbers = np.arange(GRID.shape[0] * GRID.shape[1]).reshape(GRID.shape)
    of = passes.uncertain(
        SimpleNamespace(model=model(), specs={}, errors={}, saturating=[]), design.draw(SPEC),
        {"thresholds": "expert", "suitable": 0.4, "key": 0.4},
        write(tmp_path, food=numbers, dogs=numbers, mines=numbers), {}, {},
    )  # fmt: skip
    for block in (512, 16):
        monkeypatch.setattr(passes, "BLOCK", block)
        cells = sensitivity.sample(of, [], [], GRID, limit=299)
        assert np.sort(cells.arrays["food"][0]).tolist() == numbers[::3, ::3].ravel().tolist()
    assert (cells.every, sensitivity.sample(of, [], [], GRID, limit=300).every) == (3, 2)


@pytest.fixture
def files(tmp_path):
    ones = np.ones(GRID.shape)
    return write(tmp_path, food=ones * 0.5, dogs=ones, mines=ones)


def test_the_model_on_a_sample_of_cells_has_the_shares_of_its_weights(files):
    """Threats add up: widths of 0.3 and 0.1 explain 0.9 and 0.1 of the variance."""
    spec = SPEC | {"parameters": {
        "threats.dogs.weight": WEIGHT | {"range": [0.2, 0.5]},
        "threats.mines.weight": WEIGHT | {"range": [0.3, 0.4]},
    }, "cumulative": {"additive": 1.0}}  # fmt: skip
    told = SimpleNamespace(model=model(), specs={}, errors={}, saturating=[])
    key = {"thresholds": "expert", "suitable": 0.4, "key": 0.4}

    def of_draws(draws):
        return passes.uncertain(told, draws, key, files, {}, {})

    cells = sensitivity.sample(of_draws(design.draw(spec)), [], [], GRID, limit=300)
    assert (cells.every, len(cells.unit)) == (2, 300)
    inputs = list(spec["parameters"])
    run = sensitivity.model(of_draws, spec, inputs, cells, [], True, 1.0)
    np.testing.assert_allclose(run(np.array([[0, 0], [1, 0.5]]))[:, 1], [0.5, 0.85], atol=1e-6)
    assert run(np.array([[0.5, 0.5]]))[0, 0] == 1200  # each cell is good enough, each stands for 4
    _, threat, risk = sensitivity.sobol(run, inputs, inputs, seed=1)
    for shares in (threat, risk):
        np.testing.assert_allclose(shares["first_order"], [0.9, 0.1], atol=0.02)
        np.testing.assert_allclose(shares["total"], [0.9, 0.1], atol=0.02)


def test_runs_come_back_in_the_order_of_their_points():
    spec = SPEC | {"realisations": 3, "parameters": {"a": WEIGHT}}
    points = np.array([[0.0, 0.5, 0.9, 0.5], [0.5, 0.5, 0.1, 0.5], [1.0, 0.5, 0.5, 0.5]])
    draws, order = design.draws_at(points, spec)
    assert order.tolist() == [1, 2, 0]
    assert draws.places.tolist() == [0, 1, 2]
    np.testing.assert_allclose(draws.values["a"], [0.4, 0.6, 0.2])


def test_each_point_has_the_places_of_its_own_realisation(tmp_path):
    """A sample is read once, with every alternative, and serves points of any realisation."""
    values = {f"places {i}": dogs for i, dogs in enumerate((0.1, 0.3, 0.5, 0.9), 1)}
    others = {"dogs": str(alternatives_file(tmp_path / "others.tif", **values))}
    spec = SPEC | {"number": 2, "realisations": 4, "parameters": {}, "cumulative": {"additive": 1}}
    moved = {"dogs": {"parameters": {}, "realisations": 4, "errors_m": {}}}
    told = SimpleNamespace(model=model(), specs=moved, errors={}, saturating=[])
    key = {"thresholds": "expert", "suitable": 0.4, "key": 0.4}
    ones = np.ones(GRID.shape)
    still = write(tmp_path, food=ones * 0.5, mines=0 * ones)

    def of_draws(draws):
        return passes.uncertain(told, draws, key, still, others, {})

    cells = sensitivity.sample(of_draws(design.draw(spec)), [], [], GRID, limit=300)
    run = sensitivity.model(of_draws, spec, ["places"], cells, [], True, 1.0)
    points = np.array([[0.9], [0.1], [0.35], [0.6]])
    alone = [run(points[i : i + 1])[0, 1] for i in range(4)]
    np.testing.assert_allclose(run(points)[:, 1], alone, rtol=1e-6)
    np.testing.assert_allclose(np.array(alone) / alone[1], [9, 1, 3, 5], rtol=1e-4)


def test_each_cell_names_the_group_behind_most_of_its_variance():
    draws = design.draw(SPEC | {"parameters": {name: WEIGHT for name in "abc"}})
    of_input = {"a": "Snow depth", "b": "Herding camps", "c": "Snow depth"}
    behind = measure.Behind(draws, of_input)
    assert behind.codes == dict([measure.CLEAR, (1, "Herding camps"), (2, "Snow depth")])
    a, b, c = (draws.values[name] for name in "abc")
    cells = np.stack([a + 0.1 * b, 3 * b - c, a + 1.2 * b + c, np.ones(draws.number)])
    assert behind(cells.astype("float32")).tolist() == [2, 1, 2, measure.CLEAR[0]]
    many = np.tile(cells, (30, 1)).astype("float32")
    assert behind(many).tolist() == [2, 1, 2, measure.CLEAR[0]] * 30
    assert behind(np.ones((3, 1), "float32")).tolist() == [measure.CLEAR[0]] * 3


@pytest.mark.parametrize(
    "path, title",
    [
        ("threats.dogs_camps.weight", "Herding camps"),
        ("surfaces.dogs_camps.scale_m", "Herding camps"),
        ("habitat.gates.snow.response.logistic_fall.slope", "Snow depth"),
        ("compounds.zinc_phosphide.half_life_d", "Rodenticide events"),
        ("error of burrow_density", "Usable marmot burrows"),
        ("habitat.components.climate.weight", "Climate"),
        ("places", "Where roughly known things are"),
    ],
)
def test_inputs_belong_to_what_one_would_measure(path, title):
    assert measure.groups(load.load(demo_config())["current"])[path] == title


def test_what_no_survey_settles_is_not_to_be_measured():
    config = load.load(demo_config())["current"]
    assert "cumulative" in specs.words(config)
    assert "cumulative" not in measure.groups(config)
    draws = design.draw(SPEC | {"parameters": {name: WEIGHT for name in "ab"}})
    behind = measure.Behind(draws, {"a": "Snow depth"})
    only_b = np.stack([draws.values["b"], draws.values["a"]]).astype("float32")
    assert behind.codes == dict([measure.CLEAR, (1, "Snow depth")]) and behind(only_b)[1] == 1


# ------------------------------------------------------------------------------------- the page


def explained(unit, outcome, **inputs):
    """Rows of an output: by input how far it moves it, its share alone and with others."""
    rows = [
        {"unit": unit, "outcome": outcome, "input": name, "words": f"the {name}", "mu_star": mu,
         "first_order": alone, "total": total, "first_order_low": 0.0, "first_order_high": 1.0}
        for name, (mu, alone, total) in inputs.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_page_names_three_inputs_of_the_region_and_two_of_each_unit():
    known = {"prey": (1234.0, 0.5, 0.6), "dens": (2.345, 0.2, 0.25), "snow": (99.7, 0.3, 0.3),
             "roads": (1, 0.02, 0.02), sensitivity.REST: (np.nan, 0.9, 0.9)}  # fmt: skip
    few = {"prey": (1.0, 0.019, 0.5), "dens": (0.0, np.nan, np.nan)}
    same = {"prey": (0.0, np.nan, np.nan)}
    made = pd.concat(
        [
            explained(tables.REGION, "key_cell_km2", **known),
            explained(tables.REGION, "mean_threat", **same),
            explained("West", "key_cell_km2", **known),
            explained("West", "mean_threat", **few),
            explained("East", "mean_threat", **same),
        ]
    )
    cells = sensitivity.Sample({}, np.zeros(3000, int), 2)
    _, key, threat, units, how = sensitivity_page.sections(made, 6, cells)
    assert key.words == [
        f"{name}: explains {share} % of the doubt. From its low to its high end the outcome moves "
        f"by {moves} km2 on average."
        for name, share, moves in
        (("The prey", 50, "1,234"), ("The snow", 30, "100"), ("The dens", 20, "2.3"))
    ]  # fmt: skip
    assert threat.words == ["It is the same in all draws: there is no doubt to explain."]
    assert units.tables[0][1].values.tolist() == [
        ["East", "mean threat", "no doubt: the same in all draws"],
        ["West", "land good enough for key habitat", "The prey (50 %); The snow (30 %)"],
        ["West", "mean threat", "nothing by itself"],
    ]
    assert "6 inputs are drawn" in how.words[0] and "The 4 that move the" in how.words[0]
    assert "on 3,000 cells, each 2nd cell of each such row" in how.words[0]
    whole = sensitivity.Sample({}, np.zeros(9, int), 1)
    assert "9 cells, each cell;" in sensitivity_page.sections(made, 6, whole)[-1].words[0]


def test_an_input_that_explains_a_fiftieth_is_named():
    made = explained(tables.REGION, "mean_threat", a=(0.004, 0.02, 0.02), b=(1, 0.0199, 0.5))
    cells = sensitivity.Sample({}, np.zeros(9, int), 1)
    assert sensitivity_page.sections(made, 2, cells)[1].words == [
        "The a: explains 2 % of the doubt. From its low to its high end the outcome moves by 0.004 "
        "on average."
    ]


@pytest.mark.parametrize(
    ("number", "told"),
    [(2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"),
     (33, "33rd"), (101, "101st"), (112, "112th")],
)  # fmt: skip
def test_a_number_has_its_ending(number, told):
    assert sensitivity_page._nth(number) == told
