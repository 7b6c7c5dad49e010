"""Which number matters: shares of the variance that one can work out."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import demo_config
from test_draws import GRID, SPEC, WEIGHT, model, write

from manul.config import load
from manul.uncertainty import design, measure, passes, sensitivity, tables

INPUTS = ("a", "b", "dead")


def linear(u):
    """Variances of 3 a and b are as 9 to 1; the second output does not vary."""
    return np.stack([3 * u[:, 0] + u[:, 1], np.ones(len(u))], axis=1)


def test_a_linear_model_has_its_shares_of_variance():
    shares, constant = sensitivity.sobol(linear, INPUTS, INPUTS, seed=1)
    for column in ("first_order", "total"):
        np.testing.assert_allclose(shares[column], [0.9, 0.1, 0], atol=0.02)
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
    assert first.equals(again)
    assert list(first.columns) == list(sensitivity.COLUMNS)
    of_region = first[first["unit"] == tables.REGION]
    assert of_region["input"].tolist() == ["a", "b", sensitivity.REST, "dead"]
    assert of_region["words"].tolist()[:2] == ["snow", "b"]


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


def test_each_cell_names_the_group_behind_most_of_its_variance():
    draws = design.draw(SPEC | {"parameters": {name: WEIGHT for name in "abc"}})
    of_input = {"a": "Snow depth", "b": "Herding camps", "c": "Snow depth"}
    behind = measure.Behind(draws, of_input)
    assert behind.codes == {1: "Herding camps", 2: "Snow depth"}
    a, b, c = (draws.values[name] for name in "abc")
    cells = np.stack([a + 0.1 * b, 3 * b - c, a + 1.2 * b + c, np.ones(draws.number)])
    assert behind(cells.astype("float32")).tolist() == [2, 1, 2, measure.NONE]
    assert behind(np.ones((3, 1), "float32")).tolist() == [measure.NONE] * 3


@pytest.mark.parametrize(
    "path, title",
    [
        ("threats.dogs_camps.weight", "Herding camps"),
        ("surfaces.dogs_camps.scale_m", "Herding camps"),
        ("habitat.gates.snow.response.logistic_fall.slope", "Snow depth"),
        ("compounds.zinc_phosphide.half_life_d", "Rodenticide events"),
        ("error of burrow_density", "Usable marmot burrows"),
        ("habitat.components.climate.weight", "Climate"),
        ("cumulative", "How threats add up"),
    ],
)
def test_inputs_belong_to_what_one_would_measure(path, title):
    assert measure.groups(load.load(demo_config())["current"])[path] == title
