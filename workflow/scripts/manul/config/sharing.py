"""Which scenario holds a result that several share: the first one that defines it alike."""

from manul.config.nodes import layers_of
from manul.config.selection import (
    effort_layers,
    evidence_of,
    fit_spec,
    model_surfaces,
    surface_rules,
)


def fit_owner(configs: dict, scenario: str) -> str:
    """The first scenario whose fit would be the same, records, predictors and habitat alike."""
    wanted = _fit_definition(configs[scenario])
    return next(n for n, config in configs.items() if _fit_definition(config) == wanted)


def page_owner(configs: dict, scenario: str, layer: str) -> str:
    """The first scenario whose evidence page of the layer would be the same."""
    wanted = _page_definition(configs[scenario], layer)
    return next(n for n, c in configs.items() if _page_definition(c, layer) == wanted)


def owner(configs: dict, scenario: str, kind: str, name: str) -> str:
    """The scenario whose folder holds a layer or surface: the first one that defines it alike."""
    for other, config in configs.items():
        if other == scenario or _definition(config, kind, name) == _definition(
            configs[scenario], kind, name
        ):
            return other
    raise KeyError(scenario)


def _definition(config, kind, name):
    """All that decides what a layer or surface holds."""
    block = config[kind].get(name)
    if kind == "layers":
        return {k: v for k, v in (block or {}).items() if k != "needs"}
    below = {i: _definition(config, "layers", i) for i in layers_of(block)}
    return [block, below, block and surface_rules(config, name)]


def _page_definition(config, layer):
    """All that decides what the evidence page of a layer shows."""
    if config["layers"].get(layer, {}).get("kind") != "records":
        return None
    shown = evidence_of(config, layer)
    surfaces = [_definition(config, "surfaces", name) for name in shown["surfaces"]]
    fit = _fit_definition(config) if shown["fit"] else []
    return [_definition(config, "layers", layer), surfaces, shown["rules"], fit]


def _fit_definition(config):
    """All that decides what the fit of a scenario holds."""
    spec = fit_spec(config)
    if not spec:
        return {}
    names = dict.fromkeys([*spec["predictors"], *model_surfaces(config)])
    surfaces = [_definition(config, "surfaces", name) for name in names]
    layers = [_definition(config, "layers", i) for i in [spec["records"], *effort_layers(config)]]
    return [spec, surfaces, layers, config["habitat"], config["as_of"], config["key_habitat"]]
