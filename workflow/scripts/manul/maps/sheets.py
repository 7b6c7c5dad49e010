"""Map sheets of a scenario: which map, which words, which legend.

To add a sheet: write a function of `Scenario` that returns a figure, name it in SHEETS, and say in
workflow/schemas/sheets.yaml which maps and tables it shows, with its caption.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from odc.geo.geobox import GeoBox

from manul import __version__
from manul.analyses import suitability_words as words
from manul.config.hints import counted
from manul.grid import plain_files, provenance, vectors
from manul.grid.block_maps import CLASS_NODATA
from manul.grid.burn import burn
from manul.grid.datasets import Source, open_maps, reduced
from manul.grid.map_tags import read_provenance
from manul.maps import layouts

THREAT_CLASSES = layouts.Classes((0.2, 0.4, 0.6), ("low", "moderate", "high", "very high"))
EFFECT_CLASSES = layouts.Classes(
    (0.01, 0.05, 0.1, 0.2, 0.4), ("none", "slight", "low", "moderate", "high", "very high")
)


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
    panels: int = 1

    @cached_property
    def shown(self) -> tuple[int | None, GeoBox]:
        """The overview that is fine enough for paper (None: the map itself), and its grid."""
        fine = layouts.cells_on_paper(self.grid) * np.sqrt(self.panels)
        level = int(np.ceil(np.log2(max(fine, 1))))
        return (level - 1 if level else None), reduced(self.grid, level)

    def values(self, name: str) -> np.ndarray:
        """A map at the size of `shown`."""
        level, _ = self.shown
        return open_maps({name: self.maps[name]}, chunks=None, overview=level)[name].values

    def small(self, panels: int) -> "Scenario":
        """The same for a sheet of so many maps side by side: a coarser overview will do."""
        return replace(self, panels=panels)

    def sheet(self, title: str, *used: str, extra: tuple = ()) -> layouts.Sheet:
        """Head, notice, data table and foot of a sheet that shows these maps and tables."""
        record = provenance.merge(*(read_provenance(self.path(name)) for name in used))
        config = self.config
        rows = [(v["title"], str(v["date"]), v["status"], v["source"]) for v in record.values()]
        caveats = [f"{v['title']}: {v['caveat']}" for v in record.values() if v.get("caveat")]
        return layouts.Sheet(
            title=title,
            subtitle=" · ".join(
                [config["region"]["title"], config["scenario_title"], f"as of {config['as_of']}"]
            ),
            notice=provenance.notice(record),
            limitations=(*extra, *config["limitations"], *caveats),
            sources=rows,
            footer=(
                config["species"]["status"],
                f"Manul {__version__}, run {self.digest}",
                f"data {provenance.age(record)}",
                "not a legal boundary",
            ),
        )

    def path(self, name: str) -> str:
        """The file of a map or a table."""
        return self.maps[name].path if name in self.maps else self.tables[name]


def habitat(s: Scenario) -> Figure:
    """Habitat suitability at present."""
    told = words.threshold_words(s.config["key_habitat"])
    title = f"Habitat of the {s.config['species']['title']} at present"
    sheet = s.sheet(title, "habitat", extra=(told,))
    return _numbers(s, sheet, "habitat", _suitability(s))


def habitat_reference(s: Scenario) -> Figure:
    """Habitat before the loss, of marmot burrows for example."""
    sheet = s.sheet(f"Habitat before the loss of {s.config['loss']}", "habitat_reference")
    return _numbers(s, sheet, "habitat_reference", _suitability(s))


def threat(s: Scenario) -> Figure:
    """Cumulative threat in classes."""
    sheet = s.sheet("Cumulative threat", "threat", extra=_left_out(s))
    scale = layouts.Scale("Share of habitat value lost", palette="threat", classes=THREAT_CLASSES)
    return _numbers(s, sheet, "threat", scale)


def dominant_threat(s: Scenario) -> Figure:
    """The strongest threat of each cell, by group."""
    sheet = s.sheet("Strongest threat", "dominant_threat", extra=_left_out(s))
    groups = list(s.config["groups"])
    number = {g: i for i, g in enumerate(groups, 1)}
    lookup = np.full(256, CLASS_NODATA, "uint8")
    lookup[0] = 0
    for i, name in enumerate(s.config["assessed"], 1):
        lookup[i] = number[s.config["threats"][name]["group"]]
    codes = lookup[s.values("dominant_threat")]
    nothing = f"no threat above {s.config['dominant_floor']:g}"
    legend = [layouts.Category(0, nothing, layouts.NOTHING_COLOUR)]
    legend += [
        layouts.Category(i, s.config["groups"][g]["title"], s.config["groups"][g]["colour"])
        for g, i in number.items()
        if (codes == i).any()
    ]
    return layouts.categorical(
        sheet, s.context, s.shown[1], codes, legend, "Group of the strongest single threat",
        nodata=CLASS_NODATA,
    )  # fmt: skip


def threats(s: Scenario) -> Figure:
    """Every threat's effect, side by side."""
    s = s.small(len(s.maps))
    sheet = s.sheet("Threats side by side", *s.maps, extra=_left_out(s))
    panels = []
    for name in s.config["assessed"]:
        block, called = s.config["threats"][name], f"effect_{name}"
        status = provenance.worst_status(read_provenance(s.path(called)))
        told = f"largest effect {block['weight']:g} · IUCN {block['iucn']}"
        panels.append(layouts.Panel(block["title"], told, s.values(called), status))
    scale = layouts.Scale("Effect of the threat", palette="threat", classes=EFFECT_CLASSES)
    return layouts.small_multiples(sheet, s.context, s.shown[1], panels[:16], scale)


