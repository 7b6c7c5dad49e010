"""Marmot burrow counts to sites with their effort, and the change between two surveys.

A site is one transect or quadrat, the unit that is drawn in a bootstrap: a row with `site`,
`geometry` (a line or a point, projected metres), `count` (usable burrows) and `effort_ha` (hectares
that were, in effect, fully searched), so that density = count / effort_ha. `density` makes the
surface from such a table.

`rules` holds `collapse_half_life_yr`, `fresh_yr`, `detection` ({method: p}), `assume_method`,
`strip_half_width_m`, `truncation_m` (None: the largest distance) and `min_distances`.
"""

import numpy as np
import pandas as pd
import shapely

from manul.surveys.detection import line_half_width
from manul.surveys.replicates import resample_weights

DAYS_PER_YEAR = 365.25
M2_PER_HA = 1e4


def strip_density(n, half_width_m, length_m, p=1.0):
    """Burrows per ha on a strip searched to both sides: n / (2 w L p)."""
    return n / (2 * half_width_m * length_m * p / M2_PER_HA)


def quadrat_density(n, area_m2):
    """Burrows per ha on a plot taken as fully searched."""
    return n / (area_m2 / M2_PER_HA)


def usable(surveys, as_of, rules):
    """Burrows a cat could use at `as_of`: the active, and the abandoned that have not fallen in.

    Abandoned ones halve every `collapse_half_life_yr`, and only when the survey is older than
    `fresh_yr`; then the whole age counts. A survey made after `as_of` is taken as it stands. Needs
    `date`, `n_active`, `n_inactive`; a missing count or date gives NaN, not zero.
    """
    age = (pd.Timestamp(as_of) - pd.to_datetime(surveys["date"])).dt.days / DAYS_PER_YEAR
    standing = 0.5 ** (age / rules["collapse_half_life_yr"])
    left = standing.where(age > rules["fresh_yr"], 1.0).where(age.notna())
    return (surveys["n_active"] + surveys["n_inactive"] * left).astype(float)


def detectability(surveys, rules):
    """Share of the burrows that each method sees; a missing method counts as `assume_method`.

    Raises ValueError for a method that has no detectability.
    """
    method = surveys["method"].astype(object).where(surveys["method"].notna())
    method = method.fillna(rules["assume_method"])
    unknown = sorted(set(method) - set(rules["detection"]))
    if unknown:
        raise ValueError(f"method {unknown} is not one of {sorted(rules['detection'])}")
    return method.map(rules["detection"]).astype(float)


def transect_sites(transects, as_of, rules, distances_m=()):
    """Transects as sites; one without a half width is a line transect, with distances if enough.

    Needs `transect_id`, `length_m`, `half_width_m`, the columns of `usable` and `detectability`,
    and either `geometry` lines or `x_start`, `y_start`, `x_end`, `y_end`. The effort follows the
    recorded length, also where the route was longer than the straight line. `distances_m` are all
    perpendicular distances of the line transects, pooled. `assumed` lists what was filled in.
    """
    p = detectability(transects, rules)
    width = transects["half_width_m"].astype(float)
    line = _line_widths(p, rules, np.asarray(distances_m, dtype=float))
    effective = (width * p).where(width.notna(), line)
    return pd.DataFrame(
        {
            "site": transects["transect_id"],
            "geometry": _lines(transects),
            "count": usable(transects, as_of, rules),
            "effort_ha": 2 * effective * transects["length_m"] / M2_PER_HA,
            "assumed": [
                [name for name in ("half_width_m", "method") if missing[name]]
                for missing in transects[["half_width_m", "method"]].isna().to_dict("records")
            ],
        }
    )


def quadrat_sites(quadrats, as_of, rules):
    """Quadrats as sites. Needs `quadrat_id`, `x`, `y`, `area_m2` and the columns of `usable`."""
    return pd.DataFrame(
        {
            "site": quadrats["quadrat_id"],
            "geometry": shapely.points(quadrats["x"], quadrats["y"]),
            "count": usable(quadrats, as_of, rules),
            "effort_ha": quadrats["area_m2"].astype(float) / M2_PER_HA,
            "assumed": [[] for _ in range(len(quadrats))],
        }
    )


def pooled(sites, n_boot=1000, seed=0, level=0.9):
    """Burrows per ha over all sites, with the bootstrap interval: (density, low, high)."""
    known = sites[sites["count"].notna() & (sites["effort_ha"] > 0)]
    if not len(known):
        return np.nan, np.nan, np.nan
    weights = resample_weights(np.zeros(len(known)), n_boot, seed)
    found = known["count"].to_numpy(float) @ weights / (known["effort_ha"].to_numpy() @ weights)
    return (found[0], *_interval(found[1:], level))


def trend(sites_a, sites_b, n_boot=1000, seed=0, level=0.9):
    """Ratio of the densities of survey b to survey a, with its bootstrap interval.

    Sites that were visited in both are drawn together, so a revisit gives a narrower interval than
    two sets of places. Where a found none the ratio is infinite, and NaN where b found none either.
    Returns ratio, low, high, density_a, density_b (per ha), n_a, n_b (sites used).
    """
    a, b = _totals(sites_a), _totals(sites_b)
    both = a.add_suffix("_a").join(b.add_suffix("_b"), how="outer")
    visited = both[["effort_ha_a", "effort_ha_b"]].notna()
    weights = resample_weights(visited.to_numpy() @ [1, 2], n_boot, seed)
    sums = {name: both[name].fillna(0).to_numpy() @ weights for name in both}
    with np.errstate(divide="ignore", invalid="ignore"):
        density_a = sums["count_a"] / sums["effort_ha_a"]
        density_b = sums["count_b"] / sums["effort_ha_b"]
        ratio = density_b / density_a
    low, high = _interval(ratio[1:], level)
    return {
        "ratio": ratio[0],
        "low": low,
        "high": high,
        "density_a": density_a[0],
        "density_b": density_b[0],
        "n_a": len(a),
        "n_b": len(b),
    }


def _line_widths(p, rules, distances_m):
    """Effective half width of a line transect for each p; the same for all once it is fitted."""
    widths = {
        value: line_half_width(
            distances_m,
            rules["truncation_m"],
            rules["strip_half_width_m"],
            value,
            rules["min_distances"],
        )
        for value in p.unique()
    }
    return p.map(widths)


def _lines(transects):
    ends = transects[["x_start", "y_start", "x_end", "y_end"]].to_numpy(float)
    return shapely.linestrings(ends.reshape(-1, 2, 2))


def _totals(sites):
    """Count and effort by site; sites with an unknown count or no effort are left out."""
    known = sites[sites["count"].notna() & (sites["effort_ha"] > 0)]
    return known.groupby("site")[["count", "effort_ha"]].sum()


def _interval(values, level):
    """Percentiles without interpolation, which would turn an infinite bound into NaN."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return np.nan, np.nan
    tail = (1 - level) / 2
    return (
        np.quantile(known, tail, method="lower"),
        np.quantile(known, 1 - tail, method="higher"),
    )
