"""The page on which one reads what would come back without each threat."""

from functools import partial

import pandas as pd

from manul.pages import amounts, figures
from manul.pages.html import Section
from manul.products.units import REGION
from manul.uncertainty.without import GAINS

SHOWN = 12  # threats on a figure
NAMED = 3  # in sentences
OF_UNIT = 2  # in the table of units
amount = partial(amounts.amount, least=0.05)  # km2: 5 ha


def sections(table: pd.DataFrame, cells: int, draws: int) -> list[Section]:
    """What the page says and shows of the table of `without`."""
    region = table[table["unit"] == REGION]
    made = [_in_short(region[region["change"] == "without"], draws)]
    made += [_of(region, "without", "Each threat taken away"), _of(region, "halved", "Each halved")]
    units = table[(table["unit"] != REGION) & (table["change"] == "without")]
    made += [_units(units)] if len(units) else []
    return [*made, _how_made(cells, draws)]


def _in_short(table, draws) -> Section:
    first = list(table.itertuples())[:NAMED]
    told = [
        f"Without {_small(row.threat)}: {amount(row.quality_km2_mean)} km² of full quality would "
        f"come back ({amount(row.quality_km2_p05)} to {amount(row.quality_km2_p95)} in 90 % of "
        f"the draws), {amount(row.quality_in_key_km2_mean)} of it on land good enough for key "
        f"habitat. In {row.most_in_draws:.0%} of the draws this is the largest gain of all."
        for row in first
        if row.quality_km2_mean > 0
    ]
    again = table[table["key_cell_km2_mean"] > 0]
    told += [
        f"Without {_small(row.threat)}, {amount(row.key_cell_km2_mean)} km² "
        f"({amount(row.key_cell_km2_p05)} to {amount(row.key_cell_km2_p95)}) would be good "
        "enough for key habitat again."
        for row in again.itertuples()
    ]
    nothing = "No threat takes anything: nothing would come back."
    bars = pd.DataFrame(
        {
            "words": table["threat"],
            "value": table["quality_km2_mean"],
            "low": table["quality_km2_p05"],
            "high": table["quality_km2_p95"],
        }
    )[:SHOWN]
    image = figures.intervals(bars, "quality regained (km² of full quality)")
    return Section("In short", told or [nothing], figures=[("", image)])


def _of(region, change, title) -> Section:
    table = region[region["change"] == change]
    shown = pd.DataFrame({"threat": table["threat"]})
    for name, words in GAINS.items():
        shown[f"{words} (km²)"] = [_interval(row, name) for row in table.to_dict("records")]
    shown["largest gain in"] = [f"{share:.0%}" for share in table["most_in_draws"]]
    return Section(title, tables=[("", shown)])


def _units(table) -> Section:
    rows = []
    for unit, part in table.groupby("unit", sort=False):
        first = part[part["quality_km2_mean"] > 0].head(OF_UNIT).to_dict("records")
        named = [f"{row['threat']} ({_interval(row, 'quality_km2')} km²)" for row in first]
        rows.append({"unit": unit, "most comes back without": "; ".join(named) or "no threat"})
    return Section("In each unit", tables=[("", pd.DataFrame(rows))])


def _how_made(cells, draws) -> Section:
    return Section(
        "How this was found",
        [
            f"The model was evaluated on {cells:,} cells of the region in {draws} draws, in each "
            "once more for each threat without its effect, and with half of it; all else stays as "
            "it is. Quality is habitat before the loss times what the threats leave of it: 1 km² "
            "of full quality is the best habitat without any threat.",
            "Land is counted as good enough for key habitat again only where the threat is itself "
            "a loss of habitat, and without the rule of the smallest patch. The gains of two "
            "threats do not add up.",
            "All numbers are in without_threats.csv, for the region and each unit.",
        ],
    )


def _interval(row: dict, name: str) -> str:
    low, high = (amount(row[f"{name}_{end}"]) for end in ("p05", "p95"))
    mean = amount(row[f"{name}_mean"])
    return mean if low == mean == high else f"{mean} ({low} to {high})"


def _small(title: str) -> str:
    return title[:1].lower() + title[1:] if title[1:2].islower() else title
