"""Rodenticide reports to exposure surfaces: how much, of what, how long ago, how far away.

An event is a row of a table with projected coordinates in metres:
`date_start`, `date_end`, `compound`, `conc_ppm`, `dose_kg_ha`, `coverage_frac`, `method`,
`carcass_collected` ('y' or 'n'), `prebait_density_ha`, `postbait_density_ha`, `area_treated_ha`,
`x`, `y`, `coord_error_m`, `geometry` (the treated polygon) and `district` (a key of `districts`).
Only `date_start` must be known; an absent column is a column of missing values.

`compounds` is {name: {hazard, half_life_d, ...}}. `rules` holds every number of the intensity:
`conc_reference_ppm`, `conc_exponent`, `dose_label_kg_ha`, `exposed` and
`enclosed` ({methods, factor}), `assume` ({column: what stands for a missing value}),
`default_area_ha`, and `prey` ({efficacy, recovery_yr}).
"""

import math

import numpy as np
import pandas as pd
import shapely
from numba import njit

DAYS_PER_YEAR = 365.25
M2_PER_HA = 1e4


def event_intensity(events, rules):
    """Intensity 0..1 of each event on its own ground, and what had to be assumed for it.

    A bait of 15 000 ppm is no worse than one at the reference: strength above it caps at 1.
    The factor for exposed bait is given once, whether the bait was broadcast, the carcasses were
    left, or both. Returns a table with `intensity` and `assumed`, on the index of `events`.
    """
    known, assumed = _filled(events, rules["assume"])
    conc = _number(known, "conc_ppm") / rules["conc_reference_ppm"]
    dose = _number(known, "dose_kg_ha") / rules["dose_label_kg_ha"]
    intensity = (
        np.minimum(1, conc) ** rules["conc_exponent"]
        * np.minimum(1, dose)
        * _number(known, "coverage_frac")
        * _handling(known, rules)
    )
    return pd.DataFrame(
        {"intensity": np.minimum(1, intensity), "assumed": assumed}, index=events.index
    )


def time_left(compound, age_days, compounds):
    """Hazard that is left after `age_days`: above 1 for the most persistent, 0 before the event.

    hazard * 0.5 ** (age / half-life). `compound` is a name or one name for each age; an age of NaN
    stays NaN. Raises ValueError for a compound that is not in `compounds`.
    """
    names = np.atleast_1d(np.asarray(compound, dtype=object))
    _check_compounds(names, compounds)
    hazard = np.array([compounds[name]["hazard"] for name in names], dtype=float)
    half_life = np.array([compounds[name]["half_life_d"] for name in names], dtype=float)
    age = np.asarray(age_days, dtype=float)
    # the age is held at 0 in the exponent, so that an event far ahead cannot overflow
    left = np.where(age < 0, 0.0, hazard * 0.5 ** (np.maximum(age, 0) / half_life))
    return left if np.ndim(compound) or np.ndim(age_days) else float(left[0])


def prey_loss(events, age_days, rules):
    """Share of the prey that is still missing, 0..1; recovery is exponential in years.

    Counts before and after the baiting replace the default efficacy where both are given. They are
    taken to come from baited ground, so the coverage multiplies either. 0 before the event.
    """
    coverage = _number(_filled(events, rules["assume"])[0], "coverage_frac")
    age = np.asarray(age_days, dtype=float)
    recovery = np.exp(-np.maximum(age, 0) / DAYS_PER_YEAR / rules["prey"]["recovery_yr"])
    loss = _efficacy(events, rules["prey"]["efficacy"]) * np.minimum(1, coverage) * recovery
    return np.where(age < 0, 0.0, loss)


def age_days(events, as_of):
    """Days since the last bait was laid: 0 during a campaign, negative before it.

    Raises ValueError when an event has no start, for an undated event has no exposure to compute.
    """
    start = pd.to_datetime(events["date_start"])
    if start.isna().any():
        raise ValueError(f"events without date_start: {list(events.index[start.isna()])}")
    end = pd.to_datetime(_column(events, "date_end")).fillna(start)
    since_start = (pd.Timestamp(as_of) - start).dt.days.to_numpy(float)
    since_end = (pd.Timestamp(as_of) - end).dt.days.to_numpy(float)
    return np.where(since_start < 0, since_start, np.maximum(since_end, 0))