def value_at_risk(s: Scenario) -> Figure:
    """Where good habitat meets threat."""
    title = "Value at risk: where good habitat meets threat"
    sheet = s.sheet(title, "value_at_risk", extra=_left_out(s))
    top = _round_top(s.values("value_at_risk"))
    scale = layouts.Scale("Reference habitat x threat", palette="risk", vmax=top)
    return _numbers(s, sheet, "value_at_risk", scale)


def key_habitat(s: Scenario) -> Figure:
    """Key habitat and recommendations that may be published."""
    sheet = s.sheet(
        "Key habitat and recommendations", "key_habitat", "recommendations",
        extra=(
            *_left_out(s), words.threshold_words(s.config["key_habitat"]),
            "One run without uncertainty draws: confidence is not assessed",
        ),
    )  # fmt: skip
    key = vectors.read_layers(s.path("key_habitat"))
    found = vectors.read_layers(s.path("recommendations"))
    rules = s.config["rules"]
    overlays = [
        layouts.Overlay(key[name], label, style)
        for name, label, style in KEY_STYLES
        if len(key[name])
    ]
    overlays += [
        layouts.Overlay(found[name], f"{name} {rules[name]['title']}", style)
        for name, style in RULE_STYLES.items()
        if name in found and len(found[name])
    ]
    scale = layouts.Scale("Habitat now", palette="quiet")
    return layouts.polygons(
        sheet, s.context, s.shown[1], s.values("habitat"), scale, overlays,
        "Key habitat and recommendations",
    )  # fmt: skip


def recommendations(s: Scenario) -> Figure:
    """Where each rule that may be published holds, side by side."""
    path = s.path("recommendations")
    s = s.small(len(s.config["rules"]))
    sheet = s.sheet("Recommendations, rule by rule", "recommendations", extra=_left_out(s))
    panels, weakest = [], provenance.worst_status(read_provenance(path))
    for name, table in vectors.read_layers(path).items():
        shown = burn(((g, 1) for g in table.geometry), s.shown[1])
        amount = counted(len(table), "place") if len(table) else "no place meets the rule"
        status = table["data_status"].iloc[0] if len(table) else weakest
        title = f"{name} {s.config['rules'][name]['title']}"
        panels.append(layouts.Panel(title, amount, shown, status))
    classes = layouts.Classes((0.5,), ("elsewhere", "recommended here"), told=False)
    scale = layouts.Scale("Where the rule holds", unit="", palette="threat", classes=classes)
    return layouts.small_multiples(sheet, s.context, s.shown[1], panels[:16], scale)


def suitability(s: Scenario) -> Figure:
    """Suitability fitted to the records, with how well it does on records it has not seen."""
    (name,) = s.maps
    sheet = s.sheet("Suitability fitted to records", name, extra=_fit_words(s))
    return _numbers(s, sheet, name, layouts.Scale("Fitted suitability", palette="habitat"))


def disagreement(s: Scenario) -> Figure:
    """Where the fit and the expert model call different places suitable."""
    (name,) = s.maps
    sheet = s.sheet("Where records and expert model disagree", name, extra=_fit_words(s))
    found = s.values(name)
    codes = np.where(np.isin(found, [*words.AGREEMENT]), found, CLASS_NODATA).astype("uint8")
    legend = [
        layouts.Category(code, called.capitalize(), AGREEMENT_COLOURS[code])
        for code, called in words.AGREEMENT.items()
    ]
    return layouts.categorical(
        sheet, s.context, s.shown[1], codes, legend, "Called suitable by", nodata=CLASS_NODATA
    )


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
        suitability,
        disagreement,
    )
}
AGREEMENT_COLOURS = {0: layouts.NOTHING_COLOUR, 1: "#1b7a4b", 2: "#0072b2", 3: "#e69f00"}
KEY_STYLES = (
    (
        "key_degraded",
        "Degraded key habitat (restore)",
        {"facecolor": "#c7b8dd", "edgecolor": "none"},
    ),
    ("key", "Key habitat", {"facecolor": "#8fc5a2", "edgecolor": "none"}),
    ("breeding_patch", "Breeding patch", {"facecolor": "#1b7a4b", "edgecolor": "none"}),
)
RULE_STYLES = {
    "R3": {"facecolor": "#e69f00", "edgecolor": "#8a5a00", "linewidth": 0.4},
    "R4": {"color": "#b30000", "linewidth": 2.2},
    "R5": {"facecolor": "none", "edgecolor": "#0047b3", "hatch": "///", "linewidth": 0.6},
}


def _suitability(s) -> layouts.Scale:
    suitable, key = (s.config["key_habitat"][name] for name in ("suitable", "key"))
    limits = {"marginal": suitable / 2, "suitable": suitable, "key": key, "best": (1 + key) / 2}
    if suitable == key:  # so it may come from the records: then all that is suitable is key
        del limits["suitable"]
    bounds, names = tuple(limits.values()), ("poor", *limits)
    return layouts.Scale(
        "Habitat suitability", palette="habitat", classes=layouts.Classes(bounds, names)
    )


def _numbers(s, sheet, name, scale) -> Figure:
    return layouts.continuous(sheet, s.context, s.shown[1], s.values(name), scale)


def _fit_words(s) -> tuple[str, ...]:
    """How many records, how good on unseen ones, and which thresholds."""
    told = (plain_files.read_table(s.tables[name]) for name in ("evaluation", "thresholds"))
    return words.sentences(*told)


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
