"""What is measured of a fit, on a handful of numbers: designs, curves, MESS, Boyce, sampling."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from manul.suitability import (
    boyce,
    effort_background,
    fit,
    importance,
    mess,
    odmap,
    record_effort,
    response_curves,
    sampling,
    spatial_blocks,
    thin,
    tss,
    validate,
)
from manul.suitability.design import TooFewError, learn_design

TABLE = pd.DataFrame({"a": [0.0, 4, 8], "b": [1.0, 2, 9], "soil": ["x", "y", "y"], "flat": 3.0})


@dataclass
class Sum:
    """A model that adds `a` and ten times `b`, and 1000 where the soil is y."""

    design: object = field(default_factory=lambda: learn_design(TABLE, []))

    def predict(self, table):
        return (table["a"] + 10 * table["b"] + 1000 * (table["soil"] == "y")).to_numpy(float)


# --- The design ---


def test_numbers_are_scaled_and_clamped_and_levels_have_a_column_each():
    design = learn_design(TABLE, [])
    rows = pd.DataFrame({"a": [2.0, -4, 20], "b": [5.0, 1, 9], "soil": ["y", "x", "z"], "flat": 3})
    assert design.matrix(rows).tolist() == [[0.25, 0.5, 0, 1], [0, 0, 1, 0], [1, 1, 0, 0]]
    assert design.used == ("a", "b", "soil") and design.constant == ("flat",)
    assert design.numeric.tolist() == [True, True, False, False]
    assert [of.tolist() for of in design.groups] == [[0], [1], [2, 3]]
    assert design.unseen(rows).tolist() == [False, False, True]


def test_a_row_with_an_unknown_or_endless_value_is_not_known():
    table = TABLE.assign(a=[0, np.inf, 8], flat=[3, 3, np.nan])
    assert learn_design(TABLE, []).known(table).tolist() == [True, False, False]
    assert learn_design(table, []).ranges["a"] == (0, 8)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 5), (1, 2, 4)])
def test_an_array_has_the_columns_of_the_training(shape):
    design = learn_design(TABLE.assign(soil=[0, 1, 1]), ["soil"])
    assert list(design.table(np.zeros((2, 4)))) == list(TABLE)
    with pytest.raises(ValueError, match=r"expected an array \(n, 4\)"):
        design.table(np.zeros(shape))


def test_two_values_vary_and_a_table_of_constants_carries_no_model():
    assert learn_design(TABLE[:2], []).constant == ("flat",)
    with pytest.raises(TooFewError, match="no covariate varies"):
        learn_design(TABLE[:1], [])


# --- Curves, importance, MESS ---


def test_a_curve_runs_over_the_training_with_the_others_at_their_middle():
    """The middle of a is 4, of b 2, the commonest soil y."""
    curves = response_curves(Sum(), TABLE, points=3)
    assert [tuple(row) for row in curves.to_numpy()] == [
        ("a", 0, 1020), ("a", 4, 1024), ("a", 8, 1028),
        ("b", 1, 1014), ("b", 5, 1054), ("b", 9, 1094),
        ("soil", "x", 24), ("soil", "y", 1024),
    ]  # fmt: skip
    assert len(response_curves(Sum(), TABLE)) == 50 + 50 + 2


def test_only_what_a_model_uses_is_of_importance():
    """A presence outranks a site by its soil alone: shuffled, they swap in half of the cases."""
    one, other = TABLE[1:2].assign(b=2.0, a=4.0), TABLE[:1].assign(b=2.0, a=4.0)
    found = importance(Sum(), one, other, repeats=400).set_index("covariate")
    assert found["auc_drop"].to_dict() == {"a": 0, "b": 0, "soil": pytest.approx(0.5, abs=0.1)}
    assert found["auc_drop_sd"].to_dict() == {"a": 0, "b": 0, "soil": pytest.approx(0.5, abs=0.02)}
    assert found["share"].to_dict() == {"a": 0, "b": 0, "soil": 1}
    nothing = importance(Sum(), other, other, repeats=2)
    assert nothing["share"].tolist() == nothing["auc_drop"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("options", "told"), [({"multiplier": 2.0}, "{'multiplier': 2.0}"), ({}, "default")]
)
def test_the_protocol_tells_the_options_of_a_model(options, told):
    table = pd.DataFrame({"x": np.linspace(0, 1, 40)})
    model = fit(table[30:], table, "maxent", seed=3, **options)
    record = odmap(model).set_index("element")["value"]
    assert record["Model settings"] == f"seed 3; options {told}"


@pytest.mark.parametrize(
    ("at", "value"),
    [(0.5, -50 / 3), (1, 0), (1.5, 50), (2.5, 100), (3, 100), (3.5, 50), (4, 50), (4.6, -20)],
)
def test_mess_is_twice_the_share_on_the_nearer_side(at, value):
    """Of 1, 2, 3, 4; beyond the ends in per cent of their range of 3."""
    found, worst = mess(np.array([[1.0], [2], [3], [4]]), np.array([[at]]))
    assert found[0] == pytest.approx(value) and worst[0] == 0


@pytest.mark.parametrize(
    ("reference", "points"), [((3,), (2, 1)), ((3, 1), (2,)), ((3, 1), (2, 2)), ((3, 2, 1), (2, 2))]
)
def test_mess_wants_the_same_covariates_on_both_sides(reference, points):
    with pytest.raises(ValueError, match=r"expected \(m, k\) and \(n, k\)"):
        mess(np.zeros(reference), np.zeros(points))


# --- Measures ---


def test_boyce_looks_through_101_windows_that_hold_ground():
    ground = np.linspace(0, 1, 1001)
    assert len(boyce([0.2, 0.9], ground).ratio) == 101
    halves = boyce([0.1, 0.9], [0.0, 0.1, 0.9, 1.0], width=0.2, windows=5)  # at 0, 0.2, ... 0.8
    assert halves.suitability.tolist() == pytest.approx([0.1, 0.9])
    assert halves.ratio.tolist() == [1, 1]


def test_boyce_is_the_same_wherever_scores_begin():
    ground = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0])
    at, there = (boyce(np.array([0.3, 0.6, 0.9, 1.0]) + x, ground + x, windows=11) for x in (0, 8))
    assert there.suitability == pytest.approx(at.suitability + 8)
    assert there.index == pytest.approx(at.index) and there.ratio == pytest.approx(at.ratio)


def test_boyce_takes_three_windows_and_a_ratio_that_changes():
    ground = [0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert np.isnan(boyce([0.3, 0.9, 1.0], ground, width=0.5, windows=2).index)
    assert boyce([0.3, 0.9, 1.0], ground, width=0.5, windows=3).index == 1
    assert np.isnan(boyce(ground, ground, width=0.5, windows=3).index)


def test_without_either_kind_of_site_there_is_no_score():
    for present, absent in (([], [0.5]), ([0.5], []), ([np.nan], [0.5])):
        assert np.isnan(tss(present, absent)) and np.isnan(boyce(present, absent).index)


def test_a_record_at_the_bar_of_the_other_fold_is_not_omitted():
    """Both folds have records of 0.54 and 0.9, whose tenth percentile is 0.576."""
    at, folds = np.array([0.54, 0.9, 0.54, 0.9]), np.array([0, 0, 1, 1])
    bar = validate._score_table(at, np.array([0.1, 0.1]), folds, np.array([0, 1]))
    assert bar["omission"].tolist() == [0.5] * 4
    alike = validate._score_table(0 * at + 0.7, np.array([0.1, 0.1]), folds, np.array([0, 1]))
    assert alike["omission"].tolist() == [0] * 4


@dataclass(frozen=True)
class Mean:
    """A model that says of every site how large `a` is at the presences that it was fitted to."""

    value: float
    method: str = "mean"
    fitted: object = None

    def predict(self, table):
        return np.full(len(table), self.value)


def test_each_fold_is_told_by_the_records_of_the_others(monkeypatch):
    """Presences of 1 and 3 in the first fold, of 10 in the second; backgrounds likewise."""
    fitted = []

    def fit(presences, background, *_, **__):
        fitted.append((presences["a"].tolist(), background["a"].tolist()))
        return Mean(presences["a"].mean())

    monkeypatch.setattr(validate, "fit", fit)
    presences, background = pd.DataFrame({"a": [1.0, 10, 3]}), pd.DataFrame({"a": [5.0, 6]})
    held = validate.cross_validate(presences, background, [0, 1, 0], [1, 0], "mean")
    assert fitted == [([10], [5]), ([1, 3], [6])]
    assert held.at_presences.tolist() == [10, 2, 10] and held.at_background.tolist() == [2, 10]


# --- Choosing points ---


def test_a_cell_begins_at_its_lower_border():
    assert thin(np.array([[10.0, 10], [1000, 10]]), cell_m=1000).tolist() == [0, 1]
    assert len(thin(np.array([[0.0, 0], [10, 10]]), cell_m=1000)) == 1


def test_records_add_up_and_reach_three_reaches():
    xy = [[0, 0], [2900, 0], [3100, 0]]
    effort = record_effort(xy, [[0, 0], [0, 0], [2900, 0]], reach_m=1000, floor=0)
    far = np.exp(-0.5 * 2.9**2)
    most = 2 + far
    assert effort.tolist() == pytest.approx([1, (1 + 2 * far) / most, np.exp(-0.5 * 0.04) / most])
    alone = record_effort(xy, [[0, 0]], reach_m=1000, floor=0)
    assert alone.tolist() == pytest.approx([1, far, 0])
    assert record_effort(xy, [[0, 0]], reach_m=1000)[2] == 0.01
    assert record_effort(xy, [[9e6, 0]], reach_m=1000).tolist() == [0.01] * 3


@pytest.mark.parametrize(
    ("effort", "told"),
    [([1, -1], "not negative"), ([1, np.inf], "not negative"), ([1], "expected"), ([0, 0], "no c")],
)
def test_effort_is_finite_and_somewhere_above_0(effort, told):
    with pytest.raises(ValueError, match=told):
        effort_background(np.zeros((2, 2)), np.array(effort), 1)


def test_a_place_that_is_not_known_is_not_drawn():
    xy = np.array([[0, 0], [np.nan, 0], [0, np.nan], [1, 1]])
    assert effort_background(xy, np.ones(4), 9).tolist() == [0, 3]
    assert len(effort_background(xy, np.ones(4), 1)) == 1


def test_blocks_are_dealt_to_five_folds_or_as_many_as_hold_presences():
    xy = np.array([[10_000.0 * i, 0] for i in range(10)])  # in blocks of their own
    assert np.bincount(spatial_blocks(xy, 1000)).tolist() == [2] * 5
    presence = np.arange(10) < 3
    folds = spatial_blocks(xy, 1000, presence=presence)
    assert sorted(folds[presence]) == [0, 1, 2]
    with pytest.raises(TooFewError, match="lie in 1 of the blocks of 1 km, and a fit"):
        spatial_blocks(xy, 1000, presence=np.arange(10) < 1)
    with pytest.raises(ValueError, match="unknown position"):
        spatial_blocks(np.array([[0, np.nan], [5000, 0]]), 1000)


def test_blocks_without_presences_even_out_the_points():
    """Two presences, in blocks of 10 points and of 1; three blocks of 3 make 10 and 10."""
    per_block, sizes = np.array([1.0, 1, 0, 0, 0]), np.array([10, 1, 3, 3, 3])
    fold = sampling._deal(per_block, sizes, 2, np.random.default_rng(0))
    assert fold.tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 2, 2)])
def test_coordinates_are_pairs(shape):
    with pytest.raises(ValueError, match=r"expected \(n, 2\)"):
        thin(np.zeros(shape), cell_m=1)
