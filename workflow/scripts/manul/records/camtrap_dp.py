"""Camera-trap packages (Camtrap DP 1.0, TDWG) as rows of the table `manul_record`, all text.

One row for each time that a camera saw a manul, and one for each deployment with its camera-days:
0 cats where all that it saw is known to be something else, blank (not counted) otherwise. It is
known where an observation of an animal or of none stands for the deployment, each medium was looked
at, every name is that of another species, and the camera's clock can be believed.

Nothing is checked here: a row without a place, a day, a known deployment or a plain count is
rejected later, like a row of any other table.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from manul.records import animals
from manul.records.animals import Seen
from manul.records.check import OVERFLOW, PROBLEM
from manul.records.text import fold

NOT_ANIMALS = {"blank", "human", "vehicle"}
STANDS_FOR_LOOKING = {"animal", "blank"}
OLDEST = pd.Timestamp(2000, 1, 1)  # an earlier time is that of a clock that was reset
LONGEST_D = 731  # no battery lasts longer
PLACE = {"longitude": "lon", "latitude": "lat", "coordinateUncertainty": "coord_error_m"}
DEPLOYMENT = {"deploymentID", "deploymentStart", "deploymentEnd", "latitude", "longitude"}
OBSERVATION = {
    "observationID", "deploymentID", "eventStart", "observationLevel", "observationType",
    "scientificName",
}  # fmt: skip
MEDIUM = {"mediaID", "deploymentID", "timestamp"}
FURTHER = {
    "coordinateUncertainty", "setupBy", "eventID", "eventEnd", "count", "lifeStage", "mediaID",
    "classificationMethod", "classifiedBy", "cameraID", "timestampIssues", "captureMethod",
    OVERFLOW, PROBLEM,
}  # fmt: skip
COLUMNS = (
    "rec_id", "date", "lon", "lat", "coord_error_m", "type", "category", "n_adults", "n_kittens",
    "absence_effort_camdays", "observer", "deployment", OVERFLOW, PROBLEM,
)  # fmt: skip


def manul_records(
    deployments: pd.DataFrame, observations: pd.DataFrame, media: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The raw table of raw tables; its index names the table and the row that a row came from.

    An event is told by its observations of level "event", else by those of its media, of which the
    most that were seen at once count. What a person classified is physical evidence (C1), all else
    unconfirmed (C3). `attrs["read_as"]` tells how many rows there were of each kind. Raises
    ValueError for a column that is missing.
    """
    places = _plain(deployments, DEPLOYMENT, "deployments")
    seen = _plain(observations, OBSERVATION, "observations")
    taken = _plain(media, MEDIUM, "media") if media is not None else seen[:0].assign(timestamp="")
    seen["seen"] = [_seen(row) for row in seen[list(_SEEN)].itertuples(index=False)]
    is_cat, open_ = seen["seen"] == Seen.CAT, seen["seen"] == Seen.DOUBT
    broken = (seen[OVERFLOW] != "") | (seen[PROBLEM] != "")
    again = is_cat & seen["observationID"].duplicated() & (seen["observationID"] != "")
    known = {place["deploymentID"]: place for _, place in reversed([*places.iterrows()])}
    nowhere = pd.Series("", index=places.columns)
    rows = {}
    for event in _events(seen[is_cat & ~broken & ~again]):
        place = known.get(event["deploymentID"].iloc[0], nowhere)
        rows[f"observations {event.index[0]}"] = _record(event) | _at(place)
    for row, one in seen[broken | again].iterrows():  # to be rejected where rows are checked
        place = known.get(one["deploymentID"], nowhere)
        told = _record(seen.loc[[row]]) | _at(place)
        rows[f"observations {row}"] = told | {name: one[name] for name in (OVERFLOW, PROBLEM)}
    clocks = _clocks(places)
    unseen = _not_looked_at(taken, seen)
    without = _surely_without(places, clocks, seen, is_cat | open_ | broken, set(unseen))
    for row, place in places.iterrows():
        cats = "0" if place["deploymentID"] in without else ""
        rows[f"deployments {row}"] = _effort(place, cats, clocks.loc[row]) | _at(place)
    out = pd.DataFrame(list(rows.values()), columns=list(COLUMNS), dtype=object).fillna("")
    out.index = pd.Index(list(rows), name="row", dtype=object)
    out.attrs["read_as"] = {
        "format": "Camtrap DP",
        "observations": f"{len(seen)}, {is_cat.sum()} of a manul, {open_.sum()} not resolved",
        "deployments": f"{len(places)}, {len(without)} of them surely without a manul",
    } | _further(places, seen[open_], clocks, unseen)
    empty = [name for name in (OVERFLOW, PROBLEM) if not (out[name] != "").any()]
    return out.drop(columns=empty)


