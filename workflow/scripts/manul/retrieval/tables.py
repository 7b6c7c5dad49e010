"""Occurrences of a species from GBIF, page by page, with what their publishers said of each."""

import pandas as pd

from manul.retrieval.remote import Link, RemoteError

PAGE = 300  # records that the service gives at once, at most
MOST = 100_000  # beyond that the service wants a download that was asked for with a login
COLUMNS = {
    "key": "rec_id", "eventDate": "date", "decimalLongitude": "lon", "decimalLatitude": "lat",
    "coordinateUncertaintyInMeters": "coord_error_m", "basisOfRecord": "basis", "issues": "issues",
    "individualCount": "n_adults", "recordedBy": "observer", "license": "licence",
    "datasetKey": "dataset",
}  # fmt: skip


def occurrences(link: Link, address: str, query: dict, box) -> pd.DataFrame:
    """All occurrences within a box, in the columns of the table `manul_record` and some of theirs.

    Quality flags stay in `issues`; nothing is dropped here: the table's own rules tell what can be
    used. Raises `RemoteError`.
    """
    west, south, east, north = box
    asked = {
        **query, "limit": PAGE, "hasCoordinate": "true",
        "decimalLongitude": f"{west},{east}", "decimalLatitude": f"{south},{north}",
    }  # fmt: skip
    rows: list[dict] = []
    while True:
        told = {**asked, "offset": len(rows)}
        page = link.page(address, "results", params=told)
        rows += page["results"]
        if page.get("endOfRecords", True) or not page["results"]:
            break
        if len(rows) >= MOST:
            raise RemoteError(address, f"has more than {MOST} records here; ask for a smaller box")
    return _as_table(rows)


# ------------------------------------------------------------------------------------- helpers


def _as_table(rows) -> pd.DataFrame:
    out = pd.DataFrame(
        {name: [row.get(key) for row in rows] for key, name in COLUMNS.items()}, dtype=object
    )
    out["issues"] = ["; ".join(issue or []) for issue in out["issues"]]
    out["date"] = [str(day or "").partition("/")[0].partition("T")[0] for day in out["date"]]
    out["rec_id"] = [f"GBIF-{key}" for key in out["rec_id"]]
    basis = out["basis"].map({
        "MACHINE_OBSERVATION": "camera", "PRESERVED_SPECIMEN": "carcass",
        "MATERIAL_SAMPLE": "scat_dna",
    }).fillna("sighting")  # fmt: skip
    out["type"] = basis
    # A specimen or a picture is evidence in the hand; else somebody said so.
    out["category"] = basis.map({"camera": "C1", "carcass": "C1", "scat_dna": "C1"}).fillna("C3")
    out["n_adults"] = out["n_adults"].fillna(1)
    return out
