"""Sums over discs against adding cell by cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.exposure.disc_sums import disc_cells, disc_sum


def brute(amounts, radius):
    n = int(radius)
    out = np.zeros([side - 2 * n for side in amounts.shape])
    for y in range(-n, n + 1):
        for x in range(-n, n + 1):
            if np.hypot(x, y) <= radius + 1e-9:
                rows, columns = (
                    slice(n + d, n + d + side) for d, side in zip((y, x), out.shape, strict=True)
                )
                out += amounts[rows, columns]
    return out


@settings(deadline=None, max_examples=40)
@given(
    radius=st.one_of(st.integers(0, 9), st.floats(0, 9)),
    rows=st.integers(1, 12),
    columns=st.integers(1, 30),
    share=st.floats(0, 1),
)
def test_discs_add_up_what_lies_within_the_radius(radius, rows, columns, share):
    random = np.random.default_rng(rows * columns)
    shape = rows + 2 * int(radius), columns + 2 * int(radius)
    amounts = np.where(random.random(shape) < share, random.random(shape) * 1000, 0)
    found = disc_sum(amounts, radius)
    assert found.shape == (rows, columns)
    np.testing.assert_allclose(found, brute(amounts, radius), rtol=0, atol=1e-6)


def test_blocks_have_the_bits_of_the_whole_and_nothing_is_zero():
    amounts = np.zeros((300, 300))
    amounts[40:60, 50:80] = np.random.default_rng(1).random((20, 30)) * 1e5
    whole = disc_sum(amounts, 17.3)
    np.testing.assert_array_equal(disc_sum(amounts[:90, 20:180], 17.3), whole[:56, 20:146])
    assert (whole[120:, 120:] == 0).all()


def test_cells_of_a_disc():
    assert [disc_cells(r) for r in (0, 0.9, 1, 1.5, 2, 5)] == [1, 1, 5, 9, 13, 81]
    assert disc_cells(np.nextafter(1, 0)) == 1  # a rounded rim never reaches beyond int(radius)


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf, 1e12])
def test_amounts_that_cannot_be_added_are_refused(wrong):
    amounts = np.ones((9, 9))
    amounts[4, 4] = wrong
    with pytest.raises(ValueError, match="amounts"):
        disc_sum(amounts, 3)


@pytest.mark.parametrize(("amount", "held"), [(7e7, True), (8e7, False)])
def test_a_disc_holds_less_than_two_to_the_31(amount, held):
    """29 cells lie within 3 cells: 2.03e9 and 2.32e9."""
    amounts = np.full((7, 7), amount)
    if held:
        assert disc_sum(amounts, 3) == pytest.approx(29 * amount)
        return
    with pytest.raises(ValueError, match="too large"):
        disc_sum(amounts, 3)
