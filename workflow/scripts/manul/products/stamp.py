"""What each row of a product says of itself: a name that stays, and on what data it rests."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import shapely

from manul.grid import provenance

COLUMNS = ("data_status", "data_dates", "illustrative_layers", "positional_error_m", "scenario",
           "notice")  # fmt: skip
ROUNDED_M = 100  # of the places in a name: the same place has the same name in the next run
LETTERS = 8
LARGE = 1_000_000  # corners of shapes that are looked at together


def stamp(record: dict, scenario: str) -> dict:
    """The columns `COLUMNS` of a row that rests on these layers.

    `positional_error_m` is that of the layer whose places are known least well, NaN if none tells.
    """
    invented = [v["title"] for v in record.values() if v["status"] == "illustrative"]
    errors = [v["positional_error_m"] for v in record.values() if v.get("positional_error_m")]
    return {
        "data_status": provenance.worst_status(record),
        "data_dates": provenance.age(record),
        "illustrative_layers": ", ".join(invented),
        "positional_error_m": max(errors, default=np.nan),
        "scenario": scenario,
        "notice": provenance.notice(record),
    }


def identities(prefix: str, shapes, seen: Counter[str] | None = None) -> list[str]:
    """A name for each shape, such as R1a-3f09b2c4, made of the prefix and the place alone.

    Coordinates are rounded to 100 m; of shapes that are alike then, the later ones are numbered,
    also after those of earlier parts of a layer, which `seen` has counted.
    """
    seen = Counter() if seen is None else seen
    shapes = np.array(shapes, object)
    alone = shapely.get_num_geometries(shapes) == 1  # a polygon has the name of its multipolygon
    shapes[alone] = shapely.get_geometry(shapes[alone], 0)
    corners = shapely.get_num_coordinates(shapes)
    part = np.where(corners > LARGE, -1 - np.arange(len(shapes)), np.cumsum(corners) // LARGE)
    written = [text for of in _runs(part) for text in _written(shapes[of], corners[of])]
    names = []
    for text in written:
        name = f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:LETTERS]}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return names


def _runs(values) -> Iterator[slice]:
    """Where the same value stands one after the other."""
    ends = [*np.flatnonzero(np.diff(values)) + 1, len(values)]
    return (slice(start, end) for start, end in zip([0, *ends], ends, strict=False))


def _written(shapes, corners) -> Iterable[str]:
    """The places of some shapes; of a large one its corners alone, which takes less memory."""
    if len(shapes) == 1 and corners[0] > LARGE:
        rounded = np.round(shapely.get_coordinates(shapes) / ROUNDED_M).astype("int64")
        return [hashlib.sha256(np.unique(rounded, axis=0).tobytes()).hexdigest()]
    rounded = shapely.transform(shapes, lambda xy: np.round(xy / ROUNDED_M))
    return shapely.to_wkt(shapely.normalize(rounded), rounding_precision=0)
