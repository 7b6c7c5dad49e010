"""Occupancy: the share of sites where a species lives, though it is not always seen there.

A site is occupied in the first season with chance psi, is colonised between seasons with chance
gamma and abandoned with chance epsilon; on a visit to an occupied site it is seen with chance p
(MacKenzie et al. 2002, Ecology 83: 2248; 2003, Ecology 84: 2200). All on the logit scale, with
covariates; visits not made are NaN and left out. The likelihood sums over all states by the forward
recursion; its slope is exact (complex step), its curvature gives the errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

PARTS = ("psi", "gamma", "epsilon", "p")
TINY = 1e-30  # the complex step


@dataclass(frozen=True)
class Data:
    """Detections and covariates.

    `seen` (sites, seasons, visits) is 1, 0 or NaN; `designs` has for each part its columns:
    psi (sites, k), gamma and epsilon (sites, seasons - 1, k), p (sites, seasons, visits, k), each
    with names in `names`. Without gamma and epsilon there is one season.
    """

    seen: np.ndarray
    designs: Mapping[str, np.ndarray]
    names: Mapping[str, tuple[str, ...]]

    @property
    def parts(self) -> list[str]:
        """The parts that are estimated."""
        return [part for part in PARTS if part in self.designs]

    @property
    def titles(self) -> list[str]:
        """A name for each coefficient, as `psi: elevation`."""
        return [f"{part}: {name}" for part in self.parts for name in self.names[part]]

    def chances(self, beta: np.ndarray) -> dict[str, np.ndarray]:
        """Each part's chance, of the shape of its design without the last axis."""
        found, at = {}, 0
        for part in self.parts:
            k = len(self.names[part])
            found[part] = 1 / (1 + np.exp(-(self.designs[part] @ beta[at : at + k])))
            at += k
        return found


def data(seen, psi=None, p=None, gamma=None, epsilon=None) -> Data:
    """Detections with tables of covariates: each a mapping name -> values that broadcast.

    `seen` is (sites, visits), or (sites, seasons, visits); psi (sites,), p as `seen`, gamma and
    epsilon (sites, seasons - 1). An intercept comes first in each. Raises ValueError for values
    other than 0, 1 and NaN, and for a covariate that is unknown where it is needed.
    """
    seen = np.asarray(seen, float)
    seen = seen[:, None, :] if seen.ndim == 2 else seen
    if not np.isin(seen[np.isfinite(seen)], (0, 1)).all():
        raise ValueError("detections are 0, 1 or not known (NaN)")
    n, seasons, visits = seen.shape
    shapes = {"psi": (n,), "p": (n, seasons, visits)}
    given = {"psi": psi or {}, "p": p or {}}
    if seasons > 1:
        shapes |= {"gamma": (n, seasons - 1), "epsilon": (n, seasons - 1)}
        given |= {"gamma": gamma or {}, "epsilon": epsilon or {}}
    designs, names = {}, {}
    for part, shape in shapes.items():
        columns = [np.ones(shape)]
        for name, values in given[part].items():
            values = np.asarray(values, float)
            if part == "p" and values.ndim == 2:
                values = values[:, None, :]
            values = np.broadcast_to(values, shape)
            needed = np.isfinite(seen) if part == "p" else np.ones(shape, bool)
            if not np.isfinite(values[needed]).all():
                raise ValueError(f"the covariate {name} of {part} is unknown where it is needed")
            columns.append(np.nan_to_num(values))
        designs[part] = np.stack(columns, axis=-1)
        names[part] = ("intercept", *given[part])
    return Data(seen, designs, names)


def log_likelihood(beta: np.ndarray, of: Data):
    """ln L, without binomial coefficients."""
    _, totals = _forward(of, of.chances(beta))
    return np.log(totals).sum()


