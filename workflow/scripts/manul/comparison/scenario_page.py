"""What a scenario changes, in every draw: a page to be read in two minutes."""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap

from manul.comparison import differences, maps, ways
from manul.comparison.page import recommendations_section
from manul.config.hints import counted
from manul.pages import figures, html
from manul.products.units import REGION
from manul.uncertainty.changes import KEY, RISES

CHANCES = (1e-9, 0.05, 0.3, 0.5, 0.7, 1.0)  # edges of the classes of the map of key habitat
SURE = 0.95
NOTHING = 0.5  # km2: less is told as nothing
TITLES = {  # column: words, unit, digits after the point
    "key_gained_km2": ("Key habitat gained", "km²", 0),
    "key_lost_km2": ("Key habitat lost", "km²", 0),
    "suitable_km2": ("Suitable land, change", "km²", 0),
    "mean_habitat": ("Mean habitat, change", "", 4),
    "mean_threat": ("Mean threat, change", "", 4),
    "value_at_risk_km2": ("Value at risk, change", "km²", 1),
}


def sections(
    first: str,
    given: Mapping,
    units: pd.DataFrame,
    recommended: pd.DataFrame,
    pictures: tuple[list[str], list[tuple[str, bytes]]],
    draws: int,
    moved: pd.DataFrame | None = None,
    features_changed: pd.DataFrame | None = None,
) -> list[html.Section]:
    """The sections of the page; `given` is what the scenario changes in the config.

    `units` is the table of `changes.of_units`, `recommended` of `differences.changes_of`, `moved`
    of `ways.compared` where both runs know how animals move; `features_changed` is the
    table of `features.table`.
    """
    same, shown = pictures
    words = [f"No cell differs in {', '.join(same)}."] if same else []
    return [
        html.Section("In short", in_short(units, first, draws)),
        html.Section("What is changed", tables=_changed(given, features_changed)),
        html.Section("Where", words, figures=shown),
        html.Section("By unit", [_how_to_read(draws)], [("", by_unit(units))]),
        recommendations_section(recommended, "changed_recommendations.csv"),
        *([] if moved is None else [ways.section(moved)]),
        html.Section("How this was found", [_how_made(first, draws)]),
    ]


def in_short(units: pd.DataFrame, first: str, draws: int) -> list[str]:
    """The change of value at risk and of key habitat in the region, a sentence each."""
    row = units.set_index("unit").loc[REGION]
    if not any(abs(row[f"{name}_{end}"]) > 0 for name in TITLES for end in ("p05", "p95")):
        return [f"Nothing differs from {first} in any of {draws} draws."]
    low, mean, high = (row[f"value_at_risk_km2_{end}"] for end in ("p05", "mean", "p95"))
    told = []
    if low == high == 0:
        told.append("Value at risk does not change.")
    elif np.isfinite(mean):
        told.append(
            f"Value at risk {_moves(mean)} by {_number(abs(mean), 1)} km² of full habitat "
            f"({_signed(low, 1)} to {_signed(high, 1)} in 90 % of the draws). {_sure(row[RISES])}."
        )
    verbs = {"key_gained_km2": "gained", "key_lost_km2": "lost"}
    nothing = [verb for name, verb in verbs.items() if row[f"{name}_p95"] < NOTHING]
    for name, verb in verbs.items():
        low, mean, high = (row[f"{name}_{end}"] for end in ("p05", "mean", "p95"))
        if verb not in nothing:
            told.append(
                f"{_number(mean, 0)} km² of key habitat are {verb} ({_number(low, 0)} to "
                f"{_number(high, 0)} in 90 % of the draws)."
            )
    if nothing:
        told.append(f"No key habitat is {' or '.join(nothing)}.")
    worst = units[units["unit"] != REGION].nlargest(3, "value_at_risk_km2_mean")
    worst = worst[worst["value_at_risk_km2_p05"] > 0]
    if len(worst):
        named = ", ".join(
            f"{r.unit} ({_signed(r.value_at_risk_km2_mean, 1)} km²)" for r in worst.itertuples()
        )
        told.append(f"Most is put at risk in {named}.")
    return told


