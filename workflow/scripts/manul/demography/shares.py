"""Causes of death into weights of threats: what experts say, pooled with what the dead animals say.

The share of each cause among deaths by threats has a Dirichlet distribution (Jeffreys' prior); the
experts' shares are those of the weights in the config. A draw of a weight is the experts' own, or,
with chance n / (n + n0) after n deaths, the experts' sum split as the deaths are: a linear pool, as
that of several experts (Stone 1961), so that with no death nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

PRIOR = 0.5  # of each cause, Jeffreys'
DRAWS = 20_000


@dataclass(frozen=True)
class Expert:
    """A weight as the config has it: its value, and its quantile function of u in 0..1."""

    value: float
    quantile: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Group:
    """Causes that tell of the same threats, and how many died of them."""

    causes: tuple[str, ...]
    threats: tuple[str, ...]
    deaths: int


def groups(
    deaths: Mapping[str, int], causes: Mapping[str, Sequence[str]], known: Collection[str]
) -> list[Group]:
    """The causes by the threats (of `known`) that they tell of; none for causes that tell of none.

    Raises ValueError for a threat of two causes that do not tell of the same threats.
    """
    by_threats: dict[tuple, list[str]] = {}
    for cause, threats in causes.items():
        if named := tuple(sorted(t for t in threats if t in known)):
            by_threats.setdefault(named, []).append(cause)
    if twice := doubled(by_threats):
        raise ValueError(f"{twice} stands under causes that do not name the same threats")
    return [
        Group(tuple(own), threats, sum(deaths.get(cause, 0) for cause in own))
        for threats, own in by_threats.items()
    ]


def doubled(named: Iterable[Sequence[str]]) -> str:
    """A threat that stands in two different sets of threats, or ""."""
    seen: dict[str, tuple] = {}
    for threats in map(tuple, map(sorted, named)):
        for threat in threats:
            if seen.setdefault(threat, threats) != threats:
                return threat
    return ""


def pool(
    found: Sequence[Group], experts: Mapping[str, Expert], equal_at: float, seed: int = 1
) -> dict[str, np.ndarray]:
    """Draws (DRAWS,) of the weight of each threat that a cause of death tells of.

    `equal_at` is the number of deaths n0 at which the dead weigh as much as the experts.
    """
    rng = np.random.default_rng(seed)
    told = {t: experts[t].quantile(rng.random(DRAWS)) for g in found for t in g.threats}
    if not told:
        return {}
    total = sum(experts[threat].value for threat in told)
    number = sum(group.deaths for group in found)
    shares = rng.dirichlet([group.deaths + PRIOR for group in found], DRAWS)
    by_data = rng.random(DRAWS) < number / (number + equal_at)
    out = {}
    for share, group in zip(shares.T, found, strict=True):
        own = sum(experts[t].value for t in group.threats)
        for threat in group.threats:
            part = experts[threat].value / own if own else 1 / len(group.threats)
            out[threat] = np.clip(np.where(by_data, total * share * part, told[threat]), 0, 1)
    return out


def table(found: Sequence[Group], experts: Mapping[str, Expert]) -> pd.DataFrame:
    """By causes: threats, deaths, share of the dead with its 95 % interval, and by experts."""
    from scipy.stats import beta  # slow to load, and every reader of a config loads this module

    total = sum(group.deaths + PRIOR for group in found)
    weights = [sum(experts[t].value for t in group.threats) for group in found]
    rows = []
    for group, weight in zip(found, weights, strict=True):
        own = group.deaths + PRIOR
        ends = beta.ppf([0.025, 0.975], own, total - own) if total > own else [np.nan] * 2
        named = ", ".join(group.causes), ", ".join(group.threats)
        rows.append((*named, group.deaths, own / total, *ends, weight / sum(weights)))
    columns = ["cause", "threats", "deaths", "share", "low", "high", "share_of_experts"]
    return pd.DataFrame(rows, columns=columns)
