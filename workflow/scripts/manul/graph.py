"""What is made from what: each job of each scenario, what it reads, what it is told, what it makes.

Rules of the workflow take their inputs, outputs and params from here, so that there is one place
where a result has its name. Scenarios share a result if everything that decides it is alike: a job
has a digest of its params and of the digests of the jobs that it reads, and a result lies with the
first scenario whose job has this digest. `Graph.index` tells where each map of a scenario lies.

A scenario with layers that are not public has two views. In the public one, surfaces that rest on
such a layer are generalised; the exact one lies in `restricted/` of the scenario's folder and holds
only what differs. A job that reads such a layer, or what was made of it, and does not generalise
it, always lies there.

To add a result: a function of (config, key) that gives a `Job`, registered with `@rule`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from itertools import starmap
from pathlib import Path
from typing import Any

from manul import contents, digests, surfaces
from manul.analyses import KINDS as ANALYSES
from manul.config import nodes, selection, states
from manul.config.load import ConfigError
from manul.config.nodes import layers_of
from manul.config.settled import once, settled
from manul.config.types import KEY_AREAS, Config
from manul.grid.data_files import on_disk
from manul.grid.fields import Source
from manul.maps import sheet_specs
from manul.model import cells, gains, invest_csv
from manul.model import outputs as model_outputs
from manul.products import around, key_habitat, key_polygons, known_places, recommendations, units
from manul.products.outlines import BEFORE
from manul.records import packages
from manul.surfaces import KINDS
from manul.uncertainty import (
    alternatives,
    changes,
    design,
    elicit_parameters,
    elicitation,
    measure,
    passes,
    specs,
)


@dataclass(frozen=True)
class Ref:
    """A file of another job: of the same scenario, or of one that is named."""

    rule: str
    key: str
    file: str
    scenario: str = ""


@dataclass(frozen=True)
class Job:
    """One job: `told` is what its script is told, `reads` its inputs by role.

    An input is the file of another job (`Ref`) or a path from the project's folder. What stands
    under `mask` decides where there are numbers, and not which.
    """

    told: Mapping = field(default_factory=dict)
    reads: Mapping[str, list] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """How the jobs of a rule are told, their files, and what tells them apart.

    `files` gives, for a config and a key, paths in the scenario's folder by name; `keys` the keys
    of a config: its layers, surfaces, sheets ...
    """

    job: Callable
    files: Callable
    keys: Callable


RULES: dict[str, Rule] = {}
CAN_PRINT = find_spec("plutoprint") is not None  # it has no wheels for some machines


def rule(name: str, files, keys: Callable = lambda config: [""]) -> Callable:
    """Register how the jobs of a rule are told.

    `files` is a mapping or a function of (config, key); `{key}` in a path stands for the key.
    """

    def register(function):
        found = files if callable(files) else lambda config, key: files
        RULES[name] = Rule(function, found, keys)
        return function

    return register


# Rules that read hidden places in these roles and give none away: rows are counted in areas, zones
# keep their distance from areas. An analysis says so of itself.
GENERALISING: dict[str, tuple[str, ...]] = {
    "generalise": ("surface", "layers"),
    "generalise_alternatives": ("surface", "layers"),
    "evidence": ("layer", "summary", "rejected", "normalised", "surfaces", "layers"),
    "recommend": ("layers",),
}

BEHIND_TABLES = "behind_tables"  # layers that a job reads only for what they say of themselves

OF_DRAWS = {"habitat": "Habitat", "threat": "Cumulative threat", "value_at_risk": "Value at risk"}


@dataclass(frozen=True)
class Output:
    """A map of the index: where it lies, what it shows, the layers behind it, may it be shown."""

    source: Source
    layers: tuple[str, ...]
    public: bool


class Graph:
    """The jobs of all scenarios of one region; `configs` are those of `config.load`.

    `scenarios` are their names, `configs` those of every view: NAME and, where some layer or
    rule is not public, NAME/restricted.
    """

    def __init__(self, configs: Mapping[str, Config]):
        self.scenarios = list(configs)
        self.configs = {
            name: settled(_without_private_analyses(selection.public_view(config)))
            for name, config in configs.items()
        }
        for name, config in configs.items():
            if selection.has_two_views(config):
                self.configs[f"{name}/restricted"] = settled(selection.exact_view(config))
        for kind in ANALYSES:
            rule(f"analysis_{kind}", _analysis_files(kind), _analyses_of(kind))(_analysis)
        self.region = next(iter(configs.values()))["region"]["name"]
        self.job = cache(self._job)
        self.digest = cache(self._digest)
        self.owner = cache(self._owner)
        self.output = cache(self._output)
        self.layers = cache(self._layers)
        self.private = cache(self._private)
        self.keys = cache(self._keys)
        self.together = cache(self._together)
        self.drawn = cache(lambda scenario: sheet_specs.drawn(self.configs[scenario]))
        self._under = cache(self._find_surfaces)
        self._maps = {name: _by_name(config) for name, config in self.configs.items()}

    def files(self, scenario: str, name: str, key: str = "") -> dict[str, str]:
        """The files of a job by name, from the project's folder, where they really lie."""
        home = f"results/{self.region}/{self.owner(scenario, name, key)}"
        return {f: f"{home}/{path}" for f, path in self.paths(scenario, name, key).items()}

    def paths(self, scenario: str, name: str, key: str = "") -> dict[str, str]:
        """The files of a job by name, in the folder of the scenario that they lie with."""
        found = RULES[name].files(self.configs[scenario], key)
        return {file: path.format(key=key) for file, path in found.items()}

    def reads(self, scenario: str, name: str, key: str = "") -> dict[str, list[str]]:
        """The input files of a job by role."""
        job = self.job(scenario, name, key)
        return {
            role: [path for item in items for path in self._paths_of(scenario, item)]
            for role, items in job.reads.items()
        }

    def sources(self, scenario: str, names: Iterable[str]) -> dict[str, dict | None]:
        """Where maps lie, for a job's params; None for one that cannot be made here."""
        there = self._maps[scenario]
        return {n: asdict(self.output(scenario, n).source) if n in there else None for n in names}

    def index(self, scenario: str) -> dict[str, Output]:
        """Every map of a scenario by name."""
        return {name: self.output(scenario, name) for name in self._maps[scenario]}

    def names(self, scenario: str) -> list[str]:
        """The names of all maps of a scenario."""
        return list(self._maps[scenario])

    def rules(self, scenario: str) -> list[str]:
        """The rules that have jobs in a scenario."""
        return [name for name in RULES if self.keys(scenario, name)]

    def bands(self, scenario: str) -> Counter[tuple[str, str]]:
        """How many bands of maps each job (rule, key) makes in a scenario."""
        made = {(ref, source.band) for ref, source in self._maps[scenario].values()}
        return Counter((ref.rule, ref.key) for ref, _ in made)

    def first(self, scenario: str) -> str:
        """The first scenario in the same view, which the tables of the others are held against."""
        first = self.scenarios[0]
        exact = f"{first}/restricted"
        return exact if self.configs[scenario]["exact"] and exact in self.configs else first

    def surfaces(self, scenario: str, refs: Iterable[Ref]) -> list[str]:
        """The surfaces that some files rest on, in the order of the config."""
        found = {surface for ref in refs for surface in self._under(scenario, ref)}
        return [name for name in self.configs[scenario]["surfaces"] if name in found]

    def left_over(self, scenario: str) -> list[str]:
        """Where exact files of hidden layers would lie in the public folder if they were public."""
        return [
            f"results/{self.region}/{scenario}/{path}"
            for name in ("prepare_raster", "prepare_vector", "prepare_records", "surface")
            for key in self.keys(scenario, name)
            if self.private(scenario, name, key)
            for path in self.paths(scenario, name, key).values()
        ]

    def every_file(self) -> list[str]:
        """Every file that any job makes, where it lies."""
        jobs = ((s, name, k) for s in self.configs for name in RULES for k in self.keys(s, name))
        return list(dict.fromkeys(path for job in jobs for path in self.files(*job).values()))

    # ------------------------------------------------------------------------------ helpers

    def _keys(self, scenario: str, name: str) -> list[str]:
        """What tells the jobs of a rule apart in a scenario."""
        return list(RULES[name].keys(self.configs[scenario]))

    def _job(self, scenario, name, key="") -> Job:
        exact = f"{scenario}/restricted"
        if exact in self.configs and name in PREPARE.values() and self.private(scenario, name, key):
            return self.job(exact, name, key)  # a hidden layer is prepared for the exact view alone
        config = self.configs[scenario]
        job = RULES[name].job(self, scenario, config, key)
        more: dict[str, Any] = {"species": config["species"]}
        if config["extensions"]:
            more["extensions"] = config["extensions"]
        behind = self._behind_tables(scenario, job)
        reads = {**job.reads, BEHIND_TABLES: behind} if behind else job.reads
        return Job({**job.told, **more}, reads)

    def _behind_tables(self, scenario, job) -> list[Ref]:
        """The layers that a job knows from tables alone.

        A map tells what layers it rests on, a table does not: weights that deaths of animals give
        would leave no trace on the maps they make. So these layers' own files are read for that.
        """
        tables, maps = dict[str, Ref](), set[str]()
        for item in _read_by(job):
            there = item.scenario or scenario
            behind = self.layers(there, item.rule, item.key, item.file)
            kind = Path(self.paths(there, item.rule, item.key)[item.file]).suffix
            if kind == ".csv":
                of = {name: layer(self.configs[there], name) for name in behind}
                tables |= {n: replace(ref, scenario=item.scenario) for n, ref in of.items()}
            elif kind in (".tif", ".gpkg"):
                maps.update(behind)
        return [ref for name, ref in tables.items() if name not in maps]

    def _digest(self, scenario, name, key="") -> str:
        job = self.job(scenario, name, key)
        below = {
            role: [
                (self.digest(item.scenario or scenario, item.rule, item.key), item.file)
                if isinstance(item, Ref)
                else item
                for item in items
            ]
            for role, items in job.reads.items()
        }
        return digests.digest(name, job.told, below, self.paths(scenario, name, key))

    def _together(self) -> dict:
        """What all scenarios need to know of each other to have the same draws."""
        uncertain = [config for config in self.configs.values() if specs.wanted(config)]
        return design.shared(map(specs.of_model, uncertain))

    def _private(self, scenario, name, key="") -> bool:
        """Does a job hold places that are not public?"""
        if name in PREPARE.values():
            return key in selection.private_layers(self.configs[scenario])
        kind = ANALYSES.get(name.removeprefix("analysis_"))
        safe = GENERALISING.get(name, getattr(kind, "GENERALISES", ()))
        found = _read_by(self.job(scenario, name, key), (*safe, BEHIND_TABLES))
        return any(self.private(i.scenario or scenario, i.rule, i.key) for i in found)

    def _owner(self, scenario, name, key="") -> str:
        wanted = self.digest(scenario, name, key)
        exact_only = self.private(scenario, name, key)
        for other, config in self.configs.items():
            if exact_only and not config["exact"]:
                continue
            if other == scenario:
                break
            if key in self.keys(other, name) and self.digest(other, name, key) == wanted:
                return other
        if exact_only and not self.configs[scenario]["exact"]:
            raise ValueError(f"the public {name} {key} of {scenario} would hold hidden places")
        return scenario

    def _path(self, scenario, ref) -> str:
        return self.files(ref.scenario or scenario, ref.rule, ref.key)[ref.file]

    def _paths_of(self, scenario, item) -> list[str]:
        """The path of an input; none for a file that is not there, which the preflight tells."""
        if isinstance(item, Ref):
            return [self._path(scenario, item)]
        return [item] if Path(item).exists() else []

    def _layers(self, scenario, name, key="", file="") -> tuple[str, ...]:
        """The layers behind a job, or behind one of its files, in the order of the config."""
        found = set(self._behind(scenario, name, key, file))
        return tuple(layer for layer in self.configs[scenario]["layers"] if layer in found)

    def _behind(self, scenario, name, key, file) -> Iterator[str]:
        if name in PREPARE.values():
            yield key
            return
        only = _surfaces_behind(self.configs[scenario], name, file)
        for item in _read_by(self.job(scenario, name, key)) if only is None else ():
            there = item.scenario or scenario
            yield from self.layers(there, item.rule, item.key, item.file)
        for surface in only or ():
            yield from self.layers(scenario, "surface", surface)

    def _find_surfaces(self, scenario, ref) -> tuple[str, ...]:
        """The surfaces behind a file; what stands under `mask` decides no number."""
        if ref.rule == "surface":
            return (ref.key,)
        only = _surfaces_behind(self.configs[scenario], ref.rule, ref.file)
        if only is not None:
            return only
        refs = _read_by(self.job(scenario, ref.rule, ref.key))
        under = (self._under(item.scenario or scenario, item) for item in refs)
        return tuple(dict.fromkeys(surface for found in under for surface in found))

    def _output(self, scenario, name) -> Output:
        ref, source = self._maps[scenario][name]
        layers = self.layers(scenario, ref.rule, ref.key, ref.file)
        source = replace(source, path=self._path(scenario, ref))
        return Output(source, layers, not self.private(scenario, ref.rule, ref.key))


