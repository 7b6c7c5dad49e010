"""Actions: the recommendations of a run as places with names, in the order in which to begin.

Neighbouring zones of a rule, in one unit and with one verdict, are one place. It regains or keeps
what its zones do together, and is ranked within agency and unit by that times how sure it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.config.types import Rule
from manul.grid import vectors
from manul.grid.styles import Style
from manul.model.gains import AGAIN, HOW, WITHOUT
from manul.pages.workbook import header
from manul.products import budget, decision_tables, key_areas, places
from manul.products.confidence import ISSUE, SURVEY, UNSUPPORTED
from manul.products.gains import Gains
from manul.products.recommendations import BACK, GAIN, KEY_GAIN, ends
from manul.products.stamp import COLUMNS as STAMPED
from manul.products.stamp import identities

KM2 = 1e6
COLUMNS = [
    "rank", "place", "id", "rule", "title", "unit", "country", "agency", "action", "iucn_actions",
    "cmp_actions", *GAIN, *BACK, "gain_of", *KEY_GAIN, "confidence", "verdict", "area_km2",
    "length_km", "value_at_risk_km2", "threat_1", "reason", "how_sure", "unchecked", "zones",
    "longitude", "latitude", "dms", "utm", "recommendations", *STAMPED,
]  # fmt: skip
MONEY = ["cost_low", "cost_high", "paid", "paid_in_draws"]
STEPS = 12  # of the curve of gain over budget
DRAWS = 50  # in which the best set is looked for again, at most
FOREMOST = 8  # actions of a unit in its brief and on its sheets


@dataclass(frozen=True)
class Who:
    """Who acts where: polygons of units with `name` and perhaps `country`, towns, agencies.

    `within` are layers of named polygons, such as districts or valleys, that places are told by.
    """

    units: gpd.GeoDataFrame | None
    towns: gpd.GeoDataFrame | None
    agencies: pd.DataFrame | None
    within: Sequence[gpd.GeoDataFrame] = ()


def actions(
    tables: Mapping[str, gpd.GeoDataFrame], rules: Mapping[str, Rule], gains: Gains, who: Who
) -> tuple[gpd.GeoDataFrame, Gains]:
    """The places of all recommendations that are not dropped, best first, and their gains.

    `tables` are the recommendations by rule, `gains` those of their rows. Columns are `COLUMNS`:
    `confidence` is the support of the zones, weighted by area (NaN without draws), `rank` counts
    within an agency and a unit, `how_sure` and `reason` are those of the place's best zone, which
    they name where there are several.
    """
    countries = _countries(who.units)
    found, group, number = [], np.full(len(gains.names), -1), 0
    row_of = {name: i for i, name in enumerate(gains.names)}
    each = gains.of_each().mean(1)
    for name, every in tables.items():
        table = every[every["verdict"] != UNSUPPORTED].reset_index(drop=True)
        if not len(table):
            continue
        rows = np.array([row_of[i] for i in table["id"]])
        worth = _worth(table, each[rows], rules[name])
        size = _size(table, rules[name])
        same = (table["unit"].astype(str) + "\n" + table["verdict"].astype(str)).to_numpy()
        of = places.joined(table.geometry, same, worth, size, rules[name]["place_km2"])
        group[rows] = number + of
        found.append(_places(table, of, worth, size, who, countries))
        number += of.max() + 1
    if not found:
        crs = next((table.crs for table in tables.values()), "EPSG:4326")
        none = gpd.GeoDataFrame(columns=[*COLUMNS, "geometry"], geometry="geometry", crs=crs)
        return none, gains.grouped(group, [])
    made = gpd.GeoDataFrame(pd.concat(found, ignore_index=True), crs=found[0].crs)
    made["agency"] = [
        decision_tables.who(row.roles, row.country, row.unit, who.agencies)
        for row in made.itertuples()
    ]
    mine = gains.grouped(group, made["id"].tolist())
    acts = np.array([bool(any(rules[r]["gain"].values())) and bool(g) for r, g in
                     zip(made["rule"], made["gain_of"], strict=True)])  # fmt: skip
    backs = made["key_gain_km2"].notna().to_numpy()
    for columns, there, hows in (
        (GAIN, acts, HOW), (BACK, acts, [WITHOUT]), (KEY_GAIN, backs, [AGAIN]),
    ):  # fmt: skip
        made[list(columns)] = np.where(there[:, None], ends(mine.of_each(hows)), np.nan)
    return _ranked(made), mine


@dataclass(frozen=True)
class Offered:
    """What could be paid for: numbers of the places in the table and of the faces in the gains."""

    places: np.ndarray
    faces: np.ndarray
    offer: budget.Offer


def offered(table: pd.DataFrame, gains: Gains, low: np.ndarray, high: np.ndarray) -> Offered:
    """Places to act on that have a cost and take a threat away: mean gains, middles of the costs.

    What is kept from a threat that may never come is not weighed against what comes back for sure;
    where a survey comes first, nothing is paid for yet.
    """
    number = {name: i for i, name in enumerate(table["id"])}
    place = np.array([number[name] for name in gains.names], int)[gains.zone]
    takes = np.array([how == WITHOUT for how, _ in gains.levers], bool)
    sure = ~table["verdict"].isin([SURVEY, UNSUPPORTED]).to_numpy()
    there = takes[gains.lever[gains.face]] & (np.isfinite(low) & sure)[place]
    kept, of_pair = np.unique(place[there], return_inverse=True)
    faces, face = np.unique(gains.face[there], return_inverse=True)
    cost = ((low + high) / 2)[kept]
    return Offered(kept, faces, budget.Offer(cost, gains.km2[faces].mean(1), face, of_pair))


@dataclass(frozen=True)
class Plan:
    """What to pay for: a budget's best set, the greedy one, the curve, and what more would buy."""

    amount: float
    best: budget.Choice
    greedy: budget.Choice
    curve: list[tuple[float, budget.Choice]]
    more: budget.Choice
    in_draws: np.ndarray
    offered: np.ndarray
    alone: np.ndarray
    draws: int


