"""Suitability models: known truths, tables by hand, and what must hold whatever the data."""

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from manul.suitability import (
    METHODS,
    auc,
    boyce,
    cross_validate,
    effort_background,
    ensemble,
    fit,
    importance,
    maxent,
    mess,
    odmap,
    omission,
    record_effort,
    regression,
    response_curves,
    sampling,
    skill_weights,
    spatial_blocks,
    thin,
    thresholds,
    trees,
    tss,
    validate,
)
from manul.suitability.design import learn_design
from manul.suitability.maxent import classes_for, expand, features_for, penalties
from manul.suitability.solvers import lasso_gaps, maxent_lasso
from manul.suitability.training import Training

SIDE = 50
FAST = {
    "maxent": {},
    "logistic": {},
    "random_forest": {"trees": 40},
    "boosted": {"rounds": 25, "bags": 2},
    "esm": {},
    "ensemble": {"options": {"random_forest": {"trees": 40}, "boosted": {"rounds": 25, "bags": 2}}},
}


def world(seed=0, n_presences=60):
    """A landscape of 50 x 50 km with known truth: wet mid-slopes are good, `noise` does nothing."""
    rng = np.random.default_rng(seed)
    layers = [gaussian_filter(rng.standard_normal((SIDE, SIDE)), 4, mode="wrap") for _ in range(3)]
    slope, wet, noise = ((layer / layer.std()).ravel() for layer in layers)
    soil = np.where(rng.random(SIDE**2) < 0.3, "clay", "sand")
    chance = 1 / (1 + np.exp(-(2.0 * wet - 1.5 * slope**2 - 2)))
    table = pd.DataFrame({"slope": slope, "wet": wet, "noise": noise, "soil": soil})
    xy = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).reshape(-1, 2) * 1000.0
    rows = rng.choice(SIDE**2, n_presences, replace=False, p=chance / chance.sum())
    return table, xy, rows, chance


@pytest.fixture(scope="module")
def known_world():
    return world()


@pytest.fixture(scope="module")
def models(known_world):
    table, _, rows, _ = known_world
    return {name: fit(table.iloc[rows], table, name, **FAST[name]) for name in METHODS}


# --- Measures, by hand and against a library ---


def test_auc_counts_ties_as_half():
    assert auc([3, 2], [1, 2]) == pytest.approx(3.5 / 4)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=20),
    st.lists(st.integers(0, 6), min_size=1, max_size=20),
)
def test_auc_agrees_with_sklearn(present, absent):
    truth = [1] * len(present) + [0] * len(absent)
    assert auc(present, absent) == pytest.approx(roc_auc_score(truth, present + absent))


def test_tss_and_thresholds_by_hand():
    present, absent = [0.4, 0.6, 0.8, 0.9], [0.1, 0.2, 0.3, 0.7]
    # At 0.4 every presence and one of four absences is in: 1 + 3/4 - 1.
    assert tss(present, absent) == pytest.approx(0.75)
    assert thresholds(present, absent) == pytest.approx({"presence_p10": 0.46, "max_tss": 0.4})
    assert omission(present, 0.46) == 0.25


def test_measures_leave_the_unknown_out():
    assert auc([1, np.nan], [0, np.nan]) == 1.0
    assert omission([np.nan, 0.2], 0.5) == 1.0
    assert np.isnan(auc([np.nan], [1.0]))
    assert np.isnan(omission([np.nan], 0.5))
    assert np.isnan(boyce([], [0.1, 0.2]).index)


GROUND = [0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0]


def test_boyce_by_hand():
    # Windows 0-0.5, 0.25-0.75, 0.5-1 hold 5, 4, 5 of ten background sites.
    rising = boyce([0.3, 0.6, 0.9, 1.0], GROUND, width=0.5, windows=3)
    assert rising.ratio == pytest.approx([(1 / 4) / 0.5, (2 / 4) / 0.4, (3 / 4) / 0.5])
    assert rising.suitability == pytest.approx([0.25, 0.5, 0.75])
    assert rising.index == pytest.approx(1.0)
    humped = boyce([0.3, 0.4, 0.6, 0.65], GROUND, width=0.5, windows=3)
    assert humped.ratio == pytest.approx([1.0, 2.5, 1.0])
    assert humped.index == pytest.approx(0.0)


