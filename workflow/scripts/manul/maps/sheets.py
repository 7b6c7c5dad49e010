"""Map sheets of a scenario: which map, which words, which legend.

To add a sheet: write a function of `Scenario` that returns figures, one for each page, name it in
SHEETS, and say in workflow/schemas/sheets.yaml which maps and tables it shows, with its caption.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from matplotlib.figure import Figure
from odc.geo.geobox import GeoBox
from rasterio import features

from manul import __version__
from manul.analyses import connectivity as of_movement
from manul.analyses import habitat_selection
from manul.analyses import occupancy as of_cameras
from manul.analyses import suitability_words as words
from manul.config.hints import counted
from manul.grid import plain_files, provenance, vectors
from manul.grid.block_maps import CLASS_NODATA
from manul.grid.fields import Source
from manul.grid.map_tags import read_classes, read_provenance
from manul.maps import layouts, scales
from manul.maps.side_column import colouring
from manul.maps.spec import QUALITATIVE
from manul.pages.amounts import percent
from manul.products import confidence, extrapolated
from manul.products.confidence import ISSUE, NO_DRAWS, SURVEY, UNSUPPORTED
from manul.products.units import REGION
from manul.uncertainty import measure


@dataclass(frozen=True)
class Scenario:
    """What a sheet is drawn from: maps and tables by name, the grid, words of the config, context.

    Maps are read at the size that can be printed, from their overviews.
    """

    maps: Mapping[str, Source]
    tables: Mapping[str, str]
    grid: GeoBox
    config: Mapping[str, Any]  # what `selection.sheet_words` tells
    context: layouts.Context
    digest: str
    extrapolated: Mapping[str, str] = field(default_factory=dict)  # surface: map of where it is so
    panels: int = 1

    @cached_property
    def shown(self) -> tuple[int | None, GeoBox]:
        """The overview that is fine enough for paper (None: the map itself), and its grid."""
        fine = layouts.cells_on_paper(self.grid) * np.sqrt(self.panels)
        level = int(np.ceil(np.log2(max(fine, 1))))
        return (level - 1 if level else None), self.grid.zoom_out(2**level)

    def values(self, name: str) -> np.ndarray:
        """A map at the size of `shown`."""
        level, _ = self.shown
        return self.maps[name].read(level)

    def classes(self, name: str) -> dict[int, str]:
        """What the numbers of a map of classes mean."""
        found = read_classes(self.maps[name].path)
        return {code: words.replace("_", " ") for code, words in found.items()}

    def small(self, panels: int) -> "Scenario":
        """The same for a sheet of so many maps side by side: a coarser overview will do."""
        return replace(self, panels=panels)

    def sheet(self, title: str, *used: str, extra: tuple = ()) -> layouts.Sheet:
        """Head, notice, data table and foot of a sheet that shows these maps and tables."""
        record = provenance.merge(*(read_provenance(self.path(name)) for name in used))
        config = self.config
        rows = [(v["title"], str(v["date"]), v["status"], v["source"]) for v in record.values()]
        return layouts.Sheet(
            title=title,
            subtitle=" · ".join(
                [config["region"]["title"], config["scenario_title"], f"as of {config['as_of']}"]
            ),
            notice=provenance.notice(record),
            limitations=(
                *extra,
                *_extrapolated(self),
                *config["limitations"],
                *provenance.caveats(record),
            ),
            sources=rows,
            rows=config["layers"],
            footer=(
                config["species"]["status"],
                f"Manul {__version__}, run {self.digest}",
                f"data {provenance.age(record)}",
                "not a legal boundary",
            ),
        )

    @cached_property
    def suitable(self) -> layouts.Land:
        """The land that threats are told of: suitable before the loss."""
        limit = self.config["key_habitat"]["suitable"]
        cells = self.values("habitat_reference") >= limit
        return layouts.Land(cells, "the suitable land", f"reference habitat from {limit:g}")

    @cached_property
    def unknown_threats(self) -> tuple[float, dict[str, float]]:
        """The share of the suitable land where a threat is unknown, and that of each, worst first.

        Threats that are unknown on less than `FEWEST` are left out.
        """
        land = np.asarray(self.suitable.cells)
        some, found = np.zeros(land.shape, bool), {}
        for name in self.config["assessed"]:
            unknown = land & np.isnan(self.values(f"effect_{name}"))
            some |= unknown
            found[name] = unknown.sum() / max(land.sum(), 1)
        worst = sorted((n for n, part in found.items() if part >= FEWEST), key=lambda n: -found[n])
        return some.sum() / max(land.sum(), 1), {name: found[name] for name in worst}

    def path(self, name: str) -> str:
        """The file of a map or a table."""
        return self.maps[name].path if name in self.maps else self.tables[name]


def habitat(s: Scenario) -> list[Figure]:
    """Habitat suitability in the scenario."""
    told = words.threshold_words(s.config["key_habitat"])
    title = f"Habitat of the {s.config['species']['title']}"
    sheet = s.sheet(title, "habitat", extra=(told,))
    return _numbers(s, sheet, "habitat", scales.suitability(s.config["key_habitat"]))


def habitat_reference(s: Scenario) -> list[Figure]:
    """Habitat before the loss, of marmot burrows for example."""
    sheet = s.sheet(f"Habitat before the loss of {s.config['loss']}", "habitat_reference")
    return _numbers(s, sheet, "habitat_reference", scales.suitability(s.config["key_habitat"]))


def threat(s: Scenario) -> list[Figure]:
    """Cumulative threat in classes."""
    sheet = s.sheet("Cumulative threat", "threat", extra=(*_unknown(s), *_left_out(s)))
    return _numbers(s, sheet, "threat", scales.THREAT, _in_part(s, s.suitable))


def dominant_threat(s: Scenario) -> list[Figure]:
    """The strongest threat of each cell, by group."""
    extra = (*_unknown(s), *_left_out(s))
    sheet = s.sheet("Strongest threat", "dominant_threat", extra=extra)
    groups = list(s.config["groups"])
    number = {g: i for i, g in enumerate(groups, 1)}
    lookup = np.full(256, CLASS_NODATA, "uint8")
    lookup[0] = 0
    for i, name in enumerate(s.config["assessed"], 1):
        lookup[i] = number[s.config["threats"][name]["group"]]
    codes = lookup[s.values("dominant_threat")]
    legend = [scales.nothing(s.config)]
    legend += [
        layouts.Category(i, s.config["groups"][g]["title"], s.config["groups"][g]["colour"])
        for g, i in number.items()
        if (codes == i).any()
    ]
    figure = layouts.categorical(
        sheet, s.context, s.shown[1], codes, legend, "Group of the strongest single threat",
        CLASS_NODATA, _in_part(s, s.suitable),
    )  # fmt: skip
    return [figure]


def threats(s: Scenario) -> list[Figure]:
    """Every threat's effect, side by side."""
    s = s.small(min(len(s.config["assessed"]), layouts.MOST_PANELS))
    effects = [f"effect_{name}" for name in s.config["assessed"]]
    sheet = s.sheet("Threats side by side", *effects, extra=_left_out(s))
    panels = []
    for name, called in zip(s.config["assessed"], effects, strict=True):
        block = s.config["threats"][name]
        record = read_provenance(s.path(called))
        status, general = provenance.worst_status(record), provenance.is_generalised(record)
        how = "means of wide areas" if general else f"largest effect {_largest(block)}"
        told = f"{how} · IUCN {block['iucn']}"
        panels.append(layouts.Panel(block["title"], told, s.values(called), status))
    return layouts.small_multiples(sheet, s.context, s.shown[1], panels, scales.EFFECT)


