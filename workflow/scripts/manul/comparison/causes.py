"""The changes between two runs, grouped in causes: each changed layer, each group of parameters.

A cause takes other blocks of the model's config, or stands behind surfaces of which the other run's
take the place. A surface behind which several causes stand takes its place only with all of them,
since it cannot be made with one alone: they share what it does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from manul.comparison import differences
from manul.comparison.kept import Run
from manul.model import cells

MASK = "(the region's outline)"  # stands among the surfaces
WORDS = ("title", "group", "iucn", "cmp")  # of a threat or component; they decide no number
NEWER = "Real change: new data of a later date"
DATE = "Time: a later day of assessment"
DATA = "Better or other data"
UNCLEAR = "Real change or other data: another source of a later date"
PARAMETERS = "Changed parameters"
CODE = "Changed code"
KINDS = (NEWER, DATE, UNCLEAR, DATA, PARAMETERS, CODE)
KIND_OF_LAYER = {differences.NEWER: NEWER, differences.OTHER_NEWER: UNCLEAR}

Path = tuple[str, ...]


@dataclass(frozen=True)
class Cause:
    """One reason for change: `kind` in words, `group` one of KINDS.

    `blocks` are paths in the model's config that it swaps, `surfaces` those that it stands behind.
    """

    name: str
    title: str
    kind: str
    group: str
    blocks: tuple[Path, ...] = ()
    surfaces: frozenset[str] = field(default_factory=frozenset)


CODE_OF_SURFACES = Cause("code of surfaces", "Code that makes surfaces", "changed code", CODE)
CODE_OF_MODEL = Cause("code of the model", "Code of the model", "changed code", CODE)
TOGETHER = Cause("parameters", "Parameters, which only hold together", "changed parameters",
                 PARAMETERS)  # fmt: skip


def model_of(run: Run) -> dict[str, Any]:
    """What the numbers of a run depend on beside its surfaces, without words."""
    config = run.config
    habitat = config["habitat"]
    parts = {
        kind: {name: _plain(node) for name, node in habitat[kind].items()}
        for kind in ("components", "gates")
    }
    rules = run.about["key_rules"]
    return {
        "habitat": {k: v for k, v in habitat.items() if k != "loss"} | parts,
        "threats": {name: _plain(threat) for name, threat in config["threats"].items()},
        "cumulative": config["cumulative"],
        "key_habitat": {name: rules[name] for name in ("suitable", "key", "core_km2")},
    }


def find(before: Run, after: Run, differ: Iterable[str]) -> list[Cause]:
    """The causes that can have an effect: layers, then parameters, then code.

    `differ` are the surfaces (MASK among them) that are not the same in both runs.
    """
    differ = set(differ)
    kinds = differences.changed_layers(before, after)
    groups = _groups(before, after)
    behind = {name: _behind(name, before, after, kinds, groups) for name in differ}
    found = [_of_layer(name, kind, after, before) for name, kind in kinds.items()]
    found += [cause for cause, _ in groups.values()]
    found.append(CODE_OF_SURFACES)
    told = [
        replace(c, surfaces=frozenset(s for s, names in behind.items() if c.name in names))
        for c in found
    ]
    return [cause for cause in told if cause.blocks or cause.surfaces]


def without_effect(before: Run, after: Run, causes: Iterable[Cause]) -> list[str]:
    """Titles of changed layers that change no surface of the model."""
    acting = {cause.name for cause in causes}
    kinds = differences.changed_layers(before, after)
    found = [_of_layer(name, kind, after, before) for name, kind in kinds.items()]
    return [cause.title for cause in found if cause.name not in acting]


def together(causes: Iterable[Cause]) -> list[Cause]:
    """The causes with all that swap blocks taken as one."""
    plain, joined = [], TOGETHER
    for cause in causes:
        if cause.blocks:
            surfaces = joined.surfaces | cause.surfaces
            joined = replace(joined, blocks=(*joined.blocks, *cause.blocks), surfaces=surfaces)
        else:
            plain.append(cause)
    return [*plain, joined]


def swapped(before: dict, after: dict, paths: Iterable[Path]) -> dict:
    """`before` with the blocks at some paths as they are in `after`, both unchanged."""
    out = before
    for path in paths:
        out = _with_block(out, after, path)
    return out


# ------------------------------------------------------------------------------------- helpers


def _plain(node):
    """A node without words, at every depth."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if key not in WORDS}
    return [_plain(part) for part in node] if isinstance(node, list) else node


def _of_layer(name, kind, after, before) -> Cause:
    told = after.about["layers"].get(name) or before.about["layers"][name]
    group = KIND_OF_LAYER.get(kind, DATA)
    return Cause(f"layer {name}", told["block"]["title"], kind, group)


