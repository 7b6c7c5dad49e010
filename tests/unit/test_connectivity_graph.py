"""Probability of connectivity and ProtConn against enumeration, and the worth of patches anew."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.connectivity import graph as graphs
from manul.connectivity import heap

ORACLE = Path(__file__).parents[1] / "oracle/connectivity"
EXACT = {"rel": 1e-9, "abs": 1e-9}


def test_eight_patches():
    want = json.loads((ORACLE / "graph_5.json").read_text())
    xy = np.array(want["xy_km"])
    apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    net = graphs.complete(want["areas"], apart, want["median_dispersal_km"], want["links_below"])
    found = graphs.worth(net)
    assert found.probability(want["landscape_area"]) == pytest.approx(want["PC"], rel=1e-9)
    assert found.equivalent_area == pytest.approx(want["EC"], rel=1e-9)
    assert graphs.equivalent_area(net) == pytest.approx(want["EC"], rel=1e-9)
    for mine, theirs in (
        (found.patches, "dPC"), (found.intra, "intra"), (found.flux, "flux"),
        (found.connector, "connector"),
    ):  # fmt: skip
        assert mine.tolist() == pytest.approx(want[theirs], **EXACT)
    assert found.stepping_stones().tolist() == [6, 1]


@pytest.fixture(scope="module")
def eight():
    return json.loads((ORACLE / "graph_protconn_8.json").read_text())


def test_patches_and_links_of_the_second_case(eight):
    net = graphs.complete(
        eight["areas_km2"], eight["distance_km"], eight["median_dispersal_km"],
        eight["links_below_dropped"],
    )  # fmt: skip
    np.testing.assert_allclose(graphs.best_products(net), eight["best_product"], rtol=1e-12)
    found = graphs.worth(net)
    assert found.probability(eight["landscape_km2"]) == pytest.approx(eight["PC"], rel=1e-9)
    for mine, theirs in (
        (found.patches, "dPC"), (found.intra, "intra"), (found.flux, "flux"),
        (found.connector, "connector"),
    ):  # fmt: skip
        assert mine.tolist() == pytest.approx(eight[theirs], **EXACT)
    names = [f"{a + 1}-{b + 1}" for a, b in net.pairs]
    assert dict(zip(names, found.links, strict=True)) == pytest.approx(
        eight["dPC_of_links"], **EXACT
    )


def test_protected_areas(eight):
    found = graphs.protconn(
        np.array(eight["areas_km2"]), eight["distance_km_with_outside"],
        np.array(eight["touching"]) - 1, eight["landscape_km2"], eight["median_dispersal_km"],
        eight["links_below_dropped"],
    )  # fmt: skip
    mine = {
        "Prot": found.prot, "ProtConn": found.protconn, "ProtUnconn": found.protunconn,
        "RelConn": found.relconn, "ProtConn_Prot": found.of_prot,
        "ProtConn_Within": found.of_within, "ProtConn_Contig": found.of_contig,
        "ProtConn_Trans": found.of_trans, "ProtConn_Unprot": found.of_unprot,
    }  # fmt: skip
    want = {k: v for k, v in eight["protected"].items() if k != "ProtConn_land"}
    assert mine == pytest.approx(want, **EXACT)
    assert found.of_prot + found.of_trans + found.of_unprot == pytest.approx(100)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 14), joined=st.floats(0.05, 0.9))
def test_worth_is_what_is_lost_when_a_patch_or_link_is_taken_away(seed, n, joined):
    rng = np.random.default_rng(seed)
    pairs = np.column_stack(np.triu_indices(n, 1))
    pairs = pairs[rng.random(len(pairs)) < joined]
    distance = rng.choice([0.0, 1.0, 5.0, 20.0], len(pairs))  # ties and patches that touch
    areas = rng.uniform(0, 10, n) * (rng.random(n) < 0.8) + 1e-3
    net = graphs.graph(areas, pairs, distance, 10.0)
    found = graphs.worth(net)
    left = graphs.equivalent_area(net) ** 2
    for k in range(n):
        kept = ~(pairs == k).any(axis=1)
        without = graphs.graph(
            np.where(np.arange(n) == k, 0, areas), pairs[kept], distance[kept], 10
        )
        lost = 100 * (left - graphs.equivalent_area(without) ** 2) / left
        assert found.patches[k] == pytest.approx(lost, rel=1e-9, abs=1e-9)
    for k in range(len(pairs)):
        kept = np.arange(len(pairs)) != k
        without = graphs.graph(areas, pairs[kept], distance[kept], 10.0)
        lost = 100 * (left - graphs.equivalent_area(without) ** 2) / left
        assert found.links[k] == pytest.approx(lost, rel=1e-9, abs=1e-9)


def test_no_links_and_no_patches():
    alone = graphs.worth(graphs.graph([3.0, 4.0], [], [], 30.0))
    assert alone.equivalent_area == 5.0
    assert alone.patches.tolist() == pytest.approx([36.0, 64.0])
    assert alone.stepping_stones().size == 0
    assert graphs.worth(graphs.graph([], [], [], 30.0)).equivalent_area == 0.0
    assert graphs.dispersal(np.array([0, 30, np.inf]), 30.0).tolist() == [1.0, 0.5, 0.0]


def test_a_heap_gives_the_smallest_key_first_in_any_order_of_use():
    rng = np.random.default_rng(7)
    keys, items, size, held = np.empty(4), np.empty(4, np.int64), 0, []
    for item, key in enumerate(rng.random(500)):
        keys, items = heap.grown(keys, items, size)
        size = heap.push(keys, items, size, key, item)
        held.append((key, item))
        if rng.random() < 0.4:
            held.sort()
            assert (keys[0], items[0]) == held.pop(0)
            size = heap.pop(keys, items, size)
    assert size == len(held)
    for want in sorted(held):
        assert (keys[0], items[0]) == want
        size = heap.pop(keys, items, size)
    assert size == 0
