"""Map sheets of a scenario: which map, which words, which legend.

To add a sheet: write a function of `Scenario` that returns a figure, name it in SHEETS, and give it
a caption in workflow/report.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from manul import __version__
from manul.analyses import fit_words
from manul.grid import map_tags, plain_files, provenance, rasters, vectors
from manul.grid.block_maps import CLASS_NODATA
from manul.grid.burn import burn
from manul.maps import layouts

THREAT_CLASSES = layouts.Classes((0.2, 0.4, 0.6), ("low", "moderate", "high", "very high"))
EFFECT_CLASSES = layouts.Classes(
    (0.01, 0.05, 0.1, 0.2, 0.4), ("none", "slight", "low", "moderate", "high", "very high")
)


@dataclass(frozen=True)
class Scenario:
    """What a sheet is drawn from: files by name, the grid, the words of the config, the context."""

    files: dict
    grid: object
    config: dict
    context: layouts.Context
    digest: str

    def sheet(self, title: str, *used: str, extra: tuple = ()) -> layouts.Sheet:
        """Head, notice, data table and foot of a sheet that shows these files."""
        record = provenance.merge(
            *(map_tags.read_provenance(f) for name in used for f in self.paths(name))
        )
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
                provenance.SPECIES,
                f"Manul {__version__}, run {self.digest}",
                f"data {provenance.age(record)}",
                "not a legal boundary",
            ),
        )

    def paths(self, name: str) -> list[str]:
        """The file or files of one name."""
        found = self.files[name]
        return [found] if isinstance(found, str) else list(found)


def habitat(s: Scenario) -> Figure:
    """Habitat suitability at present."""
    words = fit_words.threshold_words(s.config["key_habitat"])
    sheet = s.sheet("Habitat of the Pallas's cat at present", "habitat", extra=(words,))
    return layouts.continuous(
        sheet, s.context, s.grid, rasters.read_map(s.files["habitat"]), _suitability(s)
    )


def habitat_reference(s: Scenario) -> Figure:
    """Habitat before the loss of marmot burrows."""
    sheet = s.sheet("Habitat before the loss of marmots", "reference")
    values = rasters.read_map(s.files["reference"])
    return layouts.continuous(sheet, s.context, s.grid, values, _suitability(s))


def threat(s: Scenario) -> Figure:
    """Cumulative threat in classes."""
    sheet = s.sheet("Cumulative threat", "threat", extra=_left_out(s))
    scale = layouts.Scale("Share of habitat value lost", palette="threat", classes=THREAT_CLASSES)
    return layouts.continuous(sheet, s.context, s.grid, rasters.read_map(s.files["threat"]), scale)


def dominant_threat(s: Scenario) -> Figure:
    """The strongest threat of each cell, by group."""
    sheet = s.sheet("Strongest threat", "dominant", extra=_left_out(s))
    groups = list(s.config["groups"])
    number = {g: i for i, g in enumerate(groups, 1)}
    lookup = np.full(256, CLASS_NODATA, "uint8")
    lookup[0] = 0
    for i, name in enumerate(s.config["assessed"], 1):
        lookup[i] = number[s.config["threats"][name]["group"]]
    codes = lookup[rasters.read_map(s.files["dominant"])]
    nothing = f"no threat above {s.config['dominant_floor']:g}"
    legend = [layouts.Category(0, nothing, layouts.NOTHING_COLOUR)]
    legend += [
        layouts.Category(i, s.config["groups"][g]["title"], s.config["groups"][g]["colour"])
        for g, i in number.items()
        if (codes == i).any()
    ]
    return layouts.categorical(
        sheet, s.context, s.grid, codes, legend, "Group of the strongest single threat",
        nodata=CLASS_NODATA,
    )  # fmt: skip


def threats(s: Scenario) -> Figure:
    """Every threat's effect, side by side."""
    sheet = s.sheet("Threats side by side", "threats", extra=_left_out(s))
    panels = []
    for name, path in zip(s.config["assessed"], s.paths("threats"), strict=True):
        block = s.config["threats"][name]
        status = provenance.worst_status(map_tags.read_provenance(path))
        words = f"largest effect {block['weight']:g} · IUCN {block['iucn']}"
        panels.append(layouts.Panel(block["title"], words, rasters.read_map(path), status))
    scale = layouts.Scale("Effect of the threat", palette="threat", classes=EFFECT_CLASSES)
    return layouts.small_multiples(sheet, s.context, s.grid, panels[:16], scale)


