"""The memory that is planned covers the memory that jobs took."""

import csv

import pytest
import yaml
from conftest import demo_config

from manul import plan
from manul.config import load, selection

pytestmark = pytest.mark.workflow


def peaks(corner) -> dict[str, float]:
    """Largest resident memory (MB) of each job of the present scenario."""
    folder = corner.folder / "benchmarks" / "out" / "corner" / "current"
    found = {}
    for path in folder.glob("*.tsv"):
        with path.open() as file:
            rows = [row["max_rss"] for row in csv.DictReader(file, delimiter="\t")]
        found[path.stem] = max(float(r) for r in rows if r not in ("", "-", "NA"))
    return found


def test_jobs_keep_within_their_plan(corner):
    config = load.load(yaml.safe_load(corner.configs[0].read_text()))["current"]
    planned = {
        "habitat": plan.habitat_mb(config, 2),
        "threats": plan.threats_mb(config, 2),
        "key_habitat": plan.whole_mb(config),
        "recommend": plan.whole_mb(config),
        "units": plan.whole_mb(config),
        **{f"sheet_{s}": plan.sheet_mb(config) for s in ("threat", "key_habitat")},
        **{f"surface_{s}": plan.surface_mb(config, s) for s in selection.available(config)},
    }
    measured = peaks(corner)
    assert measured.keys() >= {"threats", "recommend", "surface_roads_paved"}
    over = {n: (mb, planned[n]) for n, mb in measured.items() if n in planned and mb > planned[n]}
    assert not over


def test_a_country_at_30_m_says_what_it_needs():
    config = load.load(demo_config())["current"]
    config["region"] |= {"cell_m": 30}
    table = plan.rows(config, 2).set_index("rule")
    assert table.loc["threats", "memory_mb"] < 2500
    assert any("region.cell_m" in line for line in plan.advice(table.reset_index()))