# -------------------------------------------------------------------------- layers and surfaces

PREPARE = dict.fromkeys(("continuous", "classes", "counts"), "prepare_raster")
PREPARE |= {"vector": "prepare_vector", "records": "prepare_records"}


def layer(config: Config, name: str) -> Ref:
    """The prepared file of a layer."""
    return Ref(PREPARE[config["layers"][name]["kind"]], name, "layer")


def surface(config: Config, name: str) -> Ref:
    """The map of a surface: generalised, if it rests on hidden places and the view is public."""
    exact = config["exact"] or not selection.hidden_behind(config, name)
    return Ref("surface" if exact else "generalise", name, "surface")


def _of_kind(rule_name) -> Callable:
    return lambda config: [
        name for name, block in config["layers"].items() if PREPARE.get(block["kind"]) == rule_name
    ]


def _prepare(graph, scenario, config, key) -> Job:
    block = {k: v for k, v in config["layers"][key].items() if k != "needs"}
    extent = block.get("extent")
    files = [*_files_of(block), *([extent] if isinstance(extent, str) else [])]
    told = {"block": block, "region": config["region"]}
    told |= {"margin_m": selection.margin_m(config, key)}
    told |= {"content": [contents.of(on_disk(file)) for file in files]}
    if block["kind"] == "vector":
        told |= {"columns": selection.columns_wanted(config, key)}
        told |= {"day": config["as_of"]} if {"since", "until"} & block.keys() else {"day": None}
        told |= {"units": key == config["region"]["units"]}
    return Job(told, {"layer": [str(on_disk(file)) for file in files]})


def _prepare_records(graph, scenario, config, key) -> Job:
    job = _prepare(graph, scenario, config, key)
    return replace(job, told={**job.told, "as_of": states.closed_on(config)})


