"""Burrows: counts to sites, detection, and whether the surfaces recover what was simulated."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.surveys import burrows, density, replicates
from manul.surveys.density import choose_method, fit_density
from manul.surveys.detection import half_normal, line_half_width
from manul.surveys.replicates import resample_weights, spread

RULES = {
    "collapse_half_life_yr": 8.0,
    "fresh_yr": 3.0,
    "detection": {"foot": 0.9, "horse": 0.9, "vehicle": 0.7, "uav": 1.0, "satellite": 0.48},
    "assume_method": "foot",
    "strip_half_width_m": 25.0,
    "truncation_m": None,
    "min_distances": 40,
}
X = np.arange(100.0, 12_000, 200)
Y = X[::-1]
XX, YY = np.meshgrid(X, Y)
BANDS = np.floor(XX / 4000)


def transects(**values):
    row = {
        "transect_id": "T1",
        "date": "2025-07-01",
        "n_active": 5,
        "n_inactive": 3,
        "method": "uav",
        "length_m": 1000.0,
        "half_width_m": 25.0,
        "x_start": 0.0,
        "y_start": 0.0,
        "x_end": 1000.0,
        "y_end": 0.0,
    }
    return pd.DataFrame([row | values])


def points(xs, ys, counts, effort_ha=5.0):
    count = np.asarray(counts, dtype=float)
    return pd.DataFrame(
        {
            "site": np.arange(count.size),
            "geometry": shapely.points(np.asarray(xs, float), np.asarray(ys, float)),
            "count": count,
            "effort_ha": np.broadcast_to(np.asarray(effort_ha, float), count.shape),
        }
    )


def simulated(rng, truth, n, size=1.0, effort_ha=5.0):
    """Kilometre transects at random, negative-binomial counts around the true mean on each."""
    start = rng.uniform(500, 11_500, (n, 2))
    angle = rng.uniform(0, 2 * np.pi, n)
    end = start + 1000 * np.column_stack([np.cos(angle), np.sin(angle)])
    lines = shapely.linestrings(np.stack([start, np.clip(end, 100, 11_900)], axis=1))
    sites = pd.DataFrame({"site": np.arange(n), "geometry": lines, "count": 0.0, "effort_ha": 1.0})
    along = spread(sites, 100.0)
    at = truth[
        np.rint((Y[0] - along["y"]) / 200).astype(int),
        np.rint((along["x"] - X[0]) / 200).astype(int),
    ]
    mean = effort_ha * pd.Series(at).groupby(along["row"].to_numpy()).mean().to_numpy()
    count = rng.negative_binomial(size, size / (size + mean)).astype(float)
    return sites.assign(count=count, effort_ha=effort_ha)


def density_surface(sites, x, y, strata, covariates=None, method="auto", **options):
    """The density on a whole grid, its mean over the grid, and what was used."""

    def at(values, px, py):
        column = np.rint((px - x[0]) / (x[1] - x[0])).astype(int)
        row = np.rint((py - y[0]) / (y[1] - y[0])).astype(int)
        inside = (column >= 0) & (column < len(x)) & (row >= 0) & (row < len(y))
        return np.where(inside, values[row * inside, column * inside], np.nan)

    covariates = covariates or {}
    fitted = fit_density(
        sites, partial(at, np.asarray(strata, float)),
        lambda px, py: np.array([at(c, px, py) for c in covariates.values()]).T,
        len(covariates), method, **options,
    )  # fmt: skip
    survey = fitted.survey
    codes = survey.codes(np.unique(strata[np.isfinite(strata)]))
    counts = {label: int(np.sum(survey.stratum == code)) for label, code in
              zip(np.unique(strata[np.isfinite(strata)]), codes, strict=True)}  # fmt: skip
    told = {"method": fitted.method, "counts": counts, "n_used": len(survey.count)}
    told["n_unused"] = len(sites) - len(survey.count)
    on = (x, y, strata, covariates)
    return fitted.on(*on) | fitted.mean(*on) | told


def test_worked_densities():
    assert burrows.strip_density(8, 25, 1000) == pytest.approx(1.6)
    assert burrows.strip_density(8, 25, 1000, 0.5) == pytest.approx(3.2)
    assert burrows.quadrat_density(4, 400) == pytest.approx(100)
    site = burrows.transect_sites(transects(), "2025-09-01", RULES).iloc[0]
    assert site["count"] / site["effort_ha"] == pytest.approx(1.6)
    quadrat = transects(quadrat_id="Q", x=1.0, y=2.0, area_m2=400.0)
    got = burrows.quadrat_sites(quadrat, "2025-09-01", RULES).iloc[0]
    assert (got["count"], got["effort_ha"]) == (8, 0.04)


@pytest.mark.parametrize(
    ("as_of", "inactive", "expected"),
    [
        ("2027-07-01", 4, 9.0),
        ("2033-07-01", 4, 7.0),
        ("2041-07-01", 4, 6.0),
        ("2020-07-01", 4, 9.0),
        ("2033-07-01", np.nan, np.nan),
    ],
)
def test_abandoned_burrows_fall_in(as_of, inactive, expected):
    got = burrows.usable(transects(n_inactive=inactive), as_of, RULES)
    assert got.item() == pytest.approx(expected, abs=2e-3, nan_ok=True)


def test_a_survey_without_date_has_no_usable_count():
    assert np.isnan(burrows.usable(transects(date=None), "2025-09-01", RULES).item())


def test_detectability_by_method():
    got = burrows.transect_sites(transects(method="satellite"), "2025-09-01", RULES).iloc[0]
    assert got["effort_ha"] == pytest.approx(5 * 0.48)
    got = burrows.transect_sites(transects(method=None), "2025-09-01", RULES).iloc[0]
    assert got["effort_ha"] == pytest.approx(5 * 0.9)
    assert got["assumed"] == ["method"]
    with pytest.raises(ValueError, match=r"balloon.*not one of"):
        burrows.detectability(transects(method="balloon"), RULES)


def test_line_transects_need_forty_distances():
    rng = np.random.default_rng(3)
    distances = np.abs(rng.normal(0, 12, 400))
    line = transects(half_width_m=np.nan, method="foot")
    few = burrows.transect_sites(line, "2025-09-01", RULES, distances[:39]).iloc[0]
    assert few["effort_ha"] == pytest.approx(2 * 25 * 0.9 * 1000 / 1e4)
    assert few["assumed"] == ["half_width_m"]
    many = burrows.transect_sites(line, "2025-09-01", RULES, distances).iloc[0]
    # n f(0) / 2L with f(0) = sqrt(2 / pi) / sigma
    assert 8 / many["effort_ha"] == pytest.approx(8 / (2 * 1000 * 15.04 / 1e4), rel=0.1)


def test_half_normal_agrees_with_the_closed_form_when_nothing_is_cut():
    distances = np.abs(np.random.default_rng(1).normal(0, 10, 500))
    fit = half_normal(distances, truncation_m=200)
    assert fit.sigma_m == pytest.approx(np.sqrt(np.mean(distances**2)), rel=1e-4)
    assert fit.effective_half_width_m == pytest.approx(fit.sigma_m * np.sqrt(np.pi / 2), rel=1e-6)


def test_half_normal_recovers_sigma_through_truncation():
    distances = np.abs(np.random.default_rng(2).normal(0, 15, 4000))
    fit = half_normal(distances, truncation_m=20)
    assert fit.sigma_m == pytest.approx(15, rel=0.08)
    assert fit.n == np.sum(distances <= 20)
    assert fit.kept == pytest.approx(fit.n / 4000)
    assert line_half_width(distances, 20, 25, 0.9) == pytest.approx(15 * 1.2533, rel=0.05)


def test_distances_that_do_not_fall_off_give_the_whole_strip():
    fit = half_normal(np.linspace(0, 30, 301))
    assert fit.effective_half_width_m == pytest.approx(30, rel=0.01)
    with pytest.raises(ValueError, match="no perpendicular distance"):
        half_normal([np.nan])


def test_points_along_a_site_carry_its_count_and_effort():
    sites = points([0, 50], [0, 60], [8, 3])
    sites.loc[0, "geometry"] = shapely.LineString([(0, 0), (1000, 0)])
    got = spread(sites, 250)
    assert got["x"].tolist() == [125, 375, 625, 875, 50]
    assert got.groupby("row")["count"].sum().tolist() == [8, 3]
    assert got["effort_ha"].tolist() == pytest.approx([1.25] * 4 + [5])
    sites.loc[1, "geometry"] = shapely.LineString([(0, 100), (0, 600)])
    got = spread(sites, 250)
    assert got["y"].tolist() == [0, 0, 0, 0, 225, 475]
    assert got["row"].tolist() == [0, 0, 0, 0, 1, 1]


def test_method_follows_the_data():
    assert choose_method(14, 14, 3) == "stratum_means"
    assert choose_method(15, 0, 0) == "kernel_ratio"
    assert choose_method(150, 150, 3) == "kernel_ratio"
    assert choose_method(151, 30, 3) == "regression"
    assert choose_method(151, 29, 3) == "kernel_ratio"
    assert choose_method(9999, 9999, 0) == "kernel_ratio"


def test_stratum_means_and_unvisited_strata():
    sites = points([1000, 2000, 5000], [6000, 6000, 6000], [10, 20, 5])
    strata = np.where(YY > 11_000, np.nan, BANDS)
    got = density_surface(sites, X, Y, strata, n_boot=20)
    assert got["method"] == "stratum_means"
    assert got["counts"] == {0.0: 2, 1.0: 1, 2.0: 0}
    assert got["density"][30, [5, 25]].tolist() == [3, 1]
    assert np.isnan(got["density"][30, 50]), "a stratum nobody visited is not without burrows"
    assert np.isnan(got["density"][0]).all()
    assert np.isfinite(got["cv"][30, 5])
    assert np.isnan(got["cv"][30, 25]), "one site says nothing about its spread"
    assert got["mean"] == pytest.approx(2.0)
    assert 0 < got["mean_low"] < 2 < got["mean_high"]
    pooled = density_surface(sites, X, Y, strata, n_boot=20, unsampled="pooled")
    assert pooled["density"][30, 50] == pytest.approx(35 / 15)


def test_reach_is_flagged_and_counted():
    got = density_surface(points([2000, 2100], [6000, 6000], [1, 2]), X, Y, BANDS, n_boot=5)
    distance = np.hypot(XX - 2000, YY - 6000)
    assert got["n_sites"][distance < 2800].min() == 2
    visited = BANDS == 0
    np.testing.assert_array_equal(got["extrapolated"] == 0, got["n_sites"] > 0)
    assert got["extrapolated"][visited & (distance > 3200)].min() == 1


def test_sites_without_a_count_or_effort_are_set_aside_and_counted():
    sites = points([1000] * 4, [6000] * 4, [2, np.nan, 4, 9], [5, 5, 5, 0])
    got = density_surface(sites, X, Y, BANDS, n_boot=5)
    assert (got["n_used"], got["n_unused"]) == (2, 2)
    assert got["density"][30, 5] == pytest.approx(0.6)
    none = density_surface(sites.iloc[[1]], X, Y, BANDS, n_boot=5)
    assert np.isnan(none["density"]).all()
    assert np.isnan([none["mean"], none["mean_low"], none["mean_high"]]).all()


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(0, 40), min_size=3, max_size=8),
    st.floats(0.5, 50),
    st.sampled_from(["kernel_ratio", "stratum_means"]),
    st.integers(0, 2**31),
)
def test_density_is_order_free_bounded_by_the_data_and_scales(counts, effort, method, seed):
    rng = np.random.default_rng(seed)
    sites = points(*rng.uniform(100, 11_900, (2, len(counts))), counts, effort)
    got = density_surface(sites, X, Y, BANDS, method=method, n_boot=3)["density"]
    shuffled = sites.iloc[rng.permutation(len(sites))]
    again = density_surface(shuffled, X, Y, BANDS, method=method, n_boot=3)["density"]
    np.testing.assert_allclose(again, got, rtol=1e-5)
    known = got[np.isfinite(got)]
    assert known.min() >= min(counts) / effort * 0.999
    assert known.max() <= max(counts) / effort * 1.001
    double = sites.assign(count=sites["count"] * 2)
    twice = density_surface(double, X, Y, BANDS, method=method, n_boot=3)["density"]
    np.testing.assert_allclose(twice, 2 * got, rtol=1e-5)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.01, 20), st.floats(0.01, 20))
def test_shrinkage_goes_from_the_stratum_mean_to_the_local_ratio(here, there):
    def at_site(effort):
        sites = points([1100, 1100], [9100, 2100], [here * effort, there * effort], effort)
        got = density_surface(sites, X, Y, BANDS, method="kernel_ratio", n_boot=2)
        return got["density"][14, 5], got["density"][30, 5]

    mean = (here + there) / 2
    assert at_site(1e7)[0] == pytest.approx(here, rel=1e-3)
    assert at_site(1e-6)[0] == pytest.approx(mean, rel=1e-3)
    assert at_site(5.0)[0] == pytest.approx((here + mean) / 2, rel=1e-3)
    assert at_site(1e7)[1] == pytest.approx(mean, rel=1e-3), "beyond the reach of either"


def test_replicates_draw_whole_sites_within_strata():
    weights = resample_weights([0, 0, 0, 1, 1, 2], 4000, seed=5)
    assert np.all(weights[:, 0] == 1)
    np.testing.assert_allclose(weights[:3].sum(axis=0), 3)
    np.testing.assert_allclose(weights[3:5].sum(axis=0), 2)
    assert np.all(weights[5] == 1)
    counts = np.array([1.0, 4.0, 10.0])
    spread_of_mean = (counts @ weights[:3, 1:] / 3).var()
    assert spread_of_mean == pytest.approx(counts.var(ddof=1) / 3, rel=0.1)


def surface(rng):
    """Bands of 0.5, 1.5 and 3 per ha under a smooth wave, and the covariate that makes the wave."""
    wave = np.sin(XX / 1800 + rng.uniform(0, 6)) * np.cos(YY / 2200 + rng.uniform(0, 6))
    return np.array([0.5, 1.5, 3.0])[BANDS.astype(int)] * np.exp(0.8 * wave), wave


def test_kernel_recovers_a_simulated_surface():
    rng = np.random.default_rng(11)
    truth, _ = surface(rng)
    got = density_surface(simulated(rng, truth, 120, size=2), X, Y, BANDS, n_boot=100)
    assert got["method"] == "kernel_ratio"
    assert np.corrcoef(got["density"].ravel(), truth.ravel())[0, 1] > 0.75
    assert got["density"].mean() == pytest.approx(truth.mean(), rel=0.15)
    means = density_surface(
        simulated(rng, truth, 120, size=2), X, Y, BANDS, method="stratum_means", n_boot=2
    )
    error = [np.sqrt(np.mean((g["density"] - truth) ** 2)) for g in (got, means)]
    assert error[0] < error[1], "what was counted nearby must be worth something"


def test_regression_recovers_a_simulated_surface():
    rng = np.random.default_rng(12)
    truth, wave = surface(rng)
    sites = simulated(rng, truth, 200, size=2)
    covariates = {"wave": wave, "east": XX, "noise": rng.normal(size=XX.shape)}
    covariates["noise"][0, 0] = np.nan
    got = density_surface(sites, X, Y, BANDS, covariates, n_boot=50)
    assert got["method"] == "regression"
    assert np.isnan(got["density"][0, 0]), "no covariate, no estimate"
    known = np.isfinite(got["density"])
    assert known.sum() == truth.size - 1
    assert np.corrcoef(got["density"][known], truth[known])[0, 1] > 0.85
    assert got["density"][known].mean() == pytest.approx(truth.mean(), rel=0.15)
    assert 0.03 < np.nanmedian(got["cv"]) < 0.6


def test_cv_is_about_the_real_error():
    rng = np.random.default_rng(13)
    truth, _ = surface(rng)
    runs = [density_surface(simulated(rng, truth, 60), X, Y, BANDS, n_boot=60) for _ in range(12)]
    density = np.array([run["density"] for run in runs])
    actual = density.std(axis=0, ddof=1).mean()
    stated = np.mean([np.nanmean(run["cv"] * run["density"]) for run in runs])
    assert 0.6 < stated / actual < 1.4


@pytest.mark.parametrize("method", ["stratum_means", "kernel_ratio"])
def test_interval_of_the_regional_mean_covers_the_truth(method):
    rng = np.random.default_rng(14)
    truth, _ = surface(rng)
    x, y = X[::2], Y[::2]
    hits = []
    for seed in range(80):
        got = density_surface(
            simulated(rng, truth, 40), x, y, BANDS[::2, ::2], method=method, seed=seed
        )
        hits.append(got["mean_low"] <= truth[::2, ::2].mean() <= got["mean_high"])
    assert 0.75 <= np.mean(hits) <= 1.0


@pytest.mark.parametrize("method", density.METHODS)
def test_the_mean_of_a_region_is_that_of_its_map(method):
    """Sites in two of three strata; some land is out of reach, some reached but not visited."""
    rng = np.random.default_rng(15)
    sites = points(rng.uniform(3000, 7900, 30), rng.uniform(4000, 8000, 30), rng.poisson(5, 30))
    got = density_surface(sites, X, Y, BANDS, {"east": XX}, method, n_boot=20)
    known = np.isfinite(got["density"])
    assert not known[BANDS == 2].any() and got["n_sites"][BANDS == 2].any()
    assert known[got["n_sites"] == 0].any()
    assert got["mean"] == pytest.approx(got["density"][known].mean(), rel=1e-5)


def test_a_forced_regression_needs_covariates():
    with pytest.raises(ValueError, match="at least one covariate"):
        density_surface(points([500], [500], [1]), X, Y, BANDS, method="regression")


def test_the_same_seed_gives_the_same_surface():
    rng = np.random.default_rng(15)
    sites = simulated(rng, surface(rng)[0], 30)
    one, two = (density_surface(sites, X, Y, BANDS, n_boot=20, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one["cv"], two["cv"])
    other = density_surface(sites, X, Y, BANDS, n_boot=20, seed=5)
    np.testing.assert_array_equal(one["density"], other["density"])
    assert not np.array_equal(one["cv"], other["cv"])


def test_trend_between_two_surveys():
    rng = np.random.default_rng(16)
    level = rng.gamma(1, 10, 40)
    before = points(range(40), range(40), rng.poisson(level))
    after = points(range(40), range(40), rng.poisson(level / 2))
    paired = burrows.trend(before, after, seed=1)
    assert paired["ratio"] == pytest.approx(after["count"].sum() / before["count"].sum())
    assert paired["low"] < 0.5 < paired["high"]
    elsewhere = burrows.trend(before, after.assign(site=after["site"] + 100), seed=1)
    assert elsewhere["ratio"] == pytest.approx(paired["ratio"])
    width = [t["high"] - t["low"] for t in (paired, elsewhere)]
    assert width[0] < 0.7 * width[1], "revisits must be drawn together"


def test_trend_from_nothing_is_not_a_number_one_can_use():
    none, some = points([0, 1], [0, 0], [0, 0]), points([0, 1], [0, 0], [3, 1])
    assert burrows.trend(none, some)["ratio"] == np.inf
    assert np.isnan(burrows.trend(none, none)["ratio"])
    assert burrows.trend(some, none)["ratio"] == 0


# ------------------------------------------------------------------------- numbers by hand


def test_near_counts_weigh_by_a_bell_curve_and_the_stratum_as_five_hectares():
    """10 on 5 ha in the cell, none on 5 ha at one bandwidth: the stratum has 1 per ha."""
    sites = points([1100, 2100], [9100, 9100], [10, 0])
    got = density_surface(sites, X, Y, np.zeros_like(XX), method="kernel_ratio", n_boot=2)
    near = np.exp(-0.5)
    at = got["density"][14]
    assert at[5] == pytest.approx((10 + 5) / (5 + 5 * near + 5))
    assert at[10] == pytest.approx((10 * near + 5) / (5 + 5 * near + 5))
    assert got["n_sites"][14, [5, 20, 25, 26]].tolist() == [2, 2, 1, 0]  # within 3 km


def test_how_much_counts_vary_beyond_chance():
    one = np.ones((2, 1))
    assert density._dispersion(np.array([0, 4.0]), np.array([2, 2.0]), one) == pytest.approx(1)
    assert density._dispersion(np.array([2, 2.0]), np.array([2, 2.0]), one) == 1e-3
    three = np.ones((3, 2))  # one degree of freedom: (16 - 4) / 16
    counts, mean = np.array([0, 4, 4.0]), np.array([4, 4, 4.0])
    assert density._dispersion(counts, mean, three) == pytest.approx((12 - 4 - 4) / 16)


def test_the_interval_of_a_mean_is_lognormal():
    drawn = np.array([2.0, 1.0, 3.0])  # a coefficient of variation of 1 / 2
    wide = np.sqrt(np.log(1.25))
    assert density._interval_factor(drawn, 10**6, 0.9) == pytest.approx(
        np.exp(1.6449 * wide), rel=1e-4
    )
    assert density._interval_factor(drawn, 1, 0.5) == pytest.approx(np.exp(wide))  # t is 1
    assert np.isnan(density._interval_factor(drawn, 0, 0.9))
    assert np.isnan(density._interval_factor(np.zeros(3), 5, 0.9))


def test_bounds_are_percentiles_that_occurred():
    assert burrows._interval(np.arange(101.0), 0.5) == (25, 75)
    assert burrows._interval(np.array([1, 2, np.inf, np.nan]), 0.5) == (1, np.inf)


def test_the_density_over_all_sites():
    sites = points(range(3), range(3), [10, 20, np.nan])
    mean, low, high = burrows.pooled(sites, n_boot=50)
    assert mean == 3 and low < 3 < high
    alone = burrows.pooled(sites.iloc[:1], n_boot=5)
    assert alone == (2, 2, 2)
    assert np.isnan(burrows.pooled(sites.iloc[2:])).all()


def test_a_site_belongs_to_the_stratum_of_most_of_its_points():
    """Codes of points by site; -1 is off the known strata and has no vote."""
    row, code = np.array([0, 0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, -1, -1, 0, -1])
    assert replicates._majority(row, code, 3, 2).tolist() == [1, 0, -1]