def value_at_risk(s: Scenario) -> list[Figure]:
    """Where good habitat meets threat."""
    title = "Value at risk: where good habitat meets threat"
    sheet = s.sheet(title, "value_at_risk", extra=(*_unknown(s), *_left_out(s)))
    top = _round_top(s.values("value_at_risk"))
    scale = layouts.Scale("Reference habitat x threat", palette="risk", vmax=top)
    return _numbers(s, sheet, "value_at_risk", scale, _in_part(s, layouts.WHOLE))


def key_habitat(s: Scenario) -> list[Figure]:
    """Key habitat and recommendations that may be published."""
    key = vectors.read_layers(s.path("key_habitat"))
    every = vectors.read_layers(s.path("recommendations"))
    found = {name: table[table["verdict"].isin(DRAWN)] for name, table in every.items()}
    narrow, wide = _by_extent(s, found)
    sheet = s.sheet(
        "Key habitat and recommendations", "key_habitat", "recommendations",
        extra=(
            *_rules_left_out(s, every), *_under_low_threat(s), *_left_out(s),
            words.threshold_words(s.config["key_habitat"]),
            *_how_sure(every),
        ),
    )  # fmt: skip
    overlays = [
        layouts.Overlay(key[name], label, style)
        for name, label, style in KEY_STYLES
        if len(key[name])
    ]
    overlays += [
        layouts.Overlay(found[name], _called(s, name), rule_style(place, found[name]))
        for place, name in enumerate(narrow)
    ]
    scale = layouts.Scale("Habitat", palette="quiet")
    figure = layouts.polygons(
        sheet, s.context, s.shown[1], s.values("habitat"), scale, overlays,
        "Key habitat and recommendations", _not_drawn(s, wide),
    )  # fmt: skip
    return [figure]