def _files_of(block) -> list[str]:
    """The file of a layer, and those that a camera package names."""
    if block["kind"] != "records":
        return [block["path"]]
    file = packages.file_of(Path(block["path"]))
    return [str(path) for path in (file, *packages.parts_of(file))]


rule("prepare_raster", {"layer": "layers/{key}.tif"}, _of_kind("prepare_raster"))(_prepare)
rule("prepare_vector", {"layer": "layers/{key}.gpkg"}, _of_kind("prepare_vector"))(_prepare)
rule(
    "prepare_records",
    {
        "layer": "layers/{key}.gpkg",
        "summary": "records/{key}_summary.csv",
        "rejected": "records/{key}_rejected.csv",
        "normalised": "records/{key}_normalised.csv",
    },
    _of_kind("prepare_records"),
)(_prepare_records)


@rule("surface", {"surface": "surfaces/{key}.tif"}, selection.available)
def _surface(graph, scenario, config, key) -> Job:
    block = config["surfaces"][key]
    rules = selection.surface_rules(config, key)
    told = {"block": block, "rules": rules, "region": config["region"]}
    return Job(told, {"layers": [layer(config, name) for name in layers_of(block)]})


def _hidden_surfaces(config):
    made = () if config["exact"] else selection.available(config)
    return [name for name in made if selection.hidden_behind(config, name)]


@rule("generalise", {"surface": "generalised/{key}.tif"}, _hidden_surfaces)
def _generalise(graph, scenario, config, key) -> Job:
    bands = surfaces.bands(config["surfaces"][key])
    return _generalised(graph, scenario, config, key, "surface", bands)


def _generalised(graph, scenario, config, key, made_by, bands) -> Job:
    exact, hidden = Ref(made_by, key, "surface"), selection.hidden_behind(config, key)
    path = graph.files(scenario, exact.rule, key)[exact.file]
    maps = {band: asdict(Source(path, i)) for i, band in enumerate(bands, 1)}
    told: dict[str, Any] = {"maps": maps, "region": config["region"]}
    told |= {"bands": bands, "hidden": hidden}
    told |= {"privacy": selection.privacy_rules(config, hidden)}
    return Job(told, {"surface": [exact], "layers": [layer(config, name) for name in hidden]})


# -------------------------------------------------------------------------------- uncertainty


@once
def _uncertain_surfaces(config) -> dict[str, dict]:
    """The surfaces that have alternatives, with what the alternatives are."""
    if not specs.wanted(config):
        return {}
    found = {name: specs.of_surface(config, name) for name in specs.surfaces_of(config)}
    return {name: spec for name, spec in found.items() if spec}


def _alternatives(config, name) -> Ref:
    exact = config["exact"] or not selection.hidden_behind(config, name)
    return Ref("alternatives" if exact else "generalise_alternatives", name, "surface")


@rule(
    "alternatives",
    {"surface": "uncertainty/surfaces/{key}.tif", "changes": "uncertainty/surfaces/{key}.csv"},
    _uncertain_surfaces,
)
def _alternatives_of(graph, scenario, config, key) -> Job:
    job = _surface(graph, scenario, config, key)
    block = {k: [] if k == "dates" else v for k, v in job.told["block"].items()}  # of the present
    spec = _uncertain_surfaces(config)[key]
    return replace(job, told=job.told | {"block": block, "spec": spec})


@rule(
    "generalise_alternatives",
    {"surface": "uncertainty/generalised/{key}.tif"},
    lambda config: [n for n in _uncertain_surfaces(config) if n in _hidden_surfaces(config)],
)
def _generalise_alternatives(graph, scenario, config, key) -> Job:
    spec = _uncertain_surfaces(config)[key]
    bands = [one.name for one in alternatives.alternatives(spec)]
    return _generalised(graph, scenario, config, key, "alternatives", dict.fromkeys(bands, "0..1"))


def _draw_files(config, key):
    maps = passes.maps(bool(selection.assessed(config)))
    files = {name: f"uncertainty/{name}.tif" for name in [*maps, "good", "what_to_measure"]}
    tables = ("draws", "units", "units_of_draws")
    return files | {name: f"uncertainty/{name}.csv" for name in tables}


@rule("draws", _draw_files, lambda config: [""] if specs.wanted(config) else [])
def _draws(graph, scenario, config, key) -> Job:
    told, reads = _of_draws(graph, config)
    told |= {"region": config["region"], "key": config["key_habitat"]}
    told |= {"groups": measure.groups(config)}
    return Job(told, reads | {"thresholds": _thresholds(config), "units": _units_of(config)})


@rule(
    "key_draws",
    {
        "key_habitat": "uncertainty/key_habitat.tif",
        "draws": "uncertainty/key_draws.csv",
        "units": "uncertainty/key_units.csv",
        "areas": "uncertainty/key_areas.csv",
    },
    lambda config: [""] if specs.explained(config) else [],
)
def _key_draws(graph, scenario, config, key) -> Job:
    told = {"region": config["region"], "key": config["key_habitat"]}
    told |= {"number": config["draws"]["number"]}
    told |= {"maps": graph.sources(scenario, ["habitat_mean", "key_area"])}
    reads = {"maps": _map_refs(config, told["maps"]), "thresholds": _thresholds(config)}
    reads |= {name: [Ref("draws", "", name)] for name in ("good", "units_of_draws")}
    return Job(told, reads | {"units": _units_of(config)})


@rule(
    "sensitivity",
    {"table": "uncertainty/sensitivity.csv", "page": "uncertainty/sensitivity.html"},
    lambda config: [""] if specs.several(config) and not config["exact"] else [],
)
def _sensitivity(graph, scenario, config, key) -> Job:
    job = _draws(graph, scenario, config, key)
    told = {"as_of": config["as_of"], "words": specs.words(config)}
    return replace(job, told=job.told | told)


def _later(config) -> list[str]:
    """One job for each scenario that has draws, but for the first."""
    return [""] if specs.later(config) else []


def _spread_maps(config) -> list[str]:
    return list(passes.maps(bool(selection.assessed(config))))


def _change_files(config, key):
    files = {f"change_{name}": f"uncertainty/change_{name}.tif" for name in _spread_maps(config)}
    files |= {"change_key": "uncertainty/change_key.tif"}
    return files | {"units": "uncertainty/change_units.csv"}


@rule("change", _change_files, _later)
def _change(graph, scenario, config, key) -> Job:
    first = graph.first(scenario)
    told: dict[str, Any] = {"region": config["region"], "number": config["draws"]["number"]}
    reads = {"mask": _mask(config), "units": _units_of(config)}
    for side, name in (("before", first), ("after", scenario)):
        of = graph.configs[name]
        told[side], inputs = _of_draws(graph, of)
        told[side] |= {"key": of["key_habitat"]}
        inputs |= {m: [Ref("draws", "", m)] for m in ("good", *_spread_maps(config))}
        inputs |= {"thresholds": _thresholds(of)}
        reads |= {
            f"{side}_{role}": [_in_scenario(item, name) for item in items]
            for role, items in inputs.items()
        }
    return Job(told, reads)


def _files_of_scenario_page(config, key) -> dict[str, str]:
    found = {"page": "scenario.html", "recommendations": "changed_recommendations.csv"}
    return found | ({"ways": "changed_ways.csv"} if _moving(config) else {})


def _moving(config) -> list[str]:
    """The analysis of how animals move, if there is one."""
    return selection.analyses(config, "connectivity")[:1]


