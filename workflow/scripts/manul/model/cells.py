"""The model: habitat, threats, quality and value at risk, cell by cell.

The functions are pure and look at no neighbours and no files, so they run on a whole map, on any
block of it, on a scenario or on a single cell, and give the same number each time.

    H   = prod gates * (prod component^weight)^(1 / sum of known weights)
    e_i = weight_i * t_i, or 1 inside a footprint         effect of threat i, 0..1
    T   = 1 - prod(1 - e_i)                               cumulative threat (saturation)
    share_i = ln(1 - e_i) / sum ln(1 - e_j)
    Q   = H_reference (1 - T)                             realised quality
    R   = H_reference T                                   value at risk
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np

from manul.config import nodes
from manul.config.nodes import Value, filled, valued
from manul.config.types import Habitat, Node, Threat
from manul.model.cumulative import cumulate

UNKNOWN = nodes.unknown()
Values = Mapping[str, Value]


def evaluate(surfaces: Mapping[str, np.ndarray], model: dict) -> dict[str, np.ndarray]:
    """Every output of the model for one block: those of `habitat` and of `threats`.

    `surfaces` maps names to float32 arrays of one shape, NaN where unknown; a surface that the
    model names and the mapping lacks is unknown everywhere. `model` holds `habitat`, `threats`,
    `cumulative`, `dominant_floor`, all numbers plain, and `absent`, the inputs of threats that have
    no layer at all.
    """
    found = habitat(surfaces, model["habitat"])
    return found | threats(surfaces, found, model)


def habitat(surfaces: Mapping[str, np.ndarray], block: Habitat) -> dict[str, np.ndarray]:
    """Habitat now and before the loss, with all its parts, for one block.

    Keys: habitat, habitat_reference (every surface of `reference` at its level), reference:NAME
    (that surface alone; the habitat of now where no part reads it), component:NAME, gate:NAME,
    n_components, and missing, the number of inputs that are unknown.
    """
    shape = np.broadcast_shapes(*(np.shape(s) for s in surfaces.values()))
    given = {name: valued(array) for name, array in surfaces.items()}
    found = habitat_values(given, block)
    out = {name: filled(value) for name, value in found.items()}
    components = {n: found[f"component:{n}"] for n in block["components"]}
    out["n_components"] = len(components) - _count_unknown(components, components, shape)
    out["missing"] = _count_unknown(given, inputs(*parts(block)), shape)
    return {name: np.broadcast_to(array, shape) for name, array in out.items()}


def threats(
    surfaces: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], model: dict
) -> dict[str, np.ndarray]:
    """Effects of the threats and what they do to the habitat `found`, for one block.

    `found` holds what `habitat` gives, or `needed_of_habitat` of it. Keys: effect:NAME, share:NAME,
    threat, dominant_threat (1 is the first threat), quality, value_at_risk, missing_inputs.
    """
    shape = np.shape(found["habitat"])
    given = {name: valued(array) for name, array in surfaces.items()}
    before = {name: valued(array) for name, array in found.items()}
    effects = {n: filled(e) for n, e in effect_values(given, before, model).items()}
    out = {f"effect:{name}": e for name, e in effects.items()}
    out |= cumulate(effects, model["cumulative"], model["dominant_floor"])
    reference = found["habitat_reference"]
    out["quality"] = reference * (1 - out["threat"])
    out["value_at_risk"] = reference * out["threat"]
    of_habitat = inputs(*parts(model["habitat"]))
    more = [n for n in threat_inputs(model["threats"]) if n not in of_habitat]
    missing = _count_unknown(given, more, shape) + len(model["absent"])
    out["missing_inputs"] = (found["missing"] + missing).astype("uint8")
    return {name: np.broadcast_to(array, shape) for name, array in out.items()}


def habitat_values(given: Values, block: Habitat) -> dict[str, Value]:
    """`habitat` from and to values: habitat, habitat_reference, reference:NAME, component:NAME,
    gate:NAME. What does not read a surface of `reference` is worked out once.
    """
    whole = _parts_of(given, block)
    levels = block["reference"]
    logs = _logs(whole, block)
    out = {"habitat": _combined(whole, logs, block)}
    for key, some in _references(levels).items():
        raised = _parts_of(_raised(given, some), block, whole, set(some))
        differ = {name: part for name, part in raised.items() if part is not whole[name]}
        out[key] = _combined(raised, logs | _logs(differ, block), block)
    if len(levels) == 1:
        out |= {f"reference:{name}": out["habitat_reference"] for name in levels}
    return out | whole


def effect_values(given: Values, found: Values, model: dict) -> dict[str, Value]:
    """The effect (0..1) of each threat; `found` is what `habitat_values` gives."""
    levels = model["habitat"]["reference"]

    def lookup(kind, name):
        if kind == "component":
            return found[f"component:{name}"]
        if kind == "loss_from":
            return _loss(given, found, name, levels)
        return given.get(name, UNKNOWN)

    return {name: _effect(threat, lookup) for name, threat in model["threats"].items()}


def inputs(*blocks: Node) -> list[str]:
    """The surfaces that some nodes read, in the order of the config."""
    return list(dict.fromkeys(name for block in blocks for name in nodes.leaves(block, "surface")))


def threat_inputs(threats_: Mapping[str, Threat]) -> list[str]:
    """The surfaces that threats and their footprints read."""
    return inputs(*_nodes(threats_))


def needed_of_habitat(model: dict) -> list[str]:
    """The keys of `habitat` that `threats` reads."""
    keys = ["habitat", "habitat_reference", "missing"]
    for node in _nodes(model["threats"]):
        keys += [f"component:{name}" for name in nodes.leaves(node, "component")]
        keys += [f"reference:{n}" for names in nodes.leaves(node, "loss_from") for n in names]
    return list(dict.fromkeys(keys))


def reference_of(names: Collection[str], levels: Collection[str]) -> str:
    """The key of the habitat before the loss of these surfaces, of those that have a reference."""
    return "habitat_reference" if set(names) >= set(levels) else f"reference:{next(iter(names))}"


def parts(block: Habitat) -> list[Node]:
    """The nodes of a habitat: its components and gates."""
    return [*block["components"].values(), *block["gates"].values()]


# ------------------------------------------------------------------------------------- helpers


def _references(levels) -> dict[str, dict]:
    """Which surfaces stand at their reference in which result."""
    alone = {f"reference:{name}": {name: level} for name, level in levels.items()}
    return {"habitat_reference": levels} | (alone if len(alone) > 1 else {})


def _parts_of(given, block, known: Values | None = None, changed=frozenset()) -> dict[str, Value]:
    """component:NAME and gate:NAME; those that read no `changed` surface are taken from `known`."""
    kinds = {"component": block["components"], "gate": block["gates"]}
    named = {f"{kind}:{n}": node for kind, of in kinds.items() for n, node in of.items()}
    return {
        key: known[key]
        if known and changed.isdisjoint(nodes.leaves(node, "surface"))
        else nodes.value(node, _surfaces(given))
        for key, node in named.items()
    }


def _surfaces(given) -> Callable:
    return lambda _, name: given.get(name, UNKNOWN)


def _logs(parts_: Values, block) -> dict[str, Value]:
    """Of the components among some parts."""
    components = {f"component:{name}" for name in block["components"]}
    return {n: nodes.log_of(p, block["floor"]) for n, p in parts_.items() if n in components}


def _combined(parts_: Values, logs: Values, block) -> Value:
    """The habitat of its components, given as logs, and of its gates."""
    weighed = [(c["weight"], logs[f"component:{n}"]) for n, c in block["components"].items()]
    h, known = nodes.mean_of_logs(weighed)
    if known is not None:  # by the mean weights: what is known is so in every draw
        mean = [(np.mean(w), part) for w, part in weighed]
        there = sum(w if part.known is None else w * part.known for w, part in mean)
        known = there >= block["known_weight"] * sum(w for w, _ in mean)
    for name in block["gates"]:
        gate, told = parts_[f"gate:{name}"]
        h = h * (gate if told is None else np.where(told, gate, 1))
    return Value(np.asarray(h, "float32"), known)


def _nodes(threats_: Mapping[str, Threat]) -> list[Node]:
    """Each threat and its footprint."""
    return [*threats_.values(), *(t["footprint"] for t in threats_.values() if "footprint" in t)]


def _raised(given, levels) -> dict[str, Value]:
    """The surfaces before the loss; a cell that is unknown now has no reference either."""
    raised = {
        name: Value(np.maximum(given[name].number, np.asarray(level, "float32")), given[name].known)
        for name, level in levels.items()
        if name in given
    }
    return {**given, **raised}


def _loss(given, found, names, levels) -> Value:
    """1 - habitat now / habitat with the reference of one surface, or of all."""
    before = found[reference_of(names, levels)]
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = np.where(before.number > 0, 1 - found["habitat"].number / before.number, 0)
    known = nodes.known_in_all([*(given.get(n, UNKNOWN) for n in names), found["habitat"]])
    return Value(np.clip(loss, 0, 1), known)


def _effect(threat, lookup) -> Value:
    e, known = nodes.value(threat, lookup)
    e = threat["weight"] * np.asarray(e, "float32")
    if threat.get("footprint"):
        inside, told = nodes.value(threat["footprint"], lookup)
        inside = np.asarray(inside if told is None else np.where(told, inside, 0), "float32")
        e = inside + (1 - inside) * e
    return Value(np.asarray(threat.get("factor", 1) * e, "float32"), known)


def _count_unknown(given, names, shape):
    count = np.zeros(shape, "uint8")
    for name in names:
        known = given.get(name, UNKNOWN).known
        if known is not None:
            count += ~known
    return count