def test_boyce_keeps_the_top_window():
    result = boyce([0.6, 0.9, 1.0, 1.0], GROUND)
    assert result.suitability[-1] == pytest.approx(0.95)
    assert result.ratio[-1] == pytest.approx((3 / 4) / (2 / 10))


def test_boyce_windows_reach_from_the_lowest_to_the_highest_score_of_both():
    for present, ground in (([0, 4.0], [1, 2]), ([1, 2], [0, 2, 4.0]), ([0, 2.0], [1, 4])):
        result = boyce(present, ground, width=0.5, windows=3)
        assert result.suitability.tolist() == [1, 2, 3]


def test_boyce_top_window_decides():
    # Nine presences in the lower half; without the top window, whose ratio is greatest, rho falls.
    ground = np.linspace(0, 1, 101)
    present = np.r_[np.full(3, 0.05), np.full(6, 0.999)]
    assert boyce(present, ground, windows=10).index > boyce(present[:-6], ground, windows=10).index


def test_mess_by_hand():
    reference = np.array([[0, 10], [1, 20], [2, 30], [3, 40], [4, 50], [np.nan, 999]], float)
    points = np.array([[2, 30], [-1, 30], [2, 60], [4, 30], [np.nan, 30]])
    value, worst = mess(reference, points)
    # In the middle 2 of 5 lie below: 2 x 40; beyond, the overshoot in per cent of the range.
    assert value[:4] == pytest.approx([80, -25, -25, 40])
    assert worst.tolist() == [0, 0, 1, 0, -1]
    assert np.isnan(value[4])


def test_mess_of_a_reference_that_never_varies():
    value, worst = mess([[5.0, 1.0], [5.0, 2.0], [5.0, 3.0]], [[5.0, 2.0], [6.0, 2.0]])
    assert value.tolist() == [0.0, -np.inf]
    assert worst.tolist() == [0, 0]


# --- Choosing points ---


def test_thin_by_cell_keeps_one_of_each():
    xy = np.array([[10, 10], [20, 20], [1010, 10], [np.nan, 3]])
    kept = thin(xy, cell_m=1000)
    assert len(kept) == 2 and 2 in kept


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=40))
def test_thin_by_distance_is_apart_and_full(points):
    xy = np.array(points, float)
    kept = thin(xy, distance_m=10.0)
    gaps = np.hypot(*(xy[:, None] - xy[kept]).transpose(2, 0, 1))
    between = gaps[kept] + np.where(np.eye(len(kept), dtype=bool), np.inf, 0)
    assert (between >= 10).all()
    left_out = np.setdiff1d(np.arange(len(xy)), kept)
    assert (gaps[left_out].min(axis=1, initial=np.inf) < 10).all()


def test_thin_wants_one_rule():
    with pytest.raises(ValueError, match="one of cell_m and distance_m"):
        thin(np.zeros((2, 2)), cell_m=1, distance_m=1)
    with pytest.raises(ValueError, match="above 0"):
        thin(np.zeros((2, 2)), cell_m=0)


def test_effort_background_follows_effort():
    xy = np.zeros((3000, 2))
    effort = np.r_[np.zeros(1000), np.ones(1000), np.full(1000, 3.0)]
    drawn = effort_background(xy, effort, 400, seed=1)
    assert len(np.unique(drawn)) == 400 and drawn.min() >= 1000
    assert 0.65 < (drawn >= 2000).mean() < 0.85
    assert np.array_equal(drawn, effort_background(xy, effort, 400, seed=1))


def test_effort_background_leaves_out_unknown_effort():
    drawn = effort_background(np.zeros((3, 2)), np.array([np.nan, 1.0, 0.0]), 5)
    assert drawn.tolist() == [1]


def test_record_effort_is_highest_at_records():
    xy = np.array([[0, 0], [1000, 0], [50_000, 0], [np.nan, 0]], float)
    effort = record_effort(xy, [[0, 0], [np.nan, 5.0]], reach_m=1000, floor=0.01)
    assert effort[:3] == pytest.approx([1.0, np.exp(-0.5), 0.01])
    assert np.isnan(effort[3])


