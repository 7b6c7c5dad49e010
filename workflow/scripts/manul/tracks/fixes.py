"""Fixes of collars made fit for use: what is left out is counted by reason, never dropped."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

REASONS = (
    "marked as an outlier", "before the collar was on", "after the collar was off",
    "position too weak", "error too large", "same time as the fix before", "impossible speed",
)  # fmt: skip


def clean(
    fixes: pd.DataFrame,
    worn: pd.DataFrame | None = None,
    max_speed_m_s: float = 5.0,
    max_dop: float = 10.0,
    max_error_m: float = 1000.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(fixes to use, sorted by animal and time; animal, came, one column for each reason, used).

    `fixes` has animal, time (UTC), x, y (m) and perhaps visible, dop, coord_error_m; blanks there
    count as good. `worn` has animal, on and off (dates, either may be blank); on the days on and
    off themselves a fix may be from the hand that carries the collar, so those days are left out.
    """
    rows = fixes.sort_values(["animal", "time"], kind="stable").reset_index(drop=True)
    why = pd.Series("", index=rows.index)

    def mark(bad, reason):
        why[(why == "") & np.asarray(bad, dtype=bool)] = reason

    if "visible" in rows:
        mark(rows["visible"].eq(False).fillna(False), REASONS[0])
    if worn is not None:
        # a collar worn again is a row of its own: good is what lies within any
        day = rows["time"].dt.tz_convert(None).dt.normalize()
        animal, worn = rows["animal"].map(_same), worn.assign(animal=worn["animal"].map(_same))
        known = animal.isin(worn["animal"])
        early, late = known.copy(), known.copy()
        for one in worn.itertuples():
            own = animal == one.animal
            early &= ~(own & (pd.isna(one.on) | (day > one.on)))
            late &= ~(own & (pd.isna(one.off) | (day < one.off)))
        mark(early, REASONS[1])
        mark(late, REASONS[2])
    if "dop" in rows:
        mark(rows["dop"] > max_dop, REASONS[3])
    if "coord_error_m" in rows:
        mark(rows["coord_error_m"] > max_error_m, REASONS[4])
    good = rows[why == ""]
    mark(rows.index.isin(good.index[good.duplicated(["animal", "time"])]), REASONS[5])
    for _, track in rows[why == ""].groupby("animal", sort=False):
        mark(rows.index.isin(track.index[spikes(track, max_speed_m_s)]), REASONS[6])
    counted = pd.crosstab(rows["animal"], why).reindex(columns=[*REASONS, ""], fill_value=0)
    counted.insert(0, "came", counted.sum(axis=1))
    counted = counted.rename(columns={"": "used"}).rename_axis(columns=None).reset_index()
    return rows[why == ""].reset_index(drop=True), counted


def _same(animal) -> str:
    """A name as others may have written it: without blanks, dashes and capital letters."""
    return re.sub(r"[\W_]+", "", str(animal)).casefold()


def spikes(track: pd.DataFrame, max_speed_m_s: float) -> np.ndarray:
    """Fixes (n,) that no animal reaches and leaves at this speed, the worst taken out first."""
    times = (track["time"] - track["time"].iloc[0]).dt.total_seconds().to_numpy()
    xy = track[["x", "y"]].to_numpy(float)
    kept = np.arange(len(track))
    while len(kept) > 2:
        speed = np.hypot(*np.diff(xy[kept], axis=0).T) / np.diff(times[kept])
        there, back = np.r_[speed[0], speed], np.r_[speed, speed[-1]]
        slower = np.minimum(there, back)
        if slower.max() <= max_speed_m_s:
            break
        # A spike makes both its own steps fast, and one step of each neighbour.
        kept = np.delete(kept, int(np.argmax(slower)))
    out = np.ones(len(track), bool)
    out[kept] = False
    return out