JOINED = "Neighbouring zones of a rule are one place in the tables and pages of what to do first"


def recommendations(s: Scenario) -> list[Figure]:
    """Where each rule that may be published holds, side by side."""
    path = s.path("recommendations")
    found = vectors.read_layers(path)
    s = s.small(min(len(found), layouts.MOST_PANELS))
    extra = (*_rules_left_out(s, found), *_left_out(s), JOINED)
    sheet = s.sheet("Recommendations, rule by rule", "recommendations", extra=extra)
    classes = layouts.Classes((0.5,), ("elsewhere", "recommended here"), told=False)
    scale = layouts.Scale("Where the rule holds", unit="", palette="threat", classes=classes)
    colour = colouring(scale)[0](1)
    style = {"facecolor": colour, "edgecolor": colour, "linewidth": 0.8}
    nowhere = np.zeros(s.shown[1].shape, "uint8")
    doubtful = style | {"facecolor": "none", "hatch": "////", "linewidth": 0.3}
    panels, weakest = [], provenance.worst_status(read_provenance(path))
    for name, table in found.items():
        sure, survey = table[table["verdict"].isin(DRAWN)], table[table["verdict"] == SURVEY]
        rest = len(table) - len(sure) - len(survey)
        none = "no zone to act on" if len(table) else "no zone meets the rule"
        amount = counted(len(sure), "zone") if len(sure) else none
        amount += f", {len(survey)} to survey first (hatched)" if len(survey) else ""
        amount += f", {rest} not supported" if rest else ""
        status = table["data_status"].iloc[0] if len(table) else weakest
        places = layouts.Overlay(sure, name, style), layouts.Overlay(survey, name, doubtful)
        shown = tuple(overlay for overlay in places if len(overlay.features))
        panels.append(layouts.Panel(_called(s, name), amount, nowhere, status, shown))
    return layouts.small_multiples(sheet, s.context, s.shown[1], panels, scale)


def chance_key(s: Scenario) -> list[Figure]:
    """In which share of the draws a cell is key habitat."""
    return _chance(s, "p_key", "key habitat", "key habitat", "habitat")


def chance_top(s: Scenario) -> list[Figure]:
    """In which share of the draws a cell is among the tenth with the most value at risk."""
    what = "the tenth with most value at risk"
    return _chance(s, "p_top_tenth", what, "among the top tenth", "risk")


def measure_habitat(s: Scenario) -> list[Figure]:
    """What would make habitat surer where."""
    return _measure(s, "measure_habitat", "the habitat")


def measure_threat(s: Scenario) -> list[Figure]:
    """What would make the cumulative threat surer where."""
    told = "How threats add up is not among these: no survey settles it"
    return _measure(s, "measure_threat", "the threat", told, *_left_out(s))


def change(s: Scenario) -> list[Figure]:
    """Where a scenario puts more of the habitat at risk than the first one, and how surely."""
    names = [f"change_value_at_risk_{end}" for end in ("mean", "p05", "p95")]
    mean, low, high = (s.values(name) for name in names)
    units = plain_files.read_table(s.path("change_units")).set_index("unit").loc[REGION]
    ends = [units[f"value_at_risk_km2_{end}"] for end in ("mean", "p05", "p95")]
    told = "Value at risk of the region: {:+.1f} km² ({:+.1f} to {:+.1f} in 90 % of the draws)"
    title = f"What changes: {s.config['scenario_title']}"
    sheet = s.sheet(title, names[0], extra=(told.format(*ends), *_left_out(s)))
    large = np.where(mean >= LARGE_CHANGE, 1, 2)
    codes = np.select(
        [np.isnan(mean), np.abs(mean) < CHANGE, (mean > 0) & (low > 0), mean > 0, high < 0],
        [CLASS_NODATA, 0, large, 3, 5],
        4,
    ).astype("uint8")
    legend = [
        layouts.Category(code, *told)
        for code, told in CHANGE_CLASSES.items()
        if (codes == code).any()
    ]
    figure = layouts.categorical(
        sheet, s.context, s.shown[1], codes, legend, "Value at risk, against the first scenario",
        CLASS_NODATA,
    )  # fmt: skip
    return [figure]


