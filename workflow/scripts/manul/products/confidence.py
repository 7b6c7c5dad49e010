"""What a share of the draws stands for, and what would turn the answer of a rule."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

SUPPORTED, DOUBTFUL = 0.7, 0.5
LOW, HIGH = 0.05, 0.95  # quantiles of the draws that are told
VERDICTS = ISSUE, SURVEY, UNSUPPORTED, NO_DRAWS = "issue", "survey first", "not supported", ""
CLEAR = 1.0  # standard deviations between draws that say yes and no, for a number to be named
FEW = 5  # draws on either side that are needed to compare


def verdict(share: float) -> str:
    """What becomes of a recommendation whose rule holds in this share of the draws."""
    if np.isnan(share):
        return VERDICTS[3]
    return VERDICTS[0 if share >= SUPPORTED else 1 if share >= DOUBTFUL else 2]


def tipping(holds: np.ndarray, inputs: pd.DataFrame, words: Mapping[str, str]) -> list[str]:
    """For each place what most separates yes from no, in words; empty where nothing does.

    `holds` is (places, draws). The separation is the difference of the means of an input over both
    kinds of draws in its standard deviations; the limit told lies half-way between the means.
    """
    numbers = inputs.select_dtypes("number")
    x = numbers.to_numpy("float64")
    sd = x.std(0)
    yes = holds.sum(1)
    no = holds.shape[1] - yes
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_yes = holds @ x / yes[:, None]
        mean_no = (~holds) @ x / no[:, None]
        apart = (mean_yes - mean_no) / sd
    apart = np.where(np.isfinite(apart), apart, 0)
    out = []
    for i in range(len(holds)):
        best = int(np.abs(apart[i]).argmax()) if x.shape[1] else 0
        few = min(yes[i], no[i]) < FEW
        if few or not x.shape[1] or abs(apart[i, best]) < CLEAR:
            out.append("")
            continue
        limit = (mean_yes[i, best] + mean_no[i, best]) / 2
        side = "below" if apart[i, best] > 0 else "above"
        name = numbers.columns[best]
        out.append(f'holds unless "{words.get(name, name)}" is {side} {plain(limit)}')
    return out


def plain(number: float) -> str:
    """Three significant digits, without an exponent for people's numbers."""
    text = f"{float(f'{number:.3g}'):.6f}".rstrip("0").rstrip(".")
    return text if abs(number) >= 1e-4 else f"{number:.3g}"