def plan(table, gains: Gains, low, high, amount: float, seed: int) -> Plan:
    """The best set of places within `amount`, and how often each place belongs to it in the draws.

    In a draw the gain is that of the draw, and the cost of each rule lies anywhere in its range.
    """
    of = offered(table, gains, low, high)
    most = max(float(of.offer.cost.sum()), 2 * amount)
    steps = np.unique(np.r_[np.geomspace(amount / 16, most, STEPS), amount])
    picked = np.unique(np.linspace(0, gains.km2.shape[1] - 1, DRAWS).astype(int)).tolist()
    drawn = _drawn(of, table["rule"].to_numpy()[of.places], gains, low, high, picked, seed)
    return Plan(
        amount,
        budget.best(of.offer, amount),
        budget.greedy(of.offer, amount),
        [(float(b), budget.best(of.offer, b)) for b in steps],
        budget.best(of.offer, 2 * amount),
        budget.chosen_in_draws(drawn, amount),
        of.places,
        np.bincount(of.offer.place, of.offer.gain[of.offer.face], minlength=len(of.places)),
        len(picked),
    )


@dataclass(frozen=True)
class Target:
    """What it costs at least to regain a share of what the places of some rules could bring back.

    `rules`: which; empty for all that have a cost. `all_km2`: what all of them would bring back.
    """

    share: float
    rules: Sequence[str]
    choice: budget.Choice
    all_km2: float


def targets(table, gains: Gains, low, high, wanted: Sequence[Mapping]) -> list[Target]:
    """The cheapest set of places for each of `wanted`: `share` and perhaps `rules`."""
    found = []
    for target in wanted:
        rules = target.get("rules", ())
        mine = table["rule"].isin(rules).to_numpy() if rules else np.ones(len(table), bool)
        of = offered(table, gains, np.where(mine, low, np.nan), np.where(mine, high, np.nan))
        choice = budget.cheapest(of.offer, target["share"])
        found.append(Target(target["share"], rules, choice, float(of.offer.gain.sum())))
    return found


