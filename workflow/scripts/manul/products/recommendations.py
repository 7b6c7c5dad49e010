"""Recommendations: where a rule of the config holds, why, what to do, who, and on what data.

To add a recommendation: write a block under `rules` in the config. No Python is needed as long as
its zones and measures are among those of `manul.products.zones`.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.config.expressions import holds, limits
from manul.config.types import Rule
from manul.grid.features import select
from manul.grid.fields import Fields
from manul.grid.provenance import merge
from manul.grid.styles import Style
from manul.model import gains as gains_of_model
from manul.pages.workbook import header
from manul.products import confidence, generalised, key_areas, zones
from manul.products.confidence import HIGH, LOW
from manul.products.cover import Cover, sums
from manul.products.gains import Gains
from manul.products.outlines import BEFORE, CHANGE, amounts, change, mean, part_of, top_threats
from manul.products.stamp import COLUMNS as STAMPED
from manul.products.stamp import identities, stamp

KM2 = 1e6
MAPS = ("habitat", "habitat_reference", "threat", "value_at_risk", "key_patch", "key_area")
TOP = ("threat_1", "threat_2", "threat_3")
VERDICTS = {
    "issue": "to act on", "survey first": "survey first",
    "not supported": "not supported by the draws", "": "not assessed how sure",
}  # fmt: skip
GAIN = ("gain_km2", "gain_p05_km2", "gain_p95_km2")  # of full quality: mean, 90 % of the draws
BACK = ("back_km2", "back_p05_km2", "back_p95_km2")  # of it, what comes back
KEY_GAIN = ("key_gain_km2", "key_gain_p05_km2", "key_gain_p95_km2")  # good enough for it again
CONFIDENCE = "not assessed: one run, no uncertainty draws"
COS_60 = 0.5
HALF = 0.5  # of a place that a rule found by a mask has to be inside it in a draw
SLIVER_KM2 = 1.0  # smallest piece that a border cuts off, where a rule has no limit
CUT_BY_UNITS = ("mask", "key_areas", "patches")  # so that each piece has one agency
COLUMNS = [
    "id", "rule", "title", "zone", "unit", "reason", "action", "iucn_actions", "cmp_actions",
    "agency", "area_km2", "length_km", "value_at_risk_km2", CHANGE,
    *GAIN, *BACK, "gain_of", *KEY_GAIN, "mean_threat", *TOP,
    "primary_rule", "other_rules", "unchecked", "verdict", "support", "confidence", *STAMPED,
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """What rules are applied to: maps, layers with their provenance, units, the date, the scenario.

    `units` are polygons with `name`, or None; `threats` the titles of the assessed threats;
    `private` the layers whose places must not be given away, with the rules of their areas;
    `towns` the places from which key areas are named; `takes_habitat` threats that are a loss of
    habitat themselves.
    """

    fields: Fields
    layers: Mapping[str, gpd.GeoDataFrame]
    records: Mapping[str, dict]
    units: gpd.GeoDataFrame | None
    threats: Mapping[str, str]
    as_of: str
    scenario: str
    private: Mapping[str, Mapping] = field(default_factory=dict)
    towns: gpd.GeoDataFrame | None = None
    takes_habitat: Collection[str] = ()
    found: dict = field(default_factory=dict, compare=False)  # zones that were looked at, by spec


@dataclass(frozen=True)
class Assessed:
    """The zones that a rule looks at, with what is measured in each, and where it holds."""

    name: str
    rule: Rule
    found: gpd.GeoDataFrame
    measures: zones.Measures
    near: Mapping[str, np.ndarray]
    rows: pd.DataFrame
    holds: np.ndarray

    @property
    def ground(self) -> np.ndarray:
        """The land that each zone is about, as shapes."""
        return _ground(self.found).to_numpy()

    def in_draw(self, fields: Fields) -> np.ndarray:
        """Where the rule holds in other maps: at the same places, of which half must be the mask's.

        Records and their distances are those of the main run.
        """
        rows = _rows(self.rule, self.found, self.measures, self.near, fields)
        out = _true(self.rule["when"], rows)
        if self.rule["zones"]["kind"] == "mask" and len(rows):
            where = str(self.rule["zones"]["where"])
            out &= self.measures.measure({"share": where}, fields) >= HALF
        return out


def assess(name: str, rule: Rule, place: Place) -> Assessed:
    """Measure the zones of a rule; ExpressionError for a condition that names no measure."""
    found, measures, near = _zones(rule, place)
    rows = _rows(rule, found, measures, near, place.fields)
    return Assessed(name, rule, found, measures, near, rows, _true(rule["when"], rows))


def recommend(
    of: Assessed, place: Place, draws: np.ndarray | None = None, tips: Callable | None = None
) -> gpd.GeoDataFrame:
    """The zones in which a rule holds, with reason, action and numbers; surest, then most value.

    A row with `COLUMNS` for each zone where `when` is true of its measures, which stand in the
    reason. Areas and value at risk in km2 (of full habitat; its change is that since the first
    scenario, unknown in the first itself), lengths in km, threat 0..1. A measure that is unknown
    makes a comparison false, so nothing is recommended on no data.

    `draws` (zones, draws) says where the rule holds in each draw: `support` is the share of them,
    `verdict` what it stands for, and a zone where it holds in half of them counts too. `tips` gives
    for some rows of `draws` what would turn the answer.
    """
    return _recommended(of, place, draws, tips, _amounts([of], place)[0])[0]


def recommend_all(
    assessed: Sequence[Assessed], place: Place, holds: Mapping, tips: Callable | None, gained: Gains
) -> tuple[dict[str, gpd.GeoDataFrame], Gains]:
    """`recommend` of each rule by its name, with what each row gains, and the gains of all rows.

    `holds` has the draws of each rule, `gained` the gains of all zones in the order of the rules.
    """
    found: dict[str, gpd.GeoDataFrame] = {}
    of_zone, ids = [], list[str]()
    for of, means in zip(assessed, _amounts(assessed, place), strict=True):
        table, zones = _recommended(of, place, holds.get(of.name), tips, means)
        row = np.full(len(of.found), -1)
        for i, members in enumerate(zones):
            row[list(members)] = len(ids) + i
        of_zone.append(row)
        ids += table["id"].tolist()
        found[of.name] = table
    of_rows = gained.grouped(np.concatenate([np.zeros(0, int), *of_zone]), ids)
    hows = gains_of_model.HOW, [gains_of_model.WITHOUT], [gains_of_model.AGAIN]
    quality, back, again = map(of_rows.of_each, hows)
    start = 0
    for of in assessed:
        table = found[of.name]
        acts = gains_of_model.levers(of.rule, place.threats, place.takes_habitat)
        if acts:
            mine = slice(start, start + len(table))
            table[list(GAIN)] = ends(quality[mine])
            table[list(BACK)] = ends(back[mine])
            table["gain_of"] = gains_of_model.words(acts, place.threats)
        if any(how == gains_of_model.AGAIN for how, _ in acts):
            table[list(KEY_GAIN)] = ends(again[mine])
        start += len(table)
    return found, of_rows


def _recommended(of, place, draws, tips, means) -> tuple[gpd.GeoDataFrame, list[tuple[int, ...]]]:
    """`recommend`, and the numbers of the zones of each row; `means` are the `_amounts`."""
    share = np.full(len(of.found), np.nan) if draws is None else draws.mean(1)
    shown = of.holds | (share >= confidence.DOUBTFUL)
    found, rows = (t[shown].reset_index(drop=True) for t in (of.found, of.rows))
    table = _described(
        of.name, of.rule, found, rows, place, {n: m[shown] for n, m in means.items()}
    )
    table = table.assign(support=share[shown].round(3), verdict="", confidence=CONFIDENCE)
    if draws is not None:
        told = tips(draws[shown]) if tips else [""] * len(table)
        table["verdict"] = [confidence.verdict(s) for s in share[shown]]
        table["confidence"] = [
            "; ".join(filter(None, [f"holds in {s:.0%} of {draws.shape[1]} draws", tip]))
            for s, tip in zip(share[shown], told, strict=True)
        ]
    order = table["verdict"].map({v: i for i, v in enumerate(confidence.VERDICTS)})
    table["zones"] = [(i,) for i in np.flatnonzero(shown)]
    most = rows[of.rule["rank"]].round(6) if "rank" in of.rule else table["value_at_risk_km2"]
    table = table.assign(order=order, most=most).sort_values(
        ["order", "most", "value_at_risk_km2"], ascending=[True, False, False], ignore_index=True
    )
    if of.rule["zones"]["kind"] == "segments":
        table = _joined_pairs(table, of.rule["zones"]["side_m"])
    made = table[[*COLUMNS, "geometry"]].assign(id=identities(of.name, table.geometry))
    return made, table["zones"].tolist()


def ends(km2: np.ndarray) -> np.ndarray:
    """Mean, 5th and 95th percentile of each row over the draws: (rows, 3)."""
    return np.column_stack([km2.mean(1), *np.quantile(km2, [LOW, HIGH], axis=1)]).round(3)


def styles(tables: Mapping[str, gpd.GeoDataFrame], words: Mapping) -> dict[str, Style]:
    """How the layers of recommendations are drawn: a colour for each verdict."""
    return {
        name: Style(
            "verdict",
            VERDICTS,
            bool(np.any(_is_line(table))),
            {column: header(column, words) for column in table.columns if column != "geometry"},
        )
        for name, table in tables.items()
        if len(table)
    }


def names_in(*rules: Rule) -> list[str]:
    """Every word of what rules look at and measure, each once: the names of maps and layers too."""
    told = [[rule["zones"], rule["measures"], rule["nearest"]] for rule in rules]
    return list(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", json.dumps(told))))


def nowhere(of: Assessed, fields: Fields) -> str:
    """Why no place meets a rule, as far as one of its limits alone is met nowhere; or nothing."""
    rule, found, rows = of.rule, of.found, of.rows
    where = str(rule["zones"].get("where")) if rule["zones"]["kind"] == "mask" else ""
    if where:
        extremes = {name: fields.extremes(name) for name, _, _ in limits(where)}
        told = _out_of_reach(where, extremes, "in the region")
        if told:
            return told
    if not len(found):
        return "no cell meets all its limits" if where else "there is no zone to look at"
    numbers = rows.select_dtypes("number")
    extremes = {name: (v.min(), v.max()) for name, v in numbers.items()}
    return _out_of_reach(rule["when"], extremes, "in any zone")


def label_overlaps(tables: dict[str, gpd.GeoDataFrame], priority: list[str]) -> None:
    """Fill `other_rules` and `primary_rule`: what else holds on the same ground, what leads.

    `priority` names rules from the one that leads to the last; rules beyond it follow as they come.
    Zones that only touch do not count.
    """
    if not any(len(table) for table in tables.values()):
        return
    every = pd.concat([t[["rule", "geometry"]] for t in tables.values()], ignore_index=True)
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
    tables: dict,
    rules: dict[str, Rule],
    not_assessed: dict,
    why: Mapping[str, str] | None = None,
    stamped: Mapping | None = None,
    withheld: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """All recommendations as one table, then a row for each rule without any.

    `not_assessed` maps the names of rules that could not be assessed to what they need, which
    becomes the reason; `withheld` the rules that are not public to their titles; `why` tells of
    others what no place meets. `stamped` are the columns of `stamp.stamp` for such rows.
    """
    why, withheld = why or {}, withheld or {}
    rows = [table.drop(columns="geometry").assign(**_middle(table)) for table in tables.values()]
    none = "assessed: no place meets the rule"
    told = {n: "; ".join(filter(None, [none, why.get(n)])) for n, t in tables.items() if not len(t)}
    told |= {n: f"not assessed: {needs}" for n, needs in not_assessed.items() if n in rules}
    told |= dict.fromkeys(withheld, "withheld: its places are not public")
    titles = {name: rule["title"] for name, rule in rules.items()} | dict(withheld)
    rows += [
        pd.DataFrame([{"id": n, "rule": n, "title": titles[n], "reason": text, **(stamped or {})}])
        for n, text in told.items()
    ]
    rows = [row for row in rows if len(row)] or [pd.DataFrame(columns=COLUMNS)]
    return pd.concat(rows, ignore_index=True)


# ------------------------------------------------------------------------------------- helpers


class Told(float):
    """A number in a reason: one that is not zero is never written as zero, but as '<1%'.

    One that is not known, for want of a map that the rule can do without, is 'unknown'.
    """

    def __format__(self, form: str) -> str:
        if np.isnan(self):
            return "unknown"
        text = super().__format__(form)
        if self == 0 or re.search("[1-9]", text) or not re.search("0", text):
            return text
        least = re.sub(r"0(?=\D*$)", "1", text)
        return f"<{least}" if self > 0 else f">{least}"


def _zones(rule, place) -> tuple[gpd.GeoDataFrame, zones.Measures, dict]:
    """The zones that a rule looks at, what measures them, and the records near them.

    Rules that look at the same zones share them: finding their cells takes time and memory.
    """
    spec = json.dumps(rule["zones"], sort_keys=True)
    if spec not in place.found:
        found = _found(rule, place)
        place.found[spec] = found, zones.Measures(found, place.fields.grid)
    found, measures = place.found[spec]
    near: dict[str, np.ndarray] = {}
    for kind, nearest in rule["nearest"].items():
        near |= _nearest(kind, nearest, found, place)
    return found, measures, near


def _found(rule, place) -> gpd.GeoDataFrame:
    """The zones of a rule, named and cut as they are shown."""
    found = zones.find(rule["zones"], place.fields, place.layers)
    if rule["zones"]["kind"] == "key_areas":
        named = zip(found["zone"], key_areas.names(found.geometry, place.towns), strict=True)
        found["zone"] = [", ".join(filter(None, words)) for words in named]
    if rule["zones"]["kind"] in CUT_BY_UNITS and place.units is not None:
        found = _cut_by_units(found, place.units, rule["zones"].get("smallest_km2", SLIVER_KM2))
    return found


def _rows(rule, found, measures, near, fields) -> pd.DataFrame:
    """What is measured in each zone, with the rank of each number that the rule asks it of."""
    values = {n: measures.measure(m, fields) for n, m in rule["measures"].items()} | dict(near)
    asked = set(re.findall(r"\w+", f"{rule['when']} {rule['reason']}"))
    ranked = {f"{name}_rank": name for name in values if f"{name}_rank" in asked}
    values |= {rank: pd.Series(values[name]).rank(pct=True) for rank, name in ranked.items()}
    return pd.DataFrame(values, index=found.index)


def _true(when, rows) -> np.ndarray:
    return np.broadcast_to(np.asarray(holds(when, rows), bool), len(rows)).copy()


def _out_of_reach(text, extremes, where) -> str:
    """The limits of a condition that lie beyond the smallest and largest value there is."""
    told = []
    for name, sign, limit in limits(text):
        low, high = extremes.get(name, (np.nan, np.nan))
        short = {">": high <= limit, ">=": high < limit, "<": low >= limit, "<=": low > limit}
        if short[sign]:
            most, value = ("at most", high) if ">" in sign else ("at least", low)
            told.append(
                f"{name} {sign} {limit:g}, but it is {most} {confidence.plain(value)} {where}"
            )
    return f"the rule asks for {'; '.join(told)}" if told else ""


def _amounts(assessed, place) -> list[dict[str, np.ndarray]]:
    """What is told of every zone of each rule, as means; each map is read once for all rules."""
    wanted = amounts(place.threats) | {n: n for n in ("value_at_risk", "threat")}
    wanted |= {CHANGE: change} if place.fields.has(BEFORE) else {}
    covers = [_cover(of, place.fields.grid) for of in assessed]
    each = list(dict.fromkeys(covers))
    found = dict(zip(each, sums(each, wanted, place.fields), strict=True))
    return [{name: mean(of) for name, of in found[cover].items()} for cover in covers]


def _cover(of, grid) -> Cover:
    """The cells of the ground of a rule's zones; rules that look at the same zones share it."""
    return Cover(of.ground, grid) if "left" in of.found else of.measures.cover()


