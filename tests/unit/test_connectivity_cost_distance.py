"""Least-cost distance against another library, and what must hold on any ground."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.connectivity.cost_distance import back_links, cost_distance


def ground(seed, shape, blocked):
    rng = np.random.default_rng(seed)
    cost = rng.uniform(0.1, 5, shape).astype("float32")
    cost[rng.random(shape) < blocked] = np.nan
    return cost


def reference(cost, sources):
    from skimage.graph import MCP_Geometric

    costs = np.where(np.isnan(cost), -1, cost).astype("float64")
    starts = [tuple(at) for at in np.argwhere(sources) if costs[tuple(at)] > 0]
    if not starts:
        return np.full(cost.shape, np.inf)
    return MCP_Geometric(costs).find_costs(starts)[0]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31), rows=st.integers(1, 25), columns=st.integers(1, 25),
    blocked=st.floats(0, 0.6), n=st.integers(0, 5),
)  # fmt: skip
def test_agrees_with_another_library(seed, rows, columns, blocked, n):
    cost = ground(seed, (rows, columns), blocked)
    sources = np.zeros(cost.shape, bool)
    flat = np.random.default_rng(seed).integers(0, cost.size, n)
    sources.ravel()[flat] = True
    np.testing.assert_allclose(cost_distance(cost, sources), reference(cost, sources), rtol=1e-12)


def test_in_the_head():
    cost = np.ones((3, 4), "float32")
    cost[1, 1:3] = np.nan
    source = np.zeros((3, 4), bool)
    source[1, 0] = True
    d = 2**0.5
    expected = [[1, d, 1 + d, 2 + d], [0, np.inf, np.inf, 1 + 2 * d], [1, d, 1 + d, 2 + d]]
    np.testing.assert_allclose(cost_distance(cost, source), expected)
    far = cost_distance(cost, source, limit=2.0)
    np.testing.assert_array_equal(np.isinf(far), np.array(expected) > 2)
    cost[1, 0] = np.nan
    assert np.isinf(cost_distance(cost, source)).all(), "a source that cannot be left"


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31))
def test_taking_a_barrier_away_never_makes_a_place_farther(seed):
    cost = ground(seed, (15, 15), 0.3)
    sources = np.zeros(cost.shape, bool)
    sources[0, 0] = sources[7, 9] = True
    before = cost_distance(cost, sources)
    opened = np.where(np.isnan(cost), np.float32(1), cost)
    assert (cost_distance(opened, sources)[~np.isnan(cost)] <= before[~np.isnan(cost)]).all()


def test_the_way_back_costs_the_same():
    cost = ground(3, (20, 20), 0.1)
    a, b = np.zeros((2, 20, 20), bool)
    a[2, 3] = b[17, 15] = True
    cost[2, 3] = cost[17, 15] = 1
    assert cost_distance(cost, a)[17, 15] == pytest.approx(cost_distance(cost, b)[2, 3], rel=1e-12)


def test_ways_are_found_in_costs_that_are_not_exact_to_the_last_digit():
    cost = ground(5, (20, 20), 0.1)
    source = np.zeros(cost.shape, bool)
    source[4, 4] = True
    cost[4, 4] = 1
    exact = cost_distance(cost, source)
    stirred = exact * (1 + 1e-12 * np.random.default_rng(1).random(exact.shape))
    np.testing.assert_array_equal(back_links(cost, stirred), back_links(cost, exact))