def _plain(table, needed, name) -> pd.DataFrame:
    """The table under the standard's own names, without outer blanks; "" where it has no column."""
    standard = {fold(column): column for column in needed | FURTHER}
    found = table.rename(columns=lambda column: standard.get(fold(column), column))
    missing = sorted(needed - set(found.columns))
    if missing:
        raise ValueError(f"the table {name} lacks the column {missing[0]}")
    found = found.loc[:, ~found.columns.duplicated()]
    found = found.reindex(columns=sorted(needed | FURTHER), fill_value="").fillna("")
    return found.map(lambda cell: str(cell).strip())


# what was seen ------------------------------------------------------------------------------------

_SEEN = ("observationType", "scientificName", "classificationMethod")


def _seen(row) -> Seen:
    """A cat, surely another, or neither; a machine does not tell one small cat from another."""
    kind, name, method = row
    found = animals.seen(name)
    if fold(kind) in NOT_ANIMALS:
        return Seen.OTHER if not name or found == Seen.OTHER else Seen.DOUBT
    if fold(kind) != "animal":
        return Seen.DOUBT
    by_machine = found == Seen.OTHER and fold(method) != "human"
    return Seen.DOUBT if by_machine and fold(name).startswith("felis ") else found


def _surely_without(places, clocks, seen, open_, unseen) -> set[str]:
    """The deployments that saw something else than a manul, or nothing, and nothing in doubt."""
    stood = set(places["deploymentID"])
    doubt = set(seen["deploymentID"][open_])
    if doubt - stood:  # it may have been any of them
        return set()
    looked = seen["observationType"].map(fold).isin(STANDS_FOR_LOOKING)
    sure = set(seen["deploymentID"][looked]) & stood - doubt - unseen
    sure -= set(places["deploymentID"][(clocks["wrong"] != "") | clocks["days"].isna()])
    # deployments of one camera that overlap are one: a cat on one of them is a cat on all
    together = places["deploymentID"].groupby(clocks["together"])
    return {name for _, names in together if set(names) <= sure for name in names}


def _not_looked_at(media, seen) -> dict[str, int]:
    """By deployment, the media without an observation of their own or of an event around them."""
    media = media[media["captureMethod"].map(fold) != "timelapse"]
    left = media[~media["mediaID"].isin(set(seen["mediaID"]) - {""})]
    left = left[~left["eventID"].isin(set(seen["eventID"]) - {""})]
    events = seen[seen["observationLevel"].map(fold) == "event"]
    starts, ends = _times(events["eventStart"]), _times(events["eventEnd"])
    spans = pd.DataFrame({"start": starts, "end": ends.fillna(starts)}).dropna()
    by_place = {name: spans.loc[rows] for name, rows in _groups(events.loc[spans.index])}
    out = {}
    for name, rows in _groups(left):
        covered = _within(_times(left.loc[rows, "timestamp"]), by_place.get(name))
        if not covered.all():
            out[name] = int((~covered).sum())
    return out


def _groups(table) -> Iterator[tuple[str, pd.Index]]:
    return iter(table.groupby("deploymentID").groups.items())


def _within(times, spans) -> np.ndarray:
    """Does each time lie in one of the spans?"""
    if spans is None:
        return np.zeros(len(times), bool)
    spans = spans.sort_values("start")
    latest = spans["end"].cummax().to_numpy()
    before = np.searchsorted(spans["start"].to_numpy(), times.to_numpy(), side="right") - 1
    return (before >= 0) & (latest[before] >= times.to_numpy()) & times.notna().to_numpy()


def _events(cats):
    """The rows of each event, which are of one level, in the order of the table."""
    if not len(cats):
        return []
    is_event = cats["observationLevel"].map(fold) == "event"
    key = cats["eventID"].where(cats["eventID"] != "", cats["eventStart"])
    spans = cats[is_event & (cats["eventEnd"] != "")]
    starts, ends, times = map(_times, (spans["eventStart"], spans["eventEnd"], cats["eventStart"]))
    for row, media in cats[~is_event & (cats["eventID"] == "")].iterrows():
        same = spans["deploymentID"] == media["deploymentID"]
        within = spans[same & (starts <= times[row]) & (ends >= times[row])]
        key[row] = key[within.index[0]] if len(within) else key[row]
    groups = cats.assign(event=is_event).groupby([cats["deploymentID"], key], sort=False)
    return [rows[rows["event"]] if rows["event"].any() else rows for _, rows in groups]