def test_blocks_stay_whole_and_balanced():
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 100_000, (2000, 2))
    presence = rng.random(2000) < 0.1
    folds = spatial_blocks(xy, 10_000, k=5, seed=4, presence=presence)
    counts = np.bincount(folds[presence], minlength=5)
    assert counts.max() - counts.min() <= 5
    close = np.hypot(*(xy[:, None] - xy[:1]).transpose(2, 0, 1))[:, 0] < 1
    assert len(np.unique(folds[close])) == 1
    shifted = np.random.default_rng(4).uniform(0, 10_000, 2)
    cells = pd.DataFrame(np.floor((xy + shifted) / 10_000)).assign(fold=folds)
    assert (cells.groupby([0, 1])["fold"].nunique() == 1).all()


@pytest.mark.parametrize(
    ("per_block", "folds"), [([1, 3, 3, 5], [6, 6]), ([1, 1, 1, 1], [2, 2]), ([9, 1, 1, 1], [3, 9])]
)
def test_the_fullest_blocks_are_dealt_first(per_block, folds):
    counts = np.array(per_block, float)
    fold = sampling._deal(counts, counts, 2, np.random.default_rng(0))
    assert sorted(np.bincount(fold, counts)) == folds


def test_one_block_is_no_fold():
    with pytest.raises(ValueError, match="a smaller `block_m`"):
        spatial_blocks(np.zeros((10, 2)), 1000)


# --- Solvers ---


@pytest.mark.parametrize("count", [8, 12, 60, 100])
def test_maxent_meets_its_optimality_conditions(count):
    features, base, target, penalty = maxent_problem(count)
    coef = maxent_lasso(features, base, target, penalty, tolerance=1e-7)
    link = features @ coef
    density = base * np.exp(link - link.max())
    gradient = density / density.sum() @ features - target
    assert lasso_gaps(gradient, coef, penalty).max() < 1e-6
    assert 0 < np.count_nonzero(coef) <= min(count, features.shape[1])


def maxent_problem(count):
    rng = np.random.default_rng(count)
    matrix = np.vstack([rng.random((800, 4)), np.clip(rng.normal(0.7, 0.15, (count, 4)), 0, 1)])
    features = features_for(learn_design(pd.DataFrame(matrix), ()), classes_for(count))
    values = expand(matrix, features)
    at = values[800:]
    return values, np.ones(len(values)), at.mean(axis=0), penalties(features, at, np.ptp(values, 0))


def test_maxent_against_a_general_optimiser():
    rng = np.random.default_rng(5)
    features, base = rng.random((200, 3)), rng.uniform(0.5, 2, 200)
    target, penalty = np.array([0.7, 0.45, 0.5]), np.array([0.02, 0.01, 0.05])

    def loss(split):
        coef = split[:3] - split[3:]
        return (
            np.log(base / base.sum() @ np.exp(features @ coef))
            - target @ coef
            + penalty @ (split[:3] + split[3:])
        )

    best = minimize(loss, np.full(6, 0.1), bounds=[(0, None)] * 6, tol=1e-12)
    expected = best.x[:3] - best.x[3:]
    assert maxent_lasso(features, base, target, penalty) == pytest.approx(expected, abs=2e-3)


def test_a_great_penalty_leaves_nothing():
    rng = np.random.default_rng(6)
    features = rng.random((50, 3))
    coef = maxent_lasso(features, np.ones(50), features[:5].mean(axis=0), np.full(3, 1.0))
    assert not coef.any()


def test_feature_classes_grow_with_records():
    assert classes_for(9) == ("linear",)
    assert classes_for(10) == ("linear", "quadratic")
    assert classes_for(15) == ("linear", "quadratic", "hinge")
    assert classes_for(80) == ("linear", "quadratic", "hinge", "product")


