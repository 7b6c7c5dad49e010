"""The report of a region: method, data, results, doubt, limits; every number from files of the run.

Each function gives one section for `pages.html`.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from manul.config.hints import counted
from manul.grid import provenance
from manul.model.cumulative import CUMULATIVE
from manul.pages.amounts import amount, gained
from manul.pages.html import Section
from manul.products.confidence import ISSUE, SURVEY
from manul.products.units import REGION

FIRST = 10  # inputs that matter, and places, in a table
SHOWN = {
    "unit": "unit", "area_km2": "land (km²)", "suitable_km2": "suitable (km²)",
    "key_km2": "key habitat (km²)", "key_protected_percent": "of it protected (%)",
    "mean_threat": "mean threat", "value_at_risk_km2": "value at risk (km²)",
    "threat_1": "strongest threat",
}  # fmt: skip
METHOD = (
    "H = Π gates · (Π component^w)^(1 / Σ w). The habitat of a cell is what its gates let through "
    "of the weighted geometric mean of its components, each 0 to 1 and none below {floor:g}, over "
    "those that are known; where less than {known:.0%} of the weights is known, it is unknown.",
    "e = w · t, cut at 1. The effect of a threat is its weight times its intensity (0 to 1).",
    "{threat}",
    "Q = H_ref (1 − T), R = H_ref T: what the threats leave of the habitat, and what they put at "
    "risk, where H_ref is the habitat before the loss of {loss}.",
    "Key habitat are cells with H of at least {key:g} in patches of at least {core:g} km²; "
    "breeding patches have at least {breeding:g} km². From {suitable:g} on a cell is suitable.",
)


def in_short(
    units: pd.DataFrame | None,
    actions: pd.DataFrame,
    animals: str,
    of_draws: pd.DataFrame | None = None,
) -> Section:
    """Key habitat, threat and what to do, in a few sentences.

    `of_draws`: key habitat and animals by unit over the draws, with a row of the whole region.
    """
    told = []
    if units is not None and len(units):
        key, land = units["key_km2"].sum(), units["area_km2"].sum()
        low, high = (units[f"{animals}_{end}"].sum() for end in ("low", "high"))
        holds = f"{key:,.0f} km² are key habitat"
        if of_draws is not None:
            region = of_draws.set_index("unit").loc[REGION]
            low, high = (region[f"{animals}_{end}"] for end in ("low", "high"))
            ends = f"{region['key_km2_p05']:,.0f} to {region['key_km2_p95']:,.0f}"
            mean = f"{region['key_km2_mean']:,.0f}"
            holds = (
                f"{ends} km² are key habitat in 90 % of the draws of all uncertain numbers, {mean} "
                f"on average; {key:,.0f} with the values of the config, which the maps show"
            )
        told.append(
            f"Of {land:,.0f} km² of land {holds}. By densities from elsewhere the region could "
            f"hold {low:,.0f} to {high:,.0f} {animals}, where all of it is lived in: a range, no "
            "count."
        )
    if len(actions):
        issued = actions[actions["verdict"] == ISSUE]
        survey = int((actions["verdict"] == SURVEY).sum())
        told.append(
            f"{counted(len(actions), 'place')} with a recommendation: {len(issued)} to act on, "
            f"{survey} where a survey comes first."
        )
    return Section("In short", told or ["No unit and no rule is told in the config."])


def by_unit(units: pd.DataFrame) -> Section:
    """The units, with 90 % of the draws where there are draws."""
    rows = []
    for row in units.to_dict("records"):
        told = {}
        for name, title in SHOWN.items():
            value, low, high = (row.get(n) for n in (name, f"{name}_p05", f"{name}_p95"))
            ends = "" if pd.isna(low) else f" ({_figure(low)} to {_figure(high)})"
            told[title] = "" if pd.isna(value) else f"{_figure(value)}{ends}"
        rows.append(told)
    if "key_km2_p05" in units:
        words = ["In brackets: 90 % of the draws of all uncertain numbers."]
    else:
        words = ["Made without draws: how sure the numbers are was not assessed."]
    return Section("By unit", words, [("", pd.DataFrame(rows))])


def to_do(actions: pd.DataFrame, titles: Mapping[str, str]) -> Section:
    """How many places each rule has, and the first ones of all."""
    rows = [
        {"rule": rule, "what": titles.get(str(rule), ""), "action": of["action"].iloc[0],
         "to act on": int((of["verdict"] == ISSUE).sum()),
         "survey first": int((of["verdict"] == SURVEY).sum())}
        for rule, of in actions.groupby("rule", sort=True)
    ]  # fmt: skip
    best = actions[actions["verdict"] == ISSUE] if (actions["verdict"] == ISSUE).any() else actions
    first = best.sort_values("gain_km2", ascending=False, kind="stable").head(FIRST)
    places = [
        {"what": row.title, "where": f"{row.place} ({row.unit})", "who": row.agency,
         "gain (km² of full quality)": gained(row._asdict(), "")}
        for row in first.itertuples()
    ]  # fmt: skip
    tables = [("Rules", pd.DataFrame(rows)), ("The largest gains", pd.DataFrame(places))]
    return Section("What to do", ["All places are in actions.xlsx, with reasons."], tables)


def method(told: Mapping) -> Section:
    """The equations, with the numbers of the config that stand in them."""
    key = told["key"]
    values = {
        "floor": told["floor"], "known": told["known_weight"], "loss": told["loss"] or "nothing",
        "threat": CUMULATIVE[told["cumulative"]].words, "suitable": key["suitable"],
        "key": key["key"], "core": key["core_km2"], "breeding": key["breeding_km2"],
    }  # fmt: skip
    return Section("Method", [line.format(**values) for line in METHOD])


def numbers(parameters: Iterable[Mapping]) -> Section:
    """Every number of the model that has a range or a status."""
    rows = [
        {"number": p["words"], "unit": p["unit"], "value": f"{p['value']:g}",
         "range": f"{p['range'][0]:g} to {p['range'][1]:g}" if p["range"] else "",
         "status": {"F": "published", "G": "expert guess"}.get(p["status"], p["status"])}
        for p in parameters
        if p["used"]
    ]  # fmt: skip
    guessed = sum(row["status"] == "expert guess" for row in rows)
    words = [
        f"{counted(len(rows), 'number')} with a range or a status, "
        f"{guessed} of them expert guesses."
    ]
    return Section("Numbers of the model", words, [("", pd.DataFrame(rows))] if rows else [])


def data(
    record: Mapping[str, Mapping], absent: Mapping[str, str], not_assessed: Mapping[str, str]
) -> Section:
    """Each layer with source, date, licence and status, and what is not there."""
    rows = [
        {"layer": v["title"], "date": v["date"], "status": v["status"],
         "places known to": _metres(v.get("positional_error_m")),
         "source": v["source"], "licence": v["licence"], "caveat": v.get("caveat") or ""}
        for v in record.values()
    ]  # fmt: skip
    words = [f"No data on: {'; '.join(sorted(absent.values()))}."] if absent else []
    if not_assessed:
        named = ", ".join(not_assessed.values())
        words.append(f"Not assessed for want of data, and not drawn as absent: {named}.")
    return Section("Data", words, [("", pd.DataFrame(rows))] if rows else [])


def field_records(summaries: Mapping[str, pd.DataFrame]) -> Section:
    """How many rows of each field table came, and what became of them."""
    rows = [
        {"table": title, "rows": row.rows, "number": int(row.number)}
        for title, table in summaries.items()
        for row in table.itertuples()
    ]
    words = ["Rows that were rejected are in records/, each with its reason."]
    return Section("Field records", words, [("", pd.DataFrame(rows))])


def doubt(matters: pd.DataFrame | None, draws: int) -> Section:
    """What the results hang on most."""
    if matters is None:
        return Section("How sure", ["This was not assessed: one run, no draws."])
    of = matters[(matters["unit"] == REGION) & (matters["outcome"] == "key_cell_km2")]
    first = of.sort_values("rank").head(FIRST)
    table = pd.DataFrame(
        {"input": first["words"], "share of the doubt": [f"{x:.0%}" for x in first["total"]],
         "95 % interval": [f"{a:.0%} to {b:.0%}" for a, b in
                           zip(first["total_low"], first["total_high"], strict=True)]}
    )  # fmt: skip
    words = [
        f"All numbers with a range were drawn {draws} times together. The table names the inputs "
        "behind most of the variance of the area of key habitat (total Sobol index)."
    ]
    return Section("How sure", words, [("", table)])


def limits(sentences: Iterable[str], record: Mapping[str, Mapping]) -> Section:
    """The limits of the method and of the layers."""
    told = (*sentences, *provenance.caveats(record))
    return Section("Limits", [_sentence(text) for text in told])


def references(record: Mapping[str, Mapping], version: str, digest: str) -> Section:
    """What to cite, and how to find this run again."""
    sources = sorted({str(v["source"]) for v in record.values() if v["status"] != "illustrative"})
    run = f"Made by Manul {version}, run {digest}: the same inputs give the same digest."
    return Section("References", [*map(_sentence, sources), run])


def pictures(files: Sequence[tuple[str, bytes]]) -> Section:
    """Map sheets with their captions."""
    return Section("Maps", [], [], list(files))


# ------------------------------------------------------------------------------------- helpers


def _metres(value) -> str:
    return "" if pd.isna(value) else f"{value:,g} m"


def _figure(value) -> str:
    return value if isinstance(value, str) else amount(value, least=0)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