def _record(event) -> dict:
    first = event.iloc[0]
    counts = event["count"].replace("", "1")
    plain = counts.str.fullmatch(r"0*[1-9]\d{0,3}(\.0+)?")
    juvenile = event["lifeStage"].map(fold) == "juvenile"  # all others count as adults
    by_person = event["classificationMethod"].map(fold) == "human"
    # Rows of one event are different animals, rows of its media the same ones again.
    together = "sum" if fold(first["observationLevel"]) == "event" else "max"
    if plain.all():
        adults, kittens = (_total(counts[part], together) for part in (~juvenile, juvenile))
    else:
        adults, kittens = f"{counts[~plain].iloc[0]} of a manul that was seen", ""
    reset = _times(event["eventStart"]).iloc[0] < OLDEST
    return {
        "rec_id": first["observationID"],
        "date": _day(first["eventStart"]),
        "category": "C1" if by_person.any() else "C3",
        "n_adults": adults,
        "n_kittens": kittens,
        "observer": first["classifiedBy"],
        PROBLEM: f"date: {_CLOCK.format('it was reset')}" if reset else "",
    }


# how long the cameras stood -----------------------------------------------------------------------

_CLOCK = (
    "the camera's clock cannot be believed ({}); expected the true time; correct it, or leave the"
    " row out"
)


def _clocks(places) -> pd.DataFrame:
    """By row: start, end, camera-days, what is wrong with the clock, and what overlaps with what.

    Time that deployments of one camera at one place share counts for the first of them.
    """
    start, end = _times(places["deploymentStart"]), _times(places["deploymentEnd"])
    days = (end - start) / pd.Timedelta(days=1)
    wrong = pd.Series("", index=places.index)
    wrong[days > LONGEST_D] = f"it tells of more than {LONGEST_D} days"
    wrong[end < start] = "it ends before it starts"
    wrong[(start < OLDEST) | (end < OLDEST)] = "it was reset"
    wrong[places["timestampIssues"].map(fold).isin(["true", "1", "yes", "t"])] = (
        "timestampIssues is true"
    )
    out = pd.DataFrame({"start": start, "end": end, "days": days, "wrong": wrong})
    out["together"] = np.arange(len(out))
    out["shared"] = 0.0
    usable = out[(wrong == "") & days.notna()].sort_values("start", kind="stable")
    cameras = [places.loc[usable.index, name] for name in ("cameraID", "longitude", "latitude")]
    for _, rows in usable.groupby(cameras, sort=False):
        until, first = rows["start"].iloc[0], rows["together"].iloc[0]
        for row in rows.itertuples():
            shared = max((min(row.end, until) - row.start) / pd.Timedelta(days=1), 0.0)
            first = first if shared > 0 else row.together
            out.loc[row.Index, ["days", "shared", "together"]] = [row.days - shared, shared, first]
            until = max(until, row.end)
    return out


def _effort(place, cats, clock) -> dict:
    days = "" if pd.isna(clock["days"]) else f"{clock['days']:.2f}"
    wrong = clock["wrong"] and f"absence_effort_camdays: {_CLOCK.format(clock['wrong'])}"
    return {
        "rec_id": f"{place['deploymentID']} (effort)",
        "date": _day(place["deploymentEnd"]),
        "category": "C1",
        "n_adults": cats,
        "n_kittens": cats,
        "absence_effort_camdays": days,
        "observer": place["setupBy"],
        OVERFLOW: place[OVERFLOW],
        PROBLEM: place[PROBLEM] or wrong,
    }


def _at_two_places(places, clocks) -> int:
    """How many deployments begin while their camera still stands at another place."""
    known = clocks.assign(camera=places["cameraID"])
    known = known[(known["camera"] != "") & (known["wrong"] == "")].sort_values("start")
    until = known.groupby("camera")["end"].cummax().groupby(known["camera"]).shift()
    return int(((known["start"] < until) & (known["shared"] == 0)).sum())


def _further(places, open_, clocks, unseen) -> dict[str, str]:
    """What else was found, where there is something to tell."""
    out = {}
    names = open_["scientificName"].where(open_["scientificName"] != "", "without a name")
    if len(names):
        most = names.value_counts()[:12]
        out["not resolved"] = ", ".join(f"{name} ({n})" for name, n in most.items())
    if unseen:
        told = f"{sum(unseen.values())} of {len(unseen)} deployments"
        out["media without an observation"] = told
    if moved := _at_two_places(places, clocks):
        out["cameras at two places at once"] = f"{moved} deployments; is `cameraID` one camera?"
    if clocks["shared"].any():
        out["deployments that overlap"] = f"{clocks['shared'].sum():.2f} camera-days counted once"
    return out


def _at(place) -> dict:
    where = {ours: place[theirs] for theirs, ours in PLACE.items()}
    return where | {"type": "camera", "deployment": place["deploymentID"]}


def _total(counts, together) -> str:
    return str(int(counts.astype(float).agg(together))) if len(counts) else "0"


def _day(time: str) -> str:
    """The day of an ISO 8601 time, as the camera's own clock has it."""
    return time[:10] if time[10:11] in ("T", "t", " ") else time


def _times(texts: pd.Series) -> pd.Series:
    """ISO 8601 times by the camera's own clock; NaT where they are unknown."""
    return pd.to_datetime(
        texts.str[:19], errors="coerce", format="ISO8601", utc=True
    ).dt.tz_localize(None)