def footprints(events, districts=None, default_area_ha=0.0):
    """Where each event lies, and how surely: polygon, else disc, else diffuse over its district.

    A disc has the treated area around the point. An event known by its district alone spreads over
    it, thinned to `share` = treated area / district area. `unplaced` events reach no cell: print
    them. `coord_error_m` is carried along and widens nothing. `assumed` is true where
    `default_area_ha` stands for an unknown treated area.
    Columns: kind, geometry, x, y, radius_m, share, assumed, coord_error_m.
    """
    polygon = _polygons(_column(events, "geometry"))
    district = _polygons(_column(events, "district").map(districts or {}))
    x, y, area = (_number(events, name) for name in ("x", "y", "area_treated_ha"))
    point, has_area = np.isfinite(x) & np.isfinite(y), area > 0
    kinds = [polygon != None, point & has_area, district != None, point]  # noqa: E711 (elementwise)
    kind = np.select(kinds, ["polygon", "disc", "diffuse", "disc"], "unplaced")
    area = np.where(has_area, area, default_area_ha) * M2_PER_HA
    diffuse = kind == "diffuse"
    geometry = np.where(diffuse, district, polygon)
    share = np.ones(len(events))
    share[diffuse] = np.minimum(1, area[diffuse] / shapely.area(district[diffuse]))
    return pd.DataFrame(
        {
            "kind": kind,
            "geometry": geometry,
            "x": x,
            "y": y,
            "radius_m": np.sqrt(area / np.pi),
            "share": share,
            "assumed": ~has_area & np.isin(kind, ["disc", "diffuse"]),
            "coord_error_m": _number(events, "coord_error_m"),
        },
        index=events.index,
    )


def exposure(events, x, y, as_of, path_rules, compounds, rules, districts=None):
    """Exposure 0..1 on the grid, float32; 0 says that none was reported, not that there was none.

    Full strength on the treated ground, exp(-d / decay_m) beyond its edge, nothing beyond cut_m;
    events combine by noisy-or, so their order does not matter and none lowers another.
    `path_rules` is {source, decay_m, cut_m}, source one of `SOURCES`. `x` and `y` are the cell
    centres in metres, rising or falling; any window of a grid gives that window of the result.
    One date gives (rows, cols), a list of dates (dates, rows, cols).
    """
    dates = [as_of] if pd.api.types.is_scalar(as_of) else list(as_of)
    source = SOURCES[path_rules["source"]]
    places = footprints(events, districts, rules["default_area_ha"])
    strength = np.array([source(events, date, compounds, rules) for date in dates])
    strength = strength.reshape(len(dates), len(events)) * places["share"].to_numpy()
    decay, cut = float(path_rules["decay_m"]), float(path_rules["cut_m"])
    spared = np.ones((len(dates), len(y), len(x)))
    active = places[strength.max(axis=0, initial=0) > 0]
    for row, window, distance in _reached(active, x, y, cut, events.index):
        _spare(spared[:, *window], strength[:, row].copy(), distance, decay, cut)
    result = (1 - spared).astype(np.float32)
    return result[0] if pd.api.types.is_scalar(as_of) else result


def reporting_effort(events, x, y, radius_m, districts=None):
    """How many events, of any date, were reported within `radius_m` of each cell; int32.

    No report is not no poison: a 0 here turns a 0 of `exposure` into "not known".
    """
    count = np.zeros((len(y), len(x)), dtype=np.int32)
    places = footprints(events, districts)
    for _, window, distance in _reached(places, x, y, radius_m, events.index):
        count[window] += distance <= radius_m
    return count


def _toxic(events, as_of, compounds, rules):
    known, _ = _filled(events, rules["assume"])
    left = time_left(known["compound"].to_numpy(), age_days(events, as_of), compounds)
    return np.minimum(1, event_intensity(events, rules)["intensity"].to_numpy() * left)


def _prey(events, as_of, compounds, rules):
    return prey_loss(events, age_days(events, as_of), rules)


SOURCES = {"toxic": _toxic, "prey": _prey}


def _column(events, name):
    return events.get(name, pd.Series(np.nan, index=events.index, dtype=object))


def _number(events, name):
    return _column(events, name).to_numpy(dtype=float, na_value=np.nan)


def _filled(events, assume):
    """The columns named in `assume` without gaps, and for each event the names that were filled."""
    table = pd.DataFrame({name: _column(events, name) for name in assume}, index=events.index)
    missing = table.isna()
    names = np.array(list(assume), dtype=object)
    assumed = [list(names[row]) for row in missing.to_numpy()]
    return table.astype(object).fillna(assume), assumed


def _handling(known, rules):
    left_out = known["carcass_collected"] != "y"
    exposed = known["method"].isin(rules["exposed"]["methods"]) | left_out
    enclosed = known["method"].isin(rules["enclosed"]["methods"])
    factor = np.where(exposed, rules["exposed"]["factor"], 1.0)
    return factor * np.where(enclosed, rules["enclosed"]["factor"], 1.0)


