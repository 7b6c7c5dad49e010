"""What of a config is uncertain, as the jobs of draws are told it."""

from manul.config import numbers, selection, states
from manul.config.nodes import layers_of
from manul.config.settled import once
from manul.config.types import Config
from manul.model import cells
from manul.model.cumulative import CUMULATIVE
from manul.surfaces import KINDS
from manul.uncertainty.design import FITTED, varied
from manul.uncertainty.distributions import drawn

OWN_MODE = 0.5  # chance of the config's own way of adding threats, where draws name none
OF_MODEL = ("habitat", "threats", "key_habitat")
NOTHING: dict = {"parameters": {}, "realisations": 0, "errors_m": {}}
MOVED = ("vector", "records")  # kinds of layers whose features may lie elsewhere


def wanted(config: Config) -> bool:
    """Are draws made for this scenario?"""
    return config["draws"]["number"] > 0 and bool(
        {"uncertainty", "states"} & set(config["products"])
    )


def explained(config: Config) -> bool:
    """Are draws made and looked at in full, and not for a state of the past?"""
    return wanted(config) and "uncertainty" in config["products"]


def later(config: Config) -> bool:
    """Is this a scenario with draws that is held against the first one?"""
    first = next(iter(config["scenarios"]), config["scenario"])
    return explained(config) and config["scenario"] != first


def several(config: Config) -> bool:
    """Are there draws of two inputs or more, so that one can ask which matters?"""
    return explained(config) and len(varied(of_model(config))) > 1


@once
def surfaces_of(config: Config) -> list[str]:
    """The surfaces that the model reads and that can be made."""
    model, have = selection.model(config), set(selection.available(config))
    named = [*cells.inputs(*cells.parts(config["habitat"])), *cells.threat_inputs(model["threats"])]
    return [name for name in dict.fromkeys(named) if name in have]


@once
def parameters(config: Config) -> dict[str, dict]:
    """The numbers of the model that are drawn, by their paths; not those inside surfaces."""
    threats = set(selection.assessed(config))
    found = {}
    for path, block in config["ranges"].items():
        room, name = path.split(".")[:2]
        if room in OF_MODEL and drawn(block) and (room != "threats" or name in threats):
            found[path] = block
    return found


def inside(config: Config, name: str) -> dict[str, dict]:
    """The numbers inside a surface that are drawn, by their paths."""
    rules = selection.surface_rules(config, name)
    own = f"surfaces.{name}."
    return {
        path: block
        for path, block in config["ranges"].items()
        if drawn(block) and (path.startswith(own) or path.split(".")[0] in rules)
    }


def displaced(config: Config, name: str) -> dict[str, float]:
    """The layers of a surface whose places are known less well than a cell: their error (m)."""
    if not config["draws"]["realisations"]:
        return {}
    found = {}
    for layer in layers_of(config["surfaces"][name]):
        block = config["layers"][layer]
        error = block.get("positional_error_m") or 0
        if block["kind"] in MOVED and error > config["region"]["cell_m"]:
            found[layer] = error
    return found


@once
def of_surface(config: Config, name: str) -> dict | None:
    """The spec of a surface's alternatives; None for a surface that is as it is in every draw."""
    moved, changed = displaced(config, name), inside(config, name)
    if not moved and not changed:
        return None
    realisations = config["draws"]["realisations"] if moved else 0
    return {"parameters": changed, "realisations": realisations, "errors_m": moved}


@once
def of_model(config: Config) -> dict:
    """The spec of all draws, see `design.draw`."""
    draws = config["draws"]
    specs = {name: of_surface(config, name) for name in surfaces_of(config)}
    within = {p: b for spec in specs.values() if spec for p, b in spec["parameters"].items()}
    moved = any(spec and spec["realisations"] for spec in specs.values())
    return {
        "number": draws["number"],
        "seed": draws["seed"],
        "design": draws["design"],
        "parameters": parameters(config) | within,
        "cumulative": chances(config),
        "realisations": draws["realisations"] if moved else 0,
        "errors": list(errors(config)),
        "fitted": config["draws"]["fitted"] if fitted(config) else 0,
        "day": config["as_of"] if states.is_past(config) else "",
    }


@once
def words(config: Config) -> dict[str, str]:
    """What each input of the draws is, in words, by its name in their table."""
    spec = of_model(config)
    found = {path: numbers.words(config, path) for path in spec["parameters"]}
    titles = {name: config["surfaces"][name].get("title", name) for name in spec["errors"]}
    found |= {f"error of {name}": f"the error of {t.lower()}" for name, t in titles.items()}
    return found | {
        "places": "where roughly known things are",
        "cumulative": "how threats add up",
        FITTED: "the expert's habitat or that fitted to records",
    }


@once
def errors(config: Config) -> dict[str, int]:
    """The surfaces of the model that know their own error, and the band that holds it (from 1)."""
    if not config["draws"]["survey_error"]:
        return {}
    found = {}
    for name in surfaces_of(config):
        bands = ["value", *KINDS[config["surfaces"][name]["kind"]].bands]
        if "cv" in bands:
            found[name] = bands.index("cv") + 1
    return found


def fitted(config: Config) -> str:
    """The analysis whose habitat, fitted to records, some draws take; empty for none."""
    found = selection.analyses(config, "suitability") if config["draws"]["fitted"] else []
    return found[0] if found else ""


def chances(config: Config) -> dict[str, float]:
    """The chance of each way of adding threats."""
    given, own = config["draws"]["cumulative"], config["cumulative"]
    if given:
        return dict(given)
    rest = (1 - OWN_MODE) / (len(CUMULATIVE) - 1)
    return {mode: OWN_MODE if mode == own else rest for mode in CUMULATIVE}