def _described(name, rule, found, rows, place, means) -> gpd.GeoDataFrame:
    area = _ground(found).area / KM2
    lines = np.asarray(_is_line(found), bool)
    value, threat = means["value_at_risk"], means["threat"]
    changed = means.get(CHANGE, np.full(len(found), np.nan))
    top = top_threats({name: means[part_of(name)] for name in place.threats}, place.threats)
    said = [{n: _told(v) for n, v in row.items()} for row in rows.to_dict("records")]
    table = found[["geometry"]].assign(
        id="",
        rule=name,
        zone=[f"{name} {zone}" for zone in found["zone"]],
        line=found.get("line", ""),
        title=rule["title"],
        unit=_units(found, place.units),
        reason=[rule["reason"].format(**row) for row in said],
        action=rule["action"],
        iucn_actions=rule["iucn"],
        cmp_actions=rule["cmp"],
        agency=rule["agency"],
        area_km2=np.where(lines, np.nan, found.area / KM2).round(2),
        length_km=np.where(lines, found.length / 1000, np.nan).round(3),
        value_at_risk_km2=(value * area).round(3),
        **{CHANGE: (changed * area).round(3)},
        **dict.fromkeys([*GAIN, *BACK, *KEY_GAIN], np.nan),
        gain_of="",
        mean_threat=threat.round(3),
        **{column: t or "" for column, t in zip(TOP, top, strict=True)},
        primary_rule=name,
        other_rules="",
        unchecked="; ".join(filter(None, [rule.get("unchecked"), _how_well_placed(rule, place)])),
        **stamp(_behind(rule, place), place.scenario),
    )
    return gpd.GeoDataFrame(table, crs=found.crs)


