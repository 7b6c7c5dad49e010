"""Survival, disease, ups and downs against R: made-up tables, answers in tests/oracle/evidence."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.discrete.discrete_model import Logit
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant

from manul.demography import fluctuations, prevalence, shares, survival

ORACLE = Path(__file__).parents[1] / "oracle" / "evidence"
SURVIVAL = json.loads((ORACLE / "survival.json").read_text())
SEROLOGY = json.loads((ORACLE / "serology.json").read_text())
SERIES = json.loads((ORACLE / "series.json").read_text())


def _fates(name):
    table = pd.read_csv(ORACLE / f"{name}.csv")
    return table.rename(columns={"entry_day": "entry", "exit_day": "exit", "event": "died"})


def _same(found, want, columns=("n_risk", "surv", "se", "lower", "upper")):
    for column in columns:
        told = pd.Series([row[column] for row in want], dtype=float)
        assert found[column].to_numpy(float) == pytest.approx(told.to_numpy(), nan_ok=True), column


@pytest.mark.parametrize("name", SURVIVAL)
def test_survival_with_late_entry(name):
    fates, want = _fates(name), SURVIVAL[name]
    found = survival.curve(fates["entry"], fates["exit"], fates["died"], fates["cause"])
    _same(found.at([row["day"] for row in want["km_loglog"]]), want["km_loglog"])
    rate = survival.rate(int(fates["died"].sum()), float((fates["exit"] - fates["entry"]).sum()))
    assert rate["survival_year"] == pytest.approx(want["rates"]["S365_exponential"])
    assert rate["survival_year_by_day"] == pytest.approx(want["rates"]["S365_daily_binomial"])
    assert rate["survival_year_low"] < rate["survival_year"] < rate["survival_year_high"]


@pytest.mark.parametrize("name", SURVIVAL)
def test_incidence_by_cause_sums_with_survival_to_one(name):
    fates, want = _fates(name), SURVIVAL[name]["cumulative_incidence"]["at"]
    found = survival.curve(fates["entry"], fates["exit"], fates["died"], fates["cause"])
    days = sorted({row["day"] for row in want})
    told = found.died_of(days).set_index(["cause", "day"])
    for row in want:
        own = told.loc[(row["cause"], row["day"])]
        assert own["cif"] == pytest.approx(row["cif"], abs=1e-9)
        if row.get("se_greenwood_etm") is not None:
            assert own["se"] == pytest.approx(row["se_greenwood_etm"], abs=1e-9)
    total = told["cif"].groupby("day").sum() + found.at(days).set_index("day")["surv"]
    assert total.to_numpy() == pytest.approx(1)


def test_one_years_survival_pools_the_years():
    want = SURVIVAL["adults"]["annual_recurrent"]
    cut = survival.by_year_of_life(_fates("adults"))
    assert len(cut) == want["rows"]
    found = survival.curve(cut["entry"], cut["exit"], cut["died"])
    _same(found.at([row["day"] for row in want["km_loglog"]]), want["km_loglog"])


def test_when_all_that_are_watched_have_died_it_is_told():
    fates = _fates("edge_gap")
    assert survival.curve(fates["entry"], fates["exit"], fates["died"]).emptied == 20
    ties = _fates("edge_ties")
    assert np.isnan(survival.curve(ties["entry"], ties["exit"], ties["died"]).emptied)


def test_a_record_must_end_after_it_begins():
    with pytest.raises(ValueError, match="must end after it begins"):
        survival.curve([3], [3], [1])


def test_no_deaths_leave_survival_one_and_a_one_sided_rate():
    found = survival.curve([0, 0], [10, 20], [0, 0])
    assert found.steps["surv"].tolist() == [1, 1] and found.incidence == {}
    rate = survival.rate(0, 365.0)
    assert rate["survival_year"] == rate["survival_year_high"] == 1
    assert rate["survival_year_low"] == pytest.approx(0.025)  # exp(-(-ln 0.025))


@pytest.mark.parametrize(
    ("name", "covariates"),
    [("adults", ["food_index", "snow_cm", "sex_male"]), ("kittens", ["food_index", "snow_cm"])],
)
def test_hazards_with_covariates_that_change(name, covariates):
    table = pd.read_csv(ORACLE / f"{name}_intervals.csv")
    want = SURVIVAL[name]["cox_intervals"]
    for ties in ("efron", "breslow"):
        found = survival.cox(table, covariates, table[want["cluster"]], ties)
        for what, key in (("coefficient", "coef"), ("se", "se")):
            assert found[what].to_dict() == pytest.approx(want[ties][key], abs=1e-7)
    robust = survival.cox(table, covariates, table[want["cluster"]])["robust_se"]
    assert robust.to_dict() == pytest.approx(want["efron_robust_se"], abs=1e-7)


def test_a_covariate_equal_for_all_on_a_day_cannot_be_told():
    table = pd.read_csv(ORACLE / "adults_intervals.csv")
    found = survival.cox(table, ["food_index", "winter"])
    want = SURVIVAL["adults"]["cox_with_winter_not_estimable"]["coef"]
    assert found["coefficient"]["food_index"] == pytest.approx(want["food_index"])
    assert np.isnan(found["coefficient"]["winter"])


def test_the_interval_of_survival_covers_the_truth():
    rng, held = np.random.default_rng(3), 0
    for _ in range(200):
        entry = rng.integers(0, 200, 30)
        life = rng.exponential(500, 30)
        ends = np.minimum(entry + life, 365).astype(int) + 1
        died = entry + life < 365
        at = survival.curve(entry, ends, died).at([365]).iloc[0]
        held += at["lower"] <= np.exp(-365 / 500) <= at["upper"]
    assert 0.90 <= held / 200 <= 0.99


# ------------------------------------------------------------------------------------ disease


@pytest.mark.parametrize("want", SEROLOGY, ids=[row["pathogen"] for row in SEROLOGY])
def test_prevalence_from_tests_that_are_sometimes_wrong(want):
    x, n = want["positive"], want["tested"]
    se, sp = want["sensitivity"], want["specificity"]
    for method in prevalence.METHODS:
        assert prevalence.interval(x, n, method) == pytest.approx(want[method], abs=1e-12)
    assert prevalence.true_share(x / n, se, sp) == pytest.approx(want["true_rogan_gladen"])
    for method, key in (
        ("wald", "true_ci_wald_clipped"),
        ("clopper_pearson", "true_ci_from_clopper_pearson"),
        ("wilson", "true_ci_from_wilson"),
    ):
        found = prevalence.true_interval(x, n, se, sp, method)
        assert found == pytest.approx(want[key], abs=1e-12)


def test_a_test_no_better_than_a_coin_tells_nothing():
    with pytest.raises(ValueError, match="add up to 1 or less"):
        prevalence.true_share(0.3, 0.5, 0.5)


def test_a_perfect_test_leaves_a_logistic_regression():
    rng = np.random.default_rng(3)
    distance = rng.uniform(0, 20_000, 300)
    positive = rng.random(300) < 1 / (1 + np.exp(0.5 + 0.1 * distance / 1000))
    found = prevalence.by_distance(positive, distance, 1.0, 1.0)
    want = Logit(positive.astype(float), add_constant(distance / 1000)).fit(disp=False)
    assert found["coefficient"].to_numpy() == pytest.approx(want.params, abs=1e-4)
    assert found["se"].to_numpy() == pytest.approx(want.bse, rel=1e-3)
    assert found[["low", "high"]].to_numpy() == pytest.approx(want.conf_int(), abs=1e-3)


def test_the_error_behind_a_test_that_errs_is_that_of_the_likelihood():
    rng = np.random.default_rng(4)
    distance = rng.uniform(0, 20, 4000)  # km
    infected = rng.random(4000) < 1 / (1 + np.exp(-0.5 + 0.1 * distance))
    positive = np.where(infected, rng.random(4000) < 0.8, rng.random(4000) < 0.1)
    found = prevalence.by_distance(positive, distance * 1000, 0.8, 0.9)

    def likelihood(a, b):
        p = 0.1 + 0.7 / (1 + np.exp(-a - b * distance))
        return np.where(positive, np.log(p), np.log1p(-p)).sum()

    a, b = found["coefficient"]
    h, k = 1e-3, 1e-4
    curve = np.empty((2, 2))
    curve[0, 0] = (likelihood(a + h, b) - 2 * likelihood(a, b) + likelihood(a - h, b)) / h**2
    curve[1, 1] = (likelihood(a, b + k) - 2 * likelihood(a, b) + likelihood(a, b - k)) / k**2
    across = likelihood(a + h, b + k) - likelihood(a + h, b - k)
    across += likelihood(a - h, b - k) - likelihood(a - h, b + k)
    curve[0, 1] = curve[1, 0] = across / (4 * h * k)
    want = np.sqrt(np.diag(np.linalg.inv(-curve)))
    assert found["se"].to_numpy() == pytest.approx(want, rel=0.1)


def test_infection_by_distance_is_recovered_through_a_bad_test():
    rng = np.random.default_rng(8)
    distance = rng.uniform(0, 20_000, 4000)
    infected = rng.random(4000) < 1 / (1 + np.exp(-(0.5 - distance / 4000)))
    positive = np.where(infected, rng.random(4000) < 0.8, rng.random(4000) < 0.1)
    found = prevalence.by_distance(positive, distance, 0.8, 0.9)
    assert found.loc["distance_km", "coefficient"] == pytest.approx(-0.25, abs=0.04)
    assert found.loc["intercept", "coefficient"] == pytest.approx(0.5, abs=0.25)
    shuffled = prevalence.by_distance(rng.permutation(positive), distance, 0.8, 0.9)
    low, high = shuffled.loc["distance_km", ["low", "high"]]
    assert low < 0 < high


# ------------------------------------------------------------------------------ causes of death


def test_many_deaths_split_the_experts_sum_and_within_a_cause_the_experts_split():
    experts = {
        name: shares.Expert(value, lambda u, value=value: np.full(np.shape(u), value))
        for name, value in {"dogs": 0.4, "wolves": 0.1, "cars": 0.3}.items()
    }
    groups = [shares.Group(("killed",), ("dogs", "wolves"), 30_000)]
    groups += [shares.Group(("road",), ("cars",), 10_000)]
    found = {n: w.mean() for n, w in shares.pool(groups, experts, equal_at=1e-9).items()}
    assert found["cars"] == pytest.approx(0.8 * 1 / 4, rel=0.01)
    assert found["dogs"] == pytest.approx(0.8 * 3 / 4 * 0.4 / 0.5, rel=0.01)
    assert found["wolves"] == pytest.approx(0.8 * 3 / 4 * 0.1 / 0.5, rel=0.01)
    told = shares.table(groups, experts).set_index("cause")
    assert told.loc["killed", "share"] == pytest.approx(30_000.5 / 40_001)
    assert told.loc["killed", "share_of_experts"] == pytest.approx(0.5 / 0.8)
    assert told.loc["killed", "low"] == pytest.approx(
        0.75 - 1.96 * np.sqrt(0.75 / 4 / 4e4), abs=1e-4
    )
    assert told.loc["killed", "high"] == pytest.approx(
        0.75 + 1.96 * np.sqrt(0.75 / 4 / 4e4), abs=1e-4
    )


# ------------------------------------------------------------------------------ ups and downs


@pytest.fixture(scope="module")
def series():
    table = pd.read_csv(ORACLE / "series.csv")
    return table.assign(count=table["detections"], effort=table["effort_nights"])


@pytest.mark.parametrize("lag", range(4))
def test_counts_follow_earlier_years(series, lag):
    want = SERIES["lag"][f"lag_{lag}"]
    x = fluctuations.lagged(series, ["prey_log_index"], lag).join(series[["snow_cm"]])
    poisson = fluctuations.regression(series["count"], series["effort"], x)
    assert poisson.years == want["n"]
    terms = poisson.coefficients
    assert terms["coefficient"].tolist() == pytest.approx([*want["poisson"]["coef"].values()])
    assert terms["se"].tolist() == pytest.approx([*want["poisson"]["se"].values()], rel=1e-4)
    assert poisson.aic == pytest.approx(want["poisson"]["AIC"])
    assert poisson.deviance == pytest.approx(want["poisson"]["deviance"])
    assert poisson.dispersion == pytest.approx(want["poisson"]["pearson_dispersion"], rel=1e-4)
    spread = fluctuations.regression(series["count"], series["effort"], x, "negbin")
    assert spread.theta == pytest.approx(want["negbin"]["theta"], rel=1e-3)
    assert spread.log_likelihood == pytest.approx(want["negbin"]["loglik"])
    found = spread.coefficients["coefficient"].tolist()
    assert found == pytest.approx([*want["negbin"]["coef"].values()], abs=1e-5)
    rows = x.notna().all(axis=1)
    design = np.column_stack([np.ones(rows.sum()), x[rows]])
    rate = fluctuations.log_rate(series["count"], series["effort"])[rows]
    beta = np.linalg.lstsq(design, rate, rcond=None)[0]
    error = fluctuations.newey_west(design, rate - design @ beta, 2)
    assert error == pytest.approx([*want["ols_log_rate"]["newey_west_se_lag2"].values()])


def test_lags_are_compared_on_the_same_years(series):
    found = fluctuations.lags(series, "prey_log_index", ["snow_cm"], 3)
    assert found["aic"].tolist() == pytest.approx(SERIES["AIC_poisson_lags_0_to_3_on_common_years"])
    assert found.loc[found["aic"].idxmin(), "lag"] == SERIES["best_lag"]
    assert set(found["years"]) == {22}


def test_the_shares_of_the_swing_sum_to_one_and_a_twin_takes_half():
    rng = np.random.default_rng(1)
    food = rng.standard_normal(40)
    count = rng.poisson(np.exp(2 + 0.8 * food))
    shares = fluctuations.explained(count, np.ones(40), pd.DataFrame({"a": food, "b": -2 * food}))
    assert shares.sum() == pytest.approx(1)
    assert shares["a"] == pytest.approx(shares["b"])
    assert shares["a"] > 0.3


def test_the_share_of_a_covariate_is_its_mean_over_both_orders():
    rng = np.random.default_rng(2)
    food = rng.standard_normal(60)
    x = pd.DataFrame({"food": food, "snow": 0.6 * food + rng.standard_normal(60)})
    count = rng.poisson(np.exp(2 + 0.5 * x["food"] - 0.3 * x["snow"]))

    def deviance(*names):
        return fluctuations.regression(count, np.ones(60), x[list(names)]).deviance

    first, last = deviance() - deviance("food"), deviance("snow") - deviance("food", "snow")
    found = fluctuations.explained(count, np.ones(60), x)
    assert found["food"] == pytest.approx((first + last) / 2 / deviance())
    assert abs(first - last) > 0.05 * deviance()  # else one order would do
    assert found[""] == pytest.approx(deviance("food", "snow") / deviance())


@pytest.mark.parametrize("order", [1, 2])
def test_the_error_of_an_autoregression_is_that_of_least_squares(series, order):
    x = series["prey_log_index"].to_numpy()
    before = np.column_stack([x[order - k : len(x) - k] for k in range(1, order + 1)])
    want = OLS(x[order:], add_constant(before)).fit()
    coefficients, spread = fluctuations._autoregression(x, order)
    assert coefficients == pytest.approx(want.params[1:])
    assert spread**2 == pytest.approx(want.mse_resid)


def test_autocorrelation_and_period(series):
    index = series["prey_log_index"].to_numpy()
    want = SERIES["ar2"]["ols"]
    assert fluctuations.second_order(index) == pytest.approx(want["phi"])
    assert fluctuations.period_of(np.array(want["phi"])) == pytest.approx(want["pseudo_period"])
    assert np.isnan(fluctuations.period_of(np.array([[1.0, -0.2], [0.5, 0.3]]))).all()
    acf = fluctuations.autocorrelation(index, 5)
    assert acf[0] == 1
    assert acf == pytest.approx(SERIES["acf"][:6])
    found = fluctuations.period(index)
    assert found.told and found.low < 4 < found.high
    assert found.words.startswith("A period of 4.3 years (3.")


def test_eleven_years_cannot_tell_a_period_of_four(series):
    found = fluctuations.period(series["prey_log_index"].to_numpy()[:11])
    assert not found.told
    assert found.words.startswith("11 years cannot tell a period of 5 (")
    growing = fluctuations.period(np.arange(12.0) + np.sin(np.arange(12.0) ** 2) / 3)
    assert growing.words == "12 years show no period." or not growing.told
    with pytest.raises(ValueError, match="needs 8 on end"):
        fluctuations.period(np.arange(5.0))


def test_series_without_a_period_are_seldom_told_to_have_one():
    rng = np.random.default_rng(0)
    without = fluctuations._simulate([0.4], 1.0, 25, 200, rng)
    told = [fluctuations.period(x, draws=300).told for x in without]
    assert np.mean(told) < 0.1
    cyclic = fluctuations._simulate([0.0, -0.72], 1.0, 25, 100, rng)
    found = [fluctuations.period(x, draws=300) for x in cyclic]
    assert np.mean([one.told for one in found]) > 0.8
    held = [one.low <= 4 <= (one.high if np.isfinite(one.high) else np.inf) for one in found]
    assert 0.88 <= np.mean(held) <= 1