@rule("scenario_page", _files_of_scenario_page, _later)
def _scenario_page(graph, scenario, config, key) -> Job:
    first = graph.first(scenario)
    made = _change_files(config, "")
    told = {"as_of": config["as_of"], "region": config["region"], "exact": config["exact"]}
    told |= {"scenario_title": config["scenario_title"]}
    told |= {"maps": [name for name in made if name != "units"]}
    told |= {"first": graph.configs[first]["scenario_title"], "number": config["draws"]["number"]}
    told |= {"changes": config["scenarios"][config["scenario"]].get("changes") or {}}
    sides = graph.configs[first], config
    told |= {"features": _changed_features(told["changes"], sides)}
    towns = selection.towns(config)
    reads: dict[str, list] = {"outline": _units_of(config) or _mask(config)}
    reads |= {"towns": [layer(config, towns)] if towns else []}
    reads |= {file: [Ref("change", "", file)] for file in made}
    for side, name in (("before", first), ("after", scenario)):
        of = graph.configs[name]
        reads[f"{side}_features"] = [
            _in_scenario(layer(of, i), name) for i in told["features"] if _is_there(of, i)
        ]
        there = "" in RULES["recommend"].keys(of)
        reads[f"{side}_recommendations"] = [Ref("recommend", "", "table", name)] if there else []
        reads[f"{side}_ways"] = [
            Ref("analysis_connectivity", key, table, name)
            for key in _moving(of)
            for table in ("links", "areas")
        ]
    return Job(told, reads)


def _changed_features(changes, sides) -> dict[str, str]:
    """Titles of the public layers of features that a scenario changes, brings or takes away."""
    out = {}
    for name in changes.get("layers") or {}:
        blocks = [config["layers"][name] for config in sides if _is_there(config, name)]
        public = all(block["public"] for block in blocks)
        if blocks and public and all(block["kind"] == "vector" for block in blocks):
            out[name] = blocks[-1]["title"]
    return out


def _is_there(config, name) -> bool:
    return name in config["layers"] and not selection.is_absent(config, name)


def _in_scenario(item, name):
    return replace(item, scenario=name) if isinstance(item, Ref) and not item.scenario else item


@rule(
    "without_threats",
    {"table": "uncertainty/without_threats.csv", "page": "uncertainty/without_threats.html"},
    lambda config: (
        [""]
        if specs.explained(config) and selection.assessed(config) and not config["exact"]
        else []
    ),
)
def _without_threats(graph, scenario, config, key) -> Job:
    job = _draws(graph, scenario, config, key)
    told = {"as_of": config["as_of"], "titles": selection.titles(config)}
    return replace(job, told=job.told | told)


def _in_series(config) -> list[str]:
    """One job for the first scenario of a series of dates, in the view that may be public."""
    if not specs.explained(config) or config["exact"] or specs.later(config):
        return []
    return [""] if states.dates(config) else []


@rule(
    "series",
    {
        "table": "series/series.csv",
        "trends": "series/trends.csv",
        "page": "series/series.html",
        "gif": "series/series.gif",
        "mp4": "series/series.mp4",
    },
    _in_series,
)
def _series(graph, scenario, config, key) -> Job:
    days = {day: states.name(day) for day in states.dates(config)}
    days |= {states.closed_on(config): scenario}
    shown = _spread_maps(config)[-1]
    told = {"days": list(days), "words": OF_DRAWS[shown], "region": config["region"]}
    told |= {"as_of": config["as_of"], "years": config["series"]["reports_years"]}
    reads: dict[str, list] = {"units": _units_of(config), "mask": _mask(config)}
    for i, name in enumerate(days.values()):
        reads[f"map_{i}"] = [Ref("draws", "", shown, name)]
        reads[f"sums_{i}"] = [Ref("draws", "", "units_of_draws", name)]
    dated = selection.dated_records(config)
    told |= {"reports": {n: config["layers"][n]["title"] for n in dated}}
    told |= {"tables": {n: config["layers"][n]["table"] for n in dated}}
    return Job(told, reads | {"reports": [layer(config, name) for name in dated]})


def _of_draws(graph, config) -> tuple[dict, dict]:
    """What a job that makes draws is told, and what it reads."""
    names, uncertain = specs.surfaces_of(config), _uncertain_surfaces(config)
    saturating = [n for n in names if KINDS[config["surfaces"][n]["kind"]].saturating]
    told: dict[str, Any] = {"model": selection.model(config)}
    told |= {"draws": specs.of_model(config) | {"together": graph.together()}}
    told |= {"specs": uncertain, "errors": specs.errors(config), "saturating": saturating}
    others = [_alternatives(config, name) for name in uncertain]
    reads = {"surfaces": _made(config, names), "alternatives": others, "mask": _mask(config)}
    reads |= {"changes": [replace(r, file="changes") for r in others if r.rule == "alternatives"]}
    asked = [Ref("elicitation", "", "table")] if RULES["elicitation"].keys(config) else []
    asked += _weights_by_data(graph, config)
    if fit := specs.fitted(config):
        made = f"analysis_{config['analyses'][fit]['kind']}"
        of = graph.scenarios[0] if states.is_past(config) else ""  # records of the past are few
        reads |= {"fitted": [Ref(made, fit, "fitted", of)]}
        reads |= {"fit": [Ref(made, fit, "thresholds", of)]}
    return told, reads | {"elicited": asked}


# ------------------------------------------------------------------------------------- model


def _habitat_files(config, key):
    return {m.name: f"{m.name}.tif" for m in model_outputs.habitat_maps(config["habitat"])}


@rule("habitat", _habitat_files)
def _habitat(graph, scenario, config, key) -> Job:
    told = {"habitat": config["habitat"], "region": config["region"]}
    told["layers"] = _layers_behind(graph, scenario, "habitat")
    wanted = cells.inputs(*cells.parts(config["habitat"]))
    return Job(told, {"surfaces": _made(config, wanted), "mask": _mask(config)})


def _threat_files(config, key):
    return {m.name: f"{m.name}.tif" for m in model_outputs.threat_maps(selection.model(config))}


@rule("threats", _threat_files, lambda config: [""] if selection.assessed(config) else [])
def _threats(graph, scenario, config, key) -> Job:
    model = selection.model(config)
    wanted = cells.threat_inputs(model["threats"])
    for threat in model["threats"].values():
        wanted += [s for names in nodes.leaves(threat, "loss_from") for s in names]
    names = [m.name for m in model_outputs.habitat_maps(config["habitat"])]
    habitat = [Ref("habitat", "", name) for name in names]
    reads = {"surfaces": _made(config, wanted), "habitat": habitat, "mask": _mask(config)}
    told = {"model": model, "region": config["region"]}
    return Job(told | {"layers": _layers_behind(graph, scenario, "threats")}, reads)


def _invest_files(config, key):
    return {f: f"invest/{{key}}/{f}.tif" for f in ("deg_sum_c", "quality_c")}


@rule("invest", _invest_files, lambda config: list(config["invest"]))
def _invest(graph, scenario, config, key) -> Job:
    case = config["invest"][key]
    named = ("land_cover", "threats", "sensitivity", "access")
    reads = {role: [case[role]] if case[role] else [] for role in named}
    reads["rasters"] = invest_csv.invest_rasters(case)
    found = {path: contents.of(path) for paths in reads.values() for path in paths}
    return Job({"half_saturation": case["half_saturation"], "content": found}, reads)


# ----------------------------------------------------------------------------------- analyses


