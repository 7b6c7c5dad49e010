"""Fixes of collars as the analyses use them: cleaned, in metres, with who wore them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from manul.grid import vectors
from manul.tracks import fixes

OTHER = "other"  # the season of months that no season names


def read(this) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(fixes to use, what was left out by animal and reason, animals) of a running analysis.

    Fixes have animal, time (UTC), x, y (m, CRS of the grid) and seconds; animals have animal, sex
    and stage, blank where nobody told. Reads the roles `fixes` and, if there is one, `collars`.
    """
    spec = this.told.block
    rows = vectors.read_rows(*this.inputs("fixes"))
    rows = rows[rows.geometry.notna()]
    table = pd.DataFrame(rows.drop(columns=rows.geometry.name))
    table["x"], table["y"] = rows.geometry.x, rows.geometry.y
    table["time"] = pd.to_datetime(table["time"], utc=True)
    table["animal"] = table["animal"].fillna("").replace("", "unnamed")
    worn, told = None, pd.DataFrame(columns=["animal", "sex", "stage"])
    if files := this.inputs("collars"):
        own = vectors.read_rows(files[0])
        worn = pd.DataFrame({"animal": own["animal"]})
        for name, column in (("on", "time_on"), ("off", "time_off")):
            worn[name] = pd.to_datetime(own[column])
        told = pd.DataFrame(own[["animal", "sex", "stage"]]).drop_duplicates("animal")
    used, counted = fixes.clean(
        table, worn, spec["max_speed_m_s"], spec["max_dop"], spec["max_error_m"]
    )
    used["seconds"] = seconds(used["time"])
    animals = pd.DataFrame({"animal": counted["animal"]}).merge(told, how="left", on="animal")
    return used, counted, animals.fillna("")


def seconds(times: pd.Series) -> np.ndarray:
    """Seconds since 1970 of UTC times."""
    return (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy()


def seasons(times: pd.Series, months: dict[str, Iterable[int]]) -> pd.Series:
    """The name of the season of each time, by its months; `OTHER` where none has it."""
    of_month = {month: name for name, own in months.items() for month in own}
    return times.dt.month.map(of_month).fillna(OTHER)


def headline(used: pd.DataFrame, counted: pd.DataFrame) -> str:
    """How many animals and fixes, from when to when, and how many fixes were left out."""
    if not len(used):
        return f"None of {counted['came'].sum()} fixes could be used."
    first, last = used["time"].min(), used["time"].max()
    out = int(counted["came"].sum() - len(used))
    return (
        f"{used['animal'].nunique()} animals, {len(used)} fixes from {first:%Y-%m-%d} to "
        f"{last:%Y-%m-%d}; {out} more were left out, by reason in the table."
    )
