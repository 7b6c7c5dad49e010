"""Camera-trap packages (Camtrap DP 1.0, TDWG) as rows of the table `manul_record`, all text.

One row for each time that a camera saw a manul, and one for each deployment with its camera-days:
0 cats where all that it saw is known to be something else, blank (not counted) otherwise. Nothing
is checked here: a row without a place, a day, a known deployment or a plain count is rejected
later, like a row of any other table.
"""

import pandas as pd

from manul.records.check import OVERFLOW
from manul.records.text import fold

NAMES = ("otocolobus manul", "felis manul")  # subspecies follow the name
PERHAPS = {"otocolobus", "felis", "felinae", "felidae", "carnivora", "mammalia", "animalia"}
UNRESOLVED = {"unclassified", "unknown"}
PLACE = {"longitude": "lon", "latitude": "lat", "coordinateUncertainty": "coord_error_m"}
DEPLOYMENT = {"deploymentID", "deploymentStart", "deploymentEnd", "latitude", "longitude"}
OBSERVATION = {
    "observationID", "deploymentID", "eventStart", "observationLevel", "observationType",
    "scientificName",
}  # fmt: skip
FURTHER = {
    "coordinateUncertainty", "setupBy", "eventID", "eventEnd", "count", "lifeStage",
    "classificationMethod", "classifiedBy", OVERFLOW,
}  # fmt: skip
COLUMNS = (
    "rec_id", "date", "lon", "lat", "coord_error_m", "type", "category", "n_adults", "n_kittens",
    "absence_effort_camdays", "observer", "deployment", OVERFLOW,
)  # fmt: skip


def manul_records(deployments: pd.DataFrame, observations: pd.DataFrame) -> pd.DataFrame:
    """The raw table of two raw tables; its index names the table and the row that a row came from.

    An event is told by its observations of level "event", else by those of its media, of which the
    most that were seen at once count. What a person classified is physical evidence (C1), all else
    unconfirmed (C3). `attrs["read_as"]` tells how many rows there were of each kind. Raises
    ValueError for a column that is missing.
    """
    places = _plain(deployments, DEPLOYMENT, "deployments")
    seen = _plain(observations, OBSERVATION, "observations")
    name = seen["scientificName"].map(fold)
    is_cat = name.str.startswith(NAMES).astype(bool)
    broken = seen[OVERFLOW] != ""
    again = is_cat & seen["observationID"].duplicated() & (seen["observationID"] != "")
    kind = seen["observationType"].map(fold)
    open_ = (
        broken | kind.isin(UNRESOLVED) | name.isin(PERHAPS) | ((kind == "animal") & (name == ""))
    )
    known = {place["deploymentID"]: place for _, place in reversed([*places.iterrows()])}
    nowhere = pd.Series("", index=places.columns)
    rows = {}
    for event in _events(seen[is_cat & ~broken & ~again]):
        place = known.get(event["deploymentID"].iloc[0], nowhere)
        rows[f"observations {event.index[0]}"] = _record(event) | _at(place)
    for row, one in seen[broken | again].iterrows():  # to be rejected where rows are checked
        place = known.get(one["deploymentID"], nowhere)
        told = _record(seen.loc[[row]]) | _at(place)
        rows[f"observations {row}"] = told | {OVERFLOW: one[OVERFLOW]}
    counted = set(places["deploymentID"]) - set(seen["deploymentID"][is_cat | open_])
    for row, place in places.iterrows():
        cats = "0" if place["deploymentID"] in counted else ""
        rows[f"deployments {row}"] = _effort(place, cats) | _at(place)
    out = pd.DataFrame(list(rows.values()), columns=list(COLUMNS), dtype=object).fillna("")
    out.index = pd.Index(list(rows), name="row", dtype=object)
    out.attrs["read_as"] = {
        "format": "Camtrap DP",
        "observations": f"{len(seen)}, {is_cat.sum()} of a manul, {open_.sum()} not resolved",
        "deployments": f"{len(places)}, {len(counted)} of them surely without a manul",
    }
    return out if (out[OVERFLOW] != "").any() else out.drop(columns=OVERFLOW)


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


def _events(cats):
    """The rows of each event, which are of one level, in the order of the table."""
    if not len(cats):
        return []
    is_event = cats["observationLevel"].map(fold) == "event"
    key = cats["eventID"].where(cats["eventID"] != "", cats["eventStart"])
    spans = cats[is_event & (cats["eventEnd"] != "")]
    for row, media in cats[~is_event & (cats["eventID"] == "")].iterrows():
        within = spans[
            (spans["deploymentID"] == media["deploymentID"])
            & (spans["eventStart"] <= media["eventStart"])
            & (spans["eventEnd"] >= media["eventStart"])
        ]
        key[row] = key[within.index[0]] if len(within) else key[row]
    groups = cats.assign(event=is_event).groupby([cats["deploymentID"], key], sort=False)
    return [rows[rows["event"]] if rows["event"].any() else rows for _, rows in groups]


def _record(event) -> dict:
    first = event.iloc[0]
    counts = event["count"].replace("", "1")
    plain = counts.str.fullmatch(r"0*[1-9]\d{0,3}")
    juvenile = event["lifeStage"].map(fold) == "juvenile"  # all others count as adults
    by_person = event["classificationMethod"].map(fold) == "human"
    # Rows of one event are different animals, rows of its media the same ones again.
    together = "sum" if fold(first["observationLevel"]) == "event" else "max"
    if plain.all():
        adults, kittens = (_total(counts[part], together) for part in (~juvenile, juvenile))
    else:
        adults, kittens = f"{counts[~plain].iloc[0]} of a manul that was seen", ""
    return {
        "rec_id": first["observationID"],
        "date": _day(first["eventStart"]),
        "category": "C1" if by_person.any() else "C3",
        "n_adults": adults,
        "n_kittens": kittens,
        "observer": first["classifiedBy"],
    }


def _effort(place, cats) -> dict:
    return {
        "rec_id": f"{place['deploymentID']} (effort)",
        "date": _day(place["deploymentEnd"]),
        "category": "C1",
        "n_adults": cats,
        "n_kittens": cats,
        "absence_effort_camdays": _days(place),
        "observer": place["setupBy"],
        OVERFLOW: place[OVERFLOW],
    }


def _at(place) -> dict:
    where = {ours: place[theirs] for theirs, ours in PLACE.items()}
    return where | {"type": "camera", "deployment": place["deploymentID"]}


def _total(counts, together) -> str:
    return str(int(counts.astype(int).agg(together))) if len(counts) else "0"


def _day(time: str) -> str:
    """The day of an ISO 8601 time, as the camera's own clock has it."""
    return time.partition("T")[0]


def _days(place) -> str:
    """Length of a deployment in days by the camera's own clock; "" where its times are unknown."""
    ends = [place[name][:19] for name in ("deploymentStart", "deploymentEnd")]
    start, end = pd.to_datetime(ends, errors="coerce", format="ISO8601")
    return "" if pd.isna(end - start) else f"{(end - start) / pd.Timedelta(days=1):.2f}"
