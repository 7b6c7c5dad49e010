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

from collections.abc import Mapping

import numpy as np

from manul.config import nodes
from manul.config.types import Habitat, Node, Threat
from manul.model.cumulative import cumulate

UNKNOWN = np.float32(np.nan)


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
    levels = block["reference"]
    found = _habitat(surfaces, block)
    whole = _habitat(_reference(surfaces, levels), block)["habitat"]
    found["habitat_reference"] = whole
    for name, level in levels.items():
        alone = len(levels) == 1
        found[f"reference:{name}"] = (
            whole if alone else _habitat(_reference(surfaces, {name: level}), block)["habitat"]
        )
    found["missing"] = _count_unknown(surfaces, inputs(*parts(block)), shape)
    return {name: np.broadcast_to(array, shape) for name, array in found.items()}


def threats(
    surfaces: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], model: dict
) -> dict[str, np.ndarray]:
    """Effects of the threats and what they do to the habitat `found`, for one block.

    `found` holds what `habitat` gives, or `needed_of_habitat` of it. Keys: effect:NAME, share:NAME,
    threat, dominant_threat (1 is the first threat), quality, value_at_risk, missing_inputs.
    """
    shape = np.shape(found["habitat"])

    def lookup(kind, name):
        if kind == "component":
            return found[f"component:{name}"]
        if kind == "loss_from":
            return _loss(surfaces, found, name, model["habitat"]["reference"])
        return surfaces.get(name, UNKNOWN)

    effects = {name: _effect(threat, lookup) for name, threat in model["threats"].items()}
    out = {f"effect:{name}": e for name, e in effects.items()}
    out |= cumulate(effects, model["cumulative"], model["dominant_floor"])
    reference = found["habitat_reference"]
    out["quality"] = reference * (1 - out["threat"])
    out["value_at_risk"] = reference * out["threat"]
    of_habitat = inputs(*parts(model["habitat"]))
    more = [n for n in threat_inputs(model["threats"]) if n not in of_habitat]
    missing = _count_unknown(surfaces, more, shape) + len(model["absent"])
    out["missing_inputs"] = (found["missing"] + missing).astype("uint8")
    return {name: np.broadcast_to(array, shape) for name, array in out.items()}


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


def parts(block: Habitat) -> list[Node]:
    """The nodes of a habitat: its components and gates."""
    return [*block["components"].values(), *block["gates"].values()]


# ------------------------------------------------------------------------------------- helpers


def _habitat(surfaces, block) -> dict:
    def lookup(_, name):
        return surfaces.get(name, UNKNOWN)

    components = {n: nodes.evaluate(c, lookup) for n, c in block["components"].items()}
    gates = {n: nodes.evaluate(g, lookup) for n, g in block["gates"].items()}
    weights = {n: c["weight"] for n, c in block["components"].items()}
    weighed = [(weights[n], c) for n, c in components.items()]
    h = nodes.geometric_mean(weighed, block["floor"])
    known = sum(w * ~np.isnan(c) for w, c in weighed)
    h = np.where(known >= block["known_weight"] * sum(weights.values()), h, np.nan)
    for gate in gates.values():
        h = h * np.where(np.isnan(gate), 1, gate)
    return {
        "habitat": h.astype("float32"),
        **{f"component:{n}": c for n, c in components.items()},
        **{f"gate:{n}": g for n, g in gates.items()},
        "n_components": sum(~np.isnan(c) for c in components.values()),
    }


def _nodes(threats_: Mapping[str, Threat]) -> list[Node]:
    """Each threat and its footprint."""
    return [*threats_.values(), *(t["footprint"] for t in threats_.values() if "footprint" in t)]


def _reference(surfaces, levels) -> dict:
    """The surfaces before the loss; a cell that is unknown now has no reference either."""
    replaced = {
        name: np.maximum(surfaces[name], np.float32(level))
        for name, level in levels.items()
        if name in surfaces
    }
    return {**surfaces, **replaced}


def _loss(surfaces, found, names, levels) -> np.ndarray:
    """1 - habitat now / habitat with the reference of one surface, or of all."""
    whole = set(names) >= levels.keys()
    before = found["habitat_reference" if whole else f"reference:{names[0]}"]
    known = np.all([~np.isnan(surfaces.get(n, UNKNOWN)) for n in names], axis=0)
    loss = np.where(before > 0, 1 - found["habitat"] / np.where(before > 0, before, 1), 0)
    return np.where(known, np.clip(loss, 0, 1), np.nan)


def _effect(threat, lookup):
    e = threat["weight"] * np.asarray(nodes.evaluate(threat, lookup), "float32")
    if threat.get("footprint"):
        inside = np.asarray(nodes.evaluate(threat["footprint"], lookup), "float32")
        e = np.where(np.isnan(inside), e, inside + (1 - inside) * e)
    return (threat.get("factor", 1) * e).astype("float32")


def _count_unknown(surfaces, names, shape):
    count = np.zeros(shape, "uint8")
    for name in names:
        count += np.isnan(surfaces.get(name, UNKNOWN))
    return count
