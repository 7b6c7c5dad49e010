"""Which actions to pay for: the best set within a budget, found exactly.

A set of places regains the faces of ground that any of them covers (`products.gains`), so what two
actions would do to the same ground counts once. Choosing places is a problem of maximum coverage
with costs: each place is taken or not, a face counts as far as some place that covers it is taken.
It is solved with HiGHS through scipy, to a gap of one in ten thousand.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

GAP = 1e-4


@dataclass(frozen=True)
class Offer:
    """Places that could be paid for: `cost` of each, `gain` of each face, who covers a face.

    `face` and `place` are pairs: that face is covered by that place.
    """

    cost: np.ndarray
    gain: np.ndarray
    face: np.ndarray
    place: np.ndarray

    def regained(self, chosen: np.ndarray) -> float:
        """What a set of places (a mask) regains together."""
        covered = np.unique(self.face[chosen[self.place]])
        return float(self.gain[covered].sum())

    def of(self, gain: np.ndarray, cost: np.ndarray) -> "Offer":
        """The same places with other numbers."""
        return Offer(cost, gain, self.face, self.place)


@dataclass(frozen=True)
class Choice:
    """A set of places (a mask), what it costs and regains, and how far from the best it may be."""

    chosen: np.ndarray
    cost: float
    gain: float
    gap: float


def best(offer: Offer, budget: float) -> Choice:
    """The places that regain most for at most `budget`."""
    places, faces = len(offer.cost), len(offer.gain)
    cost = np.r_[offer.cost, np.zeros(faces)]
    return _solved(offer, -np.r_[np.zeros(places), offer.gain], [(cost, -np.inf, budget)])


def cheapest(offer: Offer, share: float) -> Choice:
    """The places that regain at least `share` of all that could be, for the least money."""
    places, faces = len(offer.cost), len(offer.gain)
    cost, gain = np.r_[offer.cost, np.zeros(faces)], np.r_[np.zeros(places), offer.gain]
    least = share * offer.gain.sum() * (1 - 1e-9)
    return _solved(offer, cost, [(gain, least, np.inf)])


def greedy(offer: Offer, budget: float) -> Choice:
    """One place after the other, each time the one that adds most for its money and still fits."""
    chosen, left = np.zeros(len(offer.cost), bool), float(budget)
    gain = offer.gain.astype(float).copy()
    while True:
        adds = np.bincount(offer.place, gain[offer.face], minlength=len(chosen))
        fits = ~chosen & (offer.cost <= left) & (adds > 0)
        if not fits.any():
            break
        worth = np.where(fits, adds / np.maximum(offer.cost, 1e-9), -1)
        take = int(worth.argmax())
        chosen[take], left = True, left - offer.cost[take]
        gain[offer.face[offer.place == take]] = 0
    return Choice(chosen, float(offer.cost[chosen].sum()), offer.regained(chosen), np.nan)


def chosen_in_draws(offers: Iterable[Offer], budget: float) -> np.ndarray:
    """In which share of the draws each place belongs to the best set."""
    found = [best(offer, budget).chosen for offer in offers]
    return np.mean(found, axis=0)


# ------------------------------------------------------------------------------------- helpers


def _solved(offer, objective, limits) -> Choice:
    # take long to import
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, hstack

    places, faces = len(offer.cost), len(offer.gain)
    if not places:
        return Choice(np.zeros(0, bool), 0.0, 0.0, 0.0)
    covers = csr_array(
        (np.full(len(offer.face), -1.0), (offer.face, offer.place)), shape=(faces, places)
    )
    each = csr_array((np.ones(faces), (np.arange(faces), np.arange(faces))), shape=(faces, faces))
    rules = [LinearConstraint(hstack([covers, each]), -np.inf, 0)] if faces else []
    for row, low, high in limits:
        rules.append(LinearConstraint(csr_array(row[None]), low, high))
    found = milp(
        objective,
        constraints=rules,
        bounds=Bounds(0, 1),
        integrality=np.r_[np.ones(places), np.zeros(faces)],
        options={"mip_rel_gap": GAP},
    )
    if found.x is None:
        raise ValueError(f"no set of places fits: {found.message}")
    chosen = found.x[:places] > 0.5
    gap = float(found.mip_gap or 0.0)
    return Choice(chosen, float(offer.cost[chosen].sum()), offer.regained(chosen), gap)
