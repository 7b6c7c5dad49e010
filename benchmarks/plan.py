"""Planned and measured peak memory of every job of the demo, at other cell sizes.

    python benchmarks/plan.py --cell-m 1000 200 100 [--cores 2]

Runs the demo into results/plan_CELL and prints, for each job, MB planned and MB that Snakemake
measured, and their ratio.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))
from manul import plan
from manul.config import load
from manul.graph import Graph

SEVERAL = ("habitat", "threats", "invest")  # rules that take all the cores


def main():
    options = _options()
    ratios = []
    for cell_m in options.cell_m:
        region = f"plan_{cell_m:g}"
        config = yaml.safe_load(Path("config/config.yaml").read_text())
        config["region"] |= {"name": region, "cell_m": cell_m}
        config["scenarios"] = {"current": config["scenarios"]["current"]}
        file = Path("results") / f"{region}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(config))
        run = [sys.executable, "-m", "snakemake", "--cores", str(options.cores)]
        subprocess.run([*run, "--quiet", "all", "--configfile", str(file)], check=True)
        ratios += _table(config, region, cell_m, options.cores)
    within = sum(1 / 1.5 <= ratio <= 1.5 for ratio in ratios)
    print(f"{within} of {len(ratios)} jobs within a factor 1.5")


def _table(config, region, cell_m, cores):
    graph = Graph(load.load(config))
    for rule in graph.rules("current"):
        threads = cores if rule in SEVERAL or rule.startswith("analysis_") else 1
        called = {"prepare_": "prepare", "analysis_": "analysis"}
        stem = next((v for k, v in called.items() if rule.startswith(k)), rule)
        for key in graph.keys("current", rule):
            name = f"{stem}_{key}" if key else stem
            file = Path("benchmarks/out") / region / "current" / f"{name}.tsv"
            measured = _measured(file)
            if measured is not None:
                planned = plan.memory_mb(graph.configs["current"], rule, key, threads)
                print(
                    f"{cell_m:6g} m {name:40} {planned:6} {measured:6.0f} {planned / measured:.2f}"
                )
                yield planned / measured


def _measured(file) -> float | None:
    if not file.is_file():
        return None
    with file.open() as rows:
        values = [row["max_rss"] for row in csv.DictReader(rows, delimiter="\t")]
    numbers = [float(v) for v in values if v not in ("", "-", "NA")]
    return max(numbers, default=None)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell-m", type=float, nargs="+", default=[1000, 200, 100])
    parser.add_argument("--cores", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