def _analysis_files(kind):
    module, found = ANALYSES[kind], dict[str, str]()
    of = {"tif": module.MAPS, "csv": module.TABLES, "gpkg": getattr(module, "SHAPES", ())}
    for ending, names in of.items():
        if twice := sorted(found.keys() & set(names)):
            raise ValueError(f"analysis {kind}: two of its files are called {twice[0]!r}")
        found |= {name: f"analyses/{{key}}/{name}.{ending}" for name in names}
    outlines = getattr(module, "OUTLINES", "")

    def files(config, key):
        shown = outlines and (config["exact"] or not selection.private_layers(config))
        return found | ({outlines: f"analyses/{{key}}/{outlines}.gpkg"} if shown else {})

    return files


def _analysis(graph, scenario, config, key) -> Job:
    block = selection.analysis_block(config, key)
    reads = {}
    module = ANALYSES[block["kind"]]
    for role, wanted in module.reads(block, config).items():
        reads[role] = [_ref(config, item) for item in wanted]
    told = {"block": block, "key_habitat": config["key_habitat"], "as_of": config["as_of"]}
    if hasattr(module, "tells"):
        told |= module.tells(block, config)
    return Job(told | {"region": config["region"]}, reads | {"mask": _mask(config)})


def _weights_by_data(graph, config) -> list[Ref]:
    """The tables of analyses that say what the draws take for weights of threats."""
    of = graph.scenarios[0] if states.is_past(config) else ""  # evidence of the past is less
    return [
        Ref(f"analysis_{kind}", name, module.WEIGHTS, of)
        for kind, module in ANALYSES.items()
        if hasattr(module, "WEIGHTS")
        for name in selection.analyses(config, kind)
    ]


def _analyses_of(kind) -> Callable:
    return lambda config: selection.analyses(config, kind)


@rule(
    "evidence",
    {"page": "evidence/{key}.html", "table": "evidence/{key}.csv"},
    _of_kind("prepare_records"),
)
def _evidence(graph, scenario, config, key) -> Job:
    shown = selection.evidence_of(config, key)
    reads = {role: [Ref("prepare_records", key, role)] for role in ("layer", "summary")}
    reads |= {role: [Ref("prepare_records", key, role)] for role in ("rejected", "normalised")}
    reads["surfaces"] = [Ref("surface", name, "surface") for name in shown["surfaces"]]
    reads["layers"] = [layer(config, name) for name in shown["layers"]]
    reads["tables"] = [
        Ref(f"analysis_{config['analyses'][name]['kind']}", name, table)
        for name in shown["analyses"]
        for table in ANALYSES[config["analyses"][name]["kind"]].TABLES
    ]
    block = {k: v for k, v in config["layers"][key].items() if k != "needs"}
    told = {k: shown[k] for k in ("surfaces", "rules", "analyses")}
    told |= {"block": block, "as_of": config["as_of"], "region": config["region"]}
    told |= {"privacy": selection.privacy_rules(config, [key]), "key": config["key_habitat"]}
    wanted = ["habitat"] if block["table"] in known_places.TABLES else []
    told |= {"maps": graph.sources(scenario, wanted)}
    reads |= {"maps": _map_refs(config, wanted), "thresholds": _thresholds(config)}
    return Job(told, reads | {"mask": _mask(config)})


# -------------------------------------------------------------------------------- elicitation


@rule(
    "elicitation",
    {"table": "uncertainty/elicited.csv", "page": "uncertainty/elicitation.html"},
    lambda config: [""] if config["elicitation"] and config["elicitation"]["path"] else [],
)
def _elicitation(graph, scenario, config, key) -> Job:
    block = config["elicitation"]
    told = {"elicitation": block, "as_of": config["as_of"], "title": config["region"]["title"]}
    known = elicit_parameters.parameters(graph.configs.values())
    told |= {"parameters": {path: asdict(parameter) for path, parameter in known.items()}}
    found = [str(on_disk(path)) for path in elicitation.files(block)]
    return Job(told | {"content": [contents.of(path) for path in found]}, {"answers": found})


# ----------------------------------------------------------------------------------- products


@rule("key_habitat", {name: f"{name}.tif" for name in ("key_habitat", "key_areas")})
def _key_habitat(graph, scenario, config, key) -> Job:
    told = {"key": config["key_habitat"], "region": config["region"]}
    told["maps"] = graph.sources(scenario, ("habitat", "habitat_reference"))
    reads = {"maps": _map_refs(config, told["maps"]), "thresholds": _thresholds(config)}
    return Job(told, reads)


@rule("key_polygons", {"polygons": "key_habitat.gpkg"})
def _key_polygons(graph, scenario, config, key) -> Job:
    more = {"towns": [layer(config, name) for name in [selection.towns(config)] if name]}
    if specs.explained(config):
        more["of_draws"] = [Ref("key_draws", "", "areas")]
    return _table_job(graph, scenario, config, key_polygons.MAPS, {}, **more)


@rule(
    "recommend",
    {
        "polygons": "recommendations.gpkg",
        "table": "recommendations.csv",
        "gains": "uncertainty/gains.npz",
    },
    lambda config: [""] if config["rules"] else [],
)
def _recommend(graph, scenario, config, key) -> Job:
    hidden = [] if config["exact"] else selection.private_layers(config)
    told = {
        "rules": config["rules"],
        "private": {name: selection.privacy_rules(config, [name]) for name in hidden},
        "priority": config["priority"],
        "as_of": config["as_of"],
        "not_assessed": selection.not_assessed(config),
        "withheld": config["withheld"],
        "towns": selection.towns(config),
        "model": selection.model(config),
    }
    named = selection.maps_of_rules(config, graph.names(scenario))
    lost = sorted(gains.takes_habitat(told["model"]))
    before = [gains.map_before_the_loss(name, told["model"]) for name in lost]
    wanted = dict.fromkeys([*recommendations.MAPS, *named, *before])
    used = dict.fromkeys([*selection.rule_layers(config), *filter(None, [told["towns"]])])
    layers = [layer(config, name) for name in used]
    sure, reads = _of_draws(graph, config) if specs.explained(config) else (None, {})
    told |= {"uncertain": sure, "words": specs.words(config) if sure else {}}
    job = _table_job(graph, scenario, config, wanted, told, layers=layers, **reads)
    return _held_against_the_first(graph, scenario, job)


@rule(
    "actions",
    {
        "table": "actions.csv",
        "polygons": "actions.gpkg",
        "workbook": "actions.xlsx",
        "page": "first_actions.html",
    },
    lambda config: [""] if config["rules"] else [],
)
def _actions(graph, scenario, config, key) -> Job:
    block, towns, units_ = config["actions"], selection.towns(config), config["region"]["units"]
    told = {
        "rules": config["rules"],
        "units": units_,
        "towns": towns,
        "seed": config["draws"]["seed"],
    }
    told |= {name: block[name] for name in ("budget", "currency", "first", "targets")}
    told |= {"within": selection.shown(config, block["within"])}
    told |= {"title": config["region"]["title"]}
    told |= {"as_of": config["as_of"], "region": config["region"]}
    reads = {
        "recommendations": [Ref("recommend", "", "polygons")],
        "gains": [Ref("recommend", "", "gains")],
        "layers": [
            layer(config, name)
            for name in dict.fromkeys(filter(None, [units_, towns, *told["within"]]))
        ],
    }
    for name in ("agencies", "costs"):
        reads[name] = [block[name]] if block[name] else []
    there = RULES["without_threats"].keys(config)
    reads["without"] = [Ref("without_threats", "", "table")] if there else []
    told["threats"] = selection.titles(config)
    return Job(told, reads)


