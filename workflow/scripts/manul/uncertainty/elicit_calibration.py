"""Weights of experts from questions whose answers are known: Cooke's classical model.

An expert is well calibrated if known answers fall below, within and above the intervals as often
as the expert's own probabilities say, and informative if the intervals are narrow. The weight is
the product of both (Cooke 1991, Experts in Uncertainty; global weights, without a cut-off).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

ADVISED = 10  # so many seed questions tell experts apart (Colson & Cooke 2017)
OVERSHOOT = 0.1  # how far the ground on which answers are compared reaches beyond them


@dataclass(frozen=True)
class Score:
    """How well an expert answered `seeds` questions, of which `inside` fell into the interval."""

    seeds: int
    inside: int
    calibration: float
    information: float

    @property
    def weight(self) -> float:
        """What the expert counts in the pool, beside others."""
        return self.calibration * self.information


def scores(
    answers: Mapping[str, Mapping[str, tuple[float, float, float]]],
    truths: Mapping[str, float],
    certainty: float,
) -> dict[str, Score]:
    """The score of each expert; `answers` are quantiles (low, median, high) by expert, question.

    The interval low..high holds the truth with probability `certainty`. Experts who answered no
    question are not there.
    """
    tail = (1 - certainty) / 2
    expected = np.array([tail, 0.5 - tail, 0.5 - tail, tail])
    ground = {seed: _ground(seed, answers, truths) for seed in truths}
    found = {}
    for expert, given in answers.items():
        if not given:
            continue
        hits = np.zeros(4)
        for seed, quantiles in given.items():
            hits[np.searchsorted(quantiles, truths[seed])] += 1
        narrow = [_information(q, ground[seed], expected) for seed, q in given.items()]
        found[expert] = Score(
            len(given), int(hits[1] + hits[2]), _calibration(hits, expected), float(np.mean(narrow))
        )
    return found


# ------------------------------------------------------------------------------------- helpers


def _calibration(hits, expected) -> float:
    """The probability of shares at least so far from those expected, were the expert right."""
    n = hits.sum()
    seen = hits > 0
    distance = np.sum(hits[seen] / n * np.log(hits[seen] / n / expected[seen]))
    return float(chdtrc(len(expected) - 1, 2 * n * distance))


def _ground(seed, answers, truths) -> tuple[float, float]:
    """From the lowest to the highest that anyone says of a question, or that is true, and more."""
    said = [x for given in answers.values() if seed in given for x in given[seed]]
    low, high = min([*said, truths[seed]]), max([*said, truths[seed]])
    return low - OVERSHOOT * (high - low), high + OVERSHOOT * (high - low)


def _information(quantiles, ground, expected) -> float:
    """How far the answer is from saying nothing, which is any value of the ground alike."""
    widths = np.diff([ground[0], *quantiles, ground[1]]) / (ground[1] - ground[0])
    return float(np.sum(expected * np.log(expected / widths)))
