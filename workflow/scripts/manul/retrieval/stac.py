"""Files of a box and some years, found by a STAC search."""

from collections.abc import Mapping

from manul.retrieval.addresses import Piece
from manul.retrieval.remote import Link, RemoteError

LIMIT = 250  # items of one page


def pieces(link: Link, source: Mapping, box) -> list[Piece]:
    """The assets that a search finds, oldest first. Raises `RemoteError`."""
    how = source["stac"]
    first, last = source["years"]
    asked: dict | None = {
        "collections": [how["collection"]], "bbox": list(box), "limit": LIMIT,
        "datetime": f"{first}-01-01T00:00:00Z/{last}-12-31T23:59:59Z",
    }  # fmt: skip
    found = []
    while asked is not None:
        page = link.page(how["api"] + "/search", "features", "POST", json=asked)
        found += [item for item in page["features"] if _in_months(item, how.get("months"))]
        asked = _next(page, asked)
    found.sort(key=lambda item: (_when(item), item["id"]))
    try:
        files = [item["assets"][how["asset"]]["href"] for item in found]
    except KeyError as key:
        raise RemoteError(how["api"], f"an item of {how['collection']} has no {key}") from None
    if how.get("sign"):
        link.passes[how["sign"]] = set(files)
    years = [int(_when(item)[:4]) for item in found]
    return [Piece(file, year=year) for file, year in zip(files, years, strict=True)]


# ------------------------------------------------------------------------------------- helpers


def _next(page, asked) -> dict | None:
    links = [link for link in page.get("links", []) if link.get("rel") == "next"]
    if not links or not page["features"]:
        return None
    return {**asked, **links[0].get("body", {})}


def _when(item) -> str:
    """The day of an item; of a period its first."""
    told = item["properties"]
    return told.get("datetime") or told.get("start_datetime") or ""


def _in_months(item, months) -> bool:
    return not months or int(_when(item)[5:7]) in months