def suitability(s: Scenario) -> list[Figure]:
    """Suitability fitted to the records, with how well it does on records it has not seen."""
    name = next(iter(s.maps))
    sheet = _doubted(s, s.sheet("Suitability fitted to records", name, extra=_fit_words(s)))
    return _numbers(s, sheet, name, layouts.Scale("Fitted suitability", palette="habitat"))


def disagreement(s: Scenario) -> list[Figure]:
    """Where the fit and the expert model call different places suitable."""
    name = next(iter(s.maps))
    title = "Where records and expert model disagree"
    sheet = _doubted(s, s.sheet(title, name, extra=_fit_words(s)))
    found = s.values(name)
    codes = np.where(np.isin(found, [*words.AGREEMENT]), found, CLASS_NODATA).astype("uint8")
    legend = [
        layouts.Category(code, called.capitalize(), AGREEMENT_COLOURS[code])
        for code, called in words.AGREEMENT.items()
    ]
    figure = layouts.categorical(
        sheet, s.context, s.shown[1], codes, legend, "Called suitable by", CLASS_NODATA
    )
    return [figure]


def selection(s: Scenario) -> list[Figure]:
    """Which ground collared cats pick."""
    return _of_evidence(s, "Ground that collared cats pick", habitat_selection)


def seasonal_selection(s: Scenario) -> list[Figure]:
    """Which ground collared cats pick in which season."""
    (name,) = list(s.maps)[:1]
    season = s.values(name)
    codes = np.where(np.isfinite(season), season, CLASS_NODATA).astype("uint8")
    summary = plain_files.read_table(s.path("summary"))
    row = summary.iloc[0]
    told = habitat_selection.headline(summary), habitat_selection.of_seasons(summary)
    sheet = s.sheet("Ground that collared cats pick, by season", name, extra=told)
    titles = (
        "in neither season", f"in {row['first_season']} only", f"in {row['second_season']} only",
        "in both seasons",
    )  # fmt: skip
    legend = [
        layouts.Category(code, title, colour)
        for code, (title, colour) in enumerate(zip(titles, SEASON_COLOURS, strict=True))
    ]
    return [_classes_of(s, sheet, codes, legend, "Picked before average ground")]


def occupancy(s: Scenario) -> list[Figure]:
    """Where cats live, from camera traps."""
    return _of_evidence(s, "Where cats live, from camera traps", of_cameras)


def corridors(s: Scenario) -> list[Figure]:
    """Ways between neighbouring key areas, by how much dearer than the best one they are."""
    above, frequency, area = list(s.maps)[:3]
    cost, core = s.values(above), np.nan_to_num(s.values(area)) > 0
    unknown = np.isnan(s.values(frequency))  # the cost is unknown off the corridors, too
    cutoff = plain_files.read_table(s.path("summary"))["cutoff_km"].iloc[0]
    steps = [cutoff * step for step in CORRIDOR_STEPS]
    codes = np.select(
        [core, unknown, *(cost <= step for step in steps)], [4, CLASS_NODATA, 1, 2, 3], 0
    ).astype("uint8")
    dearer = [f"at most {step:.0f} km of best ground dearer than the best way" for step in steps]
    told = {0: "no corridor", **dict(enumerate(dearer, 1)), 4: "key area"}
    sheet = _movement_sheet(s, "Corridors between key areas")
    legend = [layouts.Category(c, text, CORRIDOR_COLOURS[c]) for c, text in told.items()]
    return [_classes_of(s, sheet, codes, legend, "Corridors")]