@rule("units", {"table": "units.csv"}, lambda config: [""] if config["region"]["units"] else [])
def _units(graph, scenario, config, key) -> Job:
    protected = config["key_habitat"]["protected"]
    more = {"layers": _units_of(config)}
    if "" in RULES["recommend"].keys(config):
        more["recommendations"] = [Ref("recommend", "", "polygons")]
    if specs.explained(config):
        more["of_draws"] = [Ref(name, "", "units") for name in ("draws", "key_draws")]
    told = {"completeness": selection.completeness(config, graph.names(scenario))}
    wanted = [*units.MAPS, *filter(None, [protected])]
    wanted += selection.maps_of_completeness(told["completeness"])
    job = _table_job(graph, scenario, config, list(dict.fromkeys(wanted)), told, **more)
    return _held_against_the_first(graph, scenario, job)


def _absent(config) -> dict[str, str]:
    """What the layers that are absent would have told."""
    return {n: b["needs"] for n, b in config["layers"].items() if b["kind"] == "absent"}


def _listed(config) -> list[str]:
    """The layers whose features have a table: those that are not public in the exact view alone."""
    return selection.shown(config, config["tables"]["by"])


@rule("around", {"table": "by/{key}.csv"}, _listed)
def _around(graph, scenario, config, key) -> Job:
    told = {"within_m": config["tables"]["by"][key]["within_m"]}
    more = {"features": [layer(config, key)]}
    if config["rules"]:
        more["places"] = [Ref("actions", "", "polygons")]
    return _table_job(graph, scenario, config, around.MAPS, told, **more)


@rule("workbook", {"workbook": "tables.xlsx"})
def _workbook(graph, scenario, config, key) -> Job:
    """All tables in one file."""
    layers = _listed(config)
    told = {"title": config["region"]["title"], "as_of": config["as_of"]}
    told |= {"by": {name: config["layers"][name]["title"] for name in layers}}
    reads: dict[str, list] = {"key": [Ref("key_polygons", "", "polygons")]}
    reads |= {"by": [Ref("around", name, "table") for name in layers]}
    reads["units"] = [Ref("units", "", "table")] if RULES["units"].keys(config) else []
    reads["recommendations"] = [Ref("recommend", "", "table")] if config["rules"] else []
    return Job(told | {"region": config["region"]}, reads)


def _of_units(config) -> list[str]:
    return [""] if config["region"]["units"] and config["rules"] else []


MAPS_OF_PAGES = ("habitat", "threat", "value_at_risk")


@rule("briefs", {"page": "briefs.html", "lines": "briefs.txt"}, _of_units)
def _briefs(graph, scenario, config, key) -> Job:
    told = {"title": config["region"]["title"], "as_of": config["as_of"]}
    told |= {"limitations": config["limitations"], "region": config["region"]}
    told["absent"] = _absent(config)
    titles = {**config["threats"], **config["rules"]}
    told["not_assessed"] = {n: titles[n]["title"] for n in selection.not_assessed(config)}
    reads = {
        "units": [Ref("units", "", "table")],
        "actions": [Ref("actions", "", "polygons")],
        "key": [Ref("key_polygons", "", "polygons")],
        "layers": _units_of(config),
    }
    asked = RULES["sensitivity"].keys(config)
    job = Job(told, reads | {"matters": [Ref("sensitivity", "", "table")] if asked else []})
    return _with_extrapolated(graph, scenario, config, job, MAPS_OF_PAGES)


SHEETS_OF_REPORT = ("habitat", "threat", "value_at_risk", "key_habitat", "chance_key")


@rule("report", {"page": "report.html"}, lambda config: [] if config["exact"] else [""])
def _report(graph, scenario, config, key) -> Job:
    model, habitat = selection.model(config), config["habitat"]
    method = {name: habitat[name] for name in ("floor", "known_weight", "loss")}
    method |= {"cumulative": model["cumulative"], "key": config["key_habitat"]}
    titles = {**config["threats"], **config["rules"]}
    known = elicit_parameters.parameters([config])
    tables = {n: b["title"] for n, b in config["layers"].items() if b["kind"] == "records"}
    shown = [name for name in SHEETS_OF_REPORT if name in graph.drawn(scenario)]
    told = {
        "title": config["region"]["title"], "as_of": config["as_of"], "method": method,
        "scenario_title": config["scenario_title"], "draws": config["draws"]["number"],
        "limitations": list(config["limitations"].values()), "records": tables,
        "absent": _absent(config), "region": config["region"],
        "not_assessed": {n: titles[n]["title"] for n in selection.not_assessed(config)},
        "rules": {name: rule["title"] for name, rule in config["rules"].items()},
        "parameters": {path: asdict(parameter) for path, parameter in known.items()},
        "sheets": {name: sheet_specs.about(name, config) for name in shown},
    }  # fmt: skip
    there = RULES["actions"].keys(config)
    public = selection.shown(config, RULES["prepare_records"].keys(config))
    job = Job(told, {
        "maps": _map_refs(config, MAPS_OF_PAGES),
        "units": [Ref("units", "", "table")] if RULES["units"].keys(config) else [],
        "of_draws": [Ref("key_draws", "", "units")] if specs.explained(config) else [],
        "actions": [Ref("actions", "", "polygons")] if there else [],
        "matters": [Ref("sensitivity", "", "table")] if RULES["sensitivity"].keys(config) else [],
        "summaries": [Ref("prepare_records", name, "summary") for name in public],
        "sheets": [Ref("sheet", name, "png") for name in shown],
    })  # fmt: skip
    return _with_extrapolated(graph, scenario, config, job, MAPS_OF_PAGES)


PAGES = ("briefs", "report")


@rule(
    "paper",
    {"pdf": "{key}.pdf"},
    lambda config: [name for name in PAGES if CAN_PRINT and RULES[name].keys(config)],
)
def _paper(graph, scenario, config, key) -> Job:
    told = {"title": f"{config['region']['title']}: {key}", "as_of": config["as_of"]}
    return Job(told | {"region": config["region"]}, {"page": [Ref(key, "", "page")]})


@rule(
    "handover",
    {
        "kmz": "handover/actions.kmz",
        "gpx": "handover/actions.gpx",
        "shapefile": "handover/actions_shapefile.zip",
        "parquet": "handover/actions.parquet",
        "waypoints": "handover/waypoints_smart.csv",
    },
    lambda config: [""] if config["rules"] else [],
)
def _handover(graph, scenario, config, key) -> Job:
    told = {"title": config["region"]["title"], "region": config["region"]}
    return Job(told, {"actions": [Ref("actions", "", "polygons")]})


def _with_sheets(config) -> list[str]:
    """The layers whose polygons get sheets of their own, in the view that may be public."""
    wanted, scenarios = config["atlas"]["of"], config["atlas"]["scenarios"]
    if config["scenario"] not in (scenarios or list(config["scenarios"])[:1]):
        return []
    units_ = [config["region"]["units"]] if config["region"]["units"] else []
    of = units_ if wanted is None else wanted
    if not config["rules"] or config["exact"]:
        return []
    there = selection.shown(config, [name for name in of if name != KEY_AREAS])
    return [name for name in of if name in (KEY_AREAS, *there)]


