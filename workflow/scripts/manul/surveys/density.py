"""Density surfaces from sites with a count and an effort, by the amount of data, with their CV.

All three methods write the estimate as a prior for the cell, corrected by the counts nearby:
the stratum mean alone; the stratum mean with an effort-weighted kernel ratio; a negative-binomial
regression with kernel-smoothed multiplicative residuals. Each is computed for the sample (replicate
0) and for every bootstrap sample of whole sites at once, tile by tile: no replicate is ever held as
a raster. What the sites say is worked out once (`Density`); any block of a map can then be made.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.special import stdtrit

from manul.surveys.replicates import UNSAMPLED, Survey, draw_survey

TILE = 32  # cells; bounds what is held for all replicates to a few MB


@dataclass
class Density:
    """A method fitted to a survey. Effort within `reach_m` of a cell corrects it; beyond, the cell
    has the mean of its stratum and is flagged `extrapolated`."""

    survey: Survey
    method: str
    prior: (
        Callable  # (codes, covariates) of cells -> (cells, 1 + n_boot) density without neighbours
    )
    counts: np.ndarray  # (points, 1 + n_boot)
    efforts: np.ndarray  # in the units of `scale`
    scale: Callable  # prior -> what a hectare of effort counts: 1, or what is expected on it
    bandwidth_m: float
    reach_m: float
    pseudo_effort_ha: float

    def on(self, x, y, strata, covariates=None) -> dict[str, np.ndarray]:
        """Density per ha, `cv`, `extrapolated` and `n_sites` (within reach) on cells.

        `x`, `y`: centres of columns and rows; `strata`: (rows, columns) labels, NaN unknown;
        `covariates`: {name: (rows, columns)}. Density is NaN where the stratum was never visited,
        which is not zero; `cv` where the density is 0 or the stratum has a single site.
        """
        codes = self.survey.codes(strata)
        stack = [np.asarray(c, float).ravel() for c in (covariates or {}).values()]
        values = np.array(stack).T if stack else np.zeros((codes.size, 0))
        base = self.survey.means[:, 0]
        spread = self.survey.means[:, 1:].std(axis=1)
        density, sd = base[codes], spread[codes]
        n_sites = np.zeros(codes.shape, np.int32)
        for rows, columns, points in self._near(x, y):
            at = np.ix_(rows, columns)
            cells = (rows[:, None] * len(x) + columns).ravel()
            found = self._estimate(x[columns], y[rows], codes[at].ravel(), values[cells], points)
            # effort next door does not make an unvisited stratum known, whatever the method says
            use = (found[1] > 0) & ~np.isnan(base[codes[at].ravel()])
            density.ravel()[cells[use]] = found[0][use, 0]
            sd.ravel()[cells[use]] = found[0][use, 1:].std(axis=1)
            n_sites.ravel()[cells] = found[1]
        sd[self.survey.lone[codes]] = np.nan
        positive = density > 0
        return {
            "density": density.astype(np.float32),
            "cv": np.where(positive, sd / np.where(positive, density, 1), np.nan).astype("float32"),
            "extrapolated": (n_sites == 0).astype(np.uint8),
            "n_sites": n_sites,
        }

    def mean(self, x, y, strata, covariates=None, level=0.9) -> dict[str, float]:
        """`mean`, `mean_low`, `mean_high` of the density over all known cells (bootstrap)."""
        codes = self.survey.codes(strata)
        stack = [np.asarray(c, float).ravel() for c in (covariates or {}).values()]
        values = np.array(stack).T if stack else np.zeros((codes.size, 0))
        every = self.survey.means[codes.ravel()]
        for rows, columns, points in self._near(x, y):
            cells = (rows[:, None] * len(x) + columns).ravel()
            code = codes.ravel()[cells]
            found, n = self._estimate(x[columns], y[rows], code, values[cells], points)
            use = (n > 0) & ~np.isnan(self.survey.means[code, 0])
            every[cells[use]] = found[use]
        known = ~np.isnan(every[:, 0])
        replicates = every[known].mean(axis=0) if known.any() else np.full(every.shape[1], np.nan)
        free = len(self.survey.count) - np.unique(self.survey.stratum).size
        factor = _interval_factor(replicates, free, level)
        mean = float(replicates[0])
        return {"mean": mean, "mean_low": mean / factor, "mean_high": mean * factor}

    def _near(self, x, y):
        """Tiles (rows, columns) with effort within reach of them, and the points of it."""
        px, py = self.survey.point_xy.T
        for top in range(0, len(y), TILE):
            rows = np.arange(top, min(top + TILE, len(y)))
            low, high = sorted((y[rows[0]], y[rows[-1]]))
            in_rows = (py >= low - self.reach_m) & (py <= high + self.reach_m)
            for left in range(0, len(x) if in_rows.any() else 0, TILE):
                columns = np.arange(left, min(left + TILE, len(x)))
                low, high = sorted((x[columns[0]], x[columns[-1]]))
                near = in_rows & (px >= low - self.reach_m) & (px <= high + self.reach_m)
                if near.any():
                    yield rows, columns, np.flatnonzero(near)

    def _estimate(self, x, y, codes, values, points) -> tuple[np.ndarray, np.ndarray]:
        """(cells, 1 + n_boot) densities and the number of sites within reach of each cell."""
        prior = self.prior(codes, values)
        xx, yy = (a.ravel() for a in np.meshgrid(x, y))
        counts, efforts, n_sites = _sums(
            xx, yy, *self.survey.point_xy[points].T, self.survey.point_site[points],
            self.counts[points], self.efforts[points], self.reach_m, self.bandwidth_m,
        )  # fmt: skip
        if self.method == "stratum_means":
            return prior, n_sites
        weight = self.scale(prior)
        a = self.pseudo_effort_ha
        return weight * (counts + a * prior) / (efforts + a * weight), n_sites


def fit_density(
    sites,
    strata_at,
    covariates_at=None,
    n_covariates=0,
    method="auto",
    *,
    bandwidth_m=1000.0,
    pseudo_effort_ha=5.0,
    max_distance_m=3000.0,
    unsampled="unknown",
    n_boot=200,
    seed=0,
) -> Density:
    """What the sites say, ready for any block of a map.

    `sites`: `site`, `geometry`, `count`, `effort_ha` (see `burrows`); those with an unknown count
    or no effort are set aside. `strata_at(x, y)` and `covariates_at(x, y)` look up the maps at
    points. `method`: one of `METHODS` or 'auto'. `unsampled`: one of `UNSAMPLED`.
    """
    covariates_at = covariates_at or (lambda x, y: np.zeros((len(x), 0)))
    survey = draw_survey(
        sites, strata_at, covariates_at, bandwidth_m / 4, UNSAMPLED[unsampled], n_boot, seed
    )
    if method == "auto":
        method = choose_method(len(survey.count), np.sum(survey.count > 0), n_covariates)
    prior, counts, efforts, scale = METHODS[method](survey)
    return Density(
        survey, method, prior, counts, efforts, scale, bandwidth_m, max_distance_m, pseudo_effort_ha
    )


def choose_method(n_sites, n_occupied, n_covariates):
    """Regression needs covariates and 10 occupied sites for each; the kernel at least 15 sites."""
    if n_sites < 15:
        return "stratum_means"
    if n_sites > 150 and n_covariates and n_occupied >= 10 * n_covariates:
        return "regression"
    return "kernel_ratio"


def stratum_means(survey):
    """Count over effort of the stratum; neither the place within it nor a covariate matters."""
    return kernel_ratio(survey)


def kernel_ratio(survey):
    """(sum K n + a m) / (sum K effort + a): the stratum mean m counts as `a` ha of effort."""
    weights = survey.weights[survey.point_site]
    counts = survey.point_count[:, None] * weights
    efforts = survey.point_effort[:, None] * weights
    return lambda codes, _: survey.means[codes], counts, efforts, np.ones_like


def regression(survey):
    """m (sum K n + a m) / (sum K effort m + a m), m from a negative-binomial GLM with log link.

    The bracket is the smoothed ratio of observed to expected. Covariates are held within the range
    seen at the sites, for a log-linear model runs away beyond it. NaN where a covariate is NaN.
    """
    if not survey.covariates.shape[1]:
        raise ValueError("a regression needs at least one covariate")
    predict, known = _fit(survey)
    at_points = np.where(known[:, None], predict(survey.covariates), 0)
    weights = survey.weights[survey.point_site] * known[:, None]
    counts = survey.point_count[:, None] * weights
    expected = survey.point_effort[:, None] * weights * at_points
    return lambda _, values: predict(values), counts, expected, lambda prior: prior


METHODS = {"stratum_means": stratum_means, "kernel_ratio": kernel_ratio, "regression": regression}


# ------------------------------------------------------------------------------------- helpers


@njit(nogil=True, cache=True)
def _sums(xx, yy, px, py, site, counts, efforts, reach_m, bandwidth_m):
    """Kernel-weighted sums of counts and efforts within reach of each cell, for all replicates.

    In the order of the points, so that a cell has the same bits in any block.
    """
    n, replicates = xx.size, counts.shape[1]
    total_counts, total_efforts = np.zeros((n, replicates)), np.zeros((n, replicates))
    n_sites = np.zeros(n, np.int32)
    for i in range(n):
        last = -1
        for j in range(px.size):
            squared = (xx[i] - px[j]) ** 2 + (yy[i] - py[j]) ** 2
            if squared > reach_m**2:
                continue
            if site[j] != last:  # points lie site by site
                n_sites[i] += 1
                last = site[j]
            kernel = np.exp(-squared / (2 * bandwidth_m**2))
            for k in range(replicates):
                total_counts[i, k] += kernel * counts[j, k]
                total_efforts[i, k] += kernel * efforts[j, k]
    return total_counts, total_efforts, n_sites


def _interval_factor(replicates, degrees_of_freedom, level):
    """Log-normal interval mean / C to mean * C by the bootstrap CV; NaN when nothing can vary.

    Counts of clumped burrows are so skewed that percentiles of few sites fall short on the high
    side. Buckland et al. 2001, Introduction to Distance Sampling, with t in place of z.
    """
    if degrees_of_freedom < 1 or not replicates[0] > 0:
        return np.nan
    cv = replicates[1:].std() / replicates[0]
    t = stdtrit(degrees_of_freedom, (1 + level) / 2)
    return np.exp(t * np.sqrt(np.log1p(cv**2)))


def _fit(survey):
    """Predictor of (cells, 1 + n_boot) means, and which points have all covariates.

    The dispersion is estimated once, from the sample: replicates redraw the sites, not it.
    """
    at_points = survey.covariates
    known = np.isfinite(at_points).all(axis=1)
    design, fitted = _site_design(survey, at_points, known)
    centre, scale = design.mean(axis=0), design.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    low, high = design.min(axis=0), design.max(axis=0)
    columns = _with_constant((design - centre) / scale)
    beta = _replicates(survey, columns, fitted)

    def predict(values):
        raw = (np.clip(values, low, high) - centre) / scale
        # term by term, so that a cell has the same bits in any block
        return np.exp(beta[0] + sum(raw[:, [i]] * beta[i + 1] for i in range(raw.shape[1])))

    return predict, known


def _site_design(survey, at_points, known):
    """Mean covariates of each site over its points with values, and the sites that have any."""
    site = survey.point_site[known]
    n = np.bincount(site, minlength=len(survey.count))
    sums = [np.bincount(site, column, minlength=n.size) for column in at_points[known].T]
    fitted = np.flatnonzero(n)
    return (np.array(sums)[:, fitted] / n[fitted]).T, fitted


def _with_constant(columns):
    return np.column_stack([np.ones(len(columns)), columns])


def _replicates(survey, columns, fitted):
    import statsmodels.api as sm  # takes two seconds, and few surfaces need it

    count, offset = survey.count[fitted], np.log(survey.effort[fitted])
    poisson = sm.GLM(count, columns, family=sm.families.Poisson(), offset=offset).fit()
    family = sm.families.NegativeBinomial(alpha=_dispersion(count, poisson.fittedvalues, columns))
    beta: list[np.ndarray] = []
    for weight in survey.weights[fitted].T:
        drawn = weight > 0
        model = sm.GLM(
            count[drawn],
            columns[drawn],
            family=family,
            offset=offset[drawn],
            var_weights=weight[drawn],
        )
        beta.append(model.fit(start_params=beta[0] if beta else None).params)
    return np.array(beta).T


def _dispersion(count, mean, columns):
    """Moment estimate of alpha in variance = mean + alpha mean^2; kept above 0 for the family."""
    free = max(1, count.size - columns.shape[1])
    return max(1e-3, float(np.sum(((count - mean) ** 2 - mean) / mean**2) / free))