def with_money(table, low, high, plan_: Plan | None):
    """The table with what each place costs and whether the budget pays for it."""
    paid, often = np.full(len(table), "", object), np.full(len(table), np.nan)
    if plan_ is not None:
        paid[plan_.offered] = np.where(plan_.best.chosen, "yes", "no")
        often[plan_.offered] = plan_.in_draws
    return table.assign(
        cost_low=np.round(low), cost_high=np.round(high), paid=paid, paid_in_draws=often
    )


def first(table: pd.DataFrame, number: int) -> list[tuple[str, str, pd.DataFrame]]:
    """(agency as the rules call it, unit, its first places), by agency, then most gain."""
    out = []
    roles: dict[str, list[int]] = {}
    for i, text in enumerate(table["roles"]):
        for role in decision_tables.each_role(text):
            roles.setdefault(role, []).append(i)
    for role in sorted(roles):
        mine = table.iloc[roles[role]]
        for unit, part in mine.groupby("unit", sort=False):
            out.append((role, str(unit), part.head(number)))
    return out


def foremost(table):
    """The actions of a unit that its brief and its sheets show, in the order of their numbers.

    The best place of each rule comes first, then the next best ones; `FOREMOST` at most.
    """
    again = table.duplicated("rule")
    return pd.concat([table[~again], table[again]]).head(FOREMOST)


def layers(table: gpd.GeoDataFrame) -> dict[str, gpd.GeoDataFrame]:
    """The places as layers of a file, areas and lines apart, without columns for the page."""
    shown = table.drop(columns="roles", errors="ignore")
    line = shown.geom_type.str.contains("Line").to_numpy(bool) if len(shown) else np.zeros(0, bool)
    found = {"areas": shown[~line], "lines": shown[line]}
    return {name: part for name, part in found.items() if len(part)} or {"areas": shown}


def styles(parts: Mapping[str, gpd.GeoDataFrame], words: Mapping) -> dict[str, Style]:
    """How the layers are drawn: a colour for each rule; `words` say what columns are called."""
    aliases = {name: header(name, words) for part in parts.values() for name in part.columns[:-1]}
    return {
        name: Style(
            "rule",
            {rule: f"{rule} {of['title'].iloc[0]}" for rule, of in part.groupby("rule", sort=True)},
            name == "lines",
            aliases,
        )
        for name, part in parts.items()
        if len(part)
    }


def read(path) -> gpd.GeoDataFrame:
    """The places of a file that has them as `layers`, in their order."""
    parts = list(vectors.read_layers(path).values())
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=parts[0].crs)


def listed(table: pd.DataFrame, number: int) -> dict[str, pd.DataFrame]:
    """The first actions of all agencies as a table by its title, the kind of agency first."""
    if not len(table):
        return {}
    parts = [part.assign(agency_kind=role) for role, _, part in first(table, number)]
    every = pd.concat(parts, ignore_index=True)
    rest = [name for name in every if name not in ("agency_kind", "roles", "geometry")]
    return {"First actions": pd.DataFrame(every[["agency_kind", *rest]])}


def of_plan(plan_: Plan) -> dict[str, pd.DataFrame]:
    """What budgets buy, as a table by its title."""
    rows = [
        {"budget": round(b), "cost": round(c.cost), "places": int(c.chosen.sum()),
         "gain": round(c.gain, 3), "gap": c.gap}
        for b, c in plan_.curve
    ]  # fmt: skip
    return {"Gain over budget": pd.DataFrame(rows)}


def of_targets(found: Sequence[Target]) -> dict[str, pd.DataFrame]:
    """What shares of the gain cost at least, as a table by its title."""
    rows = [
        {"share": t.share, "rules": ", ".join(t.rules) or "all", "cost": round(t.choice.cost),
         "places": int(t.choice.chosen.sum()), "gain": round(t.choice.gain, 3), "gap": t.choice.gap}
        for t in found
    ]  # fmt: skip
    return {"Cost of a target": pd.DataFrame(rows)} if rows else {}


# ------------------------------------------------------------------------------------- helpers


