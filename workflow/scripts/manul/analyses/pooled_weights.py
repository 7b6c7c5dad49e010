"""Weights of threats pooled from the config and from data, in the form in which draws read them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from manul.demography.shares import Expert
from manul.uncertainty import distributions, elicitation
from manul.uncertainty.elicit_fit import PROBABILITIES


def experts(weights: Mapping[str, dict]) -> dict[str, Expert]:
    """The weights of threats, each {"value": ..} with perhaps "range", "status", "distribution"."""
    return {name: Expert(block["value"], _quantile(block)) for name, block in weights.items()}


def table(draws: Mapping[str, np.ndarray], by: str, number: int) -> pd.DataFrame:
    """One row a weight, as `elicitation.table`: parameter, experts, pool, quantiles."""
    names = [elicitation.QUANTILE.format(1000 * p) for p in PROBABILITIES]
    rows = [
        {"parameter": f"threats.{threat}.weight", "experts": number, "pool": by}
        | dict(zip(names, np.quantile(values, PROBABILITIES), strict=True))
        for threat, values in draws.items()
    ]
    return pd.DataFrame(rows, columns=["parameter", "experts", "pool", *names])


def _quantile(block):
    if not distributions.drawn(block):
        return lambda u: np.full(np.shape(u), float(block["value"]))
    return lambda u: distributions.quantiles(block, u)
