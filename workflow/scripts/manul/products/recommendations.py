"""Recommendations: where a rule of the config holds, why, what to do, who, and on what data.

To add a recommendation: write a block under `rules` in the config. No Python is needed as long as
its zones and measures are among those of `manul.zones`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.config.expressions import holds
from manul.config.types import Rule
from manul.grid.datasets import Fields
from manul.grid.features import select
from manul.grid.provenance import age, merge, worst_status
from manul.products import generalised, zones
from manul.products.outlines import amounts, top_threats

KM2 = 1e6
MAPS = ("habitat", "habitat_reference", "threat", "value_at_risk", "key_patch", "key_area")
TOP = ("threat_1", "threat_2", "threat_3")
CONFIDENCE = "not assessed: one run, no uncertainty draws"
CUT_BY_UNITS = ("mask", "key_areas", "patches")  # so that each piece has one agency
COLUMNS = [
    "rule", "title", "zone", "unit", "reason", "action", "iucn_actions", "cmp_actions", "agency",
    "area_km2", "length_km", "value_at_risk_km2", "mean_threat", "threat_1", "threat_2", "threat_3",
    "primary_rule", "other_rules", "unchecked", "confidence", "data_status", "data_dates",
    "illustrative_layers", "scenario",
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """What rules are applied to: maps, layers with their provenance, units, the date, the scenario.

    `units` are polygons with `name`, or None; `threats` the titles of the assessed threats;
    `private` the layers whose places must not be given away, with the rules of their areas.
    """

    fields: Fields
    layers: Mapping[str, gpd.GeoDataFrame]
    records: Mapping[str, dict]
    units: gpd.GeoDataFrame | None
    threats: Mapping[str, str]
    as_of: str
    scenario: str
    private: Mapping[str, Mapping] = field(default_factory=dict)


def recommend(name: str, rule: Rule, place: Place) -> gpd.GeoDataFrame:
    """The zones in which a rule holds, with reason, action and numbers; most value first.

    A row for each zone where `when` is true of its measures: `COLUMNS` and the measures themselves.
    Areas and value at risk in km2 (value: km2 of full habitat), lengths in km, threat 0..1. A
    measure that is unknown makes a comparison false, so nothing is recommended on no data.
    Raises `ExpressionError` for a condition that names no measure.
    """
    fields = place.fields
    found = zones.find(rule["zones"], fields, place.layers)
    if rule["zones"]["kind"] in CUT_BY_UNITS and place.units is not None:
        found = _cut_by_units(found, place.units)
    values = {n: zones.measure(m, found, fields) for n, m in rule["measures"].items()}
    for kind, spec in rule["nearest"].items():
        values |= _nearest(kind, spec, found, place)
    numbers = {name: v for name, v in values.items() if np.asarray(v).dtype.kind == "f"}
    values |= {f"{name}_rank": pd.Series(v).rank(pct=True) for name, v in numbers.items()}
    rows = pd.DataFrame(values, index=found.index)
    rows_fire = (holds(rule["when"], row) for row in rows.to_dict("records"))
    fires = np.fromiter(rows_fire, bool, len(rows))
    found, rows = found[fires].reset_index(drop=True), rows[fires].reset_index(drop=True)
    table = _described(name, rule, found, rows, place)
    return table.sort_values("value_at_risk_km2", ascending=False, ignore_index=True)


def label_overlaps(tables: dict[str, gpd.GeoDataFrame], priority: list[str]) -> None:
    """Fill `other_rules` and `primary_rule`: what else holds on the same ground, what leads.

    `priority` names rules from the one that leads to the last; rules beyond it follow as they come.
    Zones that only touch do not count.
    """
    every = pd.concat([t[["rule", "geometry"]] for t in tables.values()], ignore_index=True)
    if not len(every):
        return
    areas = shapely.buffer(every["geometry"].to_numpy(), np.where(_is_line(every), 1.0, -1.0))
    tree = shapely.STRtree(areas)
    order = list(dict.fromkeys([*priority, *tables]))
    start = 0
    for name, table in tables.items():
        mine = areas[start : start + len(table)]
        start += len(table)
        a, b = tree.query(mine, predicate="intersects")
        others = pd.DataFrame({"i": a, "rule": every["rule"].to_numpy()[b]})
        others = others[others["rule"] != name].groupby("i")["rule"].agg(lambda r: sorted(set(r)))
        lists = [others.get(i, []) for i in range(len(table))]
        table["other_rules"] = [", ".join(sorted(names, key=order.index)) for names in lists]
        table["primary_rule"] = [min([name, *names], key=order.index) for names in lists]


def listing(
    tables: dict, rules: dict[str, Rule], not_assessed: dict, withheld: Mapping[str, str]
) -> pd.DataFrame:
    """All recommendations as one table, then a row for each rule that could not be assessed.

    `not_assessed` maps the names of such rules to what they need, which becomes the reason;
    `withheld` the rules that are not public to their titles.
    """
    rows = [table.drop(columns="geometry").assign(**_middle(table)) for table in tables.values()]
    told = {n: "assessed: no place meets the rule" for n, t in tables.items() if not len(t)}
    told |= {n: f"not assessed: {why}" for n, why in not_assessed.items() if n in rules}
    titles = {name: rule["title"] for name, rule in rules.items()} | dict(withheld)
    told |= dict.fromkeys(withheld, "withheld: its places are not public")
    rows += [
        pd.DataFrame([{"rule": n, "title": titles[n], "reason": why}]) for n, why in told.items()
    ]
    return pd.concat([r for r in rows if len(r)], ignore_index=True)


# ------------------------------------------------------------------------------------- helpers


def _described(name, rule, found, rows, place) -> gpd.GeoDataFrame:
    ground = _ground(found)
    area = ground.area / KM2
    lines = np.asarray(_is_line(found), bool)
    wanted = amounts(place.threats) | {n: n for n in ("value_at_risk", "threat")}
    means = zones.zonal_many(wanted, ground, place.fields)
    value, threat = means.pop("value_at_risk"), means.pop("threat")
    top = top_threats(means, place.threats)
    record = _behind(rule, place)
    invented = [v["title"] for v in record.values() if v["status"] == "illustrative"]
    table = found[["zone", "geometry"]].assign(
        rule=name,
        title=rule["title"],
        unit=_units(found, place.units),
        reason=[rule["reason"].format(**row) for row in rows.to_dict("records")],
        action=rule["action"],
        iucn_actions=rule["iucn"],
        cmp_actions=rule["cmp"],
        agency=rule["agency"],
        area_km2=np.where(lines, np.nan, found.area / KM2).round(2),
        length_km=np.where(lines, found.length / 1000, np.nan).round(3),
        value_at_risk_km2=(value * area).round(3),
        mean_threat=threat.round(3),
        **{column: t or "" for column, t in zip(TOP, top, strict=True)},
        primary_rule=name,
        other_rules="",
        unchecked=rule.get("unchecked", ""),
        confidence=CONFIDENCE,
        data_status=worst_status(record),
        data_dates=age(record),
        illustrative_layers=", ".join(invented),
        scenario=place.scenario,
    )
    return gpd.GeoDataFrame(table[[*COLUMNS, "geometry"]], crs=found.crs)


def _behind(rule, place) -> dict:
    """The layers behind a rule: those of every map and layer that it names, and of its value."""
    told = json.dumps([rule["zones"], rule["measures"], rule["nearest"]])
    words = dict.fromkeys([*re.findall(r"[A-Za-z_]\w*", told), "value_at_risk"])
    layers = (place.records[word] for word in words if word in place.records)
    return merge(place.fields.provenance(words), *layers)


def _ground(found):
    """The land that a zone's numbers are about: for a segment, the strips on both sides."""
    if "left" not in found:
        return found.geometry
    return gpd.GeoSeries(shapely.union(found["left"], found["right"]), crs=found.crs)