def by_unit(units: pd.DataFrame) -> pd.DataFrame:
    """For people: each change as its mean with the interval of 90 % of the draws."""
    out = pd.DataFrame({"unit": units["unit"]})
    for name, (title, unit, digits) in TITLES.items():
        heading = f"{title} ({unit})" if unit else title
        signed = _number if name.startswith("key") else _signed
        ends = zip(*(units[f"{name}_{end}"] for end in ("mean", "p05", "p95")), strict=True)
        out[heading] = [
            signed(mean, digits)
            if mean == low == high or np.isnan(mean)
            else f"{signed(mean, digits)} ({signed(low, digits)} to {signed(high, digits)})"
            for mean, low, high in ends
        ]
    still = (units["value_at_risk_km2_p05"] == 0) & (units["value_at_risk_km2_p95"] == 0)
    shares = zip(units[RISES], still, strict=True)
    out["rises in"] = ["no draw" if same and not up else _share(up) for up, same in shares]
    return out


def pictures(
    paths: Mapping[str, str], bounds, outline: gpd.GeoDataFrame | None
) -> tuple[list[str], list[tuple[str, bytes]]]:
    """Maps that are the same in both, by title, and (caption, PNG) of each other one."""
    same, shown = maps.change_pictures(
        {name: paths[f"change_{name}"] for name in maps.CHANGES if f"change_{name}" in paths},
        bounds, outline, "scenario minus first scenario, mean of the draws",
    )  # fmt: skip
    gained, lost = (maps.reduced(paths["change_key"], maps.most, band) for band in (1, 2))
    chance = np.where(lost > np.nan_to_num(gained), -lost, gained)
    if not np.nanmax(np.abs(chance), initial=0):
        return [*same, "key habitat"], shown
    edges = [*(-chance for chance in reversed(CHANCES)), *CHANCES]
    lost_tints, gained_tints = ((tints[0], *tints) for tints in (maps.WORSE, maps.BETTER))
    tints = [*reversed(lost_tints), maps.MIDDLE, *gained_tints]
    colours = ListedColormap(tints), BoundaryNorm(edges, len(tints))
    ticks = {-1: "surely lost", -0.5: "lost in half the draws", 0: "", 0.5: "gained in half",
             1: "surely gained"}  # fmt: skip
    png = figures.raster_map(chance, bounds, outline, colours, "", ticks)
    words = f"{KEY['p_gained']} and {KEY['p_lost']}; grey where nothing is known."
    return same, [*shown, (words, png)]


# ------------------------------------------------------------------------------------- helpers


def _changed(given, features_changed) -> list[tuple[str, pd.DataFrame]]:
    """What comes and goes, and what the scenario says in the config."""
    told = features_changed
    shown = [] if told is None or not len(told) else [("", told)]
    return [*shown, ("As the config says it", _given(given))]


def _given(given) -> pd.DataFrame:
    rows = [(".".join(path), _text(value)) for path, value in differences.leaves(dict(given))]
    return pd.DataFrame(rows, columns=["key of the config", "value in this scenario"])


def _text(value) -> str:
    return "taken away" if value is None else str(value)


def _moves(mean) -> str:
    return "rises" if mean > 0 else "falls"


def _sure(rises) -> str:
    if SURE > rises > 1 - SURE:
        return f"It rises in {rises:.0%} of the draws, so the direction is not sure"
    return f"It {'rises' if rises > 0.5 else 'falls'} in {max(rises, 1 - rises):.0%} of the draws"


def _how_to_read(draws) -> str:
    return (
        f"Each number is the mean of {counted(draws, 'draw')}, with the interval that holds 90 % "
        "of them; the last column tells in which share of the draws value at risk rises."
    )


def _how_made(first, draws) -> str:
    return (
        f"Both sides, this scenario and {first}, were evaluated in the same {draws} draws, so that "
        "what both have in common cancels out: a difference is surer than either side. Cells whose "
        "inputs are the same do not differ. Numbers stand in uncertainty/change_units.csv, "
        "recommendations in changed_recommendations.csv, maps in uncertainty/change_*.tif."
    )


def _share(value) -> str:
    return "not known" if np.isnan(value) else f"{value:.0%}"


def _number(value, digits: int) -> str:
    if np.isnan(value):
        return "not known"
    text = f"{value:,.{digits}f}"
    return text if float(text.replace(",", "")) or not value else f"less than {10.0**-digits:g}"


def _signed(value, digits: int) -> str:
    if np.isnan(value):
        return "not known"
    text = f"{value + 0.0:+,.{digits}f}".replace("-", "−")
    return text if value and float(text[1:].replace(",", "")) else "0"