def _how_well_placed(rule, place) -> str:
    """How far the features that a rule looks at may lie from where they are drawn."""
    record = place.records.get(rule["zones"].get("layer"), {})
    return "; ".join(
        f"place of {layer['title'].lower()} known to {layer['positional_error_m']:g} m"
        for layer in record.values()
        if layer.get("positional_error_m")
    )


def _told(value):
    return Told(value) if isinstance(value, float) else value


def _joined_pairs(table, side_m) -> gpd.GeoDataFrame:
    """Pieces of different lines that run beside each other as one place, led by the most valuable.

    A piece belongs to a leading one that runs in its direction if its middle lies beside that (not
    beyond its ends), within `side_m`. Its name and its length are added; the numbers are those of
    the leading piece, whose strips hold the same ground.
    """
    shapes, line = table.geometry.to_numpy(), table["line"].to_numpy()
    places: dict[int, list[int]] = {}  # leading piece: all pieces of its place
    for i in range(len(table)):
        leads = np.array(list(places), int)
        beside = leads[_run_beside(shapes[leads], shapes[i], side_m) & (line[leads] != line[i])]
        places.setdefault(int(beside[0]) if len(beside) else i, []).append(i)
    names = [table["zone"].iloc[pieces].tolist() for pieces in places.values()]
    joined = [shapely.union_all(shapes[pieces]) for pieces in places.values()]
    out = table.iloc[list(places)].assign(
        zone=[" beside ".join([z[0], *(n.split(" ", 1)[1] for n in z[1:])]) for z in names],
        length_km=[table["length_km"].iloc[pieces].sum() for pieces in places.values()],
        zones=[sum(table["zones"].iloc[pieces], ()) for pieces in places.values()],
    )
    return out.reset_index(drop=True).set_geometry(gpd.GeoSeries(joined, crs=table.crs))


