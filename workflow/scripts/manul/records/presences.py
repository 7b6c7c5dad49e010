"""Which rows of a checked table tell of a wild animal that was there."""

import numpy as np
import pandas as pd

from manul.records.text import fold

NOT_WILD = ("living specimen", "fossil specimen")  # of a zoo, or of another age


def wild_animal(found) -> pd.Series:
    """Rows that do not say "absent", count no animal, tell of effort alone, or of a captive."""
    adults, young = numbers(found, "n_adults"), numbers(found, "n_kittens")
    none = (adults == 0) & ~(young > 0) | (numbers(found, "individual_count") == 0)
    uncounted = adults.isna() & ~(young > 0)
    effort_alone = (numbers(found, "absence_effort_camdays") > 0) & uncounted
    absent = _texts(found, "occurrence_status") == "absent"
    return ~(none | effort_alone | absent | _texts(found, "basis_of_record").isin(NOT_WILD))


def numbers(table, name) -> pd.Series:
    """A column as numbers; NaN where it has none, or the table has no such column."""
    column = table[name] if name in table else pd.Series(np.nan, table.index)
    return pd.to_numeric(column, errors="coerce").astype("float64")


def _texts(table, name) -> pd.Series:
    column = table[name] if name in table else pd.Series("", table.index)
    return column.astype("string").fillna("").map(fold)
