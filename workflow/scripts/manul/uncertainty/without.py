"""What would come back without a threat, or with half of it, in every draw.

Each threat in turn is taken away, and halved, while all else stays: the quality of the habitat that
is regained, and the land that is good enough for key habitat again, where the threat is itself a
loss of habitat (of marmots' burrows). The gains of two threats do not add up: what several threats
take together comes back with the last of them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from manul.config.nodes import Value, known_in_all
from manul.model import gains as of_model
from manul.products.key_habitat import cell_km2
from manul.products.units import REGION
from manul.uncertainty import passes
from manul.uncertainty.sensitivity import Sample
from manul.uncertainty.tables import interval

LEFT = {"without": 0.0, "halved": 0.5}  # what is left of the threat
GAINS = {
    "quality_km2": "quality regained",
    "quality_in_key_km2": "quality regained on land good enough for key habitat",
    "key_cell_km2": "land good enough for key habitat again",
}
CELLS = 20_000  # of the sample, at most


def gains(of: passes.Uncertain, cells: Sample, units: int) -> np.ndarray:
    """Sums over the cells of each unit and of none: (units + 1, threats, LEFT, GAINS, draws).

    In cells of full quality, and in cells.
    """
    names = list(of.model["threats"])
    shape = units + 1, len(names), len(LEFT), len(GAINS), of.draws.number
    sums = np.zeros(shape)
    for here, outcome in of.pieces(cells.arrays):
        unit = cells.unit[here]
        for i, name in enumerate(names):
            for j, left in enumerate(LEFT.values()):
                for k, gain in enumerate(_gains(of, outcome, len(here), name, left)):
                    passes.add_by_unit(sums[:, i, j, k], unit, gain)
    return sums


def table(
    sums: np.ndarray, titles: Mapping[str, str], units: Sequence[str], grid: GeoBox, every: int
) -> pd.DataFrame:
    """One row for each unit (the region first), change and threat, the largest gain first.

    Each gain (km2; quality in km2 of full quality) with its mean, 5th and 95th percentile, and the
    share of the draws in which the threat is the one without which most quality comes back.
    """
    km2 = cell_km2(grid) * every**2
    places = [(REGION, sums.sum(0)), *((name, sums[i]) for i, name in enumerate(units, 1))]
    rows = []
    for unit, of in places:
        for j, change in enumerate(LEFT):
            best = of[:, j, 0].argmax(0)
            some = of[:, j, 0].max(0) > 0
            found = []
            for i, title in enumerate(titles.values()):
                row: dict = {"unit": unit, "change": change, "threat": title}
                for k, name in enumerate(GAINS):
                    row |= interval(name, of[i, j, k] * km2)
                found.append(row | {"most_in_draws": np.mean(some & (best == i))})
            ordered = sorted(found, key=lambda row: -row["quality_km2_mean"])
            rows += [row | {"rank": rank} for rank, row in enumerate(ordered, 1)]
    return pd.DataFrame(rows).round(4)


# ------------------------------------------------------------------------------------- helpers


def _gains(of, outcome, n, name, left) -> list[np.ndarray]:
    """Each of GAINS on `n` cells, (cells, draws)."""
    effect, reference, habitat = outcome.effects[name], outcome.reference, outcome.habitat
    lessened = Value(np.float32(left) * effect.number, effect.known)
    threat = passes.cumulated([*{**outcome.effects, name: lessened}.values()], of.draws)
    regained = reference.number * np.maximum(outcome.threat.number - threat.number, 0)
    quality = _known(regained, known_in_all([reference, outcome.threat]))
    key = _known(habitat.number >= of.key, habitat.known)
    again = np.zeros((1, 1), "float32")
    if name in of_model.takes_habitat(of.model):
        before = outcome.parts[of_model.before_the_loss(name, of.model)]
        again = _known(*of_model.again(habitat, before, of.key, left))
    shape = n, of.draws.number
    return [np.broadcast_to(gain, shape) for gain in (quality, quality * key, again)]


def _known(values, known) -> np.ndarray:
    """0 where it is unknown."""
    return values if known is None else values * known