def _run_beside(leads: np.ndarray, piece, side_m) -> np.ndarray:
    """Which of the lines run in the direction of a piece and have its middle at their side."""
    middle = shapely.line_interpolate_point(piece, 0.5, normalized=True)
    along = shapely.line_locate_point(leads, middle, normalized=True)
    nearest = shapely.line_interpolate_point(leads, along, normalized=True)
    across = shapely.get_coordinates(middle) - shapely.get_coordinates(nearest)
    directions = _directions(leads)
    parallel = np.abs(directions @ _directions(np.array([piece]))[0]) > COS_60
    gap = np.hypot(*across.T)
    return (gap <= side_m) & parallel & (np.abs((across * directions).sum(1)) <= COS_60 * gap)


def _directions(lines: np.ndarray) -> np.ndarray:
    """From the first to the last point of each line, with the length of 1."""
    ends = [shapely.get_coordinates(shapely.get_point(lines, i)) for i in (0, -1)]
    steps = ends[1] - ends[0]
    return steps / np.maximum(np.hypot(*steps.T), 1e-9)[:, None]


def _behind(rule, place) -> dict:
    """The layers behind a rule: those of every map and layer that it names, and of its value."""
    words = dict.fromkeys([*names_in(rule), "value_at_risk"])
    layers = (place.records[word] for word in words if word in place.records)
    return merge(place.fields.provenance(words), *layers)


