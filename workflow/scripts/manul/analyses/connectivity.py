"""How animals move between key areas: resistance, corridors, flow, crossings, worth of each area.

Resistance follows from the reference habitat; lines multiply the cells they cross. Between
neighbouring key areas run corridors (normalised least cost), in which current tells where movements
crowd; flow is current from all habitat within a window; a road, railway or fence is cut into
pieces, ranked by the flow that they hold back.
"""

from __future__ import annotations

import pandas as pd

from manul.config import selection
from manul.config.hints import counted
from manul.config.types import Analysis, Config

MAPS = {
    "resistance": {"resistance": "per cell"},
    "worth": {"connectivity lost": "%"},
    "corridors": {"above best": "km of best ground", "frequency": "0..1"},
    "between": {"share of movements": "% per km"},
    "flow": {"rank": "0..1", "normalised": "1", "class": "", "pinch point": "0 or 1"},
}
FIELDS = {
    "resistance": ("resistance", 1, "Resistance to movement", "1 = best ground"),
    "worth": ("worth", 1, "Connectivity lost without this key area", "%"),
    "above_best": ("corridors", 1, "Cost above the best way between key areas", "km"),
    "frequency": ("corridors", 2, "Draws in which a corridor runs here", "0..1"),
    "between": ("between", 1, "Movements between two key areas, on each km across", "% per km"),
    "flow": ("flow", 1, "Rank of the flow of movements", "0..1"),
    "crowding": ("flow", 2, "Flow against that on even ground", "1"),
    "flow_class": ("flow", 3, "Class of flow", ""),
    "pinch": ("flow", 4, "Pinch point: much flow crowds", "0 or 1"),
}
TABLES = ("links", "areas", "crossings", "summary")
SHAPES = ("lines",)
GENERALISES = ("fixes", "collars")  # into one share
CELLS_AT_ONCE = 2**23  # of draws of ways that are worked out side by side
CELLS_OF_A_WAY = 2**19  # that current flows through at most, so that they are coarser in large ones
TESTED = "not tested with tracks"


def reads(block: Analysis, config: Config) -> dict[str, list]:
    """Reference habitat, grounds that slow, key areas, lines, and tracks to test on."""
    have = set(selection.available(config))
    reference = "habitat_reference" if config["habitat"]["reference"] else "habitat"
    lines = dict.fromkeys(b["layer"] for b in block["barriers"])
    grounds = dict.fromkeys(g["surface"] for g in block["grounds"] if g["surface"] in have)
    return {
        "reference": [("map", reference)],
        "grounds": [("surface", name) for name in grounds],
        "areas": [("map", "key_area")],
        "barriers": [("layer", n) for n in lines if not selection.is_absent(config, n)],
        "protected": [("surface", block["protected"])] if block["protected"] in have else [],
        "fixes": [("layer", block["test_on"])] if block["test_on"] else [],
        "collars": [("layer", block["collars"])] if block["collars"] else [],
    }


def run(this) -> None:
    """Make all maps and tables."""
    from manul.analyses import connectivity_fit

    connectivity_fit.run(this)


def at_once(cells: int, threads: int) -> int:
    """How many draws of ways over so many cells are worked out side by side."""
    return max(1, min(threads, CELLS_AT_ONCE // max(cells, 1)))


def headline(summary: pd.DataFrame) -> str:
    """Areas, links, and how large one area would be that is worth as much."""
    row = summary.iloc[0]
    more = "".join(told(row) for told in (protected, cells, border))
    return (
        f"{counted(int(row['links']), 'link')} between {counted(int(row['areas']), 'key area')}, "
        f"{alone(row['alone'])}. Together they are worth one area of "
        f"{row['equivalent_km2']:,.0f} km² (equivalent connected area; "
        f"{row['equivalent_low_km2']:,.0f} to {row['equivalent_high_km2']:,.0f} over dispersal of "
        f"{row['median_low_km']:g} to {row['median_high_km']:g} km).{more}"
    )


def alone(areas: int) -> str:
    """How many key areas nothing joins to another one."""
    if not areas:
        return "each of which has one or more"
    return f"{areas} of which {'has' if areas == 1 else 'have'} none"


def border(row: pd.Series) -> str:
    """How many corridors may go on where the map, or what is known, ends."""
    n = int(row["at_border"])
    if not n:
        return ""
    told = "1 corridor meets" if n == 1 else f"{n} corridors meet"
    return f" {told} the end of the map or unknown ground, and may be wider than drawn."


def cells(row: pd.Series) -> str:
    """On what cells ways were worked out, where those of the region were too many."""
    told = ""
    if row["coarser"] == "yes":
        told += f" Ways were worked out on cells of {row['cell_km']:.3g} km."
    if row["current_cell_km"] > row["cell_km"]:
        told += f" In large corridors movements flowed on cells of {row['current_cell_km']:.3g} km."
    return told


def protected(row: pd.Series) -> str:
    """How much of the land is protected, and protected and connected; empty where nobody knows."""
    if pd.isna(row["protected_percent"]):
        return ""
    return (
        f" Of the land {row['protected_percent']:.1f} % is protected, "
        f"{row['connected_percent']:.1f} % protected and connected "
        f"({row['connected_low_percent']:.1f} to {row['connected_high_percent']:.1f})."
    )
