"""What each rule needs is told before a run; `test_workflow` measures it."""

import pytest
from conftest import demo_config

from manul import plan
from manul.config import load
from manul.graph import Graph

pytestmark = pytest.mark.workflow


def test_every_rule_is_planned_and_a_country_at_30_m_says_what_it_needs():
    config = demo_config()
    config["region"] |= {"cell_m": 30}
    graph = Graph(load.load(config))
    table = plan.rows(graph, "current", 2)
    assert list(table["rule"]) == graph.rules("current")
    by = table.set_index("rule")
    assert by.loc["threats", "memory_mb"] < 2000
    assert by.loc["key_habitat", "memory_mb"] < 24 * by.loc["key_habitat", "cells"] / 1e6
    dealt = plan.rows(Graph(load.load(config | {"jobs_for_a_map": 4})), "current", 2)
    more = dealt.set_index("rule")["jobs"] - by["jobs"]
    assert (more["threats"], more["draws"], more["key_habitat"], more["units"]) == (4, 4, 0, 0)
    assert any("region.cell_m" in line for line in plan.advice(table.assign(memory_mb=1e9)))
