"""Tracks against ctmm and amt (answers in tests/oracle/evidence), and against what is known.

The tracks named sim_ are simulated with a fixed seed; the answers came from other software.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import special

from manul.tracks import fitting, fixes, movement, populations, ranges, shifts, steps

ORACLE = Path(__file__).parents[1] / "oracle" / "evidence"
ANSWERS = json.loads((ORACLE / "home_range.json").read_text())
DAY = 86400.0


def _track(name):
    table = pd.read_csv(ORACLE / f"{name}.csv")
    return table["t_s"].to_numpy(float), table[["x_m", "y_m"]].to_numpy()


@pytest.fixture(scope="module")
def fits():
    return {name: fitting.fit_all(*_track(name)) for name in ANSWERS}


def _ou(rng, days, tau_d, sigma_m, step_d=1 / 6):
    n = int(days / step_d)
    rho = np.exp(-step_d / tau_d)
    noise = rng.standard_normal((n, 2)) * sigma_m
    out = noise.copy()
    for i in range(1, n):
        out[i] = rho * out[i - 1] + np.sqrt(1 - rho**2) * noise[i]
    return np.arange(n) * step_d * DAY, out


# ----------------------------------------------------------------------------------- movement


@pytest.mark.parametrize("name", ANSWERS)
def test_likelihood_at_given_parameters(name):
    seconds, xy = _track(name)
    truth, want = ANSWERS[name]["truth"], ANSWERS[name]["loglik_at_truth"]
    times, sigma = tuple(truth["tau_s"]), np.array(truth["Sigma_m2"], float)
    found = movement.log_likelihood(movement.sums(seconds, xy, times), sigma)
    assert found == pytest.approx(want["mean_profiled"], abs=1e-4)  # printed to nine digits
    about = movement.log_likelihood_about(seconds, xy, times, sigma, [0, 0])
    assert about == pytest.approx(want["mean_zero"], abs=1e-4)


@pytest.mark.parametrize("times", [(), (3.0,), (3.0, 0.5)])
def test_the_filter_equals_the_full_matrix(times):
    rng = np.random.default_rng(0)
    seconds, xy = np.cumsum(rng.uniform(0.2, 3, 8)), rng.standard_normal((8, 2)) * 10
    matrix = movement.correlation(np.abs(seconds[:, None] - seconds), times)
    inverse, ones = np.linalg.inv(matrix), np.ones(8)
    found = movement.sums(seconds, xy, times)
    mean = ones @ inverse @ xy / (ones @ inverse @ ones)
    assert found.mean == pytest.approx(mean)
    assert found.ones == pytest.approx(ones @ inverse @ ones)
    assert found.square == pytest.approx((xy - mean).T @ inverse @ (xy - mean))
    assert found.log_det == pytest.approx(np.linalg.slogdet(matrix)[1])


def test_steps_far_shorter_than_a_turn_are_not_lost_to_rounding():
    # the series and the differences meet where one takes over from the other
    xy = np.array([[0.0, 0], [1, 1], [2, 2.5]])
    below, above = (
        movement.sums(np.array([0, 1, 2]) * short, xy, (100.0, 1.0)).log_det
        for short in (0.989e-3, 0.991e-3)
    )
    # the second fix varies with the square of the step, the third, its speed known, with the cube
    assert above - below == pytest.approx(5 * np.log(0.991 / 0.989), rel=0.01)
    assert np.isfinite(movement.sums(np.array([0, 1e-3, 2e-3]), xy, (1e6, 1e5)).log_det)


def test_times_that_do_not_rise_are_an_error():
    with pytest.raises(ValueError, match="must rise"):
        movement.sums(np.array([0.0, 1, 1]), np.zeros((3, 2)), ())


# ------------------------------------------------------------------------------------ fitting


@pytest.mark.parametrize("name", ANSWERS)
def test_models_fitted_as_ctmm_does(fits, name):
    want = ANSWERS[name]
    assert fits[name][0].title == want["areas"]["best"]
    for found in fits[name]:
        times, sigma, likelihood = found.raw
        raw, reml = want["fits_ML"][found.title], want["fits_pHREML"][found.title]
        assert likelihood == pytest.approx(raw["loglik"], abs=0.01)
        assert list(times) == pytest.approx(raw["tau_s"], rel=0.01)
        assert sigma == pytest.approx(np.array(raw["Sigma_m2"], float), rel=0.01, abs=1e3)
        assert list(found.times) == pytest.approx(reml["tau_s"], rel=0.01)
        area = np.sqrt(np.linalg.det(np.array(reml["Sigma_m2"], float)))
        assert np.sqrt(np.linalg.det(found.sigma)) == pytest.approx(area, rel=0.01)
        assert found.aicc == pytest.approx(reml["AICc"], abs=0.01)
        assert found.area_n == pytest.approx(reml["area_n"], rel=0.03)


def test_a_model_that_is_another_is_left_out(fits):
    titles = {found.title for found in fits["sim_ou_iso_gap"]}  # tau velocity vanishes
    assert titles == {"IID isotropic", "IID anisotropic", "OU isotropic", "OU anisotropic"}


def test_too_few_fixes_and_fixes_in_one_place_are_told():
    with pytest.raises(ValueError, match="at least 5"):
        fitting.fit_all(np.arange(4.0), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="one place or on one straight line"):
        fitting.fit_all(np.arange(9.0), np.column_stack([np.arange(9.0), np.zeros(9)]))


def test_few_range_crossings_are_no_residence(fits):
    few = fits["sim_ou_few_crossings"][0]
    assert not few.resident and fits["sim_ou_iso_gap"][0].resident


def test_the_gaussian_area_is_that_of_a_round_range():
    one = fitting.Fit("IID", True, 9, (), np.eye(2) * 1e6, np.zeros(2), 0, 0, 8, ((), None, 0))
    assert one.area_km2 == pytest.approx(2 * np.pi * np.log(20))
    low, high = one.chi_square_interval(10.0)  # chi-square of 16 degrees: 6.908 and 28.845
    assert (low, high) == pytest.approx((10 * 6.90766 / 16, 10 * 28.8454 / 16), rel=1e-4)


@pytest.mark.parametrize(("days", "low", "high"), [(7, 5, 9), (50, 40, 50)])
def test_the_interval_of_the_area_covers_the_truth(days, low, high):
    rng, held, n_eff = np.random.default_rng(days), 0, []
    for _ in range(100):
        found = fitting.fit(*_ou(rng, days, 1.0, 1000.0, 0.25), "OU", True)
        interval = found.area_interval(found.area_km2)
        held += interval[0] <= 2 * np.pi * np.log(20) <= interval[1]
        n_eff.append(found.area_n)
    assert low < np.median(n_eff) < high
    assert 90 <= held <= 99


# ------------------------------------------------------------------------------------- ranges


@pytest.mark.parametrize("name", ANSWERS)
def test_home_ranges_as_ctmm_has_them(fits, name):
    (seconds, xy), best, want = _track(name), fits[name][0], ANSWERS[name]["areas"]
    found = ranges.autocorrelated(seconds, xy, best)
    area = found.area_km2()
    assert area == pytest.approx(want["akde95"], rel=0.01)
    interval = best.chi_square_interval(area)
    assert interval == pytest.approx((want["akde95_low"], want["akde95_high"]), rel=0.01)
    assert ranges.plain(xy).area_km2() == pytest.approx(want["kde_href95"], rel=0.01)
    assert ranges.convex_polygon(xy).area / 1e6 == pytest.approx(want["mcp95"], rel=1e-5)
    if want["akde95_weighted"]:
        weights = ranges.best_weights(seconds, best)
        assert weights.sum() == pytest.approx(1) and (weights >= 0).all()
        weighted = ranges.autocorrelated(seconds, xy, best, weights).area_km2()
        assert weighted == pytest.approx(want["akde95_weighted"], rel=0.01)


def test_the_outline_holds_the_area_and_lies_where_the_fixes_are(fits):
    (seconds, xy), best = _track("sim_ouf_aniso_regular"), fits["sim_ouf_aniso_regular"][0]
    found = ranges.autocorrelated(seconds, xy, best)
    outline = found.outline(found.area_km2())
    assert outline.area / 1e6 == pytest.approx(found.area_km2(), rel=0.01)
    inside = shapely.contains_xy(outline, *xy.T).mean()
    assert 0.9 < inside < 0.99
    core = found.outline(found.area_km2(0.5))
    assert core.difference(outline).area < 1e-3 * core.area


def test_weights_fall_where_fixes_are_dense():
    rng = np.random.default_rng(3)
    seconds, xy = _ou(rng, 40, 1.0, 1000.0, 0.25)
    dense = np.linspace(10 * DAY, 10.2 * DAY, 30)[1:-1]
    every = np.unique(np.r_[seconds, dense])
    rows = np.searchsorted(seconds, every).clip(0, len(seconds) - 1)
    best = fitting.fit(seconds, xy, "OU", True)
    weights = ranges.best_weights(every, best)
    inside = np.isin(every, dense)
    assert weights[inside].mean() < weights[~inside].mean() / 4
    assert len(rows) == len(weights)


def test_cells_of_a_kernel_are_counted_from_the_densest_and_in_part():
    axes = np.array([0.0, 1000.0]), np.array([0.0, 1000.0])
    mass = np.array([[0.4, 0.3], [0.2, 0.1]])
    kernel = ranges.Kernel(axes, mass, np.eye(2), np.zeros(2), 1.0, 2.0)
    assert kernel.area_km2(0.7) == pytest.approx(1)  # two cells of 1 km2, twice too large
    assert kernel.area_km2(0.8) == pytest.approx(1.25)
    assert kernel.area_km2(0.2) == pytest.approx(0.25)
    assert kernel._level_of_cells(2) == pytest.approx(0.25)  # between the second and the third
    assert kernel._level_of_cells(0.5) == 0.4


def test_the_grid_of_a_kernel_reaches_beyond_all_places():
    xy = np.array([[0.0, 0.0], [9.0, 5.0], [4.0, 2.0]])
    kernel = ranges._kernel(xy, np.full(3, 1 / 3), np.eye(2), 1.0, 1.0)
    round_ = xy - xy.mean(axis=0)
    for axis, at in zip(kernel.axes, round_.T, strict=True):
        assert axis[0] == pytest.approx(at.min() - 4) and at.max() + 4 <= axis[-1] < at.max() + 4.5


# -------------------------------------------------------------------------------- populations


def test_a_population_of_equal_animals_has_their_range():
    areas = pd.DataFrame({"km2": [20.0] * 6, "n_eff": [1e6] * 6})
    found = populations.typical(areas)
    assert found["km2"] == pytest.approx(20, rel=1e-5)
    assert found["spread"] == 0


def test_the_interval_of_a_population_covers_its_median():
    rng, held = np.random.default_rng(2), 0
    for _ in range(300):
        n_eff = rng.uniform(5, 50, 8)
        true = 25 * np.exp(0.4 * rng.standard_normal(8))
        km2 = true * rng.chisquare(2 * n_eff) / (2 * n_eff)
        found = populations.typical(pd.DataFrame({"km2": km2, "n_eff": n_eff}))
        held += found["low"] <= 25 <= found["high"]
    assert 0.90 <= held / 300 <= 0.99


def test_the_spread_between_two_animals_is_what_their_errors_leave():
    """Equal errors v: the variance of two logs, 2 (ln 2)^2, less v (DerSimonian and Laird 1986)."""
    areas = pd.DataFrame({"km2": [10.0, 40.0], "n_eff": [50.0, 50.0]})
    found = populations.typical(areas)
    left = 2 * np.log(2) ** 2 - special.polygamma(1, 50.0)
    assert found["spread"] == pytest.approx(np.sqrt(left), rel=1e-9)


def test_one_animal_has_its_own_interval():
    found = populations.typical(pd.DataFrame({"km2": [20.0], "n_eff": [10.0]}))
    assert found["animals"] == 1 and found["low"] < 20 < found["high"]


# -------------------------------------------------------------------------------------- fixes


def test_fixes_left_out_are_counted_by_reason():
    at = pd.Timestamp("2024-05-01", tz="UTC")
    hours = pd.to_timedelta([0, 24, 28, 32, 32, 36, 40, 44, 72], "h")
    rows = pd.DataFrame(
        {
            "animal": "a", "time": at + hours,
            "x": [0, 0, 100, 0, 0, 0, 0, 9e5, 0], "y": 0.0,
            "visible": pd.array([None, False, *[None] * 7], "boolean"),
            "dop": [1, 1, 1, 1, 1, 11, 1, 1, 1],
            "coord_error_m": [0, 0, 0, 0, 0, 0, 2000, 0, 0],
        }
    )  # fmt: skip
    worn = pd.DataFrame({"animal": ["a"], "on": [at.tz_convert(None)], "off": [pd.NaT]})
    used, counted = fixes.clean(rows, worn)
    assert (used["time"] - at).dt.total_seconds().tolist() == [28 * 3600, 32 * 3600, 72 * 3600]
    found = counted.set_index("animal").loc["a"]
    assert found.drop("came").to_dict() == {
        "marked as an outlier": 1, "before the collar was on": 1, "after the collar was off": 0,
        "position too weak": 1, "error too large": 1, "same time as the fix before": 1,
        "impossible speed": 1, "used": 3,
    }  # fmt: skip
    assert found["came"] == len(rows)
    later = worn.assign(off=pd.Timestamp("2024-05-02"))
    _, counted = fixes.clean(rows, later)
    assert counted["used"].sum() == 0 and counted["after the collar was off"].sum() == 7
    other = later.assign(animal="MC-1"), rows.assign(animal="mc 1")  # as two tables write it
    assert fixes.clean(other[1], other[0])[1]["after the collar was off"].sum() == 7


def test_a_spike_goes_and_its_neighbours_stay():
    track = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=5, freq="h", tz="UTC"),
            "x": [0, 100, 50_000, 200, 300], "y": 0.0,
        }
    )  # fmt: skip
    assert fixes.spikes(track, 5.0).tolist() == [False, False, True, False, False]
    moved = track.assign(x=[0, 100, 15_000, 30_000, 30_100])  # a real move, at 4.1 m/s
    assert not fixes.spikes(moved, 5.0).any()


# -------------------------------------------------------------------------------------- steps


def test_steps_and_kernel_of_a_track():
    track = pd.read_csv(ORACLE / "track_small.csv")
    want = pd.read_csv(ORACLE / "track_small.steps.csv")
    answers = json.loads((ORACLE / "track_small.json").read_text())
    found = steps.steps(track["t_s"], track[["x_m", "y_m"]], 7200, 600)
    assert found["from_row"].tolist() == (want["from_row"] - 1).tolist()
    assert found["sl_m"].to_numpy() == pytest.approx(want["sl_m"], abs=1e-5)
    assert found["ta_rad"].to_numpy() == pytest.approx(want["ta_rad"], abs=1e-8, nan_ok=True)
    turned = found.dropna()
    kernel = steps.kernel(turned["sl_m"].to_numpy(), turned["ta_rad"].to_numpy())
    assert kernel.shape == pytest.approx(answers["gamma_shape"], rel=1e-6)
    assert kernel.scale_m == pytest.approx(answers["gamma_scale_m"], rel=1e-6)
    assert kernel.kappa == pytest.approx(answers["vonmises_kappa"], rel=1e-6)


def test_turns_that_point_back_have_no_concentration():
    assert steps.concentration(-0.2) == 0
    assert steps.concentration(1.0) == steps.MOST_KAPPA


def test_available_steps_start_where_the_used_one_does():
    xy = np.array([[0.0, 0], [100, 0], [200, 0], [200, 130]])
    found = steps.steps(np.arange(4) * 3600.0, xy, 3600, 60)
    assert found["ta_rad"].tolist()[1:] == pytest.approx([0, np.pi / 2])  # left is positive
    table, _ = steps.available(xy, found, 200, np.random.default_rng(0))
    used = table[table["case"] == 1]
    assert used[["x", "y"]].to_numpy() == pytest.approx(xy[2:])
    assert used["cos_ta"].tolist() == pytest.approx([1, 0], abs=1e-12)
    random = table[(table["stratum"] == 1) & (table["case"] == 0)]
    away = np.hypot(random["x"] - 200, random["y"])
    assert away.to_numpy() == pytest.approx(random["sl_m"].to_numpy())
    # a step that goes on straight heads east, as the one before did
    ahead = (random["x"] - 200) / random["sl_m"]
    assert ahead.to_numpy() == pytest.approx(random["cos_ta"].to_numpy())


def test_conditional_selection_equals_another_package():
    from statsmodels.discrete.conditional_models import ConditionalLogit

    rng = np.random.default_rng(4)
    strata, choices = 150, 6
    x = rng.standard_normal((strata * choices, 2)) * [1, 50]
    stratum = np.repeat(np.arange(strata), choices)
    noise = rng.gumbel(size=len(x))
    score = (x @ [0.8, -0.01] + noise).reshape(strata, choices)
    case = (score == score.max(axis=1, keepdims=True)).ravel().astype(int)
    table = pd.DataFrame({"stratum": stratum, "case": case, "a": x[:, 0], "b": x[:, 1]})
    found = steps.conditional(table, ["a", "b"])
    other = ConditionalLogit(case, x, groups=stratum).fit(disp=0)
    assert found.beta == pytest.approx(other.params, rel=1e-4)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(other.bse, rel=1e-4)
    assert found.null == pytest.approx(-strata * np.log(choices))
    shuffled = table.sample(frac=1, random_state=1)
    again = steps.conditional(shuffled, ["a", "b"], shuffled["stratum"] % 30)
    assert again.beta == pytest.approx(found.beta)
    assert found.table()["ratio"][0] == pytest.approx(np.exp(found.beta[0]))


def test_errors_by_animal_grow_where_animals_differ():
    rng = np.random.default_rng(6)
    animals, strata, choices = 10, 60, 5
    own = np.repeat(rng.normal(0, 1.5, animals), strata)  # each animal has a taste of its own
    x = rng.standard_normal((animals * strata, choices))
    score = own[:, None] * x + rng.gumbel(size=x.shape)
    table = pd.DataFrame(
        {
            "stratum": np.repeat(np.arange(len(x)), choices), "x": x.ravel(),
            "case": (score == score.max(axis=1, keepdims=True)).ravel().astype(int),
        }
    )  # fmt: skip
    found = steps.conditional(table, ["x"], np.repeat(np.arange(animals), strata * choices))
    assert found.robust[0, 0] > 4 * found.covariance[0, 0]
    row = found.table().iloc[0]
    by_animal = np.sqrt(found.robust[0, 0])
    low, high = np.log(row["ratio_low"]), np.log(row["ratio_high"])
    assert [found.beta[0] - low, high - found.beta[0]] == pytest.approx(
        [1.96 * by_animal] * 2, 1e-4
    )
    few = steps.conditional(table, ["x"], np.zeros(len(table)))
    assert few.robust is None  # one animal tells nothing of the spread between animals


def test_strata_and_covariates_that_cannot_be_used_are_told():
    table = pd.DataFrame({"stratum": [0, 0], "case": [1, 1], "x": [1.0, 2]})
    with pytest.raises(ValueError, match="exactly one used row"):
        steps.conditional(table, ["x"])
    with pytest.raises(ValueError, match="the same at all places of every stratum: x"):
        steps.conditional(table.assign(case=[1, 0], x=3.0), ["x"])


def test_the_kernel_without_what_the_ground_did():
    found = steps.Kernel(1.0, 400.0, 2.0).updated({"sl_m": 0.0005, "log_sl": 0.2, "cos_ta": -0.5})
    assert found == steps.Kernel(1.2, pytest.approx(1 / (1 / 400 - 0.0005)), 1.5)


# ------------------------------------------------------------------------------------- shifts


@pytest.mark.parametrize(
    ("kind", "days", "distance"),
    [
        ("resident", (), 0),
        ("shifting", (150,), 5_000),
        ("dispersing", (150,), 30_000),
        ("migrating", (120, 260), 15_000),
    ],
)
def test_moves_of_a_range_are_dated(kind, days, distance):
    rng = np.random.default_rng(1)
    seconds, xy = _ou(rng, 365, 1.0, 1500.0)
    day = seconds / DAY
    away = (day > days[0]) if days else np.zeros(len(day), bool)
    if len(days) == 2:
        away &= day < days[1]
    xy[away, 0] += distance
    found = shifts.classify(seconds, xy)
    assert found.kind == kind
    assert np.array(found.days) / DAY == pytest.approx(days, abs=8)
    assert found.distance_m == pytest.approx(distance, abs=1500)
    assert found.width_m == pytest.approx(shifts.WIDTH * 1500, rel=0.3)


def test_shuffled_dates_show_no_move():
    rng = np.random.default_rng(2)
    seconds, xy = _ou(rng, 365, 1.0, 1500.0)
    xy[seconds / DAY > 150, 0] += 30_000
    assert shifts.classify(seconds, rng.permutation(xy)).kind == "resident"


def test_the_width_of_a_range_holds_95_percent_of_its_places():
    xy = np.random.default_rng(0).standard_normal((200_000, 2))
    assert np.mean(np.hypot(*xy.T) < shifts.WIDTH / 2) == pytest.approx(0.95, abs=0.002)


def test_of_each_day_the_fix_nearest_to_noon_counts():
    hours = np.array([1, 11, 14, 24 + 15, 24 + 20, 48 + 2, 48 + 6.0])
    xy = np.column_stack([hours, -hours])
    days, of = shifts._daily(hours * 3600, xy)
    assert of[:, 0].tolist() == [11, 24 + 15, 48 + 6]
    assert (of[:, 1] == -of[:, 0]).all() and len(days) == 3


def test_whitened_places_of_an_animal_are_independent():
    seconds = np.cumsum(np.random.default_rng(5).uniform(1, 9, 12)) * 3600
    time = 4 * 3600.0
    correlation = np.exp(-np.abs(seconds[:, None] - seconds) / time)
    white, log_det = shifts._whiten(seconds, np.linalg.cholesky(correlation), time)
    assert white @ white.T == pytest.approx(np.eye(12), abs=1e-12)
    assert log_det == pytest.approx(np.linalg.slogdet(correlation)[1])


@pytest.mark.parametrize(
    ("kind", "rows", "centres", "parameters"),
    [
        ("resident", [[0]], 1, 4),  # one centre of two numbers, the spread, the time
        ("disperses", [[0, 2]], 2, 8),  # two centres, a day that counts twice
        ("returns", [[0, 1, 3]], 2, 10),
    ],
)
def test_each_kind_of_track_pays_for_its_numbers(kind, rows, centres, parameters):
    """BIC of 4 places with a variance of 1 a coordinate: -2 ln L is 8 ln 2 pi + 8."""
    at, beta = np.array([10.0, 20.0, 30.0]), np.zeros((1, centres, 2))
    found = shifts._best(kind, np.array(rows), beta, np.array([8.0]), 4, 0.0, at, centres)
    expected = parameters * np.log(8) + 8 * np.log(2 * np.pi) + 8
    assert found[:2] == (kind, pytest.approx(expected))
    assert found[2] == tuple(at[j - 1] for j in rows[0][1:])


def test_a_short_track_is_not_judged():
    assert shifts.classify(*_ou(np.random.default_rng(0), 50, 1.0, 1500.0)).kind == "too short"
