"""Figures of the evidence pages show the numbers that they are given."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib.figure import Figure

from manul.pages import figures
from manul.surveys.detection import HalfNormal


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """A figure is drawn and not written; the size is checked on the way."""

    def draw_on_paper(draw, size):
        assert 7 < size[0] < 8 and 1 < size[1] < 9
        figure = Figure(figsize=size)
        draw(figure)
        return figure

    monkeypatch.setattr(figures, "_png", draw_on_paper)


def boxes(figure):
    """(left, bottom, height) of each bar or rectangle."""
    return [(p.get_x(), p.get_y(), p.get_height()) for p in figure.axes[0].patches]


def test_a_bar_for_each_entry():
    figure = figures.bars(pd.Series([3, 5], index=[2023, 2024]), "year", "rows")
    assert [height for _, _, height in boxes(figure)] == [3, 5]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["2023", "2024"]


def test_bars_stand_on_each_other():
    table = pd.DataFrame({"found": [1, 2], "not": [10, 20]}, index=[2023, 2024])
    figure = figures.stacked(table, "year", "days")
    assert [(y, height) for _, y, height in boxes(figure)] == [(0, 1), (0, 2), (1, 10), (2, 20)]


def test_lines_over_dates_begin_at_zero():
    table = pd.DataFrame({"a": [3.0, 4.0]}, index=["2024-01-01", "2025-01-01"])
    axes = figures.series(table, "exposure").axes[0]
    assert axes.lines[0].get_ydata().tolist() == [3, 4] and axes.get_ylim()[0] == 0


def test_the_detection_function_and_the_share_that_was_seen():
    """24 distances, two in each of 12 strips of 5 m, seen out to 30 m in effect: 4 were there."""
    fit = HalfNormal(20.0, 30.0, 60.0, 24, 1.0)
    distances = np.r_[np.arange(1.25, 60, 2.5), 99]
    axes = figures.detection(fit, distances).axes[0]
    heights = [patch.get_height() for patch in axes.patches]
    assert heights == pytest.approx([0.5] * 12)
    x, y = axes.lines[0].get_data()
    assert (x[0], x[-1]) == (0, 60) and y[[0, -1]] == pytest.approx([1, np.exp(-4.5)])


def test_areas_are_coloured_by_their_value():
    areas = pd.DataFrame(
        {"west": [0, 10], "south": [0, 20], "east": [10, 40], "north": [5, 25], "value": [0, 8]}
    )
    axes = figures.areas_map(areas, None, "days").axes[0]
    assert boxes(axes.figure) == [(0, 0, 5), (10, 20, 5)]
    assert [patch.get_width() for patch in axes.patches] == [10, 30]
    assert axes.collections[0].norm.vmax == 8
    colours = {patch.get_facecolor() for patch in axes.patches}
    assert len(colours) == 2


def test_places_are_drawn_on_the_outline_each_kind_in_its_own_way():
    shapes = [shapely.Point(0, 0), shapely.MultiPoint([(1, 1)]), shapely.box(0, 0, 1, 1)]
    outline = gpd.GeoDataFrame(geometry=[shapely.box(-9, -9, 9, 9)])
    with_it = figures.places_map(gpd.GeoDataFrame(geometry=shapes), outline).axes[0]
    without = figures.places_map(gpd.GeoDataFrame(geometry=shapes[:1]), None).axes[0]
    assert (len(with_it.collections), len(without.collections)) == (3, 1)


@pytest.mark.parametrize(("predictors", "rows"), [(1, 1), (3, 1), (4, 2), (7, 3)])
def test_curves_stand_three_in_a_row(predictors, rows):
    names = [f"p{i}" for i in range(predictors)]
    table = pd.DataFrame({"covariate": names * 2, "value": "1", "suitability": 0.5})
    figure = figures.curves(table)
    assert len(figure.axes) == predictors
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (rows, 3)
    assert [axes.get_title() for axes in figure.axes] == names
    assert all(axes.get_ylim() == (0, 1) for axes in figure.axes)
