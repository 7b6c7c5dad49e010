"""The memory that is planned is that which jobs take."""

import csv

import pytest
import yaml
from conftest import demo_config

from manul import plan
from manul.config import load
from manul.graph import Graph

pytestmark = pytest.mark.workflow
STEMS = ("prepare", "analysis")  # benchmarks of rules with several kinds


def peaks(corner) -> dict[str, float]:
    """Largest resident memory (MB) of each job of the present scenario."""
    folder = corner.folder / "benchmarks" / "out" / "corner" / "current"
    found = {}
    for path in folder.glob("*.tsv"):
        with path.open() as file:
            rows = [row["max_rss"] for row in csv.DictReader(file, delimiter="\t")]
        found[path.stem] = max(float(r) for r in rows if r not in ("", "-", "NA"))
    return found


def test_jobs_take_what_is_planned_within_a_factor_of_1_5(corner):
    graph = Graph(load.load(yaml.safe_load(corner.configs[0].read_text())))
    config = graph.configs["current"]
    planned = {}
    for rule in graph.rules("current"):
        stem = next((s for s in STEMS if rule.startswith(f"{s}_")), rule)
        for key in graph.keys("current", rule):
            planned[f"{stem}_{key}" if key else stem] = plan.memory_mb(config, rule, key, 2)
    measured = peaks(corner)
    assert measured.keys() <= planned.keys()
    assert measured.keys() >= {"threats", "recommend", "surface_roads_paved", "sheet_threat"}
    ratios = {name: planned[name] / mb for name, mb in measured.items()}
    assert not {name: ratio for name, ratio in ratios.items() if ratio < 1 / 1.5}
    # Memory is looked at every half second: of short jobs the peak may go unseen.
    near = [name for name, ratio in ratios.items() if ratio <= 1.5]
    assert len(near) >= 0.8 * len(ratios)


def test_every_rule_is_planned_and_a_country_at_30_m_says_what_it_needs():
    config = demo_config()
    config["region"] |= {"cell_m": 30}
    graph = Graph(load.load(config))
    table = plan.rows(graph, "current", 2)
    assert list(table["rule"]) == graph.rules("current")
    by = table.set_index("rule")
    assert by.loc["threats", "memory_mb"] < 2000
    assert by.loc["key_habitat", "memory_mb"] < 24 * by.loc["key_habitat", "cells"] / 1e6
    assert any("region.cell_m" in line for line in plan.advice(table.assign(memory_mb=1e9)))
