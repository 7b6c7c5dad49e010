"""Sites, the unit of a survey, as points along them, strata and bootstrap weights."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

UNSAMPLED = {"unknown": np.zeros_like, "pooled": np.ones_like}  # which sites speak for a stratum


@dataclass
class Survey:
    """Sites and the points along them. Counts are burrows or animals, effort is in hectares."""

    count: np.ndarray  # by site
    effort: np.ndarray
    stratum: np.ndarray  # code by site, -1 off the known strata
    weights: np.ndarray  # (sites, 1 + n_boot)
    point_site: np.ndarray
    point_xy: np.ndarray
    point_count: np.ndarray
    point_effort: np.ndarray
    covariates: np.ndarray  # (points, covariates)
    labels: np.ndarray  # of the strata with points in them; a code is the place in this list
    means: np.ndarray  # (strata + 2, 1 + n_boot); then strata without points, then unknown ones

    def codes(self, strata) -> np.ndarray:
        """The row of `means` for stratum labels of any shape, NaN where unknown."""
        strata = np.asarray(strata, dtype=float)
        unvisited, unknown = len(self.labels), len(self.labels) + 1
        if not len(self.labels):
            return np.where(np.isnan(strata), unknown, unvisited)
        place = np.minimum(np.searchsorted(self.labels, strata), len(self.labels) - 1)
        found = np.where(self.labels[place] == strata, place, unvisited)
        return np.where(np.isnan(strata), unknown, found)

    @property
    def lone(self) -> np.ndarray:
        """By code: true for a stratum with a single site, which says nothing of its spread."""
        sites = np.bincount(self.stratum[self.stratum >= 0], minlength=len(self.labels))
        return np.append(sites == 1, [False, False])


def draw_survey(sites, strata_at, covariates_at, spacing_m, unsampled, n_boot, seed) -> Survey:
    """Points along the sites that have a count and an effort, their strata, and replicates.

    `strata_at(x, y)` gives stratum labels (NaN unknown), `covariates_at(x, y)` an array (points,
    covariates). Replicates are drawn within strata. `unsampled` is a value of `UNSAMPLED`.
    """
    used = sites[sites["count"].notna() & (sites["effort_ha"] > 0)]
    count, effort = used["count"].to_numpy(float), used["effort_ha"].to_numpy(float)
    points = spread(used, spacing_m)
    xy = points[["x", "y"]].to_numpy(float)
    label = np.asarray(strata_at(*xy.T), dtype=float)
    labels = np.unique(label[np.isfinite(label)])
    at_point = np.where(np.isfinite(label), np.searchsorted(labels, label), -1)
    stratum = _majority(points["row"].to_numpy(), at_point, len(used), len(labels))
    weights = resample_weights(stratum, n_boot, seed)
    return Survey(
        count=count,
        effort=effort,
        stratum=stratum,
        weights=weights,
        point_site=points["row"].to_numpy(),
        point_xy=xy,
        point_count=points["count"].to_numpy(),
        point_effort=points["effort_ha"].to_numpy(),
        covariates=_columns(covariates_at(*xy.T), len(xy)),
        labels=labels,
        means=_means(count, effort, stratum, weights, len(labels), unsampled),
    )


def resample_weights(groups, n_boot, seed):
    """Bootstrap weights (sites, 1 + n_boot); column 0 is the sample itself, all ones.

    Draws n - 1 of the n sites of each group and scales by n / (n - 1), which makes the variance of
    a mean unbiased for small n (Rao & Wu 1988, doi:10.1080/01621459.1988.10478591). A lone site
    cannot vary.
    """
    groups = np.asarray(groups)
    rng = np.random.default_rng(seed)
    weights = np.ones((groups.size, 1 + n_boot))
    for group in np.unique(groups):
        member = np.flatnonzero(groups == group)
        n = member.size
        if n > 1:
            draws = rng.multinomial(n - 1, np.full(n, 1 / n), size=n_boot)
            weights[member, 1:] = draws.T * n / (n - 1)
    return weights


def spread(sites, spacing_m):
    """Points along each site, each with its share of the count and the effort.

    They are no further apart than `spacing_m`; a point site gives one.
    Columns: row (of the site), x, y, count, effort_ha.
    """
    geometry = np.asarray(sites["geometry"], dtype=object)
    n = np.maximum(1, np.ceil(shapely.length(geometry) / spacing_m)).astype(int)
    row = np.repeat(np.arange(len(sites)), n)
    place = (np.arange(row.size) - np.repeat(np.cumsum(n) - n, n) + 0.5) / n[row]
    points = shapely.centroid(geometry[row])
    is_line = shapely.get_dimensions(geometry[row]) == 1
    points[is_line] = shapely.line_interpolate_point(
        geometry[row[is_line]], place[is_line], normalized=True
    )
    share = {name: sites[name].to_numpy(float)[row] / n[row] for name in ("count", "effort_ha")}
    return pd.DataFrame(
        {"row": row, "x": shapely.get_x(points), "y": shapely.get_y(points)} | share
    )


def _columns(values, points) -> np.ndarray:
    """(points, covariates), also where there is no point or no covariate."""
    return np.asarray(values, dtype=float).reshape(points, -1 if points else 0)


def _majority(row, code, n_sites, n_labels):
    """The stratum that most of a site's points lie in, so that a site is drawn as a whole."""
    votes = np.zeros((n_sites, n_labels + 1))
    np.add.at(votes, (row, code), 1)
    votes[:, -1] = 0
    winner = votes.argmax(axis=1)
    return np.where(votes.max(axis=1, initial=0) > 0, winner, -1)


def _means(count, effort, stratum, weights, n_labels, unsampled):
    """By code; a code without sites, that of unvisited strata too, as `unsampled` says."""
    means = np.full((n_labels + 2, weights.shape[1]), np.nan)
    for code in range(n_labels + 1):
        member = stratum == code
        chosen = member if member.any() else unsampled(member)
        if chosen.any():
            means[code] = (count[chosen] @ weights[chosen]) / (effort[chosen] @ weights[chosen])
    return means