def between(s: Scenario) -> list[Figure]:
    """Across how many kilometres the movements between two key areas are spread."""
    core = s.values("key_area") >= 1
    share, frequency = (s.values(name) for name in list(s.maps)[:2])
    spread = np.digitize(share, [100 / km for km in SPREAD_KM])  # the widest first
    codes = np.select(
        [core, np.isnan(frequency), np.isnan(share)], [len(BETWEEN_COLOURS), CLASS_NODATA, 0],
        spread + 1,
    )  # fmt: skip
    ends = pairwise([*SPREAD_KM, 0])
    told = [
        "no corridor", f"{SPREAD_KM[0]} km or more",
        *(f"{low} to {high} km" if low else f"less than {high} km" for high, low in ends),
        "key area",
    ]  # fmt: skip
    sheet = _movement_sheet(s, "Where movements between key areas crowd")
    colours = layouts.NOTHING_COLOUR, *BETWEEN_COLOURS
    legend = [layouts.Category(c, *of) for c, of in enumerate(zip(told, colours, strict=True))]
    return [_classes_of(s, sheet, codes.astype("uint8"), legend, "Spread across")]


def flow(s: Scenario) -> list[Figure]:
    """Where movements are held off, spread or crowd, and the pinch points."""
    kinds, pinch = (s.values(name) for name in list(s.maps)[:2])
    codes = np.where(kinds >= 1, kinds, CLASS_NODATA)
    codes = np.where(pinch > 0, len(FLOW_COLOURS), codes).astype("uint8")
    sheet = _movement_sheet(s, "Flow of movements")
    legend = [layouts.Category(c, *told) for c, told in enumerate(FLOW_COLOURS, 1)]
    return [_classes_of(s, sheet, codes, legend, "Against even ground")]


def crossings(s: Scenario) -> list[Figure]:
    """Which kilometres of lines hold most of the flow back."""
    pieces = vectors.read_layers(s.path("lines"))["crossings"]
    part = pieces["rank"].rank(pct=True)
    ends = pairwise([0.0, *CROSSING_STYLES])
    overlays = [
        layouts.Overlay(pieces[(part > low) & (part <= high)], *CROSSING_STYLES[high])
        for low, high in ends
    ]
    name = next(iter(s.maps))
    sheet = _movement_sheet(s, "Crossings: where lines hold movement back")
    scale = layouts.Scale("Rank of the flow of movements", palette="quiet")
    plain = replace(s.context, relief=None, roads=None, railways=None)
    shown = [overlay for overlay in overlays[::-1] if len(overlay.features)]
    return [layouts.polygons(sheet, plain, s.shown[1], s.values(name), scale, shown, "Kilometres")]


def resistance(s: Scenario) -> list[Figure]:
    """How hard ground is to cross."""
    name = next(iter(s.maps))
    sheet = _movement_sheet(s, "Resistance to movement")
    scale = layouts.Scale(
        "1 is the best ground", unit="", palette="risk",
        classes=layouts.Classes((2, 10, 30, 60, 99), RESISTANCE_WORDS),
    )  # fmt: skip
    return _numbers(s, sheet, name, scale)


