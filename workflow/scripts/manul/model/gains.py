"""What an action regains or keeps: habitat quality with the threats that it acts on, and without.

    without hunting      H_ref (T - T without hunting)           comes back when hunting stops
    keep_from mines      H_ref (T with a mine here - T)          would be lost if a mine came

T is the cumulative threat of the whole model in both, so what other threats take anyway is not
counted. A mine that comes has its full effect, its weight, on the ground. The gains of several
threats are told one by one; together they would be a little more, and what is told is the sum.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from manul.config.nodes import Value, known_in_all
from manul.config.types import Rule

HOW = ("without", "keep_from")
Lever = tuple[str, str]  # one of HOW, and a threat


def levers(rule: Rule, threats: Iterable[str]) -> list[Lever]:
    """What the action of a rule acts on, of the threats that are assessed."""
    have = set(threats)
    return [(how, name) for how in HOW for name in rule["gain"].get(how, []) if name in have]


def words(acts: Iterable[Lever], titles: Mapping[str, str]) -> str:
    """What an action acts on: 'without Hunting and Fire; kept from Large mines'."""
    told = []
    for how, said in (("without", "without"), ("keep_from", "kept from")):
        named = [titles[threat] for kind, threat in acts if kind == how]
        if named:
            told.append(f"{said} {' and '.join(named)}")
    return "; ".join(told)


def name(lever: Lever) -> str:
    """The map of a lever, as `gain_without_hunting`."""
    return f"gain_{lever[0]}_{lever[1]}"


def gain(
    how: str,
    effect: Value,
    before: Value,
    reference: Value,
    weight,
    total: Callable[[Value], Value],
) -> Value:
    """The quality (0..1) that comes back or is kept in each cell.

    `effect` is that of the lever's threat and `weight` its weight, `before` the cumulative threat,
    `reference` the habitat before the loss; `total` gives the cumulative threat with another effect
    in the place of this one. Unknown where the cumulative threat or the reference is.
    """
    if how == "without":
        changed = Value(np.zeros_like(effect.number), effect.known)
    else:
        there = effect.number if effect.known is None else np.where(effect.known, effect.number, 0)
        changed = Value(np.maximum(there, np.asarray(weight, "float32")))
    after = total(changed)
    change = before.number - after.number if how == "without" else after.number - before.number
    number = np.asarray(reference.number * np.maximum(change, 0), "float32")
    return Value(number, known_in_all([reference, before]))
