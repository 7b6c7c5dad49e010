"""What an action regains or keeps: habitat quality with the threats that it acts on, and without.

    without hunting      H_ref (T - T without hunting)           comes back when hunting stops
    keep_from mines      H_ref (T with a mine here - T)          would be lost if a mine came
    again marmots        1 where H without their loss is good enough for key habitat, H now is not

T is the cumulative threat of the whole model in both, so what other threats take anyway is not
counted. A mine that comes has its full effect, its weight, on the ground. Where a rule acts on
several threats, each is told with those before it acted on already, so that their sum is what they
gain together: two poisons that come cannot take more than there is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np

from manul.config.nodes import Value, known_in_all, leaves
from manul.config.types import Rule, Threat
from manul.model.cells import reference_of

HOW = WITHOUT, KEEP_FROM = ("without", "keep_from")
AGAIN = "again"  # what comes back without a threat is key habitat: a lever of its own
# One of HOW or AGAIN, and a threat, behind the names of those that are acted on before it.
Lever = tuple[str, str]


def levers(rule: Rule, threats: Iterable[str], takes_habitat: Collection[str] = ()) -> list[Lever]:
    """What the action of a rule acts on, of the threats that are assessed.

    Those that take habitat themselves are there a second time, with AGAIN.
    """
    have = set(threats)
    acts = []
    for how in HOW:
        named = [name for name in rule["gain"].get(how, []) if name in have]
        acts += [(how, " ".join(named[: i + 1])) for i in range(len(named))]
    taken = [threat_of(lever) for lever in acts if lever[0] == WITHOUT]
    return acts + [(AGAIN, name) for name in taken if name in takes_habitat]


def threat_of(lever: Lever) -> str:
    """The threat whose gain a lever is."""
    return lever[1].split()[-1]


def lost_surfaces(threat: Threat) -> list[str]:
    """The surfaces whose loss is the threat; none for one that takes no habitat itself."""
    return [name for found in leaves(threat, "loss_from") for name in found]


def takes_habitat(model: Mapping) -> frozenset[str]:
    """The threats of a model that are a loss of habitat, as that of marmots' burrows."""
    return frozenset(name for name, threat in model["threats"].items() if lost_surfaces(threat))


def map_before_the_loss(name: str, model: Mapping) -> str:
    """The map of it."""
    return before_the_loss(name, model).replace(":", "_")


def before_the_loss(name: str, model: Mapping) -> str:
    """The key of the habitat, as `cells` has it, without the loss that is this threat."""
    return reference_of(lost_surfaces(model["threats"][name]), model["habitat"]["reference"])


def words(acts: Iterable[Lever], titles: Mapping[str, str]) -> str:
    """What an action acts on: 'without Hunting and Fire; kept from Large mines'."""
    told = []
    for how, said in (("without", "without"), ("keep_from", "kept from")):
        named = [titles[threat_of(lever)] for lever in acts if lever[0] == how]
        if named:
            told.append(f"{said} {' and '.join(named)}")
    return "; ".join(told)


def name(lever: Lever) -> str:
    """The map of a lever, as `gain_without_hunting`."""
    return f"gain_{lever[0]}_{lever[1].replace(' ', '__')}"


def again(habitat: Value, before: Value, key, left: float = 0.0) -> Value:
    """Where (1, or 0) habitat is good enough for key habitat (`key`) again, and is not so now.

    It comes back to what it was `before` the loss, but for the part that is `left`.
    """
    lost = np.maximum(before.number - habitat.number, 0)
    back = (habitat.number + np.float32(1 - left) * lost >= key) & (habitat.number < key)
    return Value(back.astype("float32"), known_in_all([habitat, before]))


def gain(
    lever: Lever,
    effects: Mapping[str, Value],
    threats: Mapping[str, Threat],
    before: Value,
    reference: Value,
    total: Callable[[Mapping[str, Value]], Value],
) -> Value:
    """The quality (0..1) that comes back or is kept in each cell.

    `effects` by threat, `threats` the model's with their weights, `before` the cumulative threat,
    `reference` the habitat before the loss; `total` gives the cumulative threat with other effects
    in the place of some. Unknown where the cumulative threat or the reference is.
    """
    how, names = lever[0], lever[1].split()
    changed = {name: _acted(how, effects[name], threats[name]["weight"]) for name in names}
    earlier = {name: changed[name] for name in names[:-1]}
    start, after = total(earlier) if earlier else before, total(changed)
    change = start.number - after.number if how == WITHOUT else after.number - start.number
    number = np.asarray(reference.number * np.maximum(change, 0), "float32")
    return Value(number, known_in_all([reference, before]))


def _acted(how, effect, weight) -> Value:
    """The effect of a threat that is gone, or that has come in full."""
    if how == WITHOUT:
        return Value(np.zeros_like(effect.number), effect.known)
    there = effect.number if effect.known is None else np.where(effect.known, effect.number, 0)
    return Value(np.maximum(there, np.asarray(weight, "float32")))
