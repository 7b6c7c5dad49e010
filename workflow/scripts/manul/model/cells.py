"""The model: habitat, threats, quality and value at risk, cell by cell.

`evaluate` is pure and looks at no neighbours and no files, so it runs on a whole map, on any
block of it, on a scenario or on a single cell, and gives the same number each time.

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
from manul.config.selection import inputs
from manul.model.cumulative import cumulate


def evaluate(surfaces: Mapping[str, np.ndarray], model: dict) -> dict[str, np.ndarray]:
    """Every output of the model for one block.

    `surfaces` maps names to float32 arrays of one shape, NaN where unknown; a surface that the
    model names and the mapping lacks is unknown everywhere. `model` holds `habitat`, `threats`,
    `cumulative`, `dominant_floor`, all numbers plain, and `absent`, the inputs of threats that have
    no layer at all. Keys of the result: habitat,
    habitat_reference, component:NAME, gate:NAME, n_components, missing_inputs, effect:NAME,
    share:NAME, threat, dominant_threat (1 is the first threat), quality, value_at_risk.
    """
    shape = np.broadcast_shapes(*(np.shape(s) for s in surfaces.values()))
    now = _habitat(surfaces, model["habitat"])
    reference = _reference(surfaces, model["habitat"])
    h_ref = _habitat(reference, model["habitat"])["habitat"]
    out = {**now, "habitat_reference": h_ref}
    effects = _effects(surfaces, now, model)
    out |= {f"effect:{name}": e for name, e in effects.items()}
    out |= cumulate(effects, model["cumulative"], model["dominant_floor"])
    out["quality"] = h_ref * (1 - out["threat"])
    out["value_at_risk"] = h_ref * out["threat"]
    out["missing_inputs"] = _count_missing(surfaces, model, shape)
    return {name: np.broadcast_to(array, shape) for name, array in out.items()}


def _habitat(surfaces, habitat) -> dict:
    def lookup(_, name):
        return surfaces.get(name, np.float32(np.nan))

    components = {n: nodes.evaluate(c, lookup) for n, c in habitat["components"].items()}
    gates = {n: nodes.evaluate(g, lookup) for n, g in habitat["gates"].items()}
    weights = {n: c["weight"] for n, c in habitat["components"].items()}
    parts = [(weights[n], c) for n, c in components.items()]
    h = nodes.geometric_mean(parts, habitat["floor"])
    known = sum(w * ~np.isnan(c) for w, c in parts)
    h = np.where(known >= habitat["known_weight"] * sum(weights.values()), h, np.nan)
    for gate in gates.values():
        h = h * np.where(np.isnan(gate), 1, gate)
    return {
        "habitat": h.astype("float32"),
        **{f"component:{n}": c for n, c in components.items()},
        **{f"gate:{n}": g for n, g in gates.items()},
        "n_components": sum(~np.isnan(c) for c in components.values()),
    }


def _reference(surfaces, habitat) -> dict:
    """The surfaces before the loss; a cell that is unknown now has no reference either."""
    replaced = {
        name: np.maximum(surfaces[name], np.float32(level))
        for name, level in habitat["reference"].items()
        if name in surfaces
    }
    return {**surfaces, **replaced}


def _effects(surfaces, now, model) -> dict:
    def loss_from(names):
        habitat = {**model["habitat"], "reference": {n: _levels(model)[n] for n in names}}
        before = _habitat(_reference(surfaces, habitat), habitat)["habitat"]
        known = np.all([~np.isnan(surfaces.get(n, np.float32(np.nan))) for n in names], axis=0)
        loss = np.where(before > 0, 1 - now["habitat"] / np.where(before > 0, before, 1), 0)
        return np.where(known, np.clip(loss, 0, 1), np.nan)

    def lookup(kind, name):
        if kind == "component":
            return now[f"component:{name}"]
        if kind == "loss_from":
            return loss_from(name)
        return surfaces.get(name, np.float32(np.nan))

    return {name: _effect(threat, lookup) for name, threat in model["threats"].items()}


def _effect(threat, lookup):
    e = threat["weight"] * np.asarray(nodes.evaluate(threat, lookup), "float32")
    if threat.get("footprint"):
        inside = np.asarray(nodes.evaluate(threat["footprint"], lookup), "float32")
        e = np.where(np.isnan(inside), e, inside + (1 - inside) * e)
    return e.astype("float32")


def _levels(model):
    return model["habitat"]["reference"]


def _count_missing(surfaces, model, shape):
    count = np.full(shape, len(model["absent"]), "uint8")
    for name in inputs(model):
        count += np.isnan(surfaces.get(name, np.float32(np.nan)))
    return count