@dataclass(frozen=True)
class Fit:
    """Coefficients on the logit scale with their covariance; `converged`: it is a maximum."""

    data: Data
    beta: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    converged: bool

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * len(self.beta) - 2 * self.log_likelihood

    def table(self) -> pd.DataFrame:
        """coefficient, se and 95 % interval (logit) of each term."""
        error = np.sqrt(np.diag(self.covariance))
        z = stats.norm.ppf(0.975)
        return pd.DataFrame(
            {
                "term": self.data.titles, "coefficient": self.beta, "se": error,
                "low": self.beta - z * error, "high": self.beta + z * error,
            }
        )  # fmt: skip

    def chance(self, part: str, columns: np.ndarray, level: float = 0.95):
        """(estimate, low, high) of a part for rows of its design (n, k), symmetric in logits."""
        start = sum(len(self.data.names[p]) for p in self.data.parts[: self.data.parts.index(part)])
        own = slice(start, start + len(self.data.names[part]))
        eta = columns @ self.beta[own]
        variance = np.einsum("ni,ij,nj->n", columns, self.covariance[own, own], columns)
        half = stats.norm.ppf((1 + level) / 2) * np.sqrt(variance)
        return tuple(1 / (1 + np.exp(-(eta + shift))) for shift in (0, -half, half))

    def occupied(self) -> np.ndarray:
        """The chance (sites, seasons) that a site was occupied, given all that was seen there."""
        chances = self.data.chances(self.beta)
        forward, _ = _forward(self.data, chances)
        seen = _seen(self.data.seen, chances["p"])
        backward = np.ones_like(forward)
        for t in range(forward.shape[1] - 2, -1, -1):
            later = backward[:, t + 1] * np.stack([seen[:, t + 1, 0], seen[:, t + 1, 1]], axis=-1)
            move = _moves(chances, t)
            step = np.einsum("nij,nj->ni", move, later)
            backward[:, t] = step / step.sum(axis=1, keepdims=True)
        both = forward * backward
        return both[..., 1] / both.sum(axis=-1)

    def projected(self) -> np.ndarray:
        """Mean occupancy (seasons,) of the sites, from psi, gamma and epsilon alone."""
        chances = self.data.chances(self.beta)
        share = [chances["psi"]]
        for t in range(self.data.seen.shape[1] - 1):
            gone, come = chances["epsilon"][:, t], chances["gamma"][:, t]
            share.append(share[-1] * (1 - gone) + (1 - share[-1]) * come)
        return np.array([s.mean() for s in share])


def fit(of: Data, start: np.ndarray | None = None) -> Fit:
    """The fit of largest likelihood (quasi-Newton from several starts)."""
    k = len(of.titles)
    if start is not None:
        starts = [start]
    else:
        starts = [np.zeros(k), np.r_[1.0, np.zeros(k - 1)], np.r_[-1.0, np.zeros(k - 1)]]
    ends = [
        optimize.minimize(
            lambda b: -log_likelihood(b, of), s, jac=lambda b: -_slope(b, of), method="BFGS",
            options={"gtol": 1e-7},
        )
        for s in starts
    ]  # fmt: skip
    best = min(ends, key=lambda end: end.fun)
    curve = np.empty((k, k))
    for i in range(k):
        step = np.eye(k)[i] * 1e-5
        curve[i] = (_slope(best.x + step, of) - _slope(best.x - step, of)) / 2e-5
    curve = (curve + curve.T) / 2
    peak = bool(np.linalg.eigvalsh(curve).max() < -1e-8)
    covariance = np.linalg.inv(-curve) if peak else np.full((k, k), np.nan)
    return Fit(of, best.x, covariance, float(-best.fun), peak and np.abs(best.jac).max() < 1e-3)