def _check_compounds(names, compounds):
    unknown = sorted({str(name) for name in names} - set(compounds))
    if unknown:
        raise ValueError(f"compound {unknown} is not one of {sorted(compounds)}")


def _efficacy(events, default):
    before = _number(events, "prebait_density_ha")
    after = _number(events, "postbait_density_ha")
    killed = 1 - after / np.where(before > 0, before, np.nan)
    return np.where(np.isfinite(killed), np.clip(killed, 0, 1), default)


def _polygons(column):
    """Polygons as an object array; None for whatever has no area."""
    shapes = np.array([g if hasattr(g, "geom_type") else None for g in column], dtype=object)
    shapes[~(shapely.area(shapes) > 0)] = None
    return shapes


def _reached(places, x, y, reach_m, index):
    """Yield (row, window, distance to the edge in m) for each event that reaches the grid."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    rows = index.get_indexer(places.index)
    for row, place in zip(rows, places.itertuples(), strict=True):
        if place.kind == "unplaced":
            continue
        west, south, east, north = BOUNDS[place.kind](place)
        rows_near = _slice(y, south - reach_m, north + reach_m)
        cols_near = _slice(x, west - reach_m, east + reach_m)
        if y[rows_near].size and x[cols_near].size:
            distance = DISTANCES[place.kind](place, x[cols_near], y[rows_near])
            yield row, (rows_near, cols_near), distance


def _slice(centres, low, high):
    """The cells whose centre lies in low..high, for coordinates that rise or fall."""
    if centres[-1] >= centres[0]:
        return slice(*np.searchsorted(centres, [low, np.nextafter(high, np.inf)]))
    return slice(*np.searchsorted(-centres, [-high, np.nextafter(-low, np.inf)]))


def _disc_bounds(place):
    r = place.radius_m
    return place.x - r, place.y - r, place.x + r, place.y + r


def _disc_distance(place, x, y):
    centre = np.sqrt((x - place.x) ** 2 + (y - place.y)[:, None] ** 2)
    return np.maximum(0, centre - place.radius_m)


def _polygon_bounds(place):
    return shapely.bounds(place.geometry)


def _polygon_distance(place, x, y):
    rings = shapely.get_rings(shapely.get_parts(place.geometry))
    points = [shapely.get_coordinates(ring) for ring in rings]
    edges = np.vstack([np.hstack([p[:-1], p[1:]]) for p in points])
    return _edge_distance(x, y, edges[(edges[:, :2] != edges[:, 2:]).any(axis=1)])


BOUNDS = {"disc": _disc_bounds, "polygon": _polygon_bounds, "diffuse": _polygon_bounds}
DISTANCES = {"disc": _disc_distance, "polygon": _polygon_distance, "diffuse": _polygon_distance}


@njit(nogil=True, cache=True)
def _spare(spared, strength, distance, decay, cut):
    """Multiply what is spared (dates, rows, cols) by 1 - strength (dates) * decay, in place."""
    for i in range(distance.shape[0]):
        for j in range(distance.shape[1]):
            if distance[i, j] <= cut:
                near = math.exp(-distance[i, j] / decay)
                for k in range(strength.size):
                    spared[k, i, j] *= 1 - strength[k] * near


@njit(nogil=True, cache=True)
def _edge_distance(x, y, edges):
    """Distance in m from each cell centre to the edges (x0, y0, x1, y1); 0 inside by even-odd."""
    out = np.empty((y.size, x.size))
    for i in range(y.size):
        nearest, inside = np.full(x.size, np.inf), np.zeros(x.size, np.bool_)
        for e in range(edges.shape[0]):
            _edge_row(x, y[i], edges[e], nearest, inside)
        for j in range(x.size):
            out[i, j] = 0.0 if inside[j] else math.sqrt(nearest[j])
    return out


@njit(nogil=True, cache=True)
def _edge_row(x, y, edge, nearest, inside):
    """One edge against one row of cells: the nearest square so far, and even-odd to its left."""
    x0, dx, py, dy = edge[0], edge[2] - edge[0], y - edge[1], edge[3] - edge[1]
    per_square = 1 / (dx * dx + dy * dy)
    # along the row, so that the compiler can use vector instructions
    for j in range(x.size):
        px = x[j] - x0
        along = min(1.0, max(0.0, (px * dx + py * dy) * per_square))
        qx, qy = px - along * dx, py - along * dy
        nearest[j] = min(nearest[j], qx * qx + qy * qy)
    if (edge[1] > y) != (edge[3] > y):
        crossing = x0 + dx * py / dy
        for j in range(x.size):
            inside[j] ^= x[j] < crossing