def _cut_by_units(found, units):
    if not len(found):
        return found
    cut = gpd.overlay(found, units[["name", "geometry"]], how="intersection", keep_geom_type=True)
    return cut.assign(zone=cut["zone"] + " " + cut["name"].fillna("").astype(str))


def _units(found, units) -> list[str]:
    """The unit that holds the middle of each zone; empty where none does."""
    if units is None or not len(units) or not len(found):
        return [""] * len(found)
    middle = shapely.point_on_surface(found.geometry.to_numpy())
    inside, which = shapely.STRtree(units.geometry.to_numpy()).query(middle, "within")
    names = dict(zip(inside, units["name"].to_numpy()[which], strict=True))
    return [str(names.get(i) or "") for i in range(len(found))]


def _nearest(kind, spec, found, place) -> dict:
    """Distance (m; NaN if none) and name of the nearest record of the wanted age.

    Distance to a record of a hidden layer is that to the area that holds it and enough others: from
    the exact one, the zones of a map would draw circles around the place.
    """
    hidden = place.private.get(spec["layer"])
    every = place.layers[spec["layer"]]
    table = select(every, spec.get("where"))
    if "newer_than_days" in spec:
        days = (pd.Timestamp(place.as_of) - pd.to_datetime(table[spec["date_field"]])).dt.days
        table = table[(days >= 0) & (days <= spec["newer_than_days"])]
    metres, names = np.full(len(found), np.nan), np.full(len(found), "", object)
    if len(table) and len(found):
        places = table.geometry.to_numpy()
        if hidden:
            areas = generalised.areas_of(place.fields.grid.boundingbox, every.geometry, hidden)
            places = generalised.boxes_around(areas, table.geometry)
        tree = shapely.STRtree(places)
        (zone, which), gap = tree.query_nearest(
            found.geometry.to_numpy(), max_distance=spec["within_m"], return_distance=True,
            all_matches=False,
        )  # fmt: skip
        metres[zone] = gap
        if "name_field" in spec and not hidden:
            names[zone] = table[spec["name_field"]].astype(str).to_numpy()[which]
    return {f"{kind}_distance_m": metres, f"{kind}_name": names}


def _middle(table) -> dict:
    """Longitude and latitude (degrees, 4 places) of a point inside each zone."""
    points = gpd.GeoSeries(shapely.point_on_surface(table.geometry.to_numpy()), crs=table.crs)
    points = points.to_crs("EPSG:4326")
    return {"longitude": points.x.round(4), "latitude": points.y.round(4)}


def _is_line(table):
    return [g.geom_type.endswith("LineString") for g in table["geometry"]]
