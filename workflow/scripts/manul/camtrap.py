"""Camera-trap packages (Camtrap DP 1.0, TDWG) as rows of the table `manul_record`, all text.

One row for each time that a camera saw a manul, and one for each deployment that saw none: absence
counts too. The camera-days of a deployment stand once, on its first row. Nothing is checked here: a
row without a place, a day or a known deployment is rejected later, like a row of any other table.
"""

import pandas as pd

from manul.cell_text import fold

NAMES = ("otocolobus manul", "felis manul")  # subspecies follow the name
PLACE = {"longitude": "lon", "latitude": "lat", "coordinateUncertainty": "coord_error_m"}
DEPLOYMENT = ("deploymentID", "deploymentStart", "deploymentEnd", "setupBy", *PLACE)
OBSERVATION = (
    "observationID", "deploymentID", "eventID", "eventStart", "observationLevel",
    "scientificName", "count", "lifeStage", "classificationMethod", "classifiedBy",
)  # fmt: skip
COLUMNS = (
    "rec_id", "date", "lon", "lat", "coord_error_m", "type", "category", "n_adults", "n_kittens",
    "absence_effort_camdays", "observer", "deployment",
)  # fmt: skip


def manul_records(deployments: pd.DataFrame, observations: pd.DataFrame) -> pd.DataFrame:
    """The raw table of two raw tables; its index names the table and the row that a row came from.

    Observations of level "event" tell of a deployment where it has such of a manul, else those of
    its media, of which the most that were seen at once count. What a person classified is physical
    evidence (C1), what only a machine classified is unconfirmed (C3). `attrs["read_as"]` tells how
    many rows there were of each kind.
    """
    places, seen = _with(deployments, DEPLOYMENT), _with(observations, OBSERVATION)
    cats = seen[[fold(name).startswith(NAMES) for name in seen["scientificName"]]]
    known = {place["deploymentID"]: place for _, place in reversed([*places.iterrows()])}
    rows, told = {}, set()
    for (name, _), event in _events(cats):
        place = known.get(name, pd.Series("", index=DEPLOYMENT))
        effort = "" if name in told else _days(place)
        told.add(name)
        rows[f"observations {event.index[0]}"] = _record(event) | _of_place(place, name, effort)
    absent = places[~places["deploymentID"].isin(told)]
    for row, place in absent.iterrows():
        name, effort = place["deploymentID"], _days(place)
        rows[f"deployments {row}"] = _absence(place) | _of_place(place, name, effort)
    out = pd.DataFrame(rows.values(), columns=COLUMNS, dtype=object)
    out.index = pd.Index(rows, name="row", dtype=object)
    out.attrs["read_as"] = {
        "format": "Camtrap DP",
        "observations": f"{len(seen)}, {len(cats)} of a manul",
        "deployments": f"{len(places)}, {len(absent)} without a manul",
    }
    return out


def _with(table, names) -> pd.DataFrame:
    """The table with columns of these names; "" where it has none."""
    return table.reindex(columns=names, fill_value="").fillna("")


def _events(cats):
    """(deployment, event) and its rows, which are of one level, in the order of the table."""
    level = cats["observationLevel"].map(fold)
    with_events = set(cats["deploymentID"][level == "event"])
    cats = cats[(level == "event") | ~cats["deploymentID"].isin(with_events)]
    event = cats["eventID"].where(cats["eventID"] != "", cats["eventStart"])
    return cats.groupby([cats["deploymentID"], event], sort=False)


def _record(event) -> dict:
    first = event.iloc[0]
    number = pd.to_numeric(event["count"].replace("", "1"), errors="coerce")
    juvenile = event["lifeStage"].map(fold) == "juvenile"  # all others count as adults
    by_person = event["classificationMethod"].map(fold) != "machine"
    # Rows of one event are different animals, rows of its media the same ones again.
    together = "sum" if fold(first["observationLevel"]) == "event" else "max"
    odd = event["count"][number.isna()]  # to be rejected where the cells are checked
    return {
        "rec_id": first["observationID"],
        "date": _day(first["eventStart"]),
        "category": "C1" if by_person.any() else "C3",
        "n_adults": odd.iloc[0] if len(odd) else _total(number[~juvenile], together),
        "n_kittens": _total(number[juvenile], together),
        "observer": first["classifiedBy"],
    }


def _absence(place) -> dict:
    return {
        "rec_id": f"{place['deploymentID']} (no manul)",
        "date": _day(place["deploymentEnd"]),
        "category": "C1",
        "n_adults": "0",
        "n_kittens": "0",
        "observer": place["setupBy"],
    }


def _of_place(place, name, effort) -> dict:
    where = {ours: place[theirs] for theirs, ours in PLACE.items()}
    return where | {"type": "camera", "deployment": name, "absence_effort_camdays": effort}


def _total(number, together) -> str:
    return str(int(number.agg(together))) if len(number) else "0"


def _day(time: str) -> str:
    """The day of an ISO 8601 time, as the camera's own clock has it."""
    return time.partition("T")[0]


def _days(place) -> str:
    """Length of a deployment in days; "" where its times are not known."""
    ends = place[["deploymentStart", "deploymentEnd"]]
    start, end = pd.to_datetime(ends, utc=True, errors="coerce", format="ISO8601")
    return "" if pd.isna(end - start) else f"{(end - start) / pd.Timedelta(days=1):.2f}"