@pytest.mark.parametrize(
    ("kinds", "presences", "expected"),
    [
        (["linear"], 10, [1]),
        (["linear"], 20, [0.6]),  # half way from 1 at ten to 0.2 at thirty
        (["linear"], 30, [0.2]),
        (["linear"], 100, [0.05]),
        (["linear", "quadratic"], 17, [0.5, 0.5]),  # the richest class sets both
        (["linear", "quadratic"], 30, [0.25, 0.25]),
        (["linear", "product"], 10, [1.6, 1.6]),
        (["linear", "product"], 17, [0.9, 0.9]),
        (["linear", "product"], 30, [0.55, 0.55]),
        (["hinge", "indicator"], 10, [0.5, 0.5]),
        (["hinge", "indicator"], 17, [0.5, 0.25]),
    ],
)
def test_penalties_are_multipliers_of_the_standard_error(kinds, presences, expected):
    features = tuple(maxent.Feature(kind, 0) for kind in kinds)
    column = np.resize([-1.0, 1.0], presences)
    column *= 1 / column.std(ddof=1)
    at = np.tile(column[:, None], len(kinds))
    found = maxent.penalties(features, at, np.ones(len(kinds)))
    assert found * np.sqrt(presences) == pytest.approx(expected)


def test_penalties_have_a_floor():
    features = maxent.Feature("linear", 0), maxent.Feature("hinge", 0)
    found = maxent.penalties(features, np.zeros((100, 2)), np.array([5.0, 5.0]))
    # A thousandth of the range; of a hinge half of 1 / 10 over 10.
    assert found == pytest.approx([0.005, 0.005])
    assert maxent.penalties(features, np.zeros((25, 2)), np.ones(2)) == pytest.approx([0.001, 0.02])


def test_no_gradient_of_the_penalised_likelihood_is_left():
    rng = np.random.default_rng(7)
    here, ground = rng.normal(0.5, 1, (120, 3)), rng.normal(0, 1, (400, 3))
    names = ["a", "b", "c"]
    design = learn_design(pd.DataFrame(ground, columns=names), ())
    weights = rng.uniform(0.5, 2, 120), rng.uniform(0.5, 2, 400)
    train = Training(here, ground, *weights, design, 0)
    fitted = regression.fit_logistic(train, strengths=(2.0,))
    ridge = 2.0 * np.array([4.0 if term.second >= 0 else 1.0 for term in fitted.terms])
    matrix, presence, weight = train.stacked()
    columns = regression._columns(matrix, fitted.terms)
    residual = weight * (fitted.predict(matrix) - presence)
    assert np.abs(columns.T @ residual + ridge * fitted.coef).max() < 1e-6
    assert abs(residual.sum()) < 1e-6


@pytest.mark.parametrize(
    ("kind", "knots", "expected"),
    [
        ("raw", (), [0, 1, 2, 3]),
        ("square", (), [0, 1, 4, 9]),
        ("product", (), [0, 10, 20, 30]),
        # Knots at 0, 1, 2 (and which of them bends): cubes from 0 over 2, less those from 1 over 1.
        ("spline", (0, 1, 2, 0), [0, 0.5, 3, 6]),
    ],
)
def test_terms_of_a_regression_by_hand(kind, knots, expected):
    matrix = np.array([[0, 10], [1, 10], [2, 10], [3, 10.0]])
    term = regression.Term(kind, 0, 1, knots, centre=1.0, scale=2.0)
    made = regression._columns(matrix, [term])[:, 0]
    np.testing.assert_allclose(made, (np.array(expected) - 1) / 2)


def test_maxent_rate_sums_to_one_and_entropy_is_its_own(models, known_world):
    table, _, rows, _ = known_world
    model = models["maxent"]
    stacked = pd.concat([table, table.iloc[rows]])
    rate = np.exp(model.fitted.link(model.design.matrix(stacked)))
    assert rate.sum() == pytest.approx(1.0)
    assert model.fitted.entropy == pytest.approx(-(rate * np.log(rate)).sum())
    cloglog = 1 - np.exp(-np.exp(model.fitted.entropy) * rate)
    assert model.predict(stacked) == pytest.approx(cloglog)


# --- Every method ---


