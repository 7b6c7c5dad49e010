"""Density surfaces from sites with a count and an effort, by the amount of data, with their CV.

All three methods write the estimate as a prior for the cell, corrected by the counts nearby:
the stratum mean alone; the stratum mean with an effort-weighted kernel ratio; a negative-binomial
regression with kernel-smoothed multiplicative residuals. Each is computed for the sample (replicate
0) and for every bootstrap sample of whole sites at once, tile by tile: no replicate is ever held as
a raster.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from manul.surveys.replicates import UNSAMPLED, draw_survey

TILE = 32  # cells; bounds the kernel matrix (tile cells x points) to tens of MB


def density_surface(
    sites,
    x,
    y,
    strata,
    covariates=None,
    method="auto",
    *,
    bandwidth_m=1000.0,
    pseudo_effort_ha=5.0,
    max_distance_m=3000.0,
    unsampled="unknown",
    n_boot=200,
    seed=0,
    level=0.9,
):
    """Density per ha on the grid; NaN where the stratum was never visited, which is not zero.

    `sites`: `site`, `geometry`, `count`, `effort_ha` (see `burrows`); those with an unknown count
    or no effort are counted in `n_unused`. `strata`: (rows, cols) labels, NaN unknown.
    `covariates`: {name: (rows, cols)}. `method`: one of `METHODS` or 'auto'. `unsampled`: one of
    `UNSAMPLED`. Effort within `max_distance_m` of a cell corrects it; beyond, the cell has its
    stratum's mean and is flagged `extrapolated`.
    Returns arrays `density`, `cv` (NaN where the density is 0 or the stratum has a single site),
    `extrapolated` (uint8), `n_sites` (within reach), and `method`, `counts` ({label: sites}),
    `n_used`, `n_unused`, and `mean`, `mean_low`, `mean_high` over all known cells (bootstrap).
    """
    survey = draw_survey(sites, x, y, strata, bandwidth_m / 4, UNSAMPLED[unsampled], n_boot, seed)
    name = method
    if method == "auto":
        name = choose_method(len(survey.count), np.sum(survey.count > 0), len(covariates or {}))
    estimate = METHODS[name](survey, covariates, pseudo_effort_ha)
    fields = _base(survey)
    known = survey.codes.ravel()[survey.codes.ravel() >= 0]
    totals = _Totals(survey.means, np.bincount(known, minlength=len(survey.labels)))
    for tile in _tiles(survey, x, y, bandwidth_m, max_distance_m):
        _correct(fields, totals, survey, estimate(tile), tile)
    return _result(fields, survey, totals, level) | {
        "method": name,
        "n_unused": len(sites) - len(survey.count),
    }


def choose_method(n_sites, n_occupied, n_covariates):
    """Regression needs covariates and 10 occupied sites for each; the kernel at least 15 sites."""
    if n_sites < 15:
        return "stratum_means"
    if n_sites > 150 and n_covariates and n_occupied >= 10 * n_covariates:
        return "regression"
    return "kernel_ratio"


def stratum_means(survey, covariates, pseudo_effort_ha):
    """Count over effort of the stratum; neither the place within it nor a covariate matters."""
    return lambda tile: survey.means[tile.codes]


def kernel_ratio(survey, covariates, pseudo_effort_ha):
    """(sum K n + a m) / (sum K effort + a): the stratum mean m counts as `a` ha of effort."""
    counts = survey.point_count[:, None] * survey.weights[survey.point_site]
    efforts = survey.point_effort[:, None] * survey.weights[survey.point_site]

    def estimate(tile):
        prior = pseudo_effort_ha * survey.means[tile.codes]
        near = tile.kernel @ efforts[tile.points] + pseudo_effort_ha
        return (tile.kernel @ counts[tile.points] + prior) / near

    return estimate


def regression(survey, covariates, pseudo_effort_ha):
    """m (sum K n + a m) / (sum K effort m + a m), m from a negative-binomial GLM with log link.

    The bracket is the smoothed ratio of observed to expected. Covariates are held within the range
    seen at the sites, for a log-linear model runs away beyond it. NaN where a covariate is NaN.
    """
    if not covariates:
        raise ValueError("a regression needs at least one covariate")
    predict, known = _fit(survey, covariates)
    at_points = predict(survey.point_cell)
    weights = survey.weights[survey.point_site] * known[:, None]
    counts = survey.point_count[:, None] * weights
    expected = survey.point_effort[:, None] * weights * np.where(known[:, None], at_points, 0)

    def estimate(tile):
        mean = predict(tile.cells)
        prior = pseudo_effort_ha * mean
        near = tile.kernel @ expected[tile.points] + prior
        return mean * (tile.kernel @ counts[tile.points] + prior) / near

    return estimate


METHODS = {"stratum_means": stratum_means, "kernel_ratio": kernel_ratio, "regression": regression}


@dataclass
class _Tile:
    cells: np.ndarray  # flat
    codes: np.ndarray
    points: np.ndarray
    kernel: np.ndarray  # (cells, points)
    n_sites: np.ndarray


@dataclass
class _Fields:
    density: np.ndarray
    sd: np.ndarray
    n_sites: np.ndarray


class _Totals:
    """Sum of the density over known cells, for the sample and each replicate."""

    def __init__(self, means, cells):
        known = ~np.isnan(means[:-1, 0])
        self.sum = cells[known] @ means[:-1][known]
        self.cells = int(cells[known].sum())

    def replace(self, old, new):
        """Put `new` densities in the place of `old`; an unknown new density leaves the sum."""
        known = ~np.isnan(new[:, 0])
        self.sum += new[known].sum(axis=0) - old.sum(axis=0)
        self.cells -= int(np.sum(~known))


def _base(survey):
    """Stratum means everywhere; a lone site has no spread, so its CV is unknown rather than 0."""
    sd = survey.means[:, 1:].std(axis=1)
    sd[_lone(survey)] = np.nan
    shape = survey.codes.shape
    return _Fields(survey.means[survey.codes, 0], sd[survey.codes], np.zeros(shape, dtype=np.int32))


def _lone(survey):
    sites = np.bincount(survey.stratum[survey.stratum >= 0], minlength=len(survey.labels))
    return np.append(sites == 1, False)


def _tiles(survey, x, y, bandwidth_m, reach_m):
    """Tiles of the grid with effort within reach, cut down to the cells that it reaches."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    px, py = survey.point_xy.T
    for top in range(0, y.size, TILE):
        rows = np.arange(top, min(top + TILE, y.size))
        in_rows = (py >= y[rows].min() - reach_m) & (py <= y[rows].max() + reach_m)
        for left in range(0, x.size if in_rows.any() else 0, TILE):
            cols = np.arange(left, min(left + TILE, x.size))
            near = in_rows & (px >= x[cols].min() - reach_m) & (px <= x[cols].max() + reach_m)
            cells = (rows[:, None] * x.size + cols).ravel()
            if near.any():
                yield from _tile(survey, x, y, cells, np.flatnonzero(near), bandwidth_m, reach_m)