def _ground(found):
    """The land that a zone's numbers are about: for a segment, the strips on both sides."""
    if "left" not in found:
        return found.geometry
    return gpd.GeoSeries(shapely.union(found["left"], found["right"]), crs=found.crs)


def _cut_by_units(found, units, smallest_km2):
    """The zones cut along the borders of units, with `unit`; what lies in none stays, without one.

    A piece below `smallest_km2` stays with the largest piece of its zone, so that no border leaves
    slivers and no ground is lost.
    """
    if not len(found):
        return found
    whole = found.assign(whole=np.arange(len(found)))
    named = units[["name", "geometry"]].rename(columns={"name": "unit"})
    cut = gpd.overlay(whole, named, how="identity", keep_geom_type=True)
    area = cut.area / KM2
    host = cut["whole"].map(area.groupby(cut["whole"]).idxmax())
    into = cut.index.to_series().where(area >= smallest_km2 - 1e-9, host)
    shapes = cut.geometry.groupby(into).agg(lambda parts: shapely.union_all(parts.to_numpy()))
    kept = cut.loc[shapes.index].set_geometry(gpd.GeoSeries(shapes, crs=cut.crs))
    unit = kept["unit"].fillna("").astype(str)
    zone = [", ".join(filter(None, pair)) for pair in zip(kept["zone"], unit, strict=True)]
    return kept.assign(zone=zone, unit=unit).drop(columns="whole").reset_index(drop=True)


def _units(found, units) -> list[str]:
    """The unit of each zone: the one it was cut to, or that holds its middle; empty: none does."""
    if "unit" in found:
        return found["unit"].tolist()
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