@pytest.mark.parametrize("method", METHODS)
def test_recovers_a_known_truth(models, known_world, method):
    table, _, _, chance = known_world
    suitability = models[method].predict(table)
    assert suitability.min() >= 0 and suitability.max() <= 1
    good, poor = chance > np.quantile(chance, 0.8), chance < np.quantile(chance, 0.5)
    assert auc(suitability[good], suitability[poor]) > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_whole_or_in_chunks_is_the_same_bit_for_bit(models, known_world, method):
    table = known_world[0]
    whole = models[method].predict(table)
    parts = [models[method].predict(table.iloc[i : i + 777]) for i in range(0, len(table), 777)]
    singles = [models[method].predict(table.iloc[[i]])[0] for i in range(5)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert np.array_equal(whole[:5], singles)
    assert np.array_equal(whole, models[method].predict(table.to_numpy()))


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_model(models, known_world, method):
    table, _, rows, _ = known_world
    again = fit(table.iloc[rows], table, method, **FAST[method])
    assert np.array_equal(again.predict(table), models[method].predict(table))
    revived = pickle.loads(pickle.dumps(again))
    assert np.array_equal(revived.predict(table[:50]), again.predict(table[:50]))


@pytest.mark.parametrize("method", METHODS)
def test_unknown_stays_unknown(models, known_world, method):
    rows = known_world[0].iloc[:6].copy()
    rows.iloc[0, 0], rows.iloc[1, 3], rows.iloc[2, 1] = np.nan, None, np.inf
    suitability = models[method].predict(rows)
    assert np.isnan(suitability).tolist() == [True, True, True, False, False, False]
    assert np.isnan(models[method].predict(rows.iloc[:3])).all()


@pytest.mark.parametrize("method", METHODS)
def test_an_unseen_category_is_flagged_and_predicted(models, known_world, method):
    rows = known_world[0].iloc[:4].copy()
    rows.iloc[0, 3] = "moraine"
    suitability = models[method].predict(rows)
    assert np.isfinite(suitability).all()
    assert models[method].unseen(rows).tolist() == [True, False, False, False]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [5, 12])
def test_few_records_and_a_constant_column(known_world, method, count):
    table, _, rows, _ = known_world
    flat = table.assign(flat=1.0)
    model = fit(flat.iloc[rows[:count]], flat, method, **FAST[method])
    assert model.design.constant == ("flat",)
    assert np.isfinite(model.predict(flat)).all()


@pytest.mark.parametrize("method", ["esm", "ensemble"])
def test_a_single_covariate_is_enough(known_world, method):
    table, _, rows, _ = known_world
    model = fit(table.iloc[rows][["wet"]], table, method, **FAST[method])
    assert np.corrcoef(model.predict(table[["wet"]]), table["wet"])[0, 1] > 0.5


@pytest.mark.parametrize("method", ["maxent", "logistic", "random_forest", "boosted"])
def test_effort_in_the_background_is_not_habitat(method):
    # Records follow effort alone: with the bias told, the covariate of effort explains nothing.
    rng = np.random.default_rng(8)
    road = rng.random(3000)
    effort = np.exp(2 * road)
    table = pd.DataFrame({"road": road, "noise": rng.random(3000)})
    rows = rng.choice(3000, 400, p=effort / effort.sum())
    told = fit(table.iloc[rows], table, method, bias=effort, **FAST[method]).predict(table)
    naive = fit(table.iloc[rows], table, method, **FAST[method]).predict(table)
    gaps = [score[road > 0.8].mean() - score[road < 0.2].mean() for score in (told, naive)]
    assert abs(gaps[0]) < 0.15 and gaps[1] > 0.2


def test_too_few_records_names_the_minimum(known_world):
    table, _, rows, _ = known_world
    with pytest.raises(ValueError, match="at least 5"):
        fit(table.iloc[rows[:4]], table)
    with pytest.raises(ValueError, match="1 distinct presences"):
        fit(table.iloc[np.repeat(rows[:1], 9)], table)
    with pytest.raises(ValueError, match="at least 20"):
        fit(table.iloc[rows], table[:19])


def test_a_wrong_name_lists_the_choices(known_world):
    table, _, rows, _ = known_world
    with pytest.raises(ValueError, match=r"'maxnet' is not one of \['maxent'"):
        fit(table.iloc[rows], table, "maxnet")
    with pytest.raises(ValueError, match="names no covariate"):
        fit(table.iloc[rows], table, "maxent", categorical=["soils"])
    with pytest.raises(ValueError, match="lacks covariates"):
        fit(table.iloc[rows], table.drop(columns="wet"), "maxent")
    with pytest.raises(ValueError, match="model_weights names"):
        fit(table.iloc[rows], table, model_weights={"glm": 1.0})
    for wrong in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="bias must be numbers above 0"):
            fit(table.iloc[rows], table, bias=np.r_[wrong, np.ones(len(table) - 1)])


