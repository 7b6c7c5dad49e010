"""Effective resistances and currents against cases of another program, and in the head."""

import json
from pathlib import Path

import numpy as np
import pytest

from manul.connectivity import circuit as circuits
from manul.connectivity import multigrid, solvers
from manul.connectivity.solvers import Cells, Direct

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


def ground(seed, shape, blocked=0.15):
    rng = np.random.default_rng(seed)
    out = np.exp(rng.normal(size=shape) * 2)
    out[rng.random(shape) < blocked] = np.nan
    return out, rng


@pytest.mark.parametrize("neighbours", [4, 8])
@pytest.mark.parametrize("shape", [(61, 70), (1, 90), (45, 2), (33, 64)])
def test_multigrid_agrees_with_the_direct_solver(shape, neighbours):
    resistance, rng = ground(sum(shape), shape, 0.15 if min(shape) > 2 else 0.0)
    focal, regions = np.zeros(shape, int), np.zeros(shape, int)
    focal.ravel()[rng.choice(focal.size, 5, replace=False)] = np.arange(1, 6)
    regions.ravel()[rng.choice(focal.size, 6, replace=False)] = [1, 1, 1, 2, 2, 2]
    for joined in (None, regions):
        one, two = (
            circuits.pairwise(
                circuits.Circuit(circuits.conductance(resistance), neighbours, "resistance",
                                 joined, method), focal,
            ) for method in ("direct", "multigrid")
        )  # fmt: skip
        close(two.resistance, one.resistance, 1e-7)
        close(two.cumulative, one.cumulative, 1e-6)


@pytest.mark.parametrize("kind", ["gap", "roads", "lakes"])
def test_multigrid_takes_few_steps_where_ground_is_hard(kind):
    resistance = np.ones((150, 150))
    if kind == "gap":
        resistance[74] = np.nan
        resistance[74, 31] = 1.0
    elif kind == "roads":
        resistance[::17] = resistance[:, ::13] = 100.0
    else:
        resistance = (
            np.where(ground(1, (30, 30), 0.3)[0] > 0, 1.0, np.nan).repeat(5, 0).repeat(5, 1)
        )
    links = circuits._Net(circuits.Circuit(circuits.conductance(resistance)), None)
    earth, ampere = np.zeros(links.n), np.zeros(links.n)
    ampere[-1], held = 1.0, np.arange(links.n) == 0
    if links.parts[0] != links.parts[-1]:
        pytest.fail("the two corners are not joined")
    found = Cells(links, earth, held)
    volt = found.solve(ampere)
    assert found._grid.steps < 45
    np.testing.assert_allclose(volt, Direct(links, earth, held).solve(ampere), rtol=1e-5, atol=1e-7)


def test_what_comes_in_goes_out_however_small_the_way_out_is():
    """Conductances are rounded, what leads out of the grid is not."""
    rng = np.random.default_rng(2)
    links, diagonal = np.zeros((4, 200, 200)), np.zeros((200, 200))
    for k, shift in enumerate(multigrid.SHIFTS):
        one, two = solvers.beside(diagonal, shift)
        conductance = rng.random(one.shape) + 1e-3
        solvers.beside(links[k], shift)[0][:] = conductance
        one += conductance
        two += conductance
    diagonal[0, 0] += 1e-4
    ampere = np.zeros((200, 200))
    ampere[150, 120] = 1.0
    volt = multigrid.Multigrid(links, diagonal, 1e-9).solve(ampere)
    assert volt[0, 0] * 1e-4 == pytest.approx(1, rel=1e-6)


def test_resistors_in_a_row_beside_each_other_and_round_a_ring():
    row = circuits.Circuit(circuits.conductance(np.array([[1.0, 3, 5]])), 4)
    assert circuits.pairwise(row, np.array([[1, 0, 2]])).resistance[0, 1] == pytest.approx(6.0)
    ring = circuits.conductance(np.array([[1.0, 1, 1], [1, np.nan, 1], [1, 1, 1]]))
    ends = np.zeros((3, 3), int)
    ends[0, 0], ends[2, 2] = 1, 2
    found = circuits.pairwise(circuits.Circuit(ring, 4), ends)
    assert found.resistance[0, 1] == pytest.approx(2.0)
    np.testing.assert_allclose(
        found.cumulative, [[1, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 1]], atol=1e-12
    )


def test_a_resistance_of_zero_is_an_error():
    with pytest.raises(ValueError, match="more than 0"):
        circuits.conductance(np.array([[0.0, 1.0]]))


@pytest.mark.parametrize("seed", range(4))
def test_effective_resistance_is_a_distance_and_falls_when_a_barrier_goes(seed):
    resistance, rng = ground(seed, (20, 20), 0.1)
    focal = np.zeros((20, 20), int)
    focal.ravel()[rng.choice(400, 4, replace=False)] = [1, 2, 3, 4]
    opened = np.where(np.isnan(resistance), 1.0, resistance)
    found, more = (
        circuits.pairwise(circuits.Circuit(circuits.conductance(part)), focal).resistance
        for part in (resistance, opened)
    )
    np.testing.assert_allclose(found, found.T)
    apart = found < 0
    assert (more[~apart] <= found[~apart] + 1e-9).all()
    assert (more <= (more[:, :, None] + more[None]).min(axis=1) + 1e-9).all()


def test_what_leaves_at_a_place_held_at_zero_has_come_through_it():
    row = circuits.Circuit(circuits.conductance(np.ones((1, 4))), 4)
    sources, grounds = np.array([[1.0, 0, 0, 0]]), np.array([[0, 0, 0, np.inf]])
    volt, current = circuits.advanced(row, sources, grounds)
    np.testing.assert_allclose(volt, [[3, 2, 1, 0]], atol=1e-9)
    np.testing.assert_allclose(current, [[1, 1, 1, 1]], atol=1e-9)
    two = circuits.Circuit(circuits.conductance(np.ones((1, 2))), 4)
    volt, current = circuits.advanced(two, np.array([[1.0, 0]]), np.array([[1.0, np.inf]]))
    np.testing.assert_allclose(volt, [[0.5, 0]], atol=1e-9)
    np.testing.assert_allclose(current, [[1, 0.5]], atol=1e-9)  # half of it goes to earth at once


@pytest.mark.parametrize("shape", [(24, 31), (25, 30), (33, 33)])
def test_coarser_grids_hold_what_is_alike_everywhere(shape):
    """Each cell lies between kept cells whose weights add up to 1, so a constant stays one."""
    net = circuits._Net(circuits.Circuit(circuits.conductance(ground(7, shape, 0.0)[0])), None)
    earth, held = np.zeros(net.n), np.arange(net.n) == net.n - 1
    fine, coarse, *_ = Cells(net, earth, held)._grid._levels
    found = np.zeros_like(fine.x)
    multigrid._prolong(np.ones_like(coarse.x), fine.weights, found, fine.diagonal)
    beside_the_ground = np.ones(shape, bool)
    beside_the_ground[-3:, -3:] = False
    np.testing.assert_allclose(found[1:-1, 1:-1][beside_the_ground], 1, atol=1e-5)
