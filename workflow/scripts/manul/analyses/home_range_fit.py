"""Fits by animal, season and year, moves, and means over animals."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from manul.analyses import collars
from manul.analyses.home_range import LEAST_FEMALES, NOT_RESIDENT, OUTLINES
from manul.grid import plain_files, vectors
from manul.grid.region import grid_of
from manul.tracks import fitting, populations, ranges, shifts

CORE, WHOLE = 0.5, 0.95
UNEVEN = 0.5  # spread of the steps in time, over their mean, from which fixes are weighted
DAY = 86400.0
MOVED = ("shifting", "dispersing", "migrating")


def run(this) -> None:
    """Fit each animal as a whole, by season and by year; tell of moves; pool over animals."""
    spec, grid = this.told.block, grid_of(this.told.region)
    used, counted, animals = collars.read(this)
    rows, models, outlines, moves, away = [], [], [], [], [NO_WAY]
    tracks = list(used.groupby("animal", sort=True))
    for animal, track in this.told_of(tracks, len(tracks), "animals"):
        moved = _moves(animal, track)
        for period, part in _periods(track, spec):
            found, fits, shapes = _range(animal, period, part, spec)
            if period == "all" and moved["class"] in MOVED and found["resident"] == "yes":
                found |= {"resident": "no", "note": f"{moved['class']}: it had more than one range"}
            rows.append(found)
            outlines += shapes if this.output(OUTLINES) else []
            models += fits if period == "all" else []
        moves.append(moved)
        away.append(_displacement(animal, track))
    of_ranges = pd.DataFrame(rows, columns=RANGES).merge(animals, on="animal", how="left")
    tables = {
        "cleaning": counted, "ranges": of_ranges, "moves": pd.DataFrame(moves, columns=MOVES),
        "models": pd.DataFrame(models, columns=MODELS), "population": _population(of_ranges),
        "sizes": _sizes(of_ranges), "displacement": pd.concat(away, ignore_index=True),
    }  # fmt: skip
    for name, table in tables.items():
        plain_files.write_table(this.output(name), table)
    if this.output(OUTLINES):
        shapes = gpd.GeoDataFrame(outlines, columns=[*SHAPES, "geometry"], crs=grid.crs)
        vectors.write_vector(this.output(OUTLINES), {"home_ranges": shapes}, this.tags())


RANGES = [
    "animal", "period", "first", "last", "fixes", "model", "crossing_days", "n_eff", "resident",
    "km2", "low", "high", "chi2_low", "chi2_high", "core_km2", "plain_kernel_km2",
    "convex_polygon_km2", "weighted", "note",
]  # fmt: skip
MODELS = ["animal", "model", "delta_aicc", "crossing_days", "turning_minutes", "gaussian_km2"]
MOVES = [
    "animal",
    "class",
    "moved_on",
    "came_back_on",
    "distance_km",
    "range_width_km",
    "delta_bic",
]
SHAPES = ["animal", "period", "share", "km2"]
NO_WAY = pd.DataFrame(
    {"animal": pd.Series(dtype=str), "week": pd.Series(dtype=str), "km": pd.Series(dtype=float)}
)


def _periods(track, spec):
    """(name, fixes) of the whole track, of each season and of each year."""
    yield "all", track
    season = collars.seasons(track["time"], spec["seasons"])
    for name in spec["seasons"]:
        if 0 < (season == name).sum() < len(track):
            yield name, track[season == name]
    years = track["time"].dt.year
    if spec["years"] and years.nunique() > 1:
        for year, part in track.groupby(years):
            yield str(year), part


def _range(animal, period, track, spec) -> tuple[dict, list, list]:
    row: dict[str, Any] = {"animal": animal, "period": period, "fixes": len(track)}
    row |= {"first": f"{track['time'].min():%Y-%m-%d}", "last": f"{track['time'].max():%Y-%m-%d}"}
    row |= {"resident": "", "note": f"fewer than {spec['least_fixes']} fixes"}
    if len(track) < spec["least_fixes"]:
        return row, [], []
    seconds, xy = track["seconds"].to_numpy(), track[["x", "y"]].to_numpy()
    try:
        fits = fitting.fit_all(seconds, xy)
    except ValueError as error:
        return row | {"note": str(error)}, [], []
    best = fits[0]
    weights = ranges.best_weights(seconds, best) if _weighted(seconds, best, spec) else None
    kernel = ranges.autocorrelated(seconds, xy, best, weights)
    area, core = kernel.area_km2(WHOLE), kernel.area_km2(CORE)
    low, high = best.area_interval(area)
    chi2 = best.chi_square_interval(area)
    row |= {
        "model": best.title, "crossing_days": _days(best), "n_eff": best.area_n,
        "resident": "yes" if best.resident else "no", "km2": area, "low": low, "high": high,
        "chi2_low": chi2[0], "chi2_high": chi2[1], "core_km2": core,
        "plain_kernel_km2": ranges.plain(xy).area_km2(),
        "convex_polygon_km2": ranges.convex_polygon(xy).area / 1e6,
        "weighted": "no" if weights is None else "yes",
        "note": "" if best.resident else NOT_RESIDENT,
    }  # fmt: skip
    told = [
        {
            "animal": animal, "model": fit.title, "delta_aicc": fit.aicc - best.aicc,
            "crossing_days": _days(fit), "gaussian_km2": fit.area_km2,
            "turning_minutes": fit.times[1] / 60 if len(fit.times) > 1 else np.nan,
        }
        for fit in fits
    ]  # fmt: skip
    parts = {WHOLE: area, CORE: core}
    shapes = [(animal, period, share, km2, kernel.outline(km2)) for share, km2 in parts.items()]
    return row, told, shapes


def _weighted(seconds, best, spec) -> bool:
    if spec["weights"] != "uneven" or not best.times:
        return spec["weights"] == "always" and bool(best.times)
    steps = np.diff(seconds)
    return bool(steps.std() > UNEVEN * steps.mean())


def _days(fit) -> float:
    return fit.times[0] / DAY if fit.times else np.nan


def _moves(animal, track) -> dict:
    found = shifts.classify(track["seconds"].to_numpy(), track[["x", "y"]].to_numpy())
    days = [f"{pd.Timestamp(day, unit='s'):%Y-%m-%d}" for day in found.days]
    return {
        "animal": animal, "class": found.kind, "moved_on": days[0] if days else "",
        "came_back_on": days[1] if len(days) > 1 else "", "distance_km": found.distance_m / 1000,
        "range_width_km": found.width_m / 1000, "delta_bic": found.better,
    }  # fmt: skip


def _displacement(animal, track) -> pd.DataFrame:
    """How far (km) the median place of each week lies from that of the first."""
    week = track["time"].dt.strftime("%G-%V").to_numpy()
    middle = track.groupby(week)[["x", "y"]].median()
    monday = pd.to_datetime(middle.index + "-1", format="%G-%V-%u").strftime("%Y-%m-%d")
    km = np.hypot(*(middle - middle.iloc[0]).to_numpy().T) / 1000
    return pd.DataFrame({"animal": animal, "week": monday, "km": km})


def _population(of_ranges) -> pd.DataFrame:
    """The typical range of all animals, of each sex and of each season."""
    known = of_ranges[of_ranges["resident"] == "yes"]
    whole = known[known["period"] == "all"]
    groups = {"all animals": whole}
    groups |= {f"sex {sex}": rows for sex, rows in whole.groupby("sex") if sex}
    periods = [p for p in known["period"].unique() if p != "all"]
    groups |= {period: known[known["period"] == period] for period in periods}
    rows = [
        {"group": name} | populations.typical(rows) for name, rows in groups.items() if len(rows)
    ]
    return pd.DataFrame(rows, columns=["group", "animals", "km2", "low", "high", "spread"])


def _sizes(of_ranges) -> pd.DataFrame:
    """The patch sizes of key habitat that ranges of females give, and whether they are enough."""
    whole = of_ranges[(of_ranges["period"] == "all") & (of_ranges["resident"] == "yes")]
    females = whole[whole["sex"] == "f"]
    row: dict[str, Any] = {"females": len(females), "used": len(females) >= LEAST_FEMALES}
    for name, column in (("core_km2", "core_km2"), ("breeding_km2", "km2")):
        known = females[[column, "n_eff"]].set_axis(["km2", "n_eff"], axis=1)
        found = populations.typical(known) if len(females) else {}
        row |= {name: found.get("km2"), f"{name}_low": found.get("low")}
        row |= {f"{name}_high": found.get("high")}
    row["note"] = (
        f"Core ({row['core_km2']:.1f} km²) and breeding patch ({row['breeding_km2']:.1f} km²) of "
        f"key habitat can be taken from these {len(females)} females."
        if row["used"]
        else "Patch sizes of key habitat stay those of the config: "
        f"{len(females)} resident females, {LEAST_FEMALES} are needed."
    )
    return pd.DataFrame([row])