def test_rows_without_a_value_are_counted(known_world):
    table, _, rows, _ = known_world
    presences = table.iloc[rows].copy()
    presences.iloc[:3, 0] = np.nan
    model = fit(presences, table, "maxent")
    assert (model.n_presences, model.dropped_presences) == (57, 3)


def test_numbers_named_categorical_are_levels():
    rng = np.random.default_rng(9)
    table = pd.DataFrame({"cover": rng.integers(1, 4, 600) * 10, "x": rng.random(600)})
    presences = table[table["cover"] == 20][:40]
    model = fit(presences, table, "maxent", categorical=["cover"])
    best = model.predict(pd.DataFrame({"cover": [10, 20, 30], "x": 0.5}))
    assert best.argmax() == 1 and model.design.levels == {"cover": (10, 20, 30)}
    assert np.array_equal(best, model.predict(np.array([[10, 0.5], [20, 0.5], [30, 0.5]])))


# --- Cross-validation ---


def blocked(seed, rows, table, xy, method, **options):
    ground = np.random.default_rng(seed + 99).choice(len(xy), 1000, replace=False)
    presence = np.arange(len(rows) + 1000) < len(rows)
    folds = spatial_blocks(xy[np.r_[rows, ground]], 10_000, k=3, seed=seed, presence=presence)
    tables = table.iloc[rows], table.iloc[ground]
    return cross_validate(*tables, folds[presence], folds[~presence], method, seed=seed, **options)


def test_blocked_scores_of_a_known_truth(known_world):
    table, xy, rows, _ = known_world
    result = blocked(1, rows, table, xy, "ensemble", **FAST["ensemble"])
    mean = result.scores.loc["mean"]
    assert mean["auc"] >= 0.75 and result.scores.loc["pooled", "boyce"] >= 0.5
    assert mean["omission"] <= 0.25 and mean["tss"] >= 0.4
    assert list(result.scores.index) == [0, 1, 2, "mean", "pooled"]
    assert mean["n_presences"] == 60
    assert np.isfinite(result.at_presences).all()


@pytest.mark.parametrize("method", ["maxent", "ensemble"])
def test_shuffled_records_give_auc_of_a_half(method):
    scores = []
    for seed in range(5):
        table, xy, _, _ = world(seed)
        rows = np.random.default_rng(seed).choice(len(table), 60, replace=False)
        result = blocked(seed, rows, table, xy, method, **FAST[method])
        scores.append(result.scores.loc["pooled", "auc"])
    assert np.mean(scores) == pytest.approx(0.5, abs=0.05)


def test_skill_weights_feed_the_ensemble(known_world):
    table, _, rows, _ = known_world
    folds = np.arange(len(rows)) % 2, np.arange(1000) % 2
    weights = skill_weights(table.iloc[rows], table[:1000], *folds, methods=["maxent", "esm"])
    assert all(0.3 < value < 1 for value in weights.values())
    model = fit(table.iloc[rows], table[:1000], model_weights=weights)
    assert set(model.fitted.members) == {"maxent", "esm"}


def test_scores_of_two_folds_by_hand():
    """Three records against two places without, then one against one; another is unknown."""
    presences, of_presences = np.array([0.9, 0.5, 0.95, 0.2]), np.array([0, 0, 0, 1])
    background, of_background = np.array([0.1, 0.6, 0.3, np.nan]), np.array([0, 0, 1, 1])
    found = validate._score_table(presences, background, of_presences, of_background)
    assert found["n_presences"].tolist() == [3, 1, 4, 4]
    assert found["n_background"].tolist() == [2, 1, 3, 3]
    # 5 of 6 pairs are right, then none of one; over folds by records; of all 12 pairs 9 are right.
    assert found["auc"].tolist() == pytest.approx([5 / 6, 0, 5 / 8, 9 / 12])
    # The bar of a fold are the records of the other: 0.2, and about 0.6.
    assert found["omission"].tolist() == pytest.approx([0, 1, 0.25, 0.25])