@rule("atlas", {"folder": "atlas/{key}"}, _with_sheets)
def _atlas(graph, scenario, config, key) -> Job:
    wanted = ["habitat", *(["p_key"] if specs.explained(config) else [])]
    told = {name: config["atlas"][name] for name in ("scale", "page")}
    told |= {"maps": graph.sources(scenario, wanted), "of": key}
    told |= {"context": config["maps"]["context"], "config": selection.sheet_words(config)}
    told |= {"region": config["region"], "dpi": config["maps"]["dpi"]}
    reads = {"maps": _map_refs(config, told["maps"]), "thresholds": _thresholds(config)}
    reads["tables"] = [Ref("actions", "", "polygons"), Ref("key_polygons", "", "polygons")]
    around = dict.fromkeys([*config["maps"]["context"].values(), config["region"]["mask"], key])
    left_out = (None, KEY_AREAS)
    reads["layers"] = [layer(config, name) for name in around if name not in left_out]
    return Job(told, reads)


@rule(
    "stac",
    {"folder": "stac", "layers": "maps.qlr"},
    lambda config: [] if config["exact"] else [""],
)
def _stac(graph, scenario, config, key) -> Job:
    """The maps that may be shown, as a catalogue and as layers for QGIS."""
    maps = {n: asdict(o.source) for n, o in graph.index(scenario).items() if o.public}
    told = {"maps": maps, "title": config["region"]["title"], "as_of": config["as_of"]}
    told |= {"scenario_title": config["scenario_title"], "region": config["region"]}
    told |= {"words": selection.sheet_words(config)}
    return Job(told, {"maps": _map_refs(config, maps)})


@rule("index", {"table": "outputs.csv"})
def _index(graph, scenario, config, key) -> Job:
    maps = {
        name: asdict(output.source) | {"layers": output.layers, "public": output.public}
        for name, output in graph.index(scenario).items()
    }
    return Job({"maps": maps, "home": f"results/{graph.region}/{scenario}"})


@rule(
    "sheet",
    {"png": "maps/{key}.png", "pdf": "maps/{key}.pdf"},
    lambda config: list(sheet_specs.drawn(config)),
)
def _sheet(graph, scenario, config, key) -> Job:
    spec = graph.drawn(scenario)[key]
    known = graph.names(scenario)
    named = [*spec["maps"], *spec["beside"]]
    shown = [n for name in named for n in sheet_specs.named(name, known)]
    behind = graph.surfaces(scenario, [*_map_refs(config, shown), *starmap(Ref, spec["tables"])])
    far = _extrapolated(graph, scenario, behind)
    maps = [*shown, *(name for pair in far.items() for name in pair)]
    told = {"sheet": spec["sheet"], "maps": graph.sources(scenario, maps), "extrapolated": far}
    told |= {"context": config["maps"]["context"], "config": selection.sheet_words(config)}
    told |= {"region": config["region"], "dpi": config["maps"]["dpi"]}
    reads = {"maps": _map_refs(config, told["maps"]), "thresholds": _thresholds(config)}
    reads |= {"tables": list(starmap(Ref, spec["tables"]))}
    around = dict.fromkeys([*config["maps"]["context"].values(), config["region"]["mask"]])
    reads["layers"] = [layer(config, name) for name in around if name]
    return Job(told, reads)


# ------------------------------------------------------------------------------------ targets


def crate(graph: Graph) -> dict:
    """What the record of a run is told: the region, and every layer that is there."""
    first = graph.configs[graph.scenarios[0]]
    kept = ("title", "date", "source", "licence", "data_status", "public")
    layers = {
        name: {key: block.get(key) for key in kept} | {"files": _files_of(block)}
        for config in graph.configs.values()
        for name, block in config["layers"].items()
        if block["kind"] != "absent"
    }
    shown = {name: _without_hidden_files(graph.configs[name]) for name in graph.scenarios}
    told = {
        "title": first["region"]["title"], "as_of": first["as_of"], "layers": layers,
        "species": first["species"], "region": first["region"],
        "scenarios": {name: config["scenario_title"] for name, config in shown.items()},
        "configs": shown,
    }  # fmt: skip
    return json.loads(json.dumps(told, default=str))  # plain, as a job can be told


def _without_hidden_files(config) -> dict:
    """A config that may be published: a layer that is not public is named, and no more.

    Changes of scenarios are laid over it already; as they stand they may speak of such layers.
    """
    kept = ("kind", "table", "title", "public", "data_status", "date", "source", "licence")
    hidden = selection.private_layers(config)
    layers = {
        name: {key: block[key] for key in kept if key in block} if name in hidden else block
        for name, block in config["layers"].items()
    }
    return {k: v for k, v in config.items() if k != "scenarios"} | {"layers": layers}


def crate_layers(graph: Graph) -> list[str]:
    """The files of all layers, as far as they are there."""
    found = (path for block in crate(graph)["layers"].values() for path in block["files"])
    there = (str(on_disk(path)) for path in found)
    return [path for path in dict.fromkeys(there) if Path(path).exists()]


def public_products(graph: Graph) -> list[str]:
    """Those that may be published."""
    return [path for path in products(graph) if "/restricted/" not in path]


def products(graph: Graph) -> list[str]:
    """Every file that a run makes in the end."""
    analyses = [f"analysis_{kind}" for kind in ANALYSES]
    wanted = {
        "maps": ("habitat", "threats", "key_habitat", *analyses, "index", "stac"),
        "tables": (
            *("key_polygons", "recommend", "actions", "handover", "units", "invest"),
            *("around", "workbook"),
        ),
        "reports": ("briefs", "report", "paper"),
        "sheets": ("sheet", "atlas"),
        "evidence": ("evidence",),
        "states": ("draws",),
        "uncertainty": (
            *("draws", "key_draws", "sensitivity", "elicitation"),
            *("change", "scenario_page", "without_threats", "series"),
        ),
    }
    found: list[str] = []
    for scenario, config in graph.configs.items():
        for part in config["products"]:
            for name in wanted[part]:
                for key in graph.keys(scenario, name):
                    if name != "sheet" or _has_own(graph, scenario, key):
                        found += graph.files(scenario, name, key).values()
    return list(dict.fromkeys(found))


def first_pages(graph: Graph) -> dict[str, str]:
    """The pages of the first scenario with which a reader begins, and what each tells."""
    scenario = graph.scenarios[0]
    told = {
        ("report", "page"): "what was found, how sure it is, and from what data",
        ("actions", "page"): "where to act first, and why",
    }
    return {
        graph.files(scenario, name)[file]: words
        for (name, file), words in told.items()
        if graph.keys(scenario, name)
    }


# ------------------------------------------------------------------------------------ helpers


def _read_by(job: Job, but: Iterable[str] = ("mask",)) -> Iterator[Ref]:
    """The files of other jobs that a job reads, but those in some roles."""
    for role, items in job.reads.items():
        if role not in but:
            yield from (item for item in items if isinstance(item, Ref))


def _without_private_analyses(config) -> Config:
    """The public view without analyses that would give places of hidden records away."""
    hidden, gone = set(selection.private_layers(config)), dict[str, str]()
    for name, block in config["analyses"].items():
        kind = ANALYSES[block["kind"]]
        for role, wanted in kind.reads(block, config).items():
            given_away = role not in getattr(kind, "GENERALISES", ())
            if given_away and any(w[0] == "layer" and w[1] in hidden for w in wanted):
                maps = [f"{name}_{field}" if field else name for field in kind.FIELDS]
                gone |= dict.fromkeys([name, *maps], "places that are not public")
    kept = {name: block for name, block in config["analyses"].items() if name not in gone}
    return config | {"analyses": kept, "taken_away": config["taken_away"] | gone}


def _has_own(graph, scenario, sheet) -> bool:
    """False for the sheet of an analysis that another scenario shares: it would be the same."""
    tables = graph.job(scenario, "sheet", sheet).reads["tables"]
    analyses = [ref for ref in tables if ref.rule.startswith("analysis_")]
    return all(graph.owner(scenario, ref.rule, ref.key) == scenario for ref in analyses)


