"""Jobs of the workflow run in this process, from the graph alone: quick, and without Snakemake."""

import logging
import runpy
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from conftest import ROOT

from manul import contents, preflight
from manul.analyses import KINDS
from manul.config import load
from manul.graph import Graph

SCRIPTS = ROOT / "workflow" / "scripts"
# What the key of a rule is called in its paths; the other rules have no key.
WILDCARD = dict.fromkeys(("prepare_raster", "prepare_vector", "prepare_records"), "layer")
WILDCARD |= {"surface": "surface", "generalise": "surface", "evidence": "layer", "sheet": "sheet"}
WILDCARD |= {"invest": "case"} | {f"analysis_{kind}": "analysis" for kind in KINDS}
WILDCARD |= {"atlas": "units", "paper": "page", "around": "features"}


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
    name = "analysis" if told.rule.startswith("analysis_") else told.rule
    with mock.patch.object(logging, "basicConfig"):
        runpy.run_path(str(SCRIPTS / f"{name}.py"), {"snakemake": told})


class Project:
    """A project in the current folder. A job that nothing has changed for is not run again."""

    def __init__(self):
        self._made = {}

    def run(self, config, rules) -> list[str]:
        """The errors of the config and the preflight; without any, all jobs of `rules` are run."""
        for kept in (contents._sha256, contents._folder):  # they last for one run of the workflow
            kept.cache_clear()
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
                    self._make(graph, scenario, rule, key)
        return errors

    def _make(self, graph, scenario, rule, key) -> None:
        scenario = graph.owner(scenario, rule, key)
        files = graph.files(scenario, rule, key)
        first, digest = next(iter(files.values())), graph.digest(scenario, rule, key)
        if self._made.get(first) == digest:
            return
        for refs in graph.job(scenario, rule, key).reads.values():
            for ref in refs:
                if not isinstance(ref, str):
                    self._make(graph, graph.owner(scenario, ref.rule, ref.key), ref.rule, ref.key)
        for path in files.values():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        run_job(job(graph, scenario, rule, key))
        self._made[first] = digest