def test_a_fold_in_which_nothing_is_known_counts_for_nothing():
    presences, folds = np.array([0.9, 0.8, np.nan]), np.array([0, 0, 1])
    found = validate._score_table(presences, np.array([0.1, 0.2]), folds, np.array([0, 1]))
    assert found.loc["mean", "auc"] == 1 and np.isnan(found.loc[1, "auc"])
    apart = validate._score_table(np.array([0.9, 0.7]), np.array([0.1]), folds[1:], folds[:1])
    assert np.isnan(apart.loc[1, "auc"]), "a fold without any background"
    assert apart.loc["mean", "auc"] == 1 and apart.loc["mean", "n_presences"] == 2
    none = validate._score_table(presences * np.nan, np.array([0.1, 0.2]), folds, folds[:2])
    assert np.isnan(none.loc["mean", "auc"])


@pytest.mark.parametrize(
    ("folds", "told"),
    [([0] * 20, r"lie in 1 fold\(s\); cross-validation needs two"), ([0, 1], r"expected \(20,\)")],
)
def test_records_in_one_fold_or_without_one_are_not_validated(folds, told):
    table = pd.DataFrame({"a": np.linspace(0, 1, 20)})
    with pytest.raises(ValueError, match=told):
        cross_validate(table, table, folds, np.arange(20) % 2, "maxent")


@pytest.mark.parametrize(("right", "weight"), [(0.75, 0.5), (0.5, 0), (0.2, 0), (np.nan, 0)])
def test_a_model_weighs_as_much_as_it_is_better_than_chance(monkeypatch, right, weight):
    scores = pd.DataFrame({"auc": [right]}, index=["mean"])
    held = validate.Validation(scores, np.zeros(0), np.zeros(0))
    monkeypatch.setattr(validate, "cross_validate", lambda *_, **__: held)
    assert skill_weights(None, None, None, None, ["maxent"]) == {"maxent": weight}


# --- Explaining ---


def test_curves_and_importance_show_the_truth(models, known_world):
    table, _, rows, _ = known_world
    curves = response_curves(models["maxent"], table.iloc[rows])
    wet = curves[curves["covariate"] == "wet"]["suitability"].to_numpy()
    slope = curves[curves["covariate"] == "slope"]["suitability"].to_numpy()
    assert wet[-1] - wet[0] > 0.4 and 10 < slope.argmax() < 40
    assert set(curves[curves["covariate"] == "soil"]["value"]) == {"clay", "sand"}
    ranking = importance(models["maxent"], table.iloc[rows], table).set_index("covariate")
    assert ranking["share"].nlargest(2).index.isin(["wet", "slope"]).all()
    assert ranking["share"].sum() == pytest.approx(1.0)


def test_odmap_says_what_is_known_and_what_is_not(models, known_world):
    answers = {"Focal taxon": "Otocolobus manul"}
    record = odmap(models["maxent"], answers).set_index("element")["value"]
    assert record["Sample size"] == "60 presences"
    assert record["Focal taxon"] == "Otocolobus manul"
    assert record["Authorship"] == "to be written by the authors"
    with pytest.raises(ValueError, match="ODMAP has no element"):
        odmap(models["maxent"], {"Taxon": "x"})


def test_odmap_names_the_categories_and_what_never_varies():
    table = pd.DataFrame({"cover": np.arange(60) % 3 * 10, "x": np.linspace(0, 1, 60), "flat": 1.0})
    model = fit(table[table["cover"] == 20], table, "maxent", categorical=["cover"])
    scores = pd.DataFrame(
        {"auc": [0.8, 0.7, 0.75, 0.7], "tss": 0.5, "boyce": 0.25, "omission": 0.1},
        index=[0, 1, "mean", "pooled"],
    )
    record = odmap(model, performance=scores).set_index("element")["value"]
    assert record["Categorical variables"] == "cover (3 levels)"
    assert record["Variable pre-selection"] == "constant, left out: flat"
    assert record["Data partitioning"] == "2 cross-validation folds"
    told = "mean over folds: auc 0.750, tss 0.500, boyce 0.250, omission 0.100"
    assert record["Performance statistics"] == told
    plain = fit(table[table["cover"] == 20][["x"]], table[["x"]], "maxent")
    record = odmap(plain).set_index("element")["value"]
    assert record["Categorical variables"] == "none"
    assert record["Variable pre-selection"] == "constant, left out: none"