def _tile(survey, x, y, cells, points, bandwidth_m, reach_m):
    px, py = survey.point_xy[points].T
    squared = (x[cells % x.size, None] - px) ** 2 + (y[cells // x.size, None] - py) ** 2
    within = squared <= reach_m**2
    # points lie site by site, so each site is one run of columns
    starts = np.flatnonzero(np.diff(survey.point_site[points], prepend=-1))
    n_sites = np.logical_or.reduceat(within, starts, axis=1).sum(axis=1)
    near = n_sites > 0
    if near.any():
        kernel = np.where(within[near], np.exp(-squared[near] / (2 * bandwidth_m**2)), 0)
        codes = survey.codes.ravel()[cells[near]]
        yield _Tile(cells[near], codes, points, kernel, n_sites[near])


def _correct(fields, totals, survey, estimate, tile):
    fields.n_sites.ravel()[tile.cells] = tile.n_sites
    # effort next door does not make an unvisited stratum known, whatever the method would say
    known = ~np.isnan(survey.means[tile.codes, 0])
    cells, codes, estimate = tile.cells[known], tile.codes[known], estimate[known]
    totals.replace(survey.means[codes], estimate)
    fields.density.ravel()[cells] = estimate[:, 0]
    fields.sd.ravel()[cells] = np.where(_lone(survey)[codes], np.nan, estimate[:, 1:].std(axis=1))


def _result(fields, survey, totals, level):
    positive = fields.density > 0
    cv = np.where(positive, fields.sd / np.where(positive, fields.density, 1), np.nan)
    sites = np.bincount(survey.stratum[survey.stratum >= 0], minlength=len(survey.labels))
    mean = totals.sum / totals.cells if totals.cells else np.full_like(totals.sum, np.nan)
    factor = _interval_factor(mean, len(survey.count) - np.unique(survey.stratum).size, level)
    return {
        "density": fields.density.astype(np.float32),
        "cv": cv.astype(np.float32),
        "extrapolated": (fields.n_sites == 0).astype(np.uint8),
        "n_sites": fields.n_sites,
        "counts": dict(zip(survey.labels.tolist(), sites.tolist(), strict=True)),
        "n_used": len(survey.count),
        "mean": float(mean[0]),
        "mean_low": float(mean[0] / factor),
        "mean_high": float(mean[0] * factor),
    }


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


def _fit(survey, covariates):
    """Predictor of (cells, 1 + n_boot) means, and which points have all covariates.

    The dispersion is estimated once, from the sample: replicates redraw the sites, not it.
    """
    stack = np.array([np.asarray(c, dtype=float).ravel() for c in covariates.values()])
    at_points = np.where(survey.point_cell >= 0, stack[:, survey.point_cell], np.nan).T
    known = np.isfinite(at_points).all(axis=1)
    design, fitted = _site_design(survey, at_points, known)
    centre, scale = design.mean(axis=0), design.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    low, high = design.min(axis=0), design.max(axis=0)
    columns = _with_constant((design - centre) / scale)
    beta = _replicates(survey, columns, fitted)

    def predict(cells):
        raw = np.clip(stack[:, cells].T, low, high)
        return np.exp(_with_constant((raw - centre) / scale) @ beta)

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
    beta = []
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
