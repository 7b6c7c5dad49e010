"""Jobs of the workflow run in this process, from the graph alone: quick, and without Snakemake."""

import contextlib
import logging
import runpy
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import yaml
from conftest import ROOT
from snakemake.utils import update_config

from manul import contents, preflight
from manul.analyses import KINDS
from manul.config import load
from manul.graph import Graph, products

SCRIPTS = ROOT / "workflow" / "scripts"
# What the key of a rule is called in its paths; the other rules have no key.
WILDCARD = dict.fromkeys(("prepare_raster", "prepare_vector", "prepare_records"), "layer")
WILDCARD |= {"surface": "surface", "generalise": "surface", "evidence": "layer", "sheet": "sheet"}
WILDCARD |= {"invest": "case"} | {f"analysis_{kind}": "analysis" for kind in KINDS}
WILDCARD |= {"atlas": "units", "paper": "page", "around": "features"}
WILDCARD |= dict.fromkeys(("alternatives", "generalise_alternatives"), "surface")
SCRIPT = {"generalise_alternatives": "generalise"}  # of rules that share one


class Params(dict):
    """Named values, by attribute too."""

    __getattr__ = dict.__getitem__


class Files(Params):
    """Named files; iterates over the files, as Snakemake's does."""

    def __iter__(self):
        for value in self.values():
            yield from [value] if isinstance(value, str) else value


def job(graph, scenario, rule, key="", threads=1, output=None) -> SimpleNamespace:
    """What Snakemake gives the script of a job; its files lie where the graph says if not told."""
    keys = {WILDCARD[rule]: key} if key else {}
    return SimpleNamespace(
        rule=rule,
        input=Files(graph.reads(scenario, rule, key)),
        output=Files(output or graph.files(scenario, rule, key)),
        params=Params(told=graph.job(scenario, rule, key).told),
        wildcards=Params(region=graph.region, scenario=scenario, **keys),
        threads=threads,
        log=[],
    )


def run_job(told) -> None:
    """Run the script of a job as Snakemake would; its log goes to pytest alone."""
    name = "analysis" if told.rule.startswith("analysis_") else SCRIPT.get(told.rule, told.rule)
    with mock.patch.object(logging, "basicConfig"):
        runpy.run_path(str(SCRIPTS / f"{name}.py"), {"snakemake": told})


def make(region, targets=products) -> None:
    """Make files of a `conftest.Region`, by default all that its config asks for, no preflight.

    `targets` are paths, or a function of the graph that gives them.
    """
    with contextlib.chdir(region.folder):
        config: dict = {}
        for path in region.configs:
            update_config(config, yaml.safe_load(Path(path).read_text(encoding="utf-8")))
        project = Project()
        project.forget()
        graph = Graph(load.load(config, region.configs))
        made_by = {
            path: (scenario, rule, key)
            for scenario in graph.configs
            for rule in graph.rules(scenario)
            for key in graph.keys(scenario, rule)
            for path in graph.files(scenario, rule, key).values()
        }
        for target in targets(graph) if callable(targets) else targets:
            project.make(graph, *made_by[target])


class Project:
    """A project in the current folder. A job that nothing has changed for is not run again."""

    def __init__(self):
        self._made = {}

    def forget(self) -> None:
        """What was read of files lasts for one run of the workflow."""
        for kept in (contents._sha256, contents._folder):
            kept.cache_clear()

    def run(self, config, rules) -> list[str]:
        """The errors of the config and the preflight; without any, all jobs of `rules` are run."""
        self.forget()
        try:
            configs = load.load(config)
            graph = Graph(configs)
        except load.ConfigError as fault:
            return str(fault).splitlines()[1:]
        told = [p for n, c in configs.items() for p in preflight.check(c, graph.names(n))]
        errors = [str(p) for p in told if p.severity == "error"]
        for scenario in graph.configs if not errors else ():
            for rule in rules:
                for key in graph.keys(scenario, rule):
                    self.make(graph, scenario, rule, key)
        return errors

    def make(self, graph, scenario, rule, key) -> None:
        """Make a job's files, and before them all that it reads."""
        scenario = graph.owner(scenario, rule, key)
        files = graph.files(scenario, rule, key)
        first, digest = next(iter(files.values())), graph.digest(scenario, rule, key)
        if self._made.get(first) == digest:
            return
        for refs in graph.job(scenario, rule, key).reads.values():
            for ref in refs:
                if not isinstance(ref, str):
                    self.make(graph, ref.scenario or scenario, ref.rule, ref.key)
        for path in files.values():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        run_job(job(graph, scenario, rule, key))
        self._made[first] = digest