def test_maxent_multiplier_makes_it_flatter(known_world):
    table, _, rows, _ = known_world
    kept = [
        len(fit(table.iloc[rows], table, "maxent", multiplier=m).fitted.coef) for m in (1.0, 5.0)
    ]
    assert kept[1] < kept[0]


@pytest.mark.parametrize(
    ("presences", "third"), [(5, "logistic"), (20, "logistic"), (21, "boosted"), (900, "boosted")]
)
def test_the_third_vote_depends_on_the_number_of_records(presences, third):
    train = SimpleNamespace(presences=range(presences))
    assert ensemble.weights_for(train) == {"random_forest": 4, "maxent": 2, third: 1}


@pytest.mark.parametrize(
    ("shares", "weights", "expected"),
    [
        ((0.5, 0.5), (1, 1), 0.5),
        ((0.8, 0.5), (1, 1), 2 / 3),  # odds 4 and 1: their mean is 2
        ((0.8, 0.5), (2, 1), 4 ** (2 / 3) / (1 + 4 ** (2 / 3))),
        ((0.9, 0.1), (3, 3), 0.5),
        ((1.0, 0.5), (1, 1), 9999**0.5 / (1 + 9999**0.5)),  # as the best of ten thousand
        ((0.0, 1.0), (1, 1), 0.5),
        ((0.3,), (7,), 0.3),
    ],
)
def test_ranks_average_as_log_odds(shares, weights, expected):
    same = ensemble.Ranks(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    names = [*map(str, range(len(shares)))]
    told = [SimpleNamespace(predict=lambda _, share=share: np.full(3, share)) for share in shares]
    made = ensemble.Ensemble(
        dict(zip(names, told, strict=True)),
        dict.fromkeys(names, same),
        dict(zip(names, weights, strict=True)),
    )
    assert made.predict(np.zeros((3, 1))) == pytest.approx(np.full(3, expected))


def test_rows_are_drawn_by_their_share_of_the_weight():
    """Weights 1, 2, 1 take the quarters of 0..1; each share begins with its lower end."""
    told = SimpleNamespace(random=lambda size: np.array([0, 0.24, 0.25, 0.74, 0.75, 0.999])[:size])
    assert trees._draw(told, np.array([0.25, 0.75, 1.0]), 6).tolist() == [0, 0, 1, 1, 2, 2]


def test_every_second_tree_of_a_forest_draws_its_threshold_at_random():
    """Records at 1 and background at 0: the best cut is half way, a random one is anywhere."""
    design = learn_design(pd.DataFrame({"a": [0.0, 1.0]}), ())
    sites = np.ones((6, 1)), np.zeros((30, 1))
    forest = trees.fit_forest(Training(*sites, np.ones(6), np.ones(30), design, 0), trees=8)
    cuts = forest.threshold[forest.roots]
    assert cuts[::2] == pytest.approx(np.full(4, 0.5))
    assert len(np.unique(cuts[1::2])) == 4 and (np.abs(cuts - 0.5) < 0.5).all()
    assert forest.predict(np.array([[0.0], [1.0]])).tolist() == [0.0, 1.0]


def test_the_rank_of_a_score_among_the_background():
    """Shares up to the middle of each tie; beyond the ends there is 1/20 of the range."""
    ranks = ensemble.background_ranks(np.array([0, 20, 20, 10.0]), np.array([1, 1, 1, 1.0]))
    scores = [-1, -0.5, 0, 10, 20, 20.5, 21, 99]
    expected = [0, 0.0625, 0.125, 0.375, 0.75, 0.875, 1, 1]
    assert ranks.share(np.array(scores)) == pytest.approx(expected)
    weighed = ensemble.background_ranks(np.array([0, 10.0]), np.array([3, 1.0]))
    assert weighed.share(np.array([0, 10.0])) == pytest.approx([0.375, 0.875])


def test_many_background_sites_keep_the_rank_of_each():
    scores = np.arange(20_000.0)
    ranks = ensemble.background_ranks(scores, np.ones(20_000))
    assert len(ranks.scores) == ensemble.RANK_KNOTS + 2
    assert ranks.share(scores) == pytest.approx((scores + 0.5) / 20_000, abs=1e-4)
