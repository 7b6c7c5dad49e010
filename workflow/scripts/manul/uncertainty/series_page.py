"""The page on which one reads how threats and habitat went from date to date."""

from collections.abc import Mapping

import pandas as pd

from manul.pages import figures
from manul.pages.amounts import signed
from manul.pages.html import Section
from manul.products.units import REGION
from manul.uncertainty.series import FALLS, NONE, OUTCOMES, RISES, SAME


def sections(
    table: pd.DataFrame, trends: pd.DataFrame, titles: Mapping[str, str], years: float, last: bytes
) -> list[Section]:
    """What the page says and shows of the tables of `series`.

    `titles` of the layers of reports, counted over so many `years`; `last` is the animation.
    """
    region = table[table["unit"] == REGION]
    of_region = trends[trends["unit"] == REGION]
    made = [Section("In short", [_sentence(row, titles) for row in of_region.to_dict("records")])]
    pictures = []
    for name in of_region["outcome"]:
        ends = {end: region[f"{name}_{end}"].to_numpy() for end in ("mean", "p05", "p95")}
        band = pd.DataFrame(ends, index=region["date"])
        pictures.append(("", figures.band(band, OUTCOMES[name])))
    made.append(Section("The region", figures=pictures))
    made.append(_reports(region, titles, years))
    made.append(Section("From date to date", figures=[("Value at risk, mean of the draws", last)]))
    units = trends[trends["unit"] != REGION]
    made += [_units(units, titles)] if len(units) else []
    return [*made, _how_made(list(region["date"]), years)]


# ------------------------------------------------------------------------------------- helpers


def _sentence(row: dict, titles) -> str:
    what = OUTCOMES[row["outcome"]]
    start = what[:1].upper() + what[1:]
    if row["trend"] in (RISES, FALLS):
        told = f"{start} {row['trend']} by {_amounts(row)} a year."
    elif row["trend"] == NONE:
        told = (
            f"{start}: no clear trend ({_amounts(row)} a year; it rises in {row['rises_in']:.0%})."
        )
    else:
        told = f"{start} {row['trend']}."
    return f"{told} {_warning(row, titles)}".strip()


def _warning(row, titles) -> str:
    names = [titles.get(n, n).lower() for n in str(row["follows"] or "").split(", ") if n]
    if not names:
        return ""
    return (
        f"CAUTION: the number of reports ({', '.join(names)}) went the same way, so this may be a "
        "trend of reporting and not of the threat."
    )


def _amounts(row) -> str:
    mean, low, high = (signed(row[f"per_year_{end}"]) for end in ("mean", "p05", "p95"))
    return f"{mean} ({low} to {high})"


def _reports(region, titles, years) -> Section:
    shown = pd.DataFrame({"date": region["date"]})
    for name, title in titles.items():
        if f"reports_{name}" in region:
            shown[title] = region[f"reports_{name}"].astype(int)
    words = (
        f"Rows that fall into the {years:g} years before each date. Few may mean that few looked."
    )
    return Section("What was reported", [words], [("", shown)])


def _units(trends, titles) -> Section:
    rows = []
    for unit, part in trends.groupby("unit", sort=False):
        row = {"unit": unit}
        for one in part.to_dict("records"):
            star = " CAUTION: as reports" if _warning(one, titles) else ""
            told = (
                one["trend"] if one["trend"] == SAME else f"{one['trend']}: {_amounts(one)}{star}"
            )
            row[f"{OUTCOMES[one['outcome']]}, a year"] = told
        rows.append(row)
    return Section("In each unit", tables=[("", pd.DataFrame(rows))])


def _how_made(days, years) -> Section:
    return Section(
        "How this was found",
        [
            f"The model was evaluated for {', '.join(days)} with the same draws. Only what has a "
            "date differs: reports and surveys up to each day, and features of layers with `since` "
            "or `until`; all else is as it is now. A trend is the slope of the straight line "
            "through all dates, in each draw; it is told as one where 90 % of the draws agree. The "
            "error of a survey is taken as another one at each date.",
            f"Where the reports of {years:g} years went the same way as an outcome (a correlation "
            "of 0.8 or more), a warning stands beside it. All numbers are in series.csv and "
            "trends.csv.",
        ],
    )
