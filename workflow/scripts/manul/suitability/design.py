"""The table at the door: named covariates become one matrix of numbers in 0..1.

Everything the models may not know is settled here: units, order of columns, categories, constant
columns, rows with an unknown value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd


class TooFewError(ValueError):
    """The records cannot carry a model or its validation; the message says how many it takes."""


@dataclass(frozen=True)
class Design:
    """How a table of covariates becomes a matrix; learned from presences and background together.

    Numeric columns are scaled to 0..1 by their range in training and clamped to it beyond; each
    level of a category becomes an indicator. A constant column is kept out of the matrix, though a
    row in which it is unknown stays unknown.
    """

    columns: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    levels: dict[str, tuple]
    constant: tuple[str, ...]

    @property
    def numeric(self) -> np.ndarray:
        """Mark the matrix columns that are scaled numbers; the others are indicators."""
        n_indicators = sum(len(values) for values in self.levels.values())
        return np.r_[np.ones(len(self.ranges), bool), np.zeros(n_indicators, bool)]

    @property
    def groups(self) -> tuple[np.ndarray, ...]:
        """Give, for each covariate in use, the matrix columns that carry it."""
        edges = np.cumsum([0, *[1] * len(self.ranges), *map(len, self.levels.values())])
        return tuple(np.arange(start, end) for start, end in pairwise(edges))

    @property
    def used(self) -> tuple[str, ...]:
        """Name the covariates in use, in the order of `groups`."""
        return (*self.ranges, *self.levels)

    def table(self, data) -> pd.DataFrame:
        """Return the covariates in training order; an array must have just these columns."""
        if isinstance(data, pd.DataFrame):
            missing = [name for name in self.columns if name not in data.columns]
            if missing:
                raise ValueError(f"covariates missing: {missing}; the model has {self.columns}")
            return data.loc[:, list(self.columns)]
        values = np.asarray(data)
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise ValueError(
                f"expected an array (n, {len(self.columns)}) with columns {self.columns}, "
                f"found shape {values.shape}"
            )
        return pd.DataFrame(values, columns=list(self.columns))

    def known(self, table: pd.DataFrame) -> np.ndarray:
        """Mark the rows in which every covariate has a value; infinite counts as unknown."""
        known = table.notna().to_numpy().all(axis=1)
        for name in self.ranges:
            known &= np.isfinite(table[name].to_numpy(float, na_value=np.nan))
        return known

    def unseen(self, data) -> np.ndarray:
        """Mark the rows with a category that training never saw: they are read as no category."""
        table = self.table(data)
        flags = np.zeros(len(table), bool)
        for name, levels in self.levels.items():
            flags |= (table[name].notna() & ~table[name].isin(levels)).to_numpy()
        return flags

    def matrix(self, table: pd.DataFrame) -> np.ndarray:
        """Return (n, p) float64 in 0..1 for rows that are all known."""
        parts = [_scaled(table[name], *bounds) for name, bounds in self.ranges.items()]
        for name, levels in self.levels.items():
            values = table[name].to_numpy()
            parts += [(values == level).astype(float) for level in levels]
        return np.column_stack(parts) if parts else np.zeros((len(table), 0))


def learn_design(table: pd.DataFrame, categorical: Sequence[str]) -> Design:
    """Learn ranges and levels from a table; a text column is a category without being told."""
    unknown = [name for name in categorical if name not in table.columns]
    if unknown:
        raise ValueError(f"categorical names no covariate: {unknown}; there are {[*table.columns]}")
    table = table.infer_objects()
    texts = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
    ranges, levels, constant = {}, {}, []
    for name in table.columns:
        values = table[name].dropna()
        if values.nunique() < 2:
            constant.append(name)
        elif name in categorical or name in texts:
            levels[name] = tuple(sorted(values.unique().tolist(), key=lambda v: (str(type(v)), v)))
        else:
            finite = values[np.isfinite(values)]
            ranges[name] = (float(finite.min()), float(finite.max()))
    if not ranges and not levels:
        raise TooFewError("no covariate varies: a model needs at least one that does")
    return Design(tuple(map(str, table.columns)), ranges, levels, tuple(constant))


def _scaled(values: pd.Series, low: float, high: float) -> np.ndarray:
    return np.clip((values.to_numpy(float) - low) / (high - low), 0.0, 1.0)