def _worth(table, gain, rule) -> np.ndarray:
    value = gain if any(rule["gain"].values()) else table["value_at_risk_km2"].to_numpy(float)
    return np.nan_to_num(value) * np.nan_to_num(table["support"].to_numpy(float), nan=1.0)


def _size(table, rule) -> np.ndarray:
    """The area of each zone (km2): of a line, with the strips on both sides."""
    sides = 2 * rule["zones"].get("side_m", 0) / 1000
    return table["area_km2"].fillna(table["length_km"] * sides).to_numpy(float)


def _places(table, of, worth, size, who, countries) -> gpd.GeoDataFrame:
    """One row for each place of a rule."""
    order = pd.Series(-worth).groupby(of).idxmin()  # the zone that is worth most
    lead = table.iloc[order.to_numpy()].reset_index(drop=True)
    grouped = table.groupby(of)
    shapes = gpd.GeoSeries(
        [shapely.union_all(part.geometry.to_numpy()) for _, part in grouped], crs=table.crs
    )
    weights = pd.Series(size).groupby(of).sum().to_numpy()
    support = pd.Series(table["support"].to_numpy(float) * size).groupby(of)
    sure = support.sum(min_count=1).to_numpy() / np.where(weights > 0, weights, 1)
    words = key_areas.names(shapes, who.towns)
    at = places.coordinates(shapes)
    near = [
        w or f"{y:.2f}°, {x:.2f}°"
        for w, y, x in zip(words, at["latitude"], at["longitude"], strict=True)
    ]
    inside = places.within(shapes, who.within)
    named = [", ".join([w, *areas]) for w, areas in zip(near, inside, strict=True)]
    made = lead.assign(
        place=named,
        id=[f"A-{name}" for name in identities(lead["rule"].iloc[0], shapes)],
        country=[countries.get(unit, "") for unit in lead["unit"]],
        roles=lead["agency"],
        confidence=np.round(sure, 3),
        reason=_of_zone(lead["reason"], lead["id"], grouped.size()),
        how_sure=_of_zone(lead["confidence"], lead["id"], grouped.size()),
        area_km2=grouped["area_km2"].sum(min_count=1).round(2).to_numpy(),
        length_km=grouped["length_km"].sum(min_count=1).round(3).to_numpy(),
        value_at_risk_km2=grouped["value_at_risk_km2"].sum().round(3).to_numpy(),
        zones=grouped.size().to_numpy(),
        recommendations=[", ".join(part["id"]) for _, part in grouped],
        rank=0,
        **at,
    )
    return made.set_geometry(shapes)[[*COLUMNS, "roles", "geometry"]]


def _of_zone(words, zone, number) -> list[str]:
    """What is said of one zone, with its name where a place has several."""
    return [
        f"best of {n} zones, {name}: {said}" if n > 1 and said else said
        for said, name, n in zip(words, zone, number, strict=True)
    ]


def _ranked(made) -> gpd.GeoDataFrame:
    """Surest gain first; what has none by its value at risk, behind."""
    sure = made["confidence"].fillna(1)
    issue = (made["verdict"] != ISSUE).astype(int)
    key = pd.DataFrame(
        {"later": issue, "none": made["gain_km2"].isna(), "gain": -(made["gain_km2"] * sure),
         "value": -(made["value_at_risk_km2"] * sure)}
    )  # fmt: skip
    made = made.loc[key.sort_values(list(key), kind="stable").index].reset_index(drop=True)
    return made.assign(rank=made.groupby(["roles", "unit"]).cumcount() + 1)


def _countries(units) -> dict[str, str]:
    if units is None or "country" not in units:
        return {}
    return dict(
        zip(units["name"].astype(str), units["country"].fillna("").astype(str), strict=True)
    )


def _drawn(of, rules, gains, low, high, picked: Sequence[int], seed):
    """The offer in each of some draws; `rules` are those of its places."""
    random = np.random.default_rng(seed)
    names, which = np.unique(rules, return_inverse=True)
    for draw in picked:
        part = random.random(len(names))[which]
        cost = low[of.places] + part * (high - low)[of.places]
        yield of.offer.of(gains.km2[of.faces, draw], cost)