def goodness(found: Fit, draws: int = 200, seed: int = 1) -> dict[str, float]:
    """Does the model describe the detections? Parametric bootstrap of Freeman & Tukey's statistic.

    Of each site's number of detections. `p` is the share of simulated sets that fit worse; below
    0.05 the model misses something. `spread` is the statistic over the mean of the simulated ones.
    """
    rng = np.random.default_rng(seed)
    chances = found.data.chances(found.beta)
    value = _misfit(found.data, chances)
    made = []
    for _ in range(draws):
        one = Data(_simulate(found.data, chances, rng), found.data.designs, found.data.names)
        made.append(_misfit(one, one.chances(fit(one, found.beta).beta)))
    return {
        "statistic": value, "p": float((np.array(made) >= value).mean()),
        "spread": value / float(np.mean(made)), "draws": draws,
    }  # fmt: skip


def sites_for(psi: float, p: float, visits: int, se: float) -> float:
    """Sites to visit `visits` times each for a standard error `se` of psi, all chances constant.

    MacKenzie & Royle 2005, Journal of Applied Ecology 42: 1105, eq. 3.
    """
    ever = 1 - (1 - p) ** visits
    wasted = (1 - ever) / (ever - visits * p * (1 - p) ** (visits - 1))
    return psi / se**2 * ((1 - psi) + wasted)


# ------------------------------------------------------------------------------------- helpers


def _seen(seen, p) -> np.ndarray:
    """The chance of each season's detections where empty (..., 0) and where occupied (..., 1)."""
    known = np.isfinite(seen)
    hit = np.where(seen == 1, p, 1 - p)
    occupied = np.where(known, hit, 1).prod(axis=2)
    empty = 1.0 - (np.nan_to_num(seen) == 1).any(axis=2)
    return np.stack([empty + 0 * occupied, occupied], axis=-1)


def _moves(chances, t) -> np.ndarray:
    """(sites, from, to) between season t and the next; 0 empty, 1 occupied."""
    come, gone = chances["gamma"][:, t], chances["epsilon"][:, t]
    return np.stack([np.stack([1 - come, come], -1), np.stack([gone, 1 - gone], -1)], axis=1)


def _forward(of: Data, chances):
    """Share of each state after each season (sites, seasons, 2), and the chance of all seen."""
    seen = _seen(of.seen, chances["p"])
    now = np.stack([1 - chances["psi"], chances["psi"]], axis=-1) * seen[:, 0]
    shares, total = [], 1.0
    for t in range(of.seen.shape[1]):
        if t:
            now = np.einsum("ni,nij->nj", now, _moves(chances, t - 1)) * seen[:, t]
        sums = now.sum(axis=1, keepdims=True)
        total = total * sums[:, 0]
        now = now / sums
        shares.append(now)
    return np.stack(shares, axis=1), total


def _slope(beta, of) -> np.ndarray:
    out = np.empty(len(beta))
    for i in range(len(beta)):
        step = beta.astype(complex)
        step[i] += 1j * TINY
        out[i] = log_likelihood(step, of).imag / TINY
    return out


def _misfit(of: Data, chances) -> float:
    known = np.isfinite(of.seen)
    share = [chances["psi"]]
    for t in range(of.seen.shape[1] - 1):
        gone, come = chances["epsilon"][:, t], chances["gamma"][:, t]
        share.append(share[-1] * (1 - gone) + (1 - share[-1]) * come)
    expected = np.stack(share, axis=1) * np.where(known, chances["p"], 0).sum(axis=2)
    observed = np.nansum(of.seen, axis=2)
    return float(((np.sqrt(observed) - np.sqrt(expected)) ** 2).sum())


def _simulate(of: Data, chances, rng) -> np.ndarray:
    lives = rng.random(len(of.seen)) < chances["psi"]
    made = np.empty_like(of.seen)
    for t in range(of.seen.shape[1]):
        if t:
            stays = rng.random(len(lives)) >= chances["epsilon"][:, t - 1]
            comes = rng.random(len(lives)) < chances["gamma"][:, t - 1]
            lives = np.where(lives, stays, comes)
        made[:, t] = lives[:, None] & (rng.random(made[:, t].shape) < chances["p"][:, t])
    return np.where(np.isfinite(of.seen), made, np.nan)
