"""Camera traps: days that they stood, independent events, and detections by occasion.

Times are instants, in UTC. An event begins where the animal was last seen
`minutes` ago or more (O'Brien et al. 2003, Animal Conservation 6: 131); relative abundance is
events in 100 camera-days, which tells of activity and of how a camera was set up as well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
RULES = ("last_record", "last_independent")


def effort(deployments: pd.DataFrame) -> pd.DataFrame:
    """deployment, start, end and camera_days of rows of the table `camera_deployment`."""
    out = deployments[["deployment", "time_start", "time_end"]].reset_index(drop=True)
    out = out.rename(columns={"time_start": "start", "time_end": "end"})
    return out.assign(camera_days=(out["end"] - out["start"]) / DAY)


class Used(NamedTuple):
    """Records of animals, and how many rows were left out for what reason."""

    records: pd.DataFrame
    left_out: dict[str, int]


def records(observations: pd.DataFrame, stood: pd.DataFrame, level: str = "event") -> Used:
    """Rows of named animals within their deployments: deployment, name, time, number.

    `observations` are rows of the table `camera_observation`, `stood` those of `effort`. Rows of
    another `level` repeat what this one tells. A blank number is 1. Each row that is not used is
    counted once, under its first reason.
    """
    seen = observations.reset_index(drop=True)
    kind, name = seen["kind_seen"].fillna(""), seen["name_seen"].fillna("")
    told = seen["level"].fillna("").replace("", level)
    times = stood.set_index("deployment")
    start, end = (seen["deployment"].map(times[edge]) for edge in ("start", "end"))
    reasons = {"other observationLevel": told != level}
    for other in sorted(set(kind[told == level]) - {"animal"}):
        reasons[f"not animal: {other}"] = kind == other
    reasons["animal without a name"] = name == ""
    reasons["unknown deployment"] = ~seen["deployment"].isin(times.index)
    reasons["outside its deployment's time"] = ~((seen["time"] >= start) & (seen["time"] <= end))
    open_, left = pd.Series(True, index=seen.index), {}
    for reason, bad in reasons.items():
        if number := int((open_ & bad).sum()):
            left[reason] = number
        open_ &= ~bad
    number_seen = seen["number_seen"].fillna(1)
    found = pd.DataFrame(
        {
            "deployment": seen["deployment"],
            "name": name,
            "time": seen["time"],
            "number": number_seen,
        }
    )[open_]
    return Used(found.sort_values(["deployment", "name", "time"], kind="stable"), left)


def events(found: pd.DataFrame, minutes: float = 30, rule: str = "last_record") -> pd.DataFrame:
    """Independent events: deployment, name, event (1..), first, last, records, most_at_once.

    `last_record`: a gap of `minutes` or more to the record before begins a new one;
    `last_independent`: to the first record of the event that is open.
    """
    gap = pd.Timedelta(minutes=minutes)
    number = pd.Series(0, index=found.index)
    for _, rows in found.groupby(["deployment", "name"], sort=False):
        event, mark, numbers = 0, None, []
        for time in rows["time"]:
            if mark is None or time - mark >= gap:
                event, mark = event + 1, time
            elif rule == "last_record":
                mark = time
            numbers.append(event)
        number[rows.index] = numbers
    grouped = found.assign(event=number).groupby(["deployment", "name", "event"], as_index=False)
    return grouped.agg(
        first=("time", "min"), last=("time", "max"),
        records=("time", "size"), most_at_once=("number", "max"),
    )  # fmt: skip


def relative_abundance(happened: pd.DataFrame, stood: pd.DataFrame) -> pd.DataFrame:
    """By name: events, deployments with it, naive occupancy, camera_days, events in 100 of them."""
    days, cameras = stood["camera_days"].sum(), len(stood)
    grouped = happened.groupby("name", as_index=False)
    out = grouped.agg(events=("event", "size"), deployments=("deployment", "nunique"))
    return out.assign(
        naive_occupancy=out["deployments"] / cameras,
        camera_days=days,
        per_100_days=100 * out["events"] / days,
    )


def occasions(stood: pd.DataFrame, days: int | None = 7) -> pd.DataFrame:
    """deployment, occasion, start, end, effort_days of each stretch of `days` from its start.

    None: of each ISO week in UTC. The last stretch is cut at the end. A stretch without effort is
    not listed: nobody looked, so nothing was not seen.
    """
    rows = []
    for place in stood.itertuples():
        if days is None:
            monday = place.start.normalize() - pd.Timedelta(days=place.start.weekday())
            start, step = monday, 7 * DAY
        else:
            start, step = place.start, days * DAY
        occasion = 1
        while start < place.end:
            begins, ends = max(start, place.start), min(start + step, place.end)
            name = f"{begins.isocalendar()[0]}-W{begins.isocalendar()[1]:02d}"
            rows.append(
                (place.deployment, occasion if days else name, begins, ends, (ends - begins) / DAY)
            )
            start, occasion = start + step, occasion + 1
    columns = ["deployment", "occasion", "start", "end", "effort_days"]
    return pd.DataFrame(rows, columns=columns)


def detections(found: pd.DataFrame, periods: pd.DataFrame) -> pd.DataFrame:
    """`periods` with the records of a species in each; one at the very end belongs to the last."""
    counts = np.zeros(len(periods), int)
    by_place = {place: rows["time"] for place, rows in found.groupby("deployment")}
    last = periods.groupby("deployment")["end"].transform("max") == periods["end"]
    for i, row in enumerate(periods.itertuples()):
        times = by_place.get(row.deployment)
        if times is not None:
            until = times <= row.end if last.iloc[i] else times < row.end
            counts[i] = int(((times >= row.start) & until).sum())
    return periods.assign(records=counts, detected=(counts > 0).astype(int))


def histories(
    periods: pd.DataFrame, least_days: float = 1.0
) -> tuple[np.ndarray, np.ndarray, list]:
    """Detections and effort (sites, visits), NaN where no camera stood, and the sites' names.

    Occasions with less effort than `least_days` are left out.
    """
    kept = periods[periods["effort_days"] >= least_days]
    kept = kept.assign(visit=kept.groupby("deployment").cumcount())
    sites = list(dict.fromkeys(periods["deployment"]))
    seen = kept.pivot(index="deployment", columns="visit", values="detected").reindex(sites)
    days = kept.pivot(index="deployment", columns="visit", values="effort_days").reindex(sites)
    return seen.to_numpy(float), days.to_numpy(float), sites
