"""What the brief of a unit says: what lives there, what threatens it, what to do, how sure."""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.config.hints import counted
from manul.pages import figures
from manul.pages.amounts import gained, percent
from manul.products.actions import foremost
from manul.products.stamp import identities
from manul.products.units import WHOLE

ASKED = 6  # agencies in the summary
INPUTS = 2  # numbers that matter, in a sentence
THREATS = ("threat_1", "threat_2", "threat_3")


def briefs(
    units: pd.DataFrame, actions: gpd.GeoDataFrame, outlines: gpd.GeoDataFrame,
    key: gpd.GeoDataFrame | None, matters: pd.DataFrame | None, animals: str, today: str,
    region: shapely.Polygon,
) -> list[dict]:  # fmt: skip
    """A mapping for each row of units.csv, in its order, as the templates of `pages.briefs` read.

    `outlines` are the polygons of the units with `name`, `key` those of key habitat, `matters` the
    table of the sensitivity, `animals` how the species is called in the columns, `region` the
    mapped ground: of a unit that reaches beyond it only what lies within is drawn, and it is told.
    """
    shapes = dict(zip(outlines["name"].astype(str), outlines.geometry, strict=True))
    return [
        _brief(row, actions, shapes.get(str(row["unit"])), key, matters, animals, today, region)
        for row in units.to_dict("records")
    ]


def unknown(absent: Mapping[str, str], not_assessed: Mapping[str, str], limits) -> list[str]:
    """What no brief can tell: layers that are absent, what was not assessed, limits."""
    told = []
    if absent:
        told.append(f"There are no data on: {'; '.join(sorted(absent.values()))}.")
    if not_assessed:
        told.append(f"Not assessed, and not drawn as absent: {', '.join(not_assessed.values())}.")
    return [*told, *(f"{text}." if not text.endswith(".") else text for text in limits)]


# ------------------------------------------------------------------------------------- helpers


def _brief(row, actions, shape, key, matters, animals, today, region) -> dict:
    mine = actions[actions["unit"] == row["unit"]] if len(actions) else actions
    first = foremost(mine)
    name = str(row["unit"])
    lives, threats, sure = _lives(row, animals), _threats(row), _sure(row, mine, matters)
    mapped = None if shape is None else shapely.make_valid(shape).intersection(region)
    if mapped is not None and mapped.area < WHOLE * shape.area:
        part = percent(mapped.area / shape.area)
        lives.insert(0, f"Only {part} of {name} is mapped, and all that is told is of that part.")
    named = list(dict.fromkeys(a for text in first["agency"] for a in text.split("; ")))
    asked = "; ".join(named[:ASKED]) or "no agency is named"
    told = [_row(i, place) for i, place in enumerate(first.to_dict("records"), 1)]
    more = _more(mine, first)
    return {
        "name": name, "country": _text(row.get("country")),
        "id": identities("unit", [shape])[0] if shape is not None else name,
        "lives": lives, "threats": threats, "actions": told, "more": more, "sure": sure,
        "map": _map(mapped, key, first) if mapped else b"",
        "lines": [
            *lives[:4], *threats[:2],
            *(f"{r['number']}. {r['title']}: {r['place']}. {r['in_full']}" for r in told[:3]),
            *sure[:2],
            f"Whom to ask: {asked}.",
            f"As of {today}. Data of {row['data_dates']}, the weakest {row['data_status']}.",
        ],
    }  # fmt: skip


def _lives(row, animals) -> list[str]:
    told = [
        f"{_with(row, 'suitable_km2')} km² of {row['area_km2']:,.0f} are suitable, "
        f"{_with(row, 'key_km2')} km² of it key habitat ({row['key_percent']:g} % of the land).",
        f"It could hold {_cats(row, animals)} {animals}, where all of it is lived in: a range from "
        "densities elsewhere, not a count.",
    ]
    if not _none(row.get("key_protected_percent")):
        told.append(f"{row['key_protected_percent']:g} % of the key habitat is protected.")
    return told


def _cats(row, animals) -> str:
    ends = ("p05", "p95") if not _none(row.get(f"{animals}_p05")) else ("low", "high")
    low, high = (row[f"{animals}_{end}"] for end in ends)
    return f"{low:,.0f} to {high:,.0f}"


def _threats(row) -> list[str]:
    named = [row[name] for name in THREATS if isinstance(row.get(name), str) and row[name]]
    if not named:
        return ["No threat is known here, which does not mean that there is none."]
    return [
        f"Of the value at risk: {', '.join(named)}.",
        f"Mean threat {_with(row, 'mean_threat', 2)} (0 none, 1 all is lost); value at risk "
        f"{_with(row, 'value_at_risk_km2')} km² of full quality.",
    ]


def _sure(row, mine, matters) -> list[str]:
    told = []
    if not _none(row.get("key_km2_p05")):
        told.append(
            f"In 90 % of the draws of all uncertain numbers key habitat is "
            f"{row['key_km2_p05']:,.0f} to {row['key_km2_p95']:,.0f} km²."
        )
    else:
        told.append("How sure this is was not assessed: one run, no draws.")
    issue = int((mine["verdict"] == "issue").sum())
    if issue:
        told.append(
            f"{counted(issue, 'place')} to act on hold in 70 % of the draws or more; on "
            f"{len(mine) - issue} a survey comes first."
        )
    if _text(row.get("completeness")):
        told.append(f"How complete the layers are: {row['completeness']}.")
    if matters is not None:
        of = matters[(matters["unit"] == row["unit"]) & (matters["outcome"] == "key_cell_km2")]
        named = of.sort_values("rank").head(INPUTS)
        words = [f"{r.words} ({r.total:.0%})" for r in named.itertuples() if r.total > 0]
        if words:
            told.append(f"Most of the doubt about key habitat comes from: {'; '.join(words)}.")
    return told


def _row(number, place) -> dict:
    sure = place["confidence"]
    return {
        "number": number, "place": place["place"], "dms": place["dms"], "title": place["title"],
        "action": place["action"], "agency": place["agency"], "gain": gained(place, ""),
        "in_full": gained(place, "km² of full quality "),
        "sure": place["verdict"] + ("" if _none(sure) else f", {sure:.0%} of the draws"),
    }  # fmt: skip


def _more(mine, first) -> str:
    if not len(mine):
        return "No rule holds anywhere in this unit."
    rest = len(mine) - len(first)
    if not rest:
        return "These are all places of this unit."
    return f"{counted(rest, 'more place')} of this unit: see actions.xlsx."


def _map(shape, key, first) -> bytes:
    near = None
    if key is not None and len(key):
        near = gpd.GeoSeries(key.geometry.to_numpy(), crs=key.crs).clip(shape)
    return figures.numbered_map(shape, near, first.geometry)


def _with(row, name, digits: int = 0) -> str:
    """A number with the interval of the draws, if there is one."""
    value, low, high = (row.get(n) for n in (name, f"{name}_p05", f"{name}_p95"))
    if _none(value):
        return "an unknown number of"
    told = f"{value:,.{digits}f}"
    return told if _none(low) else f"{told} ({low:,.{digits}f} to {high:,.{digits}f})"


def _none(value) -> bool:
    return value is None or (isinstance(value, float) and bool(np.isnan(value)))


def _text(value) -> str:
    return value if isinstance(value, str) else ""
