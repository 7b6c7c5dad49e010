"""Current between two cores in their corridor, with answers that one can see."""

import numpy as np
import pytest

from manul.connectivity.between import between
from manul.connectivity.corridors import links

WHOLE = 1e9  # a cut-off beyond all
MANY = 100_000  # more cells than any box here has


def found(resistance, cores, cell_m=1000, cutoff=WHOLE, most=MANY):
    (link,) = links(resistance, cores, cell_m, [cutoff])
    return link, between(link, resistance, cutoff, most)


def sides(shape, width=5):
    """Cores along the left and the right side."""
    cores = np.zeros(shape, int)
    cores[:, :width], cores[:, -width:] = 1, 2
    return cores


def wall():
    """A wall with a gap of four cells, in the middle of even ground."""
    resistance = np.ones((40, 60))
    resistance[:, 30] = np.nan
    resistance[18:22, 30] = 1
    return resistance


@pytest.mark.parametrize("of", [1.0, 30.0])
def test_an_even_strip_is_as_wide_as_it_is(of):
    """All but its edge: 0.6 of a cell lacks the links that would lead out of the strip."""
    _, made = found(np.full((50, 90), of), sides((50, 90)), cell_m=500)
    assert made.effective_width_km == pytest.approx(25, abs=0.3)
    inside = made.share_per_km[5:-5, 5:-5]
    np.testing.assert_allclose(inside, 1 / 25, rtol=0.03)
    assert np.isnan(made.share_per_km[:, :5]).all() and np.isnan(made.share_per_km[:, -5:]).all()


def test_a_strip_across_the_grid_is_as_wide_as_one_along_it():
    y, x = np.mgrid[:200, :200]
    resistance = np.where(abs(y - x) <= 15, 2.0, np.nan)
    cores = np.where(x + y < 60, 1, np.where(x + y > 340, 2, 0)) * np.isfinite(resistance)
    _, made = found(resistance, cores)
    assert made.effective_width_km == pytest.approx(31 / 2**0.5, rel=0.02)
    assert np.nanmedian(made.share_per_km) == pytest.approx(2**0.5 / 31, rel=0.03)


def test_a_gap_in_a_wall_is_where_movements_crowd():
    _, made = found(wall(), sides((40, 60)))
    gap = made.share_per_km[18:22, 30]
    assert gap.sum() == pytest.approx(1), "nothing goes round it"
    assert np.nanmax(made.share_per_km) == gap.max()
    _, without = found(np.ones((40, 60)), sides((40, 60)))
    assert 2 * made.effective_width_km < without.effective_width_km


def test_half_the_cell_gives_the_same():
    one = found(wall(), sides((40, 60)))[1]
    fine = [np.repeat(np.repeat(a, 2, 0), 2, 1) for a in (wall(), sides((40, 60)))]
    two = found(*fine, cell_m=500)[1]
    assert two.effective_width_km == pytest.approx(one.effective_width_km, rel=0.03)
    means = two.share_per_km.reshape(40, 2, 60, 2).mean(axis=(1, 3))
    far = np.r_[6:28, 33:54]
    np.testing.assert_allclose(means[:, far], one.share_per_km[:, far], rtol=0.1, atol=2e-3)


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("gap", [0, 12, 40])
@pytest.mark.parametrize("cutoff", [60_000, WHOLE])
def test_a_wall_of_one_cell_holds_back_on_coarser_cells_too(factor, gap, cutoff):
    """Cells of 250 m; wall, gap and cores end within coarse cells. Too dear to be in a corridor."""
    resistance, cores = np.ones((121, 161)), np.zeros((121, 161), int)
    resistance[:, 80] = 1000
    resistance[55 : 55 + gap, 80] = 1
    cores[:, :7], cores[:, 154:] = 1, 2
    link, fine = found(resistance, cores, 250, cutoff)
    coarse = between(link, resistance, cutoff, cores.size // factor**2 + 100)
    assert fine.cell_m == 250 and coarse.cell_m == factor * 250
    assert coarse.effective_width_km == pytest.approx(fine.effective_width_km, rel=0.15)
    np.testing.assert_array_equal(np.isnan(coarse.share_per_km), np.isnan(fine.share_per_km))
    shares = [np.nansum(made.share_per_km[:, 20]) / 4 for made in (fine, coarse)]
    np.testing.assert_allclose(shares, 1, rtol=0.06)
    if gap == 12:  # 3 km of 30
        assert fine.effective_width_km < 18 and np.nanmax(coarse.share_per_km[55:67, 80]) > 0.3


def test_a_core_smaller_than_a_coarse_cell_is_not_lost():
    cores = np.zeros((60, 90), int)
    cores[31, 7], cores[20:50, 80:85] = 1, 2
    made = found(np.ones((60, 90)), cores, most=600)[1]
    assert np.isfinite(made.effective_width_km)
    around = made.share_per_km[28:35:3, 4:11:3]  # cells of 3 km
    around[1, 1] = np.nan  # the rest of the cell that the core lies in has what lies beside
    assert 1 <= 3 * np.nansum(around) < 1.3, "all begins there"


def test_it_is_the_same_from_both_ends():
    resistance = np.random.default_rng(1).uniform(1, 50, (40, 60))
    cores = sides((40, 60), 3)
    one, two = (found(resistance, of)[1] for of in (cores, np.where(cores, 3 - cores, 0)))
    assert one.effective_width_km == pytest.approx(two.effective_width_km, rel=1e-6)
    np.testing.assert_allclose(one.share_per_km, two.share_per_km, atol=1e-6)


def test_only_the_corridor_carries():
    resistance = np.random.default_rng(1).uniform(1, 5, (40, 60))
    link, made = found(resistance, sides((40, 60), 3), cutoff=4000)
    outside = (link.corridor > 4000) | (link.cores > 0)
    np.testing.assert_array_equal(np.isnan(made.share_per_km), outside)
    assert outside.any() and found(resistance, sides((40, 60), 3))[1].effective_width_km > (
        made.effective_width_km
    )


def test_cores_that_touch_have_a_width_and_no_corridor():
    """Ten cells beside each other; current goes straight over, which no cell would show."""
    cores = np.zeros((30, 30), int)
    cores[10:20, 5:15], cores[10:20, 15:25] = 1, 2
    made = found(np.ones((30, 30)), cores)[1]
    assert 10 < made.effective_width_km < 15 and np.isnan(made.share_per_km).all()


def test_a_core_within_a_coarse_cell_of_the_other_has_no_width():
    inside = np.full((30, 30), 2)
    inside[14:16, 14:16], inside[13, 12:18] = 1, 0
    made = found(np.ones((30, 30)), inside, most=9)[1]
    assert np.isnan(made.effective_width_km) and np.isnan(made.share_per_km).all()


def test_all_pass_a_way_of_one_cell():
    resistance = np.full((30, 30), np.nan)
    resistance[:, :10], resistance[:, 20:], resistance[14, 10:20] = 1, 1, 1
    made = found(resistance, sides((30, 30), 4), cell_m=500)[1]
    assert made.effective_width_km < 1 and made.share_per_km[14, 15] == pytest.approx(2)
