"""What each row of a product says of itself: a name that stays, and on what data it rests."""

import hashlib
from collections import Counter

import numpy as np
import shapely

from manul.grid import provenance

COLUMNS = ("data_status", "data_dates", "illustrative_layers", "positional_error_m", "scenario",
           "notice")  # fmt: skip
ROUNDED_M = 100  # of the places in a name: the same place has the same name in the next run
LETTERS = 8


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


def identities(prefix: str, shapes) -> list[str]:
    """A name for each shape, such as R1a-3f09b2c4, made of the prefix and the place alone.

    Coordinates are rounded to 100 m; of shapes that are alike then, the later ones are numbered.
    """
    rounded = shapely.transform(np.asarray(shapes, object), lambda xy: np.round(xy / ROUNDED_M))
    written = shapely.to_wkt(shapely.normalize(rounded), rounding_precision=0)
    seen: Counter[str] = Counter()
    names = []
    for text in written:
        name = f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:LETTERS]}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return names