def _groups(before, after) -> dict[str, tuple[Cause, set[str]]]:
    """The causes that are parameters, each with the blocks of the config that it holds.

    Such a block is surfaces.NAME or one that surfaces need, as `as_of`.
    """
    old, new = model_of(before), model_of(after)
    found: dict[str, tuple[Cause, set[str]]] = {}
    for name, path in _changed(old, new).items():
        _add(found, name, _title(name, before, after), path)
    for surface in _changed_names(*(_plain(run.config["surfaces"]) for run in (before, after))):
        readers = {_reader(surface, side) for side in (old, new)} - {""}
        name = readers.pop() if len(readers) == 1 else f"surface {surface}"
        _add(found, name, _title(name, before, after), None, f"surfaces.{surface}")
    for key in ("as_of", "burrows", "poison", "compounds", "privacy"):
        if before.config.get(key) != after.config.get(key):
            _add(found, key, TITLES[key], None, key)
    if before.config["region"]["mask"] != after.config["region"]["mask"]:
        _add(found, "mask", TITLES["mask"], None, "mask")
    return found


PARTS: dict[str, tuple[Path, str]] = {
    "threat": (("threats",), "Threat"),
    "component": (("habitat", "components"), "Habitat"),
    "gate": (("habitat", "gates"), "Limit of habitat"),
    "surface": (("surfaces",), "Surface"),
}
TITLES = {
    "as_of": "Day of assessment (as_of)",
    "burrows": "Parameters of burrows",
    "compounds": "Parameters of rodenticides",
    "cumulative": "How threats add up",
    "key_habitat": "Thresholds of key habitat",
    "mask": "Which layer outlines the region",
    "poison": "Parameters of poison",
    "privacy": "How hidden places are generalised",
}


def _add(found, name, title, path=None, block="") -> None:
    dated = name == "as_of"
    kind = "a later day of assessment" if dated else "changed parameters"
    new = Cause(name, title, kind, DATE if dated else PARAMETERS)
    cause, blocks = found.get(name, (new, set()))
    if path:
        cause = replace(cause, blocks=(*cause.blocks, path))
    found[name] = (cause, blocks | {block} - {""})


def _changed(old, new) -> dict[str, Path]:
    """The blocks of the model that differ, by name: one threat, one component, one number."""
    found: dict[str, Path] = {}
    for what in ("threat", "component", "gate"):
        path = PARTS[what][0]
        names = _changed_names(_at(old, path), _at(new, path))
        found |= {f"{what} {name}": (*path, name) for name in names}
    for path in ((), ("habitat",)):
        for name in _changed_names(_at(old, path), _at(new, path)):
            if name not in ("habitat", "threats", "components", "gates"):
                found[".".join((*path, name))] = (*path, name)
    return found


def _changed_names(old: Mapping, new: Mapping) -> list[str]:
    return [n for n in dict.fromkeys([*old, *new]) if old.get(n) != new.get(n)]


def _at(block, path):
    for key in path:
        block = block[key]
    return block


def _title(group, before, after) -> str:
    """The words for a group of parameters, as `threat roads` or `cumulative`."""
    what, _, name = group.partition(" ")
    if what not in PARTS:
        return TITLES.get(group, f"Parameters: {group}")
    path, kind = PARTS[what]
    sides = [_at(run.config, path).get(name) for run in (after, before)]
    return f"{kind}: {next((side.get('title', name) for side in sides if side), name)}"


def _reader(surface, model) -> str:
    """The only threat or part of the habitat that reads a surface, as its group is called."""
    found = []
    for what in ("threat", "component", "gate"):
        for name, node in _at(model, PARTS[what][0]).items():
            found += [f"{what} {name}"] * (surface in cells.threat_inputs({name: node}))
    return found[0] if len(found) == 1 else ""


def _behind(surface, before, after, kinds, groups) -> set[str]:
    """The names of the causes behind a surface; the code, if there is no other."""
    layers, blocks = set(), {f"surfaces.{surface}"}
    if surface == MASK:
        layers, blocks = {run.config["region"]["mask"] for run in (before, after)}, {"mask"}
    for run in (before, after):
        told = run.about["surfaces"].get(surface, {"layers": [], "uses": []})
        layers |= set(told["layers"])
        blocks |= set(told["uses"])
    found = {f"layer {name}" for name in layers if name in kinds}
    found |= {name for name, (_, held) in groups.items() if held & blocks}
    return found or {CODE_OF_SURFACES.name}


def _with_block(block, other, path):
    key, *rest = path
    if rest:
        return block | {key: _with_block(block[key], other[key], rest)}
    if key not in other:
        return {k: v for k, v in block.items() if k != key}
    return block | {key: other[key]}
