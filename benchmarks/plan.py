"""Planned and measured memory of every job of the demo at other cell sizes, and growth of time.

    python benchmarks/plan.py --cell-m 1000 200 100 [--cores 2] [--products maps tables]

Runs the demo into results/plan_CELL and prints, for each rule, MB planned and MB that its largest
job held, CPU seconds of all its jobs, and the exponent with which these grow from one cell size to
the next; jobs tell both in their logs. `--without` names analyses that are left out.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))
from manul import plan
from manul.config import load
from manul.graph import Graph

SEVERAL = ("habitat", "threats", "draws", "change", "analysis")  # begin rules of several threads
TOOK = re.compile(r"CPU (?P<cpu>[\d.]+) s, at most (?P<mb>\d+) MB")  # as `job` tells it
CALLED = {"prepare_": "prepare", "analysis_": "analysis"}  # files of what jobs took


def main():
    options = _options()
    jobs = pd.concat([_run(cell_m, options) for cell_m in options.cell_m])
    made = jobs.groupby(["rule", "cells"], sort=False)
    table = made[["planned", "measured", "cpu"]].agg(
        {"planned": "max", "measured": "max", "cpu": "sum"}
    )
    table["jobs"] = made.size()
    logs = np.log(table["cpu"]).groupby("rule").diff()
    cells = np.log(pd.Series(table.index.get_level_values("cells"), table.index))
    table["exponent"] = logs / cells.groupby("rule").diff()
    print(table.round(2).to_string())
    ratio = jobs["planned"] / jobs["measured"]
    within = ratio.between(1 / 1.5, 1.5).sum()
    print(f"{within} of {ratio.notna().sum()} jobs within a factor 1.5 of what was planned")


def _run(cell_m, options) -> pd.DataFrame:
    """One row for each job of a run at this cell size."""
    region = f"plan_{cell_m:g}".replace(".", "_")
    config = yaml.safe_load(Path("config/config.yaml").read_text())
    config["region"] |= {"name": region, "cell_m": cell_m}
    config["scenarios"] = {"current": config["scenarios"]["current"]}
    config["analyses"] |= dict.fromkeys(options.without)
    if options.products:
        config |= {"products": options.products, "series": None}
    file = Path("results") / f"{region}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(config))
    run = [sys.executable, "-m", "snakemake", "--cores", str(options.cores)]
    subprocess.run([*run, "--quiet", "rules", "--configfile", str(file)], check=True)
    return pd.DataFrame(_jobs(config, region, cell_m, options.cores))


def _jobs(config, region, cell_m, cores):
    graph = Graph(load.load(config))
    for rule in graph.rules("current"):
        several = rule.startswith(SEVERAL)
        threads = min(cores, plan.threads(graph.configs["current"], rule)) if several else 1
        stem = next((v for k, v in CALLED.items() if rule.startswith(k)), rule)
        for key in graph.keys("current", rule):
            name = f"{stem}_{key}" if key else stem
            file = Path("logs") / region / "current" / f"{name}.log"
            took = TOOK.search(file.read_text(encoding="utf-8")) if file.is_file() else None
            if took:
                yield {
                    "rule": rule,
                    "cells": plan.number_of_cells(graph.configs["current"]["region"]),
                    "planned": plan.memory_mb(graph.configs["current"], rule, key, threads),
                    "measured": float(took["mb"]),
                    "cpu": float(took["cpu"]),
                }


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell-m", type=float, nargs="+", default=[1000, 200, 100])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--products", nargs="*", help="all, if none is named")
    parser.add_argument("--without", nargs="*", default=[], metavar="ANALYSIS")
    return parser.parse_args()


if __name__ == "__main__":
    main()