SHEETS = {
    f.__name__: f
    for f in (
        habitat,
        habitat_reference,
        threat,
        dominant_threat,
        threats,
        value_at_risk,
        key_habitat,
        recommendations,
        chance_key,
        chance_top,
        measure_habitat,
        measure_threat,
        change,
        suitability,
        disagreement,
        corridors,
        between,
        flow,
        crossings,
        resistance,
        selection,
        seasonal_selection,
        occupancy,
    )
}
CORRIDOR_STEPS = (0.1, 0.4, 1.0)  # of the cut-off
CORRIDOR_COLOURS = {
    0: layouts.NOTHING_COLOUR,
    1: "#b35806",
    2: "#f1a340",
    3: "#fee0b6",
    4: "#1b7a4b",
}
SPREAD_KM = 50, 20, 10, 5
BETWEEN_COLOURS = "#e4ecf4", "#b5cfe6", "#6a9bd1", "#e69f00", "#b30000", "#1b7a4b"  # then areas
CROSSING_STYLES = {  # up to this part of all kilometres: words, style
    0.1: ("holds most back: the first tenth", {"color": "#b30000", "linewidth": 1.6}),
    0.3: ("holds much back: the next fifth", {"color": "#ee8866", "linewidth": 1.1}),
    1.0: ("holds less back", {"color": "#8c8c8c", "linewidth": 0.5}),
}
FLOW_COLOURS = (  # classes 1 to 4, and of the last the pinch points
    ("held off", "#f4f1e8"),
    ("spreads", "#b5cfe6"),
    ("intensified", "#6a9bd1"),
    ("crowds", "#274f92"),
    ("pinch point: much flow crowds", "#b30000"),
)
SEASON_COLOURS = ("#f4f1e8", "#56b4e9", "#e69f00", "#1b5e40")  # none, first, second, both
RESISTANCE_WORDS = ("best ground", "easy", "moderate", "hard", "very hard", "water, barriers")
EXTRAPOLATED = {"facecolor": "none", "edgecolor": "#59626a", "hatch": "....", "linewidth": 0.2}
CHANGE, LARGE_CHANGE = 0.002, 0.02  # of value at risk: less is told as nothing, as small
CHANGE_CLASSES = {  # code: words, colour
    0: (f"no change (less than {CHANGE:g})", layouts.NOTHING_COLOUR),
    1: (f"more at risk, surely: by {LARGE_CHANGE:g} and more", "#963070"),
    2: (f"more at risk, surely: by less than {LARGE_CHANGE:g}", "#d75a54"),
    3: ("more at risk, not surely", "#fbcf8f"),
    4: ("less at risk, not surely", "#d3e0a8"),
    5: ("less at risk, surely", "#3a8f7b"),
}
AGREEMENT_COLOURS = {0: layouts.NOTHING_COLOUR, 1: "#1b7a4b", 2: "#0072b2", 3: "#e69f00"}
KEY_STYLES = (
    (
        "key_degraded",
        "Degraded key habitat (restore)",
        {"facecolor": scales.DEGRADED, "edgecolor": "none"},
    ),
    ("key", "Key habitat", {"facecolor": scales.KEY, "edgecolor": "none"}),
    ("breeding_patch", "Breeding patch", {"facecolor": scales.BREEDING, "edgecolor": "none"}),
)
# Rules over key habitat: no two have the same colour and the same hatch.
RULE_COLOURS = ("#b30000", "#0047b3", "#000000", "#d97900", "#a3338a")
RULE_HATCHES = ("///", "\\\\\\", "xx", "---", "...")
WIDE = 0.1  # of the region: a rule that holds on more would cover the map
FEWEST = 0.005  # of the suitable land: less is not told
MOST_NAMED = 3
SUREST = 10
DRAWN = ISSUE, NO_DRAWS


def _numbers(s, sheet, name, scale, land=layouts.WHOLE) -> list[Figure]:
    return [layouts.continuous(sheet, s.context, s.shown[1], s.values(name), scale, land)]


def _chance(s, name, what, short, palette) -> list[Figure]:
    sheet = s.sheet(f"How sure: {what}", name, extra=_left_out(s))
    return _numbers(s, sheet, name, scales.chance(palette, f"Draws in which it is {short}"))


OTHERS, OTHERS_COLOUR = CLASS_NODATA - 1, "#8c8a84"  # of inputs that lead on least land


def _measure(s, name, what, *extra) -> list[Figure]:
    """The inputs behind most of the doubt; those that lead on least land are drawn as one."""
    sheet = s.sheet(f"What to measure to know {what} better", name, extra=extra)
    found, names = s.values(name), s.classes(name)
    clear, words_of_clear = measure.CLEAR
    there, cells = np.unique(found[~np.isin(found, [clear, CLASS_NODATA])], return_counts=True)
    first = there[np.argsort(-cells, kind="stable")][: len(QUALITATIVE)]
    kept = np.isin(found, [*first, clear, CLASS_NODATA])
    codes = np.where(kept, found, OTHERS).astype("uint8")
    legend = [
        layouts.Category(int(code), names[int(code)], colour)
        for code, colour in zip(first, QUALITATIVE, strict=False)
    ]
    if (codes == OTHERS).any():
        legend.append(layouts.Category(OTHERS, "other inputs", OTHERS_COLOUR))
    if (codes == clear).any() or not legend:
        legend.append(layouts.Category(clear, words_of_clear, layouts.NOTHING_COLOUR))
    figure = layouts.categorical(
        sheet, s.context, s.shown[1], codes, legend, "Behind most of the doubt", CLASS_NODATA
    )
    return [figure]


