"""Figures of the evidence pages show the numbers that they are given."""

import io
import itertools
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib import colormaps, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from manul.pages import amounts, figures
from manul.surveys.detection import HalfNormal

PNG = figures._png


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


def test_a_smaller_picture_keeps_the_colours_of_few_lines(tmp_path):
    """Greys of a relief, and one blue line of the legend."""
    rng = np.random.default_rng(1)
    sheet = np.repeat(rng.integers(150, 256, (600, 800, 1), "uint8"), 3, 2)
    sheet[300:303] = (20, 60, 220)
    Image.fromarray(sheet).save(tmp_path / "sheet.png")
    with Image.open(io.BytesIO(figures.smaller(tmp_path / "sheet.png", 800))) as picture:
        found = np.asarray(picture.convert("RGB")).astype(int)
    assert found.shape == sheet.shape
    assert np.abs(found[301] - sheet[301]).max() <= 12
    assert np.abs(found - sheet).max() <= 24


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
    assert [patch.get_x() for patch in axes.patches] == pytest.approx(5 * np.arange(12))
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
    assert amounts.signed(number, 0.001) == told


def test_a_number_is_never_told_as_a_power_of_ten():
    assert amounts.signed(1e-9, 0) == "+0.0000000"


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


# --- how figures look on a page -------------------------------------------------------------------

LAND = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 80, 60)])
YEARS = pd.Series(range(1, 13), index=range(2014, 2026), dtype=float)


def people_asked(n) -> pd.DataFrame:
    numbers = np.arange(n, dtype=float)
    return pd.DataFrame(
        {"name": [f"Person {i}" for i in range(n)], "low": numbers, "high": numbers + 5,
         "lowest": numbers + 1, "best": numbers + 2, "highest": numbers + 4}
    )  # fmt: skip


def parts_of_a_whole(n) -> pd.DataFrame:
    table = {"alone": 0.3, "together": 0.5, "low": 0.2, "high": 0.4, "words": "An input in words"}
    return pd.DataFrame(table, index=range(n))


ROWS = "answers", "shares", "signed_bars", "intervals"


def in_rows(kind, n):
    """A figure with a row for each of n things."""
    if kind == "answers":
        pooled = (np.array([0, 0.5, 1]), np.array([0.0, 4.0, 10.0]))
        return figures.answers(people_asked(n), pooled, 0.8, 7, (6, 9), "hours")
    if kind == "shares":
        return figures.shares(parts_of_a_whole(n), "share")
    if kind == "intervals":
        table = {"value": 3.0, "low": 1.0, "high": 5.0, "words": "A measure in words"}
        return figures.intervals(pd.DataFrame(table, index=range(n)), "km²")
    series = pd.Series(np.linspace(-5, 9, n), [f"Item {i}\nits range" for i in range(n)])
    panels, colours = {"km²": series, "share": series}, ("red", "blue")
    return figures.signed_bars(panels, dict.fromkeys(panels, colours))


FIGURES = {
    "bars": lambda: figures.bars(YEARS, "year", "rows"),
    "stacked": lambda: figures.stacked(
        pd.DataFrame({"found": YEARS, "looked for in vain": YEARS}), "year", "days"
    ),
    "series": lambda: figures.series(
        pd.DataFrame({"a": [3.0, 4.0], "b": [1.0, 2.0]}, ["2024-01-01", "2025-01-01"]), "density"
    ),
    "band": lambda: figures.band(
        pd.DataFrame({"mean": [4.0, 5.0], "p05": 3.0, "p95": 9.0}, ["2020-01-01", "2022-01-01"]),
        "value at risk",
    ),
    "detection": lambda: figures.detection(
        HalfNormal(20.0, 30.0, 60.0, 24, 1.0), np.arange(1.25, 60, 2.5)
    ),
    "curves": lambda: figures.curves(
        pd.DataFrame(
            {"covariate": ["relief", "cover", "slope", "snow"] * 2, "value": "1",
             "suitability": 0.5}
        )
    ),
    "areas": lambda: figures.areas_map(
        pd.DataFrame({"west": [0], "south": [0], "east": [10], "north": [5], "value": [8]}),
        LAND, "days",
    ),
    "places": lambda: figures.places_map(
        gpd.GeoDataFrame(
            geometry=[
                shapely.Point(9, 9), shapely.box(20, 20, 30, 30),
                shapely.LineString([(0, 0), (50, 50)]),
            ]
        ),
        LAND,
    ),
    "raster": lambda: figures.raster_map(
        np.ones((6, 8)), (0, 0, 80, 60), LAND, (colormaps["viridis"], Normalize(0, 1)), "what",
        {0.0: "low", 1.0: "high"},
    ),
    "one answer": partial(in_rows, "answers", 1),
    **{kind: partial(in_rows, kind, 6) for kind in ROWS},
}  # fmt: skip