def _by_name(config) -> dict[str, tuple[Ref, Source]]:
    """The file and band of each map; ConfigError where two maps would have one name."""
    found: dict[str, tuple[Ref, Source]] = {}
    for name, ref, source in _maps(config):
        if name in found:
            made_by = [" ".join(filter(None, (r.rule, r.key))) for r in (found[name][0], ref)]
            raise ConfigError(
                f"two maps of the name {name!r}, made by {' and by '.join(made_by)}; expected one. "
                "Give the surface, threat, component or analysis another name"
            )
        found[name] = (ref, source)
    return found


def _maps(config) -> Iterator[tuple[str, Ref, Source]]:
    """Every map of a scenario that has a name, which file it is, and what it shows."""
    for m in model_outputs.habitat_maps(config["habitat"]):
        yield from _bands_of(m, "habitat")
    if selection.assessed(config):
        for m in model_outputs.threat_maps(selection.model(config)):
            yield from _bands_of(m, "threats")
    for name, (file, band, title, unit, codes) in key_habitat.BANDS.items():
        yield name, Ref("key_habitat", "", file), Source("", band, title, unit, codes)
    if specs.wanted(config):
        for file, bands in passes.maps(bool(selection.assessed(config))).items():
            for number, (of, title) in enumerate(bands.items(), 1):
                called = of if of in passes.MORE[file] else f"{file}_{of}"
                words = f"{OF_DRAWS[file]}: {title}"
                yield called, Ref("draws", "", file), Source("", number, words, "0..1")
        for number, name in enumerate(passes.to_measure(bool(selection.assessed(config))), 1):
            words = f"What to measure to know {name} better"
            yield f"measure_{name}", Ref("draws", "", "what_to_measure"), Source("", number, words)
    if specs.explained(config):
        for number, (name, title) in enumerate(passes.KEY_TITLES.items(), 1):
            yield name, Ref("key_draws", "", "key_habitat"), Source("", number, title, "0..1")
    if specs.later(config):
        for what in _spread_maps(config):
            for number, (name, title) in enumerate(changes.SPREAD.items(), 1):
                source = Source("", number, f"{OF_DRAWS[what]}: {title}", "-1..1")
                yield f"change_{what}_{name}", Ref("change", "", f"change_{what}"), source
        for number, (name, title) in enumerate(changes.KEY.items(), 1):
            yield name, Ref("change", "", "change_key"), Source("", number, title, "0..1")
    for name in selection.available(config):
        block = config["surfaces"][name]
        title = block.get("title", name)
        for i, (of, unit) in enumerate(surfaces.bands(block).items(), 1):
            called = name if i == 1 else f"{name}_{of}"
            words = title if i == 1 else f"{title}: {of.replace('_', ' ')}"
            yield called, surface(config, name), Source("", i, words, unit)
    for name in selection.analyses(config):
        kind = config["analyses"][name]["kind"]
        for field_name, (file, band, title, unit) in ANALYSES[kind].FIELDS.items():
            called = f"{name}_{field_name}" if field_name else name
            yield called, Ref(f"analysis_{kind}", name, file), Source("", band, title, unit)


def _bands_of(m, made_by):
    for i, band in enumerate(m.bands, 1):
        yield band.name, Ref(made_by, "", m.name), Source("", i, band.title, band.unit)


@once
def _surfaces_behind(config, name, file) -> tuple[str, ...] | None:
    """The surfaces behind a file of the model; None: all that the job reads."""
    if name == "habitat":
        maps = model_outputs.habitat_maps(config["habitat"])
    elif name == "threats":
        maps = model_outputs.threat_maps(selection.model(config))
    else:
        return None
    have = set(selection.available(config))
    return tuple(s for m in maps if m.name == file or not file for s in m.surfaces if s in have)


def _layers_behind(graph, scenario, name) -> dict[str, list[str]]:
    """For each map of a job of the model the layers behind it, also those behind its inputs."""
    config, found = graph.configs[scenario], {}
    for file in graph.paths(scenario, name):
        behind = _surfaces_behind(config, name, file) or ()
        used = {i for s in behind for i in graph.layers(scenario, "surface", s)}
        found[file] = [i for i in config["layers"] if i in used]
    return found


def _made(config, names) -> list[Ref]:
    have = set(selection.available(config))
    return [surface(config, name) for name in dict.fromkeys(names) if name in have]


def _extrapolated(graph, scenario, behind) -> dict[str, str]:
    """Of some surfaces those that tell where they are extrapolated, each with the map of it."""
    known = graph.names(scenario)
    return {n: f"{n}_extrapolated" for n in behind if f"{n}_extrapolated" in known}


def _with_extrapolated(graph, scenario, config, job, wanted) -> Job:
    """The job with the maps of what is extrapolated behind some maps."""
    behind = graph.surfaces(scenario, _map_refs(config, wanted))
    far = _extrapolated(graph, scenario, behind)
    maps = graph.sources(scenario, [name for pair in far.items() for name in pair])
    reads = [*job.reads.get("maps", ()), *_map_refs(config, maps)]
    told = {**job.told, "maps": maps, "extrapolated": far}
    return Job(told, {**job.reads, "maps": list(dict.fromkeys(reads))})


def _mask(config) -> list[Ref]:
    mask = config["region"]["mask"]
    return [layer(config, mask)] if mask else []


def _units_of(config) -> list[Ref]:
    units = config["region"]["units"]
    return [layer(config, units)] if units else []


def _ref(config, item) -> Ref:
    """("layer" | "surface" | "map", name) or a Ref as a Ref."""
    if isinstance(item, Ref):
        return item
    what, name = item
    if what == "map":
        return next(ref for called, ref, _ in _maps(config) if called == name)
    return layer(config, name) if what == "layer" else surface(config, name)


def _map_refs(config, named) -> list[Ref]:
    """The files of some maps, each once."""
    where = _refs(config)
    return list(dict.fromkeys(where[name] for name in named if name in where))


@once
def _refs(config) -> dict[str, Ref]:
    return {name: ref for name, ref, _ in _maps(config)}


def _thresholds(config) -> list[Ref]:
    """The tables with thresholds and patch sizes of key habitat, if they come from records."""
    found = {"thresholds": selection.thresholds_from(config), "sizes": selection.sizes_from(config)}
    return [
        Ref(f"analysis_{config['analyses'][name]['kind']}", name, table)
        for table, name in found.items()
        if name
    ]


def _table_job(graph, scenario, config, maps, told, **reads) -> Job:
    """A job of tables: maps by name, the effects and shares of the threats, key habitat."""
    threats = selection.titles(config)
    wanted = [*maps, *(f"{part}_{name}" for name in threats for part in ("effect", "share"))]
    told = {"maps": graph.sources(scenario, wanted), "threats": threats, **told}
    told |= {"scenario": scenario, "key": config["key_habitat"], "region": config["region"]}
    reads = {"maps": _map_refs(config, told["maps"]), **reads}
    return Job(told, reads | {"thresholds": _thresholds(config)})


def _held_against_the_first(graph, scenario, job) -> Job:
    """The job with the value at risk of the first scenario, to tell what a later one changes."""
    first = graph.first(scenario)
    if first == scenario:
        return job
    name = "value_at_risk"
    maps = job.told["maps"] | {BEFORE: graph.sources(first, [name])[name]}
    refs = [replace(ref, scenario=first) for ref in _map_refs(graph.configs[first], [name])]
    return Job({**job.told, "maps": maps}, {**job.reads, "before": refs})
