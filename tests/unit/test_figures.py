"""Figures of the evidence pages show the numbers that they are given."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib import colormaps
from matplotlib.colors import Normalize, to_hex
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


# --- bars about zero, small maps, and what several people say -------------------------------------


@pytest.fixture
def any_size(monkeypatch):
    """The figure itself with the size that it would have on paper."""

    def draw_on_paper(draw, size):
        figure = Figure(figsize=size)
        draw(figure)
        return figure

    monkeypatch.setattr(figures, "_png", draw_on_paper)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0"), (0.001, "0"), (-0.001, "0"), (0.0011, "+0.0011"), (0.25, "+0.25"),
        (-0.256, "−0.26"), (1.26, "+1.3"), (9.96, "+10.0"), (10, "+10"), (-1234.5, "−1,234"),
    ],
)  # fmt: skip
def test_a_signed_number_has_two_digits_that_count(number, told):
    assert figures._plain_signed(number, 0.001) == told


def test_a_number_is_never_told_as_a_power_of_ten():
    assert figures._plain_signed(1e-9, 0) == "+0.0000000"


def test_bars_about_zero_are_told_top_down_in_the_colours_of_their_sign(any_size):
    index = ["first", "second\n" + "word " * 20, "third"]
    panels = {
        "km²": pd.Series([5.0, -10.0, np.nan], index),
        "none": pd.Series([0.0, 0.0, 0.0], index),
    }
    colours = {"km²": ("red", "blue"), "none": ("red", "blue")}
    figure = figures.signed_bars(panels, colours)
    left, right = figure.axes
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["km²", "none"]
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names[2] == "first" and names[0] == "third"
    assert names[1].startswith("second\nword") and names[1].endswith(" …")
    bars = [patch for patch in left.patches if patch.get_height() == 0.65]
    assert [bar.get_width() for bar in bars[1:]] == [-10, 5]
    assert [to_hex(bar.get_facecolor()) for bar in bars[1:]] == ["#ff0000", "#0000ff"]
    assert [text.get_text() for text in left.texts] == ["", "−10", "+5.0"]
    assert [text.get_text() for text in right.texts] == ["0", "0", "0"]
    assert right.get_xlim() == (-1, 1) and right.get_xticks().tolist() == [0]
    assert left.get_xlim() != (-1, 1)


def test_a_bar_too_short_to_be_seen_is_told_as_nothing(any_size):
    series = pd.Series([10_000.0, 1.0, 1.1], ["a", "b", "c"])
    (axes,) = figures.signed_bars({"x": series}, {"x": ("red", "blue")}).axes
    assert [text.get_text() for text in axes.texts] == ["+1.1", "0", "+10,000"]


def test_a_small_map_lies_within_its_bounds_and_unknown_cells_are_masked(any_size):
    values = np.array([[0.1, np.nan], [0.3, 0.4]])
    outline = gpd.GeoDataFrame(geometry=[shapely.box(-50, -50, 50, 50)])
    colours = (colormaps["viridis"], Normalize(0, 1))
    ticks = {0.0: "low", 1.0: "high"}
    figure = figures.raster_map(values, (0, 10, 20, 40), outline, colours, "what", ticks)
    axes, bar = figure.axes
    (image,) = axes.images
    assert image.get_extent() == [0, 20, 10, 40]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 20), (10, 40))
    assert np.ma.getmaskarray(image.get_array()).tolist() == [[False, True], [False, False]]
    assert [text.get_text() for text in bar.get_yticklabels()] == ["low", "high"]
    assert bar.get_ylabel() == "what"
    plain = figures.raster_map(values, (0, 10, 20, 40), None, colours, "what").axes[1]
    assert len(plain.get_yticklabels()) > 2


def test_answers_stand_from_top_to_bottom_with_the_pool_and_the_config_beneath(any_size):
    opinions = pd.DataFrame(
        {"name": ["A", "B"], "low": [1.0, 2.0], "high": [5.0, 6.0], "lowest": [2.0, 3.0],
         "best": [3.0, 4.0], "highest": [4.0, 5.0]}
    )  # fmt: skip
    pooled = (np.array([0, 0.5, 1]), np.array([0.0, 4.0, 10.0]))
    (axes,) = figures.answers(opinions, pooled, 0.8, 7, (6, 9), "hours").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("config", "together", "B", "A")
    ]
    assert axes.get_xlabel() == "hours"
    lines = [(*line.get_xdata(), line.get_ydata()[0]) for line in axes.lines]
    assert lines[:6] == [(1, 5, 3), (2, 4, 3), (3, 3), (2, 6, 2), (3, 5, 2), (4, 2)]
    # 80 % lie between the quantiles of 0.1 and 0.9, a fifth of the way from each end to the median.
    assert lines[6] == pytest.approx((0.8, 8.8, 0.7)) and lines[7] == (4, 0.7)
    assert lines[8:10] == [(6, 9, 0), (7, 0)]
    without = figures.answers(opinions, pooled, 0.8, 7, None, "hours").axes[0]
    assert len(without.lines) == len(axes.lines) - 1
