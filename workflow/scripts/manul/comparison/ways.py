"""What a change does to the ways between key areas: two runs of the analysis of connectivity."""

from __future__ import annotations

from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import Geod

from manul.config.hints import counted
from manul.pages.amounts import amount
from manul.pages.html import Section
from manul.products.key_areas import names

SAME_M = 5_000.0  # two key areas whose middles lie no farther apart are one
LEAST = 0.5  # per cent: less is told as no change
SHOWN = 10
WIDTHS = "narrowest_km", "effective_width_km"
COLUMNS = [
    "a", "b", "lon_a", "lat_a", "lon_b", "lat_b", "cost_before_km", "cost_after_km",
    "dearer_percent", "narrowest_before_km", "narrowest_after_km", "effective_width_before_km",
    "effective_width_after_km", "crosses",
]  # fmt: skip


class Net(NamedTuple):
    """The tables `links` and `areas` of one run."""

    links: pd.DataFrame
    areas: pd.DataFrame


def compared(before: Net, after: Net, towns: gpd.GeoDataFrame | None = None) -> pd.DataFrame:
    """One row (`COLUMNS`) for each way there was or is, those that get dearest first.

    Costs in km of best ground; a way that there is only before or after has one cost, and no change
    in per cent. `a` and `b` are the numbers of key areas before, 0 for one that is new; `from` and
    `to` name them by the nearest of `towns` (points with `name`), or by degrees.
    """
    same = _matched(before.areas, after.areas)
    new = {n: -n for n in after.areas["area"]}
    one = _by_areas(before.links, {n: n for n in before.areas["area"]})
    two = _by_areas(after.links, new | {there: here for here, there in same.items()})
    middle = {r.area: (r.lon, r.lat) for r in before.areas.itertuples()}
    middle |= {-r.area: (r.lon, r.lat) for r in after.areas.itertuples()}
    rows = []
    for pair in dict.fromkeys([*one, *two]):
        both = one.get(pair), two.get(pair)
        costs = [np.nan if way is None else way.cost_km for way in both]
        widths = [np.nan if way is None else getattr(way, name) for name in WIDTHS for way in both]
        crosses = [way.crosses for way in both if way is not None][-1]
        rows.append((
            *(max(n, 0) for n in pair), *middle[pair[0]], *middle[pair[1]], *costs,
            100 * (costs[1] / costs[0] - 1) if costs[0] else np.nan, *widths,
            crosses if isinstance(crosses, str) else "",
        ))  # fmt: skip
    table = pd.DataFrame(rows, columns=COLUMNS)
    for at, (column, end) in enumerate((("from", "a"), ("to", "b")), 2):
        table.insert(at, column, _names(table[f"lon_{end}"], table[f"lat_{end}"], towns))
    return table.sort_values("dearer_percent", ascending=False, ignore_index=True)


def section(table: pd.DataFrame) -> Section:
    """The ways that change most, those that go or come first."""
    worse = table[table["dearer_percent"] >= LEAST]
    easier = table[table["dearer_percent"] <= -LEAST]
    gone = table[table["cost_after_km"].isna() & table["cost_before_km"].notna()]
    made = table[table["cost_before_km"].isna() & table["cost_after_km"].notna()]
    told = [
        f"Of {counted(len(table), 'way')} between neighbouring key areas {len(worse)} cost more, "
        f"{len(easier)} less; gone {len(gone)}, new {len(made)}. Costs are in km of best ground. A "
        "way is gone where the best one now runs through another key area, or where there is none."
    ]
    if max(map(len, (gone, made, worse, easier))) > SHOWN:
        told.append(f"Of each kind {SHOWN} are listed; all are in changed_ways.csv.")
    kept = pd.concat([worse.head(SHOWN), easier.iloc[::-1].head(SHOWN)])
    moved = pd.concat([gone.head(SHOWN), made.head(SHOWN), kept])
    shown = pd.DataFrame(
        {
            "from": moved["from"],
            "to": moved["to"],
            "cost before (km)": [_cost(x) for x in moved["cost_before_km"]],
            "cost after (km)": [_cost(x) for x in moved["cost_after_km"]],
            "change": [
                *["gone"] * len(gone.head(SHOWN)),
                *["new"] * len(made.head(SHOWN)),
                *(f"{x:+.1f} %" for x in kept["dearer_percent"]),
            ],
            "crosses": moved["crosses"],
        }
    )
    return Section("Ways between key areas", told, [("", shown)] if len(shown) else [])


# ------------------------------------------------------------------------------------- helpers


def _by_areas(links, number) -> dict[tuple[int, int], Any]:
    """The ways by the numbers of their two areas, the smaller one first."""
    return {
        (min(pair), max(pair)): row
        for row in links.itertuples()
        for pair in [(number[row.a], number[row.b])]
    }


def _matched(before, after) -> dict[int, int]:
    """The number after of each area before whose nearest is the other's nearest, and near."""
    if not len(before) or not len(after):
        return {}
    ends = [np.repeat(before[c].to_numpy(float), len(after)) for c in ("lon", "lat")]
    ends += [np.tile(after[c].to_numpy(float), len(before)) for c in ("lon", "lat")]
    away = np.asarray(Geod(ellps="WGS84").inv(*ends)[2]).reshape(len(before), len(after))
    to, back = away.argmin(axis=1), away.argmin(axis=0)
    return {
        int(before["area"].iloc[i]): int(after["area"].iloc[j])
        for i, j in enumerate(to)
        if back[j] == i and away[i, j] <= SAME_M
    }


def _names(lon, lat, towns) -> list[str]:
    shapes = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs="EPSG:4326")
    named = names(shapes if towns is None else shapes.to_crs(towns.crs), towns)
    at = [f"{b:.2f}° N {a:.2f}° E" for a, b in zip(lon, lat, strict=True)]
    return [name or place for name, place in zip(named, at, strict=True)]


def _cost(km) -> str:
    return "no link" if np.isnan(km) else amount(km)