@pytest.fixture
def on_paper(monkeypatch):
    """Figures in the type, size and layout that they have on a page."""

    def draw_on_paper(draw, size):
        with rc_context(figures.STYLE):
            figure = Figure(figsize=size, layout="constrained")
            draw(figure)
            FigureCanvasAgg(figure).draw()
        return figure

    monkeypatch.setattr(figures, "_png", draw_on_paper)


def words_of(figure) -> list[Text]:
    """All that is written; numbers of an axis beyond its ends are not."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = axis.get_major_ticks()
            inside = [axes.axison and low <= tick.get_loc() <= high for tick in ticks]
            hidden |= {t.label1 for t, told in zip(ticks, inside, strict=True) if not told}
            hidden |= set() if axes.axison else {axis.label}
    written = figure.findobj(lambda a: isinstance(a, Text) and a.get_text().strip())
    return [text for text in written if text.get_visible() and text not in hidden]


@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_fits_a_page_and_its_words_can_be_read(on_paper, kind):
    figure = FIGURES[kind]()
    width, height = figure.get_size_inches()
    assert 7 <= width <= 9 and 0.2 < height / width < 0.65
    shown = words_of(figure)
    assert all(6 <= text.get_fontsize() <= 9 for text in shown)
    boxes = [shapely.box(*text.get_window_extent().extents) for text in shown]
    paper = shapely.box(*figure.bbox.extents)
    beyond = [t for t, box in zip(shown, boxes, strict=True) if not paper.buffer(1).contains(box)]
    assert not beyond
    lines = figure.findobj(Line2D)
    assert all(line.get_linewidth() <= 4 and line.get_markersize() <= 9 for line in lines)
    others = figure.findobj(Collection)
    assert all(np.max(drawn.get_linewidth(), initial=0) <= 4 for drawn in others)
    pairs = itertools.combinations(boxes, 2)
    assert all(one.buffer(-1).disjoint(other.buffer(-1)) for one, other in pairs)


@pytest.mark.parametrize("kind", ["bars", "stacked", "signed_bars", "shares", "intervals"])
def test_bars_beside_each_other_are_wide_and_apart(on_paper, kind):
    figure = FIGURES[kind]()
    flat = kind in ROWS
    bars = [p for p in figure.axes[0].patches if p.get_width() and p.get_height()]
    for bar in bars:
        assert 0.5 < (bar.get_height() if flat else bar.get_width()) < 1


def test_long_names_of_bars_leave_room_for_the_bars(on_paper):
    series = pd.Series([1.0, -2.0], ["word " * 40, "b"])
    for axes in figures.signed_bars({"x": series}, {"x": ("red", "blue")}).axes:
        assert axes.get_position().width > 0.5


@pytest.mark.parametrize("kind", ROWS)
def test_each_row_more_makes_a_figure_higher_by_a_row(on_paper, kind):
    one, few, many = (in_rows(kind, n).get_size_inches()[1] for n in (1, 3, 13))
    assert 0.2 < (many - few) / 10 < 0.5  # inches
    assert 0.9 < one < 1.8, "room for axis and legend, and no empty paper"


def test_three_more_curves_make_a_figure_higher_by_a_row(any_size):
    def high(n):
        table = {"covariate": [f"p{i}" for i in range(n)], "value": "1", "suitability": 0.5}
        return figures.curves(pd.DataFrame(table)).get_size_inches()[1]

    assert high(6) == pytest.approx(2 * high(3)) and high(4) == high(6)


def test_what_several_people_say_stays_in_its_row(on_paper):
    """People in the rows 4 to 2, what they say together in row 1, the config in row 0."""
    (axes,) = in_rows("answers", 3).axes
    low, high = axes.get_ylim()
    assert -1 < low < -0.2 and 4.2 < high < 5
    (density,) = axes.collections
    y = density.get_paths()[0].vertices[:, 1]
    assert 0.5 < y.min() < y.max() < 1.5
    x = density.get_paths()[0].vertices[:, 0]
    assert (x.min(), x.max()) == (0, 10)
    thick = [line.get_linewidth() for line in axes.lines[:2]]
    assert thick[1] > 2 * thick[0], "what is likely is drawn stronger than what is possible"
    through = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in through] == [7]
    assert through[0].get_linewidth() <= thick[0], "so that it hides no answer"
    row = axes.get_window_extent().height / axes.figure.dpi * 72 / (high - low)  # points
    assert all(line.get_linewidth() < 0.3 * row for line in axes.lines)
    assert all(line.get_markersize() < 0.4 * row for line in axes.lines)


def test_the_density_of_a_pool_is_highest_where_its_quantiles_are_closest(on_paper):
    pooled = (np.array([0, 0.25, 0.75, 1]), np.array([0.0, 6.0, 8.0, 10.0]))
    (axes,) = figures.answers(people_asked(2), pooled, 0.5, 7, None, "hours").axes
    x, y = axes.collections[0].get_paths()[0].vertices.T
    top = x[y > y.max() - 1e-6]
    assert top.min() >= 6 and top.max() <= 8 and len(top) > 10
    # From 6 to 8 half of all lies, from 0 to 6 a quarter: a sixth as dense.
    at_3 = np.ptp(y[np.isclose(x, 3, atol=0.05)])
    assert at_3 / np.ptp(y) == pytest.approx(1 / 6, abs=0.01)
    low, high = axes.lines[6].get_xdata()
    assert (low, high) == (6, 8)


def test_parts_of_a_whole_are_told_from_the_top_in_per_cent(on_paper):
    table = pd.DataFrame(
        {"alone": [0.42, 0.07, -0.1], "together": [0.6, 0.05, 0.02], "low": [0.3, 0.0, -0.2],
         "high": [0.7, 0.1, 0.01], "words": ["long " * 20, "b", "c"]}
    )  # fmt: skip
    (axes,) = figures.shares(table, "share").axes
    bars = [(p.get_y() + p.get_height() / 2, p.get_width()) for p in axes.patches]
    # With others first, and never shorter than alone; nothing is less than nothing.
    assert np.round(bars[:3], 9).tolist() == [[2, 0.6], [1, 0.07], [0, 0.02]]
    assert np.round(bars[3:], 9).tolist() == [[2, 0.42], [1, 0.07], [0, 0]]
    assert [text.get_text() for text in axes.texts] == ["42 %", "7 %", "0 %"]
    ends = [text.get_position()[0] for text in axes.texts]
    assert all(0 < gap < 0.05 for gap in np.subtract(ends, [0.7, 0.1, 0.02]))
    segments = np.array(axes.collections[0].get_segments())
    assert segments[:, :, 0].tolist() == [[0.3, 0.7], [0, 0.1], [0, 0.01]]
    assert axes.get_xlim()[0] == 0 and 0.7 < axes.get_xlim()[1] < 0.9
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[1:] == ["b", "c"] and names[0].count("\n") == 1
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"with others", "alone"}


def test_the_first_of_several_bars_stands_on_top_and_a_line_tells_its_interval(on_paper):
    table = pd.DataFrame(
        {"value": [5.0, -1.0], "low": [4.0, -3.0], "high": [8.0, 2.0], "words": ["a", "long " * 20]}
    )
    (axes,) = figures.intervals(table, "km²").axes
    bars = [(p.get_y() + p.get_height() / 2, p.get_width()) for p in axes.patches]
    assert np.round(bars, 9).tolist() == [[1, 5], [0, -1]]
    (lines,) = axes.collections
    assert [line.tolist() for line in lines.get_segments()] == [
        [[4, 1], [8, 1]], [[-3, 0], [2, 0]],
    ]  # fmt: skip
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "a" and names[1].endswith("long …") and 50 < len(names[1]) <= 60
    low, high = axes.get_ylim()
    assert -1 < low < -0.3 and 1.3 < high < 2, "whole bars, and no empty row"


def test_no_bar_at_all_is_an_empty_row(on_paper):
    low, high = in_rows("intervals", 0).axes[0].get_ylim()
    assert high - low == pytest.approx(1.2)
    assert in_rows("intervals", 0).get_figheight() == in_rows("intervals", 1).get_figheight()


@pytest.mark.parametrize(("lowest", "foot"), [(2.0, 0), (-3.0, -3)])
def test_a_band_lies_around_its_mean_and_begins_at_nothing_or_below(any_size, lowest, foot):
    table = pd.DataFrame(
        {"mean": [4.0, 5.0], "p05": [lowest, 3.0], "p95": [6.0, 9.0]}, ["2020-01-01", "2022-01-01"]
    )
    (axes,) = figures.band(table, "value at risk").axes
    assert axes.lines[0].get_ydata().tolist() == [4, 5]
    y = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert set(y) == {lowest, 3, 6, 9} and axes.get_ylim()[0] == foot


def test_a_map_of_a_page_is_not_stretched_and_lies_on_the_outline(on_paper):
    for kind in ("areas", "places", "raster"):
        axes = FIGURES[kind]().axes[0]
        box = axes.get_window_extent()
        stretch = np.ptp(axes.get_xlim()) / box.width / (np.ptp(axes.get_ylim()) / box.height)
        assert stretch == pytest.approx(1, rel=0.01), kind
        assert axes.get_xlim()[0] <= 0 and axes.get_xlim()[1] >= 80


def test_columns_that_stand_on_each_other_differ_in_colour(on_paper):
    table = pd.DataFrame(np.ones((2, 10)), columns=[f"method {i}" for i in range(10)])
    axes = figures.stacked(table, "year", "days").axes[0]
    assert len({patch.get_facecolor() for patch in axes.patches}) == 10
    assert len(figures.stacked(table.assign(more=1.0), "year", "days").axes[0].patches) == 22


def test_a_figure_has_about_as_many_dots_as_a_page_is_wide_and_no_time_in_it(monkeypatch):
    monkeypatch.setattr(figures, "_png", PNG)
    first, second = (figures.bars(YEARS, "year", "rows") for _ in range(2))
    assert first == second and b"matplotlib" not in first.lower()
    height, width = imread(io.BytesIO(first)).shape[:2]
    assert 700 < width < 1200 and height / width == pytest.approx(2.4 / 7.2, abs=0.01)


def test_numbers_on_a_map_do_not_hide_each_other():
    points = np.array([[100.0, 100], [101, 100], [300, 50], [100, 101], [100, 100]])
    found = figures.apart(points, 13)
    np.testing.assert_array_equal(found[[0, 2]], points[[0, 2]])
    gaps = [np.hypot(*(a - b)) for a, b in itertools.combinations(found, 2)]
    assert min(gaps) >= 13 * (1 - 1e-9)
    assert np.hypot(*(found - points).T).max() <= 4 * 13
    places = [shapely.Polygon(), *(shapely.box(x, 0, x + 1, 1) for x in (1, 1.2, 80))]
    figure = figures.numbered_map(shapely.box(0, 0, 100, 50), None, places)
    told = figure.axes[0].texts
    assert [text.get_text() for text in told] == ["2", "3", "4"], "the first has no place"
    away = [np.hypot(*text.get_position()) for text in told]
    assert away[0] == away[2] == 0 and away[1] >= 10
    assert told[0].arrow_patch is None and told[1].arrow_patch is not None