def _largest(threat) -> str:
    """The largest effect of a threat: its weight, and more where the threat itself stands."""
    own = threat["on_its_ground"]
    return f"{threat['largest']:g}" + (f", {own:g} on its own ground" if own else "")


def _unknown(s) -> tuple[str, ...]:
    """On how much of the suitable land a threat is unknown, and which threats are so most."""
    some, found = s.unknown_threats
    if not found:
        return ()
    titles = {name: s.config["threats"][name]["title"] for name in found}
    named = ", ".join(f"{titles[name]} {percent(found[name])}" for name in [*found][:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return (f"One or more threats are unknown on {percent(some)} of the suitable land, where this "
            f"map shows the others alone: {named}{more}",)  # fmt: skip


def _in_part(s, land) -> layouts.Land:
    """The land of a legend, which says the same of unknown threats as the sentence beneath."""
    some, found = s.unknown_threats
    if not found:
        return land
    told = {"in_part": "data, but not on every threat"}
    return replace(land, **told, in_part_share=f"{percent(some)} of {s.suitable.name}")


def _extrapolated(s) -> tuple[str, ...]:
    """Which surfaces behind a sheet are guessed where nothing was measured, and on how much."""
    found = []
    for name, far in s.extrapolated.items():
        known = np.isfinite(s.values(name))
        guessed = np.nanmean(s.values(far)[known]) if known.any() else 0
        if guessed > 0:
            found.append(extrapolated.told(s.maps[name].title, guessed))
    return tuple(found)


def _under_low_threat(s) -> tuple[str, ...]:
    """How much of the key habitat is under low threat, so that nobody reads it as endangered."""
    if not s.maps.get("threat"):
        return ()
    threat = s.values("threat")[s.values("key").astype(bool)]
    known = threat[np.isfinite(threat)]
    if not known.size:
        return ()
    limit = scales.THREAT_CLASSES.bounds[0]
    part = percent(np.mean(known < limit))
    return (f"{part} of the key habitat is under low cumulative threat (below {limit:g})",)


def _called(s, rule: str) -> str:
    return f"{rule} {s.config['rules'][rule]['title']}"


def _by_extent(s, found) -> tuple[list[str], list[str]]:
    """The rules with places: those that leave room for others on a map, and those that do not."""
    land = np.isfinite(s.values("habitat")).sum() * abs(s.shown[1].affine.determinant)
    there = [name for name, table in found.items() if len(table)]
    wide = [name for name in there if found[name].area.sum() > WIDE * land]
    narrow = [name for name in there if name not in wide]
    most = len(RULE_COLOURS) * len(RULE_HATCHES)
    return narrow[:most], wide + narrow[most:]


def _not_drawn(s, wide) -> str:
    """Which rules hold on so much of the map that they would cover it; empty for none."""
    named = ", ".join(_called(s, name) for name in wide)
    told = f"NOT DRAWN, as they cover much of the map: {named}. See the sheet of all rules."
    return told if wide else ""


def _rules_left_out(s, found) -> list[str]:
    """Which rules a sheet does not show, and why."""
    known, rules = s.config["not_assessed"], s.config["rules"]
    left_out = {
        "Rules not assessed (see recommendations.csv)": [name for name in rules if name in known],
        "Rules withheld, not for publication": list(s.config["withheld"]),
        "Rules that no place meets": [name for name, table in found.items() if not len(table)],
    }
    return [
        f"{why}: {', '.join(_called(s, name) for name in names)}"
        for why, names in left_out.items()
        if names
    ]


def _how_sure(found) -> list[str]:
    """In how many draws recommendations hold, and the surest places by name."""
    every = pd.concat([t.drop(columns="geometry") for t in found.values()], ignore_index=True)
    if not len(every) or every["support"].isna().all():
        return ["Made without uncertainty draws: confidence is not assessed"]
    of = every["verdict"].value_counts()
    surest = every[every["verdict"] == ISSUE].sort_values(
        ["support", "value_at_risk_km2"], ascending=False
    )
    ten = surest[["zone", "support"]].head(SUREST).itertuples(index=False)
    named = [f"{i}. {zone} ({share:.0%})" for i, (zone, share) in enumerate(ten, 1)]
    least, doubt = (f"{100 * share:.0f}" for share in (confidence.SUPPORTED, confidence.DOUBTFUL))
    told = [
        f"{counted(of.get(ISSUE, 0), 'zone')} of rules in at least {least} % of the draws. "
        f"Not drawn: {of.get(SURVEY, 0)} to survey first ({doubt}-{least} %), "
        f"{of.get(UNSUPPORTED, 0)} not supported. {JOINED}"
    ]
    if named:
        told.append(f"Surest (share of draws), then by value at risk: {'; '.join(named)}")
    return told


def rule_style(place: int, table) -> dict:
    """How the rule at this place is drawn: areas as a hatched outline, lines in the same colour."""
    again, at = divmod(place, len(RULE_COLOURS))
    colour, hatch = RULE_COLOURS[at], RULE_HATCHES[(at + again) % len(RULE_HATCHES)]
    width = 2.2 if layouts.are_lines(table) else 0.8
    return {"facecolor": "none", "edgecolor": colour, "hatch": hatch, "linewidth": width}


def _of_evidence(s, title, analysis) -> list[Figure]:
    """The map of an analysis with what it rests on; hatched where it lies beyond the evidence."""
    name, beyond = list(s.maps)[:2]
    unlike = s.values(beyond)
    known = np.isfinite(unlike)
    share = float((unlike[known] > 0).mean()) if known.any() else 0.0
    told = analysis.headline(plain_files.read_table(s.path("summary")))
    far = f"{share:.0%} of the map is extrapolated to ground unlike any in the evidence"
    sheet = s.sheet(title, name, extra=(told, *([far] if share > 0 else [])))
    scale = layouts.Scale(analysis.LEGEND, palette="habitat")
    if not share:
        return _numbers(s, sheet, name, scale)
    grid = s.shown[1]
    far_off = layouts.Overlay(_outlines(unlike > 0, grid), "extrapolated", EXTRAPOLATED)
    plain = replace(s.context, relief=None)  # a shade would change colours that mean something
    return [layouts.polygons(sheet, plain, grid, s.values(name), scale, [far_off], "Evidence")]


def _movement_sheet(s, title) -> layouts.Sheet:
    """A sheet that tells what maps of movement rest on, and whether tracks bear them out.

    The tracks stand behind the lines, not behind the maps.
    """
    summary = plain_files.read_table(s.path("summary"))
    tested = str(summary["tested"].iloc[0])
    told = of_movement.headline(summary), tested, "Resistances are guesses"
    return s.sheet(title, next(iter(s.maps)), "lines", extra=told)


def _classes_of(s, sheet, codes, legend, heading) -> Figure:
    there = [category for category in legend if (codes == category.code).any()]
    return layouts.categorical(sheet, s.context, s.shown[1], codes, there, heading, CLASS_NODATA)


def _outlines(cells, grid) -> gpd.GeoDataFrame:
    """The patches of marked cells as polygons, without those of a few cells."""
    from scipy import ndimage  # takes long to import, and one sheet needs it

    plain = ndimage.median_filter(np.asarray(cells, "uint8"), 3)
    found = features.shapes(plain, plain == 1, transform=grid.affine)
    shapes = [shapely.geometry.shape(of) for of, _ in found]
    return gpd.GeoDataFrame(geometry=shapes, crs=str(grid.crs))


FIT_TABLES = ("evaluation", "thresholds")


def _fit_words(s) -> tuple[str, ...]:
    """How many records, how good on unseen ones, and which thresholds."""
    return words.sentences(*(plain_files.read_table(s.tables[name]) for name in FIT_TABLES))


def _doubted(s, sheet) -> layouts.Sheet:
    """The sheet with a notice first that there is no fit, or that it misses its gate, if so."""
    evaluation, thresholds = (plain_files.read_table(s.tables[n]) for n in FIT_TABLES)
    told = words.no_fit(evaluation), words.doubt(thresholds), sheet.notice
    return replace(sheet, notice=" ".join(filter(None, told)))


def _left_out(s) -> tuple[str, ...]:
    names = [
        s.config["threats"][n]["title"]
        for n in s.config["not_assessed"]
        if n in s.config["threats"]
    ]
    return (f"Not assessed, no layer: {', '.join(names)}",) if names else ()


def _round_top(values) -> float:
    """A round upper end of the scale: the 99.5th percentile, rounded up to a tenth."""
    known = values[np.isfinite(values)]
    return (
        float(np.clip(np.ceil(np.percentile(known, 99.5) * 10) / 10, 0.1, 1)) if known.size else 1.0
    )