def value_at_risk(s: Scenario) -> Figure:
    """Where good habitat meets threat."""
    sheet = s.sheet("Value at risk: where good habitat meets threat", "value", extra=_left_out(s))
    values = rasters.read_map(s.files["value"])
    scale = layouts.Scale("Reference habitat x threat", palette="risk", vmax=_round_top(values))
    return layouts.continuous(sheet, s.context, s.grid, values, scale)


def key_habitat(s: Scenario) -> Figure:
    """Key habitat and recommendations that may be published."""
    sheet = s.sheet(
        "Key habitat and recommendations", "key", "recommendations",
        extra=(
            *_left_out(s), fit_words.threshold_words(s.config["key_habitat"]),
            "One run without uncertainty draws: confidence is not assessed",
        ),
    )  # fmt: skip
    key = vectors.read_layers(s.files["key"])
    found = vectors.read_layers(s.files["recommendations"])
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
        sheet, s.context, s.grid, rasters.read_map(s.files["habitat"]), scale, overlays,
        "Key habitat and recommendations",
    )  # fmt: skip


def recommendations(s: Scenario) -> Figure:
    """Where each rule that may be published holds, side by side."""
    sheet = s.sheet("Recommendations, rule by rule", "recommendations", extra=_left_out(s))
    panels, weakest = (
        [],
        provenance.worst_status(map_tags.read_provenance(s.files["recommendations"])),
    )
    for name, table in vectors.read_layers(s.files["recommendations"]).items():
        shown = burn(((g, 1) for g in table.geometry), s.grid)
        amount = f"{len(table)} places" if len(table) else "no place meets the rule"
        status = table["data_status"].iloc[0] if len(table) else weakest
        panels.append(
            layouts.Panel(f"{name} {s.config['rules'][name]['title']}", amount, shown, status)
        )
    classes = layouts.Classes((0.5,), ("elsewhere", "recommended here"), told=False)
    scale = layouts.Scale("Where the rule holds", unit="", palette="threat", classes=classes)
    return layouts.small_multiples(sheet, s.context, s.grid, panels[:16], scale)


def suitability(s: Scenario) -> Figure:
    """Suitability fitted to the records, with how well it does on records it has not seen."""
    sheet = s.sheet("Suitability fitted to records", "fitted", extra=_fit_words(s))
    scale = layouts.Scale("Fitted suitability", palette="habitat")
    return layouts.continuous(sheet, s.context, s.grid, rasters.read_map(s.files["fitted"]), scale)


def disagreement(s: Scenario) -> Figure:
    """Where the fit and the expert model call different places suitable."""
    sheet = s.sheet("Where records and expert model disagree", "disagreement", extra=_fit_words(s))
    found = rasters.read_map(s.files["disagreement"], fit_words.DISAGREEMENT.index("agreement") + 1)
    codes = np.where(np.isnan(found), CLASS_NODATA, found).astype("uint8")
    legend = [
        layouts.Category(code, name.capitalize(), AGREEMENT_COLOURS[code])
        for code, name in fit_words.AGREEMENT.items()
    ]
    return layouts.categorical(
        sheet, s.context, s.grid, codes, legend, "Called suitable by", nodata=CLASS_NODATA
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


def _fit_words(s) -> tuple[str, ...]:
    """How many records, how good on unseen ones, and which thresholds."""
    return fit_words.sentences(
        plain_files.read_table(s.files["evaluation"]), plain_files.read_table(s.files["thresholds"])
    )


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
