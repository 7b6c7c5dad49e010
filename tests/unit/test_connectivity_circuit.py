"""Effective resistances and currents against cases of another program, and in the head."""

import json
from pathlib import Path

import numpy as np
import pytest

from manul.connectivity import circuit as circuits

ORACLE = Path(__file__).parents[1] / "oracle/connectivity"
PAIRWISE = [f"circuit_{k}" for k in (2, 4, 6, 9, 14)] + [
    f"circuit_cases/pairwise_{k}" for k in (5, 10, 13)
]


def table(name, file):
    path = ORACLE / name / f"{file}.csv"
    return np.loadtxt(path, delimiter=",", ndmin=2) if path.exists() else None


def case(name, **more):
    words = json.loads((ORACLE / name / "settings.json").read_text())
    g = circuits.conductance(table(name, "habitat"), words["habitat_is"], table(name, "mask"))
    regions = table(name, "short_circuit_regions")
    return words, circuits.Circuit(g, words["neighbours"], words["average"], regions, **more)


def close(mine, theirs, part=1e-6):
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=part * np.abs(theirs).max())


@pytest.mark.parametrize("name", PAIRWISE)
@pytest.mark.parametrize("method", ["direct", "multigrid"])
def test_pairs(name, method):
    words, circuit = case(name, method=method)
    kept = {}
    pairs = words.get("only_these_pairs")
    found = circuits.pairwise(
        circuit, np.nan_to_num(table(name, "focal_nodes")), pairs,
        lambda pair, volt, current: kept.update({pair: (volt, current)}),
    )  # fmt: skip
    rows = [found.numbers.index(k) for k in words["node_numbers"]]
    mine, want = found.resistance[np.ix_(rows, rows)], table(name, "exact_resistances")
    np.testing.assert_array_equal(mine == -1, want == -1)
    close(mine, want)
    close(found.cumulative, table(name, "exact_cumulative_current"))
    if (most := table(name, "exact_maximum_current")) is not None:
        close(found.maximum, most)
    if (theirs := table(name, "cumulative_current")) is not None:
        close(found.cumulative, theirs, 3e-6)
    for a, b in words.get("voltage_maps_of_pairs", []):
        close(kept[a, b][0], table(name, f"exact_voltage_{a}_{b}"))
        close(kept[a, b][1], table(name, f"exact_current_{a}_{b}"))


@pytest.mark.parametrize("name", ["one_to_all_2", "all_to_one_9"])
@pytest.mark.parametrize("method", ["direct", "multigrid"])
def test_each_place_in_turn(name, method):
    how = getattr(circuits, name.rsplit("_", 1)[0])
    name = f"circuit_cases/{name}"
    words, circuit = case(name, method=method)
    kept = {}
    found = how(
        circuit, np.nan_to_num(table(name, "focal_nodes")),
        lambda k, volt, current: kept.update({k[0]: (volt, current)}),
    )  # fmt: skip
    want = table(name, "exact_results")
    assert found.numbers == want[:, 0].tolist()
    np.testing.assert_allclose(found.results, want[:, 1], atol=1e-6)
    close(found.cumulative, table(name, "exact_cumulative_current"))
    close(found.maximum, table(name, "exact_maximum_current"))
    for k in words["maps_of_nodes"]:
        close(kept[k][0], table(name, f"exact_voltage_{k}"))
        close(kept[k][1], table(name, f"exact_current_{k}"))


@pytest.mark.parametrize("method", ["direct", "multigrid"])
def test_sources_and_grounds_as_given(method):
    name = "circuit_cases/advanced_3"
    _, circuit = case(name, method=method)
    volt, current = circuits.advanced(
        circuit, table(name, "sources_ampere"), table(name, "grounds_conductance")
    )
    close(volt, table(name, "exact_voltage"))
    close(current, table(name, "exact_current"))
