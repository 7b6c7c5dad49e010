"""Map sheets, judged by the artists on them: what is written, where, and in which colour."""

import dataclasses
import re
import warnings
from dataclasses import replace
from itertools import pairwise
from math import degrees

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from manul.config import schema
from manul.config.hints import counted
from manul.maps import base_map, furniture, layouts, side_column, spec
from manul.maps import labels as maps_labels
from manul.maps import page as maps_page
from manul.pages import amounts

LAEA = CRS("+proj=laea +lat_0=41.75 +lon_0=77.5 +datum=WGS84 +units=m +type=crs")
GRID = GeoBox.from_bbox((-60_000, -40_000, 60_000, 40_000), crs=LAEA, resolution=4_000)
TALL = GeoBox.from_bbox((-40_000, -60_000, 40_000, 60_000), crs=LAEA, resolution=4_000)
RAMP = np.tile(np.linspace(0, 1, 30, dtype=np.float32), (20, 1))
THREAT = layouts.Classes((0.2, 0.4, 0.6), ("low", "moderate", "high", "very high"))
SHEET = layouts.Sheet(
    title="Угроза: мануул, Өвөрхангай",
    subtitle="Test region, current, as of 1 June 2025",
    notice="Burrow transects are illustrative, at $5 and $6 each.",
    limitations=("Relief is coarse.", "No layer of snow."),
    sources=(
        ("Elevation", "1999", "measured", "GLOBE"),
        ("Burrows", "2025", "illustrative", "None"),
    ),
    footer=("Least Concern (2020), population decreasing", "not a legal boundary"),
)


def layer(geometry, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=LAEA)


def towns(*rows) -> gpd.GeoDataFrame:
    names, people, x, y = zip(*rows, strict=True)
    return layer(gpd.points_from_xy(x, y), name=list(names), population=list(people))


CONTEXT = layouts.Context(
    borders=layer([shapely.LineString([(-60_000, 0), (60_000, 10_000)])]),
    lakes=layer([shapely.box(-40_000, -30_000, 0, -10_000)], name=["Long Lake"]),
    settlements=towns(("Capital", 900_000, 20_000, 20_000), ("Hamlet", np.nan, 30_000, -30_000)),
)


def texts(figure: Figure, gid: str) -> list[str]:
    found = figure.findobj(lambda a: isinstance(a, Text) and a.get_gid() == gid)
    return [text.get_text().replace("\n", " ") for text in found]


def drawn(figure: Figure, gid: str) -> list:
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def threat_map(values=RAMP, sheet=SHEET, context=CONTEXT, **words) -> Figure:
    scale = layouts.Scale("Threat", palette="threat", **words)
    return layouts.continuous(sheet, context, GRID, values, scale)


@pytest.fixture(scope="module")
def figure() -> Figure:
    return threat_map()


# --- what stands on the face -------------------------------------------------------------------


def test_every_word_of_the_sheet_is_on_the_page(figure):
    assert texts(figure, "title") == [SHEET.title]
    assert texts(figure, "subtitle") == [SHEET.subtitle]
    assert texts(figure, "notice") == [SHEET.notice]
    assert texts(figure, "limitation") == list(SHEET.limitations)
    assert texts(figure, "footer") == [" · ".join(SHEET.footer)]
    assert {"Elevation", "1999", "measured", "GLOBE"} <= set(texts(figure, "source"))
    assert "✱ illustrative" in texts(figure, "source")


def test_the_notice_lies_within_its_box(figure):
    (box,) = drawn(figure, "notice-box")
    (text,) = drawn(figure, "notice")
    assert box.get_edgecolor() != (0, 0, 0, 0)
    inner, outer = (
        text.get_window_extent(FigureCanvasAgg(figure).get_renderer()),
        box.get_window_extent(),
    )
    assert outer.x0 < inner.x0 and inner.x1 < outer.x1
    assert outer.y0 < inner.y0 and inner.y1 < outer.y1


@pytest.mark.parametrize("page", ["A3", "A4"])
def test_no_text_leaves_the_page_and_no_glyph_is_a_box(page):
    many = tuple(
        (f"Layer {i}", "2019-2025", "measured", "A source with a long name " * 4) for i in range(14)
    )
    figure = threat_map(sheet=replace(SHEET, page=page, sources=many))
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")
        canvas.draw()
    renderer = canvas.get_renderer()
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible():
            extent = text.get_window_extent(renderer)
            assert figure.bbox.x0 <= extent.x0 and extent.x1 <= figure.bbox.x1, text
            assert figure.bbox.y0 <= extent.y0 and extent.y1 <= figure.bbox.y1, text


def test_text_needs_no_mathematics_and_no_user_font(figure):
    for text in figure.findobj(Text):
        if text.get_text().strip():
            assert not text.get_parse_math()
            assert text.get_fontfamily() == ["DejaVu Sans"]


def test_sources_that_find_no_room_are_counted_with_the_invented_ones():
    rows = [("Layer", "2020", "measured", "x")] * 50 + [("Last", "2020", "illustrative", "x")]
    figure = threat_map(sheet=replace(SHEET, sources=rows))
    (left_out,) = texts(figure, "left-out")
    kept = texts(figure, "source").count("Layer") - 2  # less the two column heads
    assert left_out.startswith(f"and {51 - kept} more layers, 1 of them illustrative")


def test_a_notice_longer_than_the_page_is_refused():
    with pytest.raises(ValueError, match="too long for the side column"):
        threat_map(sheet=replace(SHEET, notice="word " * 2000))


def test_limits_without_room_are_counted():
    limits = [f"Limit {i}: " + "many words " * 20 for i in range(60)]
    figure = threat_map(sheet=replace(SHEET, limitations=limits))
    (rest,) = texts(figure, "left-out")
    assert rest == f"and {60 - len(texts(figure, 'limitation'))} more limits: see the report"


# --- numbers and colours -------------------------------------------------------------------------


def test_classes_are_keyed_with_their_share_and_the_limit_goes_up():
    values = RAMP.copy()
    values[:, :] = np.array([0.1, 0.2, 0.39, 0.4, 0.6] * 6)
    figure = threat_map(values, classes=THREAT)
    labels = texts(figure, "legend")
    assert labels[:4] == [
        *("very high (0.6 and above)", "high (0.4 to 0.6)"),
        *("moderate (0.2 to 0.4)", "low (below 0.2)"),
    ]
    assert texts(figure, "share")[:5] == ["20 %", "20 %", "40 %", "20 %", "none"]


def test_the_map_wears_the_colours_of_the_legend():
    scale = layouts.Scale("Threat", palette="threat", classes=THREAT)
    cmap, norm = side_column.colouring(scale)
    found = [to_hex(cmap(norm(value))) for value in (0.0, 0.2, 0.5, 5.0)]
    assert found == [to_hex(cmap(i)) for i in range(4)]
    assert len(set(found)) == 4


def test_unknown_cells_are_masked_over_a_hatched_ground_and_counted():
    values = RAMP.copy()
    values[:5] = np.nan
    figure = threat_map(values)
    (image,) = drawn(figure, "raster")
    (ground,) = drawn(figure, "nodata")
    assert np.ma.getmaskarray(image.get_array()).mean() == pytest.approx(0.25)
    assert ground.get_hatch() and ground.get_zorder() < image.get_zorder()
    assert "25 % of the region" in texts(figure, "share")


def test_an_unknown_raster_says_so_and_has_no_share_of_any_class():
    figure = threat_map(np.full_like(RAMP, np.nan), classes=THREAT)
    assert texts(figure, "no-data") == ["no data"]
    assert texts(figure, "share")[:5] == ["0 %"] * 4 + ["100 % of the region"]


def test_cells_outside_the_region_count_for_nothing():
    values = RAMP.copy()
    values[:, :15] = np.nan
    east = layer([shapely.box(0, -40_000, 60_000, 40_000)])
    figure = threat_map(values, context=layouts.Context(region=east))
    assert "none" in texts(figure, "share")
    assert len(drawn(figure, "outside")) == 1


def test_the_ends_of_the_bar_tell_of_values_beyond_them():
    figure = threat_map(vmin=0.25, vmax=0.5)
    assert texts(figure, "legend-tick") == ["≤ 0.25", "0.3125", "0.375", "0.4375", "≥ 0.5"]


@pytest.mark.parametrize("name", sorted(layouts.PALETTES))
def test_palettes_darken_steadily(name):
    red, green, blue, _ = spec.palette(name)(np.linspace(0, 1, 50)).T
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (np.diff(light) < 0).all()


def test_class_limits_must_rise_and_have_names():
    with pytest.raises(ValueError, match="need 3 names, found 2"):
        layouts.Classes((0.2, 0.4), ("low", "high"))
    with pytest.raises(ValueError, match="must rise"):
        layouts.Classes((0.4, 0.4), ("a", "b", "c"))


def test_an_unknown_palette_lists_the_choices():
    with pytest.raises(ValueError, match="habitat, quiet, risk, threat"):
        spec.palette("rainbows")


# --- categories ----------------------------------------------------------------------------------

CODES = np.repeat(np.array([0, 1, 2, 255], np.uint8), 150).reshape(20, 30)
CATEGORIES = [
    layouts.Category(0, "nothing above 0.1", layouts.NOTHING_COLOUR),
    layouts.Category(2, "dogs"),
    layouts.Category(1, "mines"),
]


def test_categories_keep_their_colour_whatever_their_order():
    figure = layouts.categorical(SHEET, CONTEXT, GRID, CODES, CATEGORIES, "Dominant threat", 255)
    (image,) = drawn(figure, "raster")
    cells = image.get_array()
    shades = {
        int(c): to_hex(image.cmap(image.norm(v)))
        for c, v in zip(CODES.flat, cells.flat, strict=True)
        if c != 255
    }
    expected = [layouts.NOTHING_COLOUR, layouts.QUALITATIVE[1], layouts.QUALITATIVE[0]]
    assert [shades[code] for code in (0, 1, 2)] == [colour.lower() for colour in expected]
    assert np.ma.getmaskarray(cells)[CODES == 255].all()
    assert texts(figure, "legend")[:4] == ["nothing above 0.1", "dogs", "mines", "no data"]
    assert texts(figure, "share")[:4] == ["33 %", "33 %", "33 %", "25 % of the region"]


def test_a_code_without_a_category_is_an_error():
    with pytest.raises(ValueError, match=r"codes without a category: \[255\]"):
        layouts.categorical(SHEET, CONTEXT, GRID, CODES, CATEGORIES, "Dominant threat")


@pytest.mark.parametrize("nodata", [0, 255])
def test_the_code_of_no_data_needs_no_category_whichever_it_is(nodata):
    codes = np.where(np.isin(CODES, (0, 255)), nodata, CODES)
    figure = layouts.categorical(SHEET, CONTEXT, GRID, codes, CATEGORIES[1:], "Threat", nodata)
    assert texts(figure, "share")[:3] == ["50 %", "50 %", "50 % of the region"]


def test_shares_are_those_of_the_land_that_counts_and_the_legend_says_of_what():
    left = np.zeros((20, 30), bool)
    left[:, :15] = True
    land = layouts.Land(left, "the suitable land", "habitat from 0.4")
    half = np.where(left, 0.5, 0.1).astype(np.float32)
    half[:5] = np.nan
    scale = layouts.Scale("Threat", palette="threat", classes=THREAT)
    figure = layouts.continuous(SHEET, CONTEXT, GRID, half, scale, land)
    assert texts(figure, "share")[:5] == [
        *("0 %", "100 %", "0 %", "0 %"), "25 % of the suitable land",
    ]  # fmt: skip
    said = [t.get_text().replace("\n", " ") for t in figure.findobj(Text)]
    assert "Per cent: share of the suitable land (habitat from 0.4) where there are data." in said
    codes = np.where(left, 2, 1).astype(np.uint8)
    figure = layouts.categorical(SHEET, CONTEXT, GRID, codes, CATEGORIES, "Threat", 255, land)
    assert texts(figure, "share")[:4] == ["0 %", "100 %", "0 %", "none"]


def test_the_tenth_colour_does_not_exist():
    ten = [layouts.Category(i, str(i)) for i in range(10)]
    with pytest.raises(ValueError, match="10 categories cannot be told apart"):
        spec.with_colours(ten)
    assert len({c.colour for c in spec.with_colours(ten[:9])}) == 9


# --- thinning ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 13), st.integers(1, 13), st.integers(1, 5), st.randoms())
def test_block_mean_is_the_mean_of_the_known_cells(rows, columns, factor, random):
    cells = [random.choice([np.nan, 0.0, 1.0, 3.0]) for _ in range(rows * columns)]
    values = np.array(cells, np.float32).reshape(rows, columns)
    found = base_map.block_mean(values, factor)
    assert found.shape == (-(-rows // factor), -(-columns // factor))
    for (i, j), mean in np.ndenumerate(found):
        block = values[i * factor : (i + 1) * factor, j * factor : (j + 1) * factor]
        known = block[np.isfinite(block)]
        expected = known.mean() if known.size else np.nan
        assert mean == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_a_raster_finer_than_print_is_thinned_and_stays_in_place():
    fine = GeoBox.from_bbox(tuple(GRID.boundingbox), crs=LAEA, shape=(6000, 9001), tight=True)
    values = np.broadcast_to(np.float32(0.5), (6000, 9001))
    figure = layouts.continuous(SHEET, CONTEXT, fine, values, layouts.Scale("Threat"))
    (image,) = drawn(figure, "raster")
    assert max(image.get_array().shape) < 5000
    left, right, bottom, top = image.get_extent()
    cell = 120_000 / 9001
    assert (left, top) == (-60_000, 40_000)
    assert 0 <= right - 60_000 < 3 * cell and 0 <= -40_000 - bottom < 3 * cell


def test_shape_and_grid_are_checked():
    with pytest.raises(ValueError, match=r"\(3, 3\) cells on a grid of \(20, 30\)"):
        threat_map(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="north up"):
        layouts.continuous(SHEET, CONTEXT, GRID.flipy(), RAMP, layouts.Scale("Threat"))


@pytest.mark.parametrize(("bend_m", "points"), [(29, 2), (31, 3)])
def test_detail_finer_than_a_twentieth_of_a_millimetre_is_left_out(bend_m, points):
    bent = layer([shapely.LineString([(0, 0), (5_000, bend_m), (10_000, 0)])])
    (shown,) = base_map._visible(map_frame(), bent, "roads")  # 1 : 600 000, so 0.05 mm are 30 m
    assert len(shown.coords) == points


def test_no_data_is_told_with_the_land_and_a_part_that_is_known_in_part_is_told_too():
    whole = layouts.Land(name="the land")
    part = replace(whole, in_part="data in part", in_part_share="8 % of the land")
    told = [
        [(entry.label, entry.note) for entry in side_column.nodata_entries(unknown, land)]
        for unknown, land in ((0, whole), (0.25, whole), (0.25, part))
    ]
    quarter = ("no data", "25 % of the land")
    assert told[:2] == [[("no data", "none")], [quarter]]
    assert told[2] == [quarter, ("data in part", "8 % of the land")]


@pytest.mark.parametrize(
    ("part", "told"),
    [(0, "0 %"), (1e-9, "<1 %"), (0.005, "<1 %"), (0.0051, "1 %"), (0.256, "26 %"), (1, "100 %")],
)
def test_only_nothing_is_nought_per_cent(part, told):
    assert amounts.percent(part) == told


def test_shares_of_classes_are_those_of_the_known_cells():
    classes = layouts.Classes((0.5,), ("low", "high"))
    values = np.array([0.1, 0.5, 0.6, 0.7, np.nan, np.nan])
    assert side_column.class_shares(values, classes).tolist() == [0.25, 0.75]
    assert side_column.class_shares(values[4:], classes).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("below", "above", "ends"),
    [(False, False, ["0", "2"]), (True, False, ["≤ 0", "2"]), (False, True, ["0", "≥ 2"])],
)
def test_the_ends_of_a_bar_are_marked_each_by_itself(below, above, ends):
    labels = side_column.tick_labels(layouts.Scale("x", vmax=2), below, above)
    assert labels == [ends[0], "0.5", "1", "1.5", ends[1]]


def test_a_bar_without_values_beyond_its_ends_says_nothing_of_them(figure):
    assert texts(figure, "legend-tick") == ["0", "0.25", "0.5", "0.75", "1"]
    assert texts(figure, "unit") == ["0 to 1"]
    assert texts(threat_map(unit=""), "unit") == []


def test_a_column_is_written_in_order_and_leaves_out_what_is_empty(figure):
    heads = ["Threat", "Base map", "Scale and projection", "Limits of this map"]
    assert [head for head in texts(figure, "heading") if head in heads] == heads
    assert texts(figure, "ratio")[0].endswith("printed on A3")
    bare = threat_map(sheet=replace(SHEET, notice="", limitations=()))
    assert "Limits of this map" not in texts(bare, "heading")
    assert drawn(bare, "notice-box") == []


def test_classes_of_yes_and_no_are_told_without_their_limits():
    yes = layouts.Classes((0.5,), ("no", "yes"), told=False)
    figure = threat_map(classes=yes, unit="")
    assert texts(figure, "legend")[:3] == ["yes", "no", "no data"]
    assert texts(figure, "share")[:2] == ["50 %", "50 %"]
    assert "Threat" in texts(figure, "heading")
    named = threat_map(classes=yes, unit="m")
    assert "Threat, m" in texts(named, "heading")


def test_panels_on_classes_have_a_box_for_each_and_no_share():
    classes = layouts.Classes((0.5,), ("low", "high"))
    scale = layouts.Scale("Threat", unit="", classes=classes)
    (figure,) = layouts.small_multiples(SHEET, layouts.Context(), GRID, PANELS, scale)
    assert texts(figure, "legend")[:3] == ["high (0.5 and above)", "low (below 0.5)", "no data"]
    assert texts(figure, "share") == []
    statuses = ["measured", "‡ approximate", "✱ illustrative"]  # in the order of the legend
    assert [status.partition(":")[0] for status in texts(figure, "status")] == statuses


def test_the_bar_of_panels_tells_if_any_of_them_goes_beyond_it():
    panels = [PANELS[0], replace(PANELS[0], values=RAMP + 1)]
    (figure,) = layouts.small_multiples(SHEET, CONTEXT, GRID, panels, layouts.Scale("Threat"))
    ticks = texts(figure, "legend-tick")
    assert (ticks[0], ticks[-1]) == ("0", "≥ 1")
    panels[1] = replace(PANELS[0], values=RAMP - 1)
    (figure,) = layouts.small_multiples(SHEET, CONTEXT, GRID, panels, layouts.Scale("Threat"))
    ticks = texts(figure, "legend-tick")
    assert (ticks[0], ticks[-1]) == ("≤ 0", "1")


# --- map furniture -------------------------------------------------------------------------------


def map_frame(grid=GRID, box=(20, 40, 200, 150)) -> furniture.Frame:
    return base_map.open_frame(maps_page.Page("A3"), box, grid)


def test_the_map_is_not_stretched_and_its_scale_is_round_and_shows_all():
    frame = map_frame()
    left, right, bottom, top = frame.extent
    assert (right - left) / (top - bottom) == pytest.approx(frame.box[2] / frame.box[3])
    assert frame.denominator == pytest.approx(600_000)
    assert left <= -60_000 and right >= 60_000 and bottom <= -40_000 and top >= 40_000


def test_the_frame_ends_where_the_data_end():
    frame = map_frame()  # 120 x 80 km at 1 : 600 000 on a box of 200 x 150 mm
    assert frame.extent == pytest.approx((-60_000, 60_000, -40_000, 40_000))
    assert frame.box == pytest.approx((20, 40, 200, 80_000 / 600))
    tall = map_frame(TALL)  # 80 x 120 km at 1 : 800 000, in the middle of the width
    assert tall.extent == pytest.approx((-40_000, 40_000, -60_000, 60_000))
    assert tall.box == pytest.approx((20 + 50, 40, 100, 150))


def test_of_a_ribbon_the_base_map_ends_with_the_data():
    ribbon = GeoBox.from_bbox((0, 0, 100_000, 2_000), crs=LAEA, resolution=1_000)
    abroad = layouts.Context(
        borders=layer([shapely.LineString([(50_000, -50_000), (50_000, 50_000)])]),
        settlements=towns(("Inside", 100, 40_000, 1_000), ("Abroad", 9_000, 60_000, 9_000)),
    )
    figure = layouts.continuous(SHEET, abroad, ribbon, np.zeros((2, 100)), layouts.Scale("Threat"))
    (lines,) = drawn(figure, "borders")
    ends = np.concatenate(lines.get_segments())[:, 1]
    assert (ends.min(), ends.max()) == (0, 2_000)
    assert texts(figure, "town") == ["Inside"]


def size_of(figure) -> tuple[float, float]:
    return tuple(np.round(figure.get_size_inches() * 25.4))


def test_the_page_stands_upright_for_a_region_that_is_taller_than_wide():
    tall = GeoBox.from_bbox((0, 0, 40_000, 90_000), crs=LAEA, resolution=1_000)
    figure = layouts.continuous(
        SHEET, layouts.Context(), tall, np.zeros((90, 40)), layouts.Scale("Threat")
    )
    assert size_of(figure) == (297, 420)
    assert size_of(threat_map()) == (420, 297)


def test_sheets_of_one_run_have_maps_of_one_size_whatever_data_stand_behind_them():
    rows = [(f"Layer {i}", "2020", "measured", "x") for i in range(20)]
    few, many, long = (
        replace(SHEET, sources=rows[:n], rows=20, title=title)
        for n, title in ((1, "Short"), (20, "Short"), (20, "A rather long title " * 4))
    )
    places = [
        axes.get_position().bounds
        for sheet in (few, many, long)
        for axes in threat_map(sheet=sheet).axes
        if axes.get_label() == "map"
    ]
    assert places[1:] == [pytest.approx(places[0])] * 2


def test_names_of_the_graticule_come_in_one_order(figure):
    frame = map_frame()
    furniture.draw_graticule(frame, 7)
    names = frame.axes.findobj(lambda a: a.get_gid() == "graticule-label")
    sides = [name.get_rotation() for name in names if name.get_text().endswith("N")]
    assert sides == [90, 270] * (len(sides) // 2) and sides  # left, then right


@pytest.mark.parametrize("shape", [(2, 300), (300, 2), (1, 1)])
def test_thin_regions_still_make_a_sheet(shape):
    grid = GeoBox.from_bbox((0, 0, shape[1] * 1000, shape[0] * 1000), crs=LAEA, resolution=1000)
    figure = layouts.continuous(
        SHEET, layouts.Context(), grid, np.zeros(shape), layouts.Scale("Threat")
    )
    (axes,) = [a for a in figure.axes if a.get_label() == "map"]
    box = axes.get_position()
    stretch = (
        np.diff(axes.get_xlim())
        / (box.width * figure.get_figwidth())
        / (np.diff(axes.get_ylim()) / (box.height * figure.get_figheight()))
    )
    assert stretch == pytest.approx(1)
    assert len(texts(figure, "graticule-label")) >= 4
    ground = float(np.ptp(axes.get_xlim())), float(np.ptp(axes.get_ylim()))
    assert max(ground) / min(ground) == pytest.approx(min(4, max(shape) / min(shape)))


@pytest.mark.parametrize("size", ["A3", "A4"])
@pytest.mark.parametrize(
    ("side_m", "told"),
    [
        (120_000, ["0", "10 km", "20 km"]),
        (9_000, ["0", "1 km", "2 km"]),
        (6_000, ["0", "500 m", "1 000 m"]),
        (1_200_000, ["0", "100 km", "200 km"]),
        (9_000_000, ["0", "1 000 km", "2 000 km"]),
    ],
)
def test_the_scale_bar_is_as_long_on_paper_as_it_says(size, side_m, told):
    grid = GeoBox.from_bbox((0, 0, side_m, side_m), crs=LAEA, shape=(10, 10))
    frame = map_frame(grid, (20, 40, 200, 200))
    pen = maps_page.Page(size).pen(15, 5, 92)
    furniture.write_scale_bar(pen, frame)
    parts = [artist for artist in pen.written if artist.get_gid() == "scale-bar"]
    labels = [artist for artist in pen.written if artist.get_gid() == "scale-label"]
    assert [label.get_text() for label in labels] == told
    assert parts[0].get_x() == 15 and parts[-1].get_x() + parts[-1].get_width() < 15 + 92
    for part, other in pairwise(parts):
        assert other.get_x() == pytest.approx(part.get_x() + part.get_width())
        assert other.get_facecolor() != part.get_facecolor()
    for label in labels:
        number, _, unit = label.get_text().replace(" ", "").partition("k")
        metres = float(number.strip("m")) * (1000 if unit else 1)
        assert (label.get_position()[0] - 15) * frame.metres_per_mm == pytest.approx(metres)
        under = label.get_position()[1] - maps_page.ASCENT * label.get_fontsize() * 25.4 / 72
        low = parts[0].get_y() + parts[0].get_height()
        assert low < under < low + 2 and under + label.get_fontsize() * 25.4 / 72 < pen.y


@settings(deadline=None)
@given(st.floats(1e-3, 1e9))
def test_round_lengths_are_short_enough_and_not_too_short(longest):
    length = furniture.round_length(longest)
    assert longest / 2.6 < length <= longest * 1.0001
    assert f"{length:e}"[0] in "125"


@settings(deadline=None)
@given(st.floats(1, 1e9))
def test_scales_are_rounded_up_by_less_than_a_tenth(value):
    assert value * 0.999999 <= furniture.round_up(value) < value * 1.11


@pytest.mark.parametrize(
    ("value", "axis", "label"),
    [
        (42.5, "lat", "42°30′ N"),
        (-3, "lat", "3° S"),
        (77, "lon", "77° E"),
        (-0.25, "lon", "0°15′ W"),
        (0, "lon", "0°"),
        (40 + 1 / 6, "lat", "40°10′ N"),
    ],
)
def test_degrees_are_written_as_an_atlas_does(value, axis, label):
    assert furniture.degree_label(value, axis) == label


def test_graticule_labels_stand_where_the_lines_leave_the_frame(figure):
    to_lonlat = Transformer.from_crs(LAEA, 4326, always_xy=True)
    found = drawn(figure, "graticule-label")
    assert len(found) >= 8
    for label in found:
        lon, lat = to_lonlat.transform(*label.get_position())
        told = degrees_of(label.get_text())
        # A place a millimetre beside the end of the line has nearly its latitude or longitude.
        assert told == pytest.approx(lat if label.get_text()[-1] == "N" else lon, abs=0.001)


def degrees_of(label: str) -> float:
    """42°30′ N -> 42.5."""
    degree, minute, second = (float(n) for n in [*re.findall(r"\d+", label), "0", "0"][:3])
    return (degree + minute / 60 + second / 3600) * (-1 if label[-1] in "SW" else 1)


@pytest.mark.parametrize("step", furniture.STEPS_DEGREES)
def test_lines_of_a_graticule_stand_at_degrees_that_can_be_told(step):
    assert degrees_of(furniture.degree_label(step, "lat")) == pytest.approx(step, abs=1e-9)
    assert 360 / step == pytest.approx(round(360 / step))


@pytest.mark.parametrize("side_km", [3, 10, 30, 100, 300, 1000, 3000])
def test_a_graticule_has_lines_each_way_neither_crowded_nor_far_apart(side_km):
    half = side_km * 500
    grid = GeoBox.from_bbox((-half, -half, half, half), crs=LAEA, shape=(10, 10))
    frame = map_frame(grid, (20, 40, 200, 200))
    furniture.draw_graticule(frame, 7)
    names = frame.axes.findobj(lambda a: a.get_gid() == "graticule-label")
    for axis, sides in (("EW", ("bottom", "top")), ("NS", ("left", "right"))):
        told = [name for name in names if name.get_text()[-1] in axis]
        one = {name.get_text(): name for name in told}
        assert 2 <= len(one) <= 12, "each end of a line has its name once"
        assert len(told) <= len(sides) * len(one)
        values = np.sort([degrees_of(name) for name in one])
        assert np.ptp(np.diff(values)) == pytest.approx(0, abs=1e-9)
        metres = np.diff(values).min() * 111_000 * (np.cos(np.radians(60)) if axis == "EW" else 1)
        assert metres / frame.metres_per_mm > 12 / 2
    for name in names:
        (x, y), turn = name.get_position(), name.get_rotation()
        left, right, bottom, top = frame.extent
        off = {90: left - x, 270: x - right}.get(turn, max(bottom - y, y - top))
        assert 0.5 < off / frame.metres_per_mm < 2
        assert (turn in (90, 270)) == (name.get_text()[-1] in "NS")


def test_parallels_are_curved_on_an_azimuthal_map(figure):
    lines = [line for line in drawn(figure, "graticule") if np.ptp(line.get_xdata()) > 100_000]
    for line in lines:
        x, y = line.get_data()
        chord = np.interp(x, [x[0], x[-1]], [y[0], y[-1]])
        assert np.abs(y - chord).max() > 100


@pytest.mark.parametrize(("lon", "turn"), [(77.5, 0), (80.5, -2.0), (74.5, 2.0)])
def test_north_turns_with_the_meridian(lon, turn):
    x, y = Transformer.from_crs(4326, LAEA, always_xy=True).transform(lon, 41.75)
    grid = GeoBox.from_bbox((x - 9000, y - 9000, x + 9000, y + 9000), crs=LAEA, resolution=1000)
    # In an azimuthal map a meridian leans by about (lon - lon_0) * sin(lat).
    assert degrees(furniture.north_angle(map_frame(grid))) == pytest.approx(turn, abs=0.05)


@pytest.mark.parametrize("lon", [60, 77.5, 95])
@pytest.mark.parametrize("size", ["A3", "A4"])
def test_the_arrow_points_to_the_north_and_its_letter_stands_before_its_head(lon, size):
    x, y = Transformer.from_crs(4326, LAEA, always_xy=True).transform(lon, 41.75)
    grid = GeoBox.from_bbox((x - 9000, y - 9000, x + 9000, y + 9000), crs=LAEA, resolution=1000)
    frame, pen = map_frame(grid), maps_page.Page(size).pen(300, 50, 92)
    furniture.write_north(pen, frame, 50)
    arrow, letter = pen.written
    head, left, notch, right = points = arrow.get_xy()[:4]
    along = head - notch
    turn = np.arctan2(along[0], -along[1])  # y downwards
    assert turn == pytest.approx(furniture.north_angle(frame))
    assert np.hypot(*(head - left)) == pytest.approx(np.hypot(*(head - right)))
    assert np.hypot(*(head - left)) > np.hypot(*(left - right)), "longer than wide"
    assert np.hypot(*(head - left)) > np.hypot(*along), "with a notch at its foot"
    ahead = np.array(letter.get_position()) - head
    assert letter.get_text() == "N" and np.cross(along, ahead) == pytest.approx(0, abs=1e-6)
    assert 0.5 < np.hypot(*ahead) < 4 and along @ ahead > 0
    assert points[:, 0].min() > 300 and points[:, 0].max() < 392
    assert points[:, 1].min() >= 50 and points[:, 1].max() < 66


def test_degrees_make_no_scale_bar():
    grid = GeoBox.from_bbox((74, 40, 76, 42), crs=4326, resolution=0.1)
    with pytest.raises(ValueError, match="projected CRS in metres, found WGS 84"):
        layouts.continuous(SHEET, CONTEXT, grid, np.zeros(grid.shape), layouts.Scale("Threat"))


def test_the_projection_is_named():
    name = furniture.projection_name(LAEA)
    assert name.startswith("Lambert Azimuthal Equal Area, centre 41.75° N 77.5° E")
    assert furniture.projection_name(CRS(32643)).endswith("EPSG:32643")


# --- base map and names --------------------------------------------------------------------------


def test_a_layer_in_another_crs_is_refused_by_name():
    other = CONTEXT.lakes.to_crs(4326)
    with pytest.raises(ValueError, match=r"lakes: CRS must be the map's .*found WGS 84"):
        threat_map(context=layouts.Context(lakes=other))


def test_the_key_lists_only_what_is_on_the_map(figure):
    assert {"state border", "lake", "largest towns"} <= set(texts(figure, "legend"))
    assert not {"road", "railway", "province"} & set(texts(figure, "legend"))
    assert texts(figure, "lakes") == ["lakes", "Long Lake"][1:]
    bare = threat_map(context=layouts.Context())
    assert "outside the region" not in {*texts(figure, "legend"), *texts(bare, "legend")}
    assert "Base map" in texts(figure, "heading") and "Base map" not in texts(bare, "heading")
    part = replace(CONTEXT, region=layer([shapely.box(-50_000, -30_000, 50_000, 30_000)]))
    assert "outside the region" in texts(threat_map(context=part), "legend")


@pytest.mark.parametrize("role", base_map.LINE_STYLES)
def test_a_line_of_the_base_map_is_drawn_and_keyed(role):
    line = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (9_000, 9_000)])], crs=GRID.crs)
    figure = threat_map(context=layouts.Context(**{role: line}))
    assert figure.findobj(lambda a: a.get_gid() == role)
    assert set(texts(figure, "legend")) >= {side_column.KEY_WORDS[role]}


def test_the_config_may_name_each_role_that_the_base_map_draws():
    roles = schema.schema()["properties"]["maps"]["properties"]["context"]["propertyNames"]["enum"]
    drawn = {field.name for field in dataclasses.fields(layouts.Context)}
    assert set(roles) == drawn - {"region", "statuses"}


def test_holes_stay_open():
    ring = shapely.box(0, 0, 30_000, 30_000).difference(shapely.box(9_000, 9_000, 21_000, 21_000))
    frame = map_frame()
    base_map.draw_areas(frame, np.array([ring]), {"facecolor": "red"}, 3, "ring")
    (path,) = frame.axes.findobj(lambda a: a.get_gid() == "ring")[0].get_paths()
    areas = [shapely.Polygon(p).exterior.is_ccw for p in path.to_polygons()]
    assert sorted(areas) == [False, True]


@settings(deadline=None, max_examples=10)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Naryn", "At-Bashi", "Балыкчи", "A very long name indeed"]),
            st.one_of(st.just(np.nan), st.floats(0, 1e6)),
            st.floats(-70_000, 70_000),
            st.floats(-50_000, 50_000),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_names_never_overlap_nor_leave_the_map(rows):
    named = [(f"{name} {i}", *rest) for i, (name, *rest) in enumerate(rows)]
    labels = maps_labels.draw_labels(map_frame(), layouts.Context(settlements=towns(*named)), 1, 30)
    slots = labels.taken
    for i, slot in enumerate(slots):
        assert slot.within(labels.window)
        # A dot and its own name may touch; they come in pairs.
        assert not any(slot.meets(other) for other in slots[i + 2 - i % 2 :])


def test_of_two_towns_in_one_place_the_bigger_is_named():
    pair = towns(("Small", 100, 0, 0), ("Unknown", np.nan, 300, 0), ("Big", 5_000, 100, 0))
    figure = threat_map(context=layouts.Context(settlements=pair))
    assert texts(figure, "town") == ["Big"]
    assert len(drawn(figure, "town-dot")) == 1


def named_first(region=None, **rows):
    """The order in which towns at some x (km) with some people are named."""
    table = towns(*((name, people, 1000 * x, 0) for name, (people, x) in rows.items()))
    return [town.name for town in maps_labels.by_weight(table, map_frame(), region)]


def test_towns_inside_the_region_come_before_bigger_ones_abroad():
    west = layer([shapely.box(-60_000, -40_000, 0, 40_000)])
    rows = {"Small": (10, -20), "Abroad": (1e6, 20), "Unknown": (np.nan, -40)}
    assert named_first(west, **rows) == ["Small", "Unknown", "Abroad"]
    assert named_first(**rows) == ["Abroad", "Small", "Unknown"]


def test_towns_that_nobody_counted_are_spread_and_not_taken_by_the_alphabet():
    rows = {"Aa": (np.nan, -50), "Ab": (np.nan, -49), "Ac": (0, -48), "Zz": (np.nan, 50)}
    order = named_first(Big=(5_000, -55), **rows)
    assert order[:2] == ["Big", "Zz"]  # the farthest from Big
    assert order[2] == "Ac"


def test_settlements_need_neither_numbers_nor_points_nor_names():
    square = shapely.box(-1_000, -1_000, 1_000, 1_000)
    for layer_, named in (
        (layer([square], name=["Naryn"]), ["Naryn"]),
        (layer([square], name=["Naryn"], population=["about 500"]), ["Naryn"]),
        (layer([square], name=["Naryn"], population=["500"]), ["Naryn"]),
        (layer([square]), []),
    ):
        figure = threat_map(context=layouts.Context(settlements=layer_))
        assert texts(figure, "town") == named


def test_the_key_does_not_call_towns_large_that_nobody_counted():
    unknown = towns(("Naryn", np.nan, 0, 0))
    figure = threat_map(context=layouts.Context(settlements=unknown))
    assert "some towns" in texts(figure, "legend")
    assert "largest towns" not in texts(figure, "legend")


# --- panels and polygons -------------------------------------------------------------------------

PANELS = [
    layouts.Panel("Mines", "mean 0.1", RAMP, "approximate"),
    layouts.Panel("Rodenticide", "mean 0.5", RAMP, "illustrative"),
    layouts.Panel("Disease", "not assessed", np.full_like(RAMP, np.nan), "measured"),
]


def test_panels_share_one_scale_and_carry_their_status():
    scale = layouts.Scale("Threat", palette="threat", vmax=0.8)
    (figure,) = layouts.small_multiples(SHEET, CONTEXT, GRID, PANELS, scale)
    assert texts(figure, "panel-title") == ["Mines", "Rodenticide", "Disease"]
    assert texts(figure, "panel-mark") == ["‡", "✱", ""]
    assert texts(figure, "panel-status") == [
        "approximate data",
        "illustrative data",
        "measured data",
    ]
    assert len(drawn(figure, "invented")) == 1
    limits = {(image.norm.vmin, image.norm.vmax) for image in drawn(figure, "raster")}
    assert limits == {(0, 0.8)}
    assert texts(figure, "no-data") == ["no data"]
    assert any("illustrative: invented" in status for status in texts(figure, "status"))


def test_long_panel_words_stay_over_their_own_panel_and_differ():
    panels = [
        replace(PANELS[0], title="Long words " * 20 + end, subtitle="More words " * 20)
        for end in ("north", "south", "south", "")
    ]
    (figure,) = layouts.small_multiples(SHEET, CONTEXT, GRID, panels, layouts.Scale("Threat"))
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes_of = [axes for axes in figure.axes if axes.get_label() == "panel"]
    for gid in ("panel-title", "panel-subtitle"):
        for text, axes in zip(drawn(figure, gid), axes_of, strict=True):
            assert " …" in text.get_text()
            assert text.get_window_extent(renderer).x1 <= axes.get_window_extent().x1
    titles = texts(figure, "panel-title")
    assert len(set(titles)) == 4
    assert titles[0].endswith("north") and titles[1].endswith("south")
    assert titles[1].startswith("2 ") and titles[2].startswith("3 ")


@pytest.mark.parametrize("type_size", [1, 0.82])
def test_titles_of_panels_shrink_together_before_they_are_cut(type_size):
    long = "Disturbance by paved roads and railways"
    for fits, size in ((9.1, 9), (7.3, 7.2), (6.7, 6.6)):
        width = maps_page.text_width(long, fits * type_size, "bold")
        found = layouts.panel_titles(["Mines", long], width, type_size)
        assert found == (size, ["Mines", long], True)
    assert not layouts.panel_titles(["Mines", long], 0.9 * width, type_size)[2]


@pytest.mark.parametrize("lines", [1, 2])
def test_titles_without_their_middle_fill_their_lines_and_keep_both_ends(lines):
    long = "Disturbance by " + "paved roads and railways of the north " * 6 + "in winter"
    _, (told, short), whole = layouts.panel_titles([long, "Mines"], 60, 0.82, lines)
    parts = told.split("\n")
    assert not whole and short == "Mines" and len(parts) == lines
    assert told.startswith("Disturbance by") and told.endswith("in winter")
    widths = [maps_page.text_width(part, 6.6 * 0.82, "bold") for part in parts]
    assert max(widths) <= 60 and sum(widths) > 0.7 * lines * 60


LONG = "largest effect 0.2, 1 on its own ground · IUCN 2.1 / 1.1"


@pytest.mark.parametrize("type_size", [1, 0.82])
@pytest.mark.parametrize(
    ("fits", "size", "lines"), [(6.65, 6.6, 1), (6.1, 6.0, 1), (5.45, 5.4, 1), (4.5, 6.6, 2)]
)
def test_lines_under_titles_shrink_together_before_they_take_two(fits, size, lines, type_size):
    width = maps_page.text_width(LONG, fits * type_size)
    points, told = layouts.panel_subtitles(["IUCN 4.1", LONG], width, type_size)
    assert (points, told[0], told[1].count("\n") + 1) == (size, "IUCN 4.1", lines)
    assert told[1].replace("\n", " ") == LONG


def test_of_lines_under_titles_that_are_too_long_for_two_the_end_is_left_out():
    width = maps_page.text_width(LONG, 2)
    (told,) = layouts.panel_subtitles([LONG], width, 1)[1]
    assert told.startswith("largest") and told.endswith("…") and told.count("\n") == 1


def test_two_lines_under_a_title_stand_over_the_panel():
    panels = [replace(panel, subtitle=LONG) for panel in [PANELS[0]] * 16]
    (figure,) = layouts.small_multiples(SHEET, CONTEXT, GRID, panels, layouts.Scale("Threat"))
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes_of = [axes for axes in figure.axes if axes.get_label() == "panel"]
    titles = drawn(figure, "panel-title")
    for title, text, axes in zip(titles, drawn(figure, "panel-subtitle"), axes_of, strict=True):
        box = text.get_window_extent(renderer)
        assert text.get_text().replace("\n", " ") == LONG
        assert box.y0 >= axes.get_window_extent().y1
        assert box.y1 <= title.get_window_extent(renderer).y0 + 1


def test_titles_too_long_for_a_line_take_two():
    long = "Disturbance by paved roads and railways of the north"
    titles = [f"{long}, {end}" for end in ("summer", "winter")]
    panels = [replace(PANELS[0], title=title) for title in (*titles, *["Short"] * 14)]
    (figure,) = layouts.small_multiples(SHEET, CONTEXT, GRID, panels, layouts.Scale("Threat"))
    assert texts(figure, "panel-title") == [*titles, *["Short"] * 14]


def test_more_panels_than_a_page_holds_fill_further_pages_of_one_scale():
    panels = [replace(PANELS[0], title=f"Threat {i}") for i in range(17)]
    pages = layouts.small_multiples(SHEET, CONTEXT, GRID, panels, layouts.Scale("Threat"))
    assert [len(texts(page, "panel-title")) for page in pages] == [9, 8]
    every = [title for page in pages for title in texts(page, "panel-title")]
    assert every == [f"Threat {i}" for i in range(17)]
    heads = [texts(page, "title") for page in pages]
    assert heads == [[f"{SHEET.title}, page {i} of 2"] for i in (1, 2)]
    assert all("2 pages are in the PDF" in texts(page, "subtitle")[0] for page in pages)
    assert texts(pages[0], "ratio") == texts(pages[1], "ratio")


def test_a_sheet_without_panels_is_refused():
    with pytest.raises(ValueError, match="at least one panel, found 0"):
        layouts.small_multiples(SHEET, CONTEXT, GRID, [], layouts.Scale("Threat"))


def test_what_is_too_small_to_be_seen_gets_a_sign():
    plain = GeoBox.from_bbox((-600_000, -400_000, 600_000, 400_000), crs=LAEA, resolution=40_000)
    small = layer([shapely.LineString([(0, 0), (1_000, 0)]), shapely.box(9_000, 0, 9_500, 500)])
    large = layer([shapely.box(-90_000, -90_000, 0, 0)])
    scale, style = (
        layouts.Scale("Habitat", palette="quiet"),
        {"facecolor": "red", "edgecolor": "red"},
    )
    for features, places in ((small, [(500, 0), (9_250, 250)]), (large, [])):
        overlay = layouts.Overlay(features, "road", style)
        figure = layouts.polygons(SHEET, layouts.Context(), plain, RAMP, scale, [overlay], "Roads")
        found = [xy for dots in drawn(figure, "small") for xy in dots.get_xydata().tolist()]
        assert sorted(map(tuple, found)) == places


@pytest.mark.parametrize(("n", "told"), [(0, "0 places"), (1, "1 place"), (2, "2 places")])
def test_one_is_told_in_the_singular(n, told):
    assert counted(n, "place") == told


@settings(deadline=None)
@given(st.integers(1, 16), st.floats(0.05, 20))
def test_panels_keep_their_shape_lie_in_the_body_and_apart(count, aspect):
    boxes = layouts.panel_boxes((10, 40, 280, 190), count, aspect, 8)
    assert len(boxes) == count
    ground = [shapely.box(x, y - 8, x + w, y + h) for x, y, w, h in boxes]
    for (_, _, width, height), place in zip(boxes, ground, strict=True):
        assert width / height == pytest.approx(aspect)
        assert shapely.box(9.99, 39.99, 290.01, 230.01).contains(place)
    total = sum(place.area for place in ground)
    assert shapely.union_all(ground).area == pytest.approx(total)


def test_overlays_are_measured_and_an_empty_one_is_named():
    square = layer([shapely.box(0, 0, 10_000, 10_000), shapely.box(20_000, 0, 30_000, 10_000)])
    line = layer([shapely.LineString([(-30_000, 0), (0, 0)])])
    point = layer([shapely.Point(5_000, 5_000)])
    overlays = [
        layouts.Overlay(square, "key habitat", {"facecolor": "green"}),
        layouts.Overlay(square.iloc[:0], "no-go zone", {"hatch": "//"}),
        layouts.Overlay(line, "segment", {"color": "red", "linewidth": 2}),
        layouts.Overlay(point, "mine", {"marker": "^"}),
    ]
    scale = layouts.Scale("Habitat", palette="quiet")
    figure = layouts.polygons(SHEET, layouts.Context(), GRID, RAMP, scale, overlays, "Key habitat")
    assert texts(figure, "legend")[:4] == ["key habitat", "no-go zone", "segment", "mine"]
    assert texts(figure, "share")[:4] == ["2 · 200 km²", "none here", "1 · 30 km", "1"]
    order = [artist.get_zorder() for artist in drawn(figure, "overlay")]
    assert order == sorted(order) and len(order) == 3


# --- the page ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.text("abc дөү.-", max_size=80), st.floats(5, 60))
def test_wrapped_lines_fit_and_lose_no_letter(string, width):
    lines = maps_page.wrap(string, width, 8)
    assert "".join("".join(lines).split()) == "".join(string.split())
    assert all(maps_page.text_width(line, 8) <= width * 1.01 for line in lines)


def test_a_page_that_does_not_exist_lists_those_that_do():
    with pytest.raises(ValueError, match="A3, A4"):
        maps_page.Page("B5")


def test_a_sheet_leaves_matplotlib_as_it_was(figure):
    before = dict(rcParams)
    threat_map()
    assert dict(rcParams) == before
    assert all(isinstance(i, AxesImage) for i in drawn(figure, "raster"))


# --- how the pen writes, case by case ----------------------------------------------------------


def pen(size="A3", top=10.0, width=100.0):
    return maps_page.Page(size).pen(20.0, top, width)


def test_a_pen_moves_down_by_what_it_writes():
    one = pen()
    one.gap(3)
    assert one.y == 13
    one.text("a line", 10)
    line = 10 * 25.4 / 72 * 1.28  # ten points, with the leading
    assert one.y == pytest.approx(13 + line)
    one.text("two\nlines", 10, indent=5)
    assert one.y == pytest.approx(13 + 3 * line)
    assert [text.get_position()[0] for text in one.written] == [20, 25]
    small = pen("A4")
    small.gap(3)
    small.text("a line", 10)
    assert small.y == pytest.approx(10 + (3 + line) * 0.82), "all is smaller on a small page"


def test_a_rule_and_a_box_are_as_wide_as_the_column():
    one = pen()
    one.rule()
    one.gap(4)
    one.box(10, 2)
    line, box = one.written
    assert line.get_xdata() == [20, 120] and line.get_ydata() == [10, 10]
    assert box.get_bbox().bounds == (18, 8, 104, 8)


def test_entries_of_a_key_stand_in_columns_row_by_row():
    one, at = pen(), []
    entries = [maps_page.Entry(lambda *box: at.append(box) or [], str(i), "5 %") for i in range(3)]
    one.key(entries, columns=2)
    assert [(x, width, height) for x, _, width, height in at] == [
        (20, 9, 3.6), (70, 9, 3.6), (20, 9, 3.6),
    ]  # fmt: skip
    tops = [y for _, y, _, _ in at]
    assert tops[:2] == [10, 10] and tops[2] == pytest.approx(10 + 3.6 + 1.1)
    notes = [t for t in one.written if t.get_gid() == "share"]
    assert [t.get_position()[0] for t in notes] == [68, 118, 68], "2 mm before the next column"
    assert all(t.get_ha() == "right" for t in notes)
    labels = [t for t in one.written if t.get_gid() == "legend"]
    assert [t.get_position()[0] for t in labels] == [31, 81, 31], "2 mm behind the swatch"


def test_a_page_turns_and_its_axes_lie_where_they_are_asked_for():
    page = maps_page.Page("A4", upright=True)
    assert (page.width, page.height) == (210, 297)
    assert page.figure.get_size_inches() == pytest.approx([210 / 25.4, 297 / 25.4])
    axes = page.axes((21, 29.7, 42, 59.4), "map")
    assert axes.get_position().bounds == pytest.approx((0.1, 0.7, 0.2, 0.2))


@pytest.mark.parametrize(("factor", "kept"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3, 4]), (3, [1, 4])])
def test_of_each_block_the_middle_cell_is_drawn(factor, kept):
    values = np.arange(25).reshape(5, 5)
    np.testing.assert_array_equal(base_map.block_sample(values, factor), values[np.ix_(kept, kept)])


def test_the_numbers_of_the_bar_stand_at_even_steps_over_all_of_it(figure):
    ticks = drawn(figure, "legend-tick")
    x = np.array([tick.get_position()[0] for tick in ticks])
    assert np.ptp(np.diff(x)) == pytest.approx(0, abs=1e-6)
    width = maps_page.PAGES["A3"][3]
    assert 0.9 * width < x[-1] - x[0] <= width
    assert [t.get_ha() for t in ticks] == ["left", *["center"] * (len(x) - 2), "right"]


def test_the_scale_bar_has_four_parts_of_one_length(figure):
    parts = drawn(figure, "scale-bar")
    left = np.array([part.get_x() for part in parts])
    width = parts[0].get_width()
    assert len(parts) == 4 and np.diff(left) == pytest.approx(np.full(3, width))


def test_names_stand_beside_their_place_and_near_it():
    slots = list(maps_labels._slots_beside(50, 50, 20, 4))
    middles = [((s.left + s.right) / 2 - 50, (s.top + s.bottom) / 2 - 50) for s in slots]
    sides = {(float(np.sign(x)), float(np.sign(y))) for x, y in middles}
    assert len(sides) == 8, "on every side"
    for slot in slots:
        gap_x = max(slot.left - 50, 50 - slot.right, 0)
        gap_y = max(slot.top - 50, 50 - slot.bottom, 0)
        assert 0.2 < np.hypot(gap_x, gap_y) < 2.5
        assert (slot.right - slot.left, slot.bottom - slot.top) == pytest.approx((20.8, 4))


def test_the_name_of_an_area_is_tried_from_its_middle_outwards():
    spots = np.array(list(maps_labels._spots_inside(shapely.box(0, 0, 14, 28))))
    assert len(spots) == 1 + 13 * 13
    far = np.hypot(*(spots[1:] - (7, 14)).T)
    assert far[0] == 0 and (np.diff(far) >= 0).all()
    assert spots.min(axis=0).tolist() == [1, 2] and spots.max(axis=0).tolist() == [13, 26]


# --- how a sheet looks on paper ----------------------------------------------------------------

MANY_SOURCES = tuple(
    (f"Layer {i}", "2019-2025", "measured", "A source with a long name") for i in range(14)
)
FULL = replace(
    CONTEXT,
    roads=layer([shapely.LineString([(-60_000, -35_000), (60_000, 35_000)])]),
    railways=layer([shapely.LineString([(-60_000, 35_000), (60_000, -35_000)])]),
    provinces=layer([shapely.box(-60_000, -40_000, 10_000, 40_000)], name=["West Province"]),
    region=layer([shapely.box(-55_000, -38_000, 58_000, 39_000)]),
)
STATUSES = ("measured", "reconstructed", "approximate", "illustrative")
FRAMES = ("map", "panel")


def a_sheet(size, grid, classes, panels, words="", told="largest effect 0.2", more=6) -> Figure:
    crowd = {"sources": MANY_SOURCES * (more // 6), "limitations": SHEET.limitations * (more // 2)}
    sheet = replace(SHEET, page=size, **crowd)
    values = np.resize(RAMP, grid.shape)
    scale = layouts.Scale("Threat", palette="threat", classes=classes)
    if not panels:
        return layouts.continuous(sheet, FULL, grid, values, scale)
    every = [
        layouts.Panel(f"Threat number {i}{words}", told, values, STATUSES[i % 4])
        for i in range(panels)
    ]
    return layouts.small_multiples(sheet, FULL, grid, every, scale)[0]


class Printed:
    """A drawn sheet, with the place of each sign in mm from the lower left corner of the page."""

    def __init__(self, figure: Figure):
        self.figure, self.canvas = figure, FigureCanvasAgg(figure)
        self.canvas.draw()
        (self.paper,) = (axes for axes in figure.axes if axes.get_label() == "paper")
        self.width, self.height = 25.4 * figure.get_size_inches()
        shown = figure.findobj(lambda a: isinstance(a, Text) and a.get_text().strip())
        self.texts = [text for text in shown if text.get_visible()]
        self.boxes = [self.place(text) for text in self.texts]
        self.frames = [self.place(axes) for axes in figure.axes if axes.get_label() in FRAMES]

    def place(self, artist):
        box = artist.get_window_extent(self.canvas.get_renderer())
        return shapely.box(*(25.4 / self.figure.dpi * box.extents))

    def of(self, gid) -> list:
        """Texts of this kind with their places."""
        both = zip(self.texts, self.boxes, strict=True)
        return [(text, box) for text, box in both if text.get_gid() == gid]


PRINTED = {
    "map": ("A3", GRID, None, 0),
    "small upright map": ("A4", TALL, THREAT, 0),
    "panels": ("A3", GRID, THREAT, 5),
    "small upright panels": ("A4", TALL, None, 4),
    "crowded map": ("A4", GRID, THREAT, 0, "", "", 24),
    "panels of long words": ("A4", GRID, None, 4, ", with words for two lines in all", LONG),
}


@pytest.fixture(scope="module", params=PRINTED)
def printed(request) -> Printed:
    return Printed(a_sheet(*PRINTED[request.param]))


def together(one, other) -> float:
    """How far (mm) two boxes reach into each other; below 0 if they are apart."""
    (left, low, right, high), (left2, low2, right2, high2) = one.bounds, other.bounds
    return min(min(right, right2) - max(left, left2), min(high, high2) - max(low, low2))


def test_a_sheet_uses_its_paper_and_leaves_a_margin_that_printers_need(printed):
    artists = [a for a in printed.paper.get_children() if a is not printed.paper.patch]
    boxes = [printed.place(a) for a in artists if isinstance(a, (Line2D, Rectangle))]
    left, low, right, high = shapely.total_bounds([*printed.boxes, *printed.frames, *boxes])
    assert min(left, low, printed.width - right, printed.height - high) > 5
    assert right - left > 0.9 * printed.width and high - low > 0.9 * printed.height


def test_no_words_stand_on_other_words_nor_on_a_map(printed):
    one, other = shapely.STRtree(printed.boxes).query(printed.boxes)
    for i, j in zip(one, other, strict=True):
        if i < j:
            pair = printed.texts[i].get_text(), printed.texts[j].get_text()
            assert together(printed.boxes[i], printed.boxes[j]) < 0.5, pair
    for text, box in zip(printed.texts, printed.boxes, strict=True):
        if text.axes is printed.paper or text.get_gid() == "graticule-label":
            assert all(together(box, frame) < 0.1 for frame in printed.frames), text
        else:
            assert any(frame.buffer(0.1).contains(box) for frame in printed.frames), text


def test_no_words_are_struck_through_by_a_line(printed):
    for line in printed.paper.lines:
        place = printed.place(line)
        for text, box in zip(printed.texts, printed.boxes, strict=True):
            assert box.buffer(-0.45).disjoint(place), text


def test_type_can_be_read_and_its_sizes_tell_what_is_more_important(printed):
    sizes = {gid: [t.get_fontsize() for t, _ in printed.of(gid)] for gid in texts_of(printed)}
    (title,), (subtitle,), least = sizes["title"], sizes["subtitle"], min(sizes["heading"])
    assert 30 > title > subtitle > 0.95 * max(sizes["heading"])
    for gid in set(sizes) - {"title", "subtitle", "heading", "panel-title", "panel-mark"}:
        assert max(sizes[gid]) < (9 if gid in ("town", "provinces") else least), gid
        assert min(sizes[gid]) > (3.9 if gid in ("graticule-label", "town") else 4.2), gid


def texts_of(printed) -> set:
    return {text.get_gid() for text in printed.texts}


def test_lines_of_a_paragraph_stand_neither_in_each_other_nor_apart(printed):
    for text, box in zip(printed.texts, printed.boxes, strict=True):
        lines = text.get_text().count("\n") + 1
        if lines > 1:
            high = np.ptp(box.bounds[1::2]) / lines / (text.get_fontsize() * 25.4 / 72)
            assert 1.05 < high < 1.5, text


def test_each_line_of_the_legend_stands_beside_its_sign(printed):
    signs = [
        printed.place(sign)
        for sign in (*printed.paper.patches, *printed.paper.lines)
        if sign.get_gid() not in ("notice-box", "scale-bar", "invented", "north")
    ]
    signs = [box for box in signs if np.ptp(box.bounds[::2]) < 15]
    labels = printed.of("legend")
    assert len(labels) >= 5
    for text, box in labels:
        left, _, _, top = box.bounds
        first = shapely.box(left - 9, top - text.get_fontsize() * 25.4 / 72, left, top)
        beside = [sign for sign in signs if sign.intersects(first)]
        assert len(beside) == 1, text
        assert abs(beside[0].centroid.y - first.centroid.y) < 1, text
        assert box.disjoint(beside[0])


def test_words_are_as_wide_as_they_were_measured(printed):
    for text, box in zip(printed.texts, printed.boxes, strict=True):
        string, points = text.get_text(), text.get_fontsize()
        if "\n" not in string and text.get_rotation() == 0 and len(string) > 8:
            width = maps_page.text_width(string, points, text.get_fontweight())
            assert np.ptp(box.bounds[::2]) == pytest.approx(width, rel=0.12)


def test_the_parts_of_a_sheet_stand_in_the_order_in_which_they_are_read(printed):
    def span(gid):
        _, low, _, high = shapely.total_bounds([box for _, box in printed.of(gid)])
        return low, high

    _, low, right, high = shapely.total_bounds(printed.frames)
    assert span("title")[0] > span("subtitle")[0] > high > low > span("source")[1]
    assert span("source")[0] > span("footer")[1] > 0
    column = [box for gid in ("notice", "legend", "limitation") for _, box in printed.of(gid)]
    assert shapely.total_bounds(column)[0] > right
    assert span("notice")[0] > span("legend")[1] > span("ratio")[1] > span("limitation")[1]
    assert (right - shapely.total_bounds(printed.frames)[0]) > 0.5 * printed.width


def test_the_arrow_to_the_north_stands_free_of_all_words(printed):
    (arrow,) = drawn(printed.figure, "north")[:1]
    for text, box in zip(printed.texts, printed.boxes, strict=True):
        assert together(printed.place(arrow), box) < 0.4, text


def test_names_on_the_map_stand_where_they_belong(printed):
    for axes in (a for a in printed.figure.axes if a.get_label() in FRAMES):
        names = [(t, box) for t, box in printed.of("town") if t.axes is axes]
        dots = [printed.place(a) for a in axes.lines if a.get_gid() == "town-dot"]
        assert len(names) == len(dots) >= 1
        for (text, box), dot in zip(names, dots, strict=True):
            assert box.buffer(-0.3).disjoint(dot) and box.distance(dot.centroid) < 2.5, text
    (kind,) = {axes.get_label() for axes in printed.figure.axes} & set(FRAMES)
    assert [t.get_text() for t, _ in printed.of("lakes")] == ["Long Lake"] * (kind == "map")
    for text, box in printed.of("lakes"):
        ground = text.axes.transData.inverted()
        points = shapely.get_coordinates(box) * printed.figure.dpi / 25.4
        lake = FULL.lakes.geometry.iloc[0]
        assert lake.contains(shapely.Polygon(ground.transform(points)))


def test_one_thing_covers_another_in_one_order(printed):
    """Ground, values, veil, lakes, net, lines of the base map, signs, names."""
    found = {}
    for name in ("nodata", "raster", "outside", "lakes", "graticule", "casing", "borders"):
        artists = [a for a in drawn(printed.figure, name) if not isinstance(a, Text)]
        found[name] = {a.get_zorder() for a in artists}
    found["town-dot"] = {a.get_zorder() for a in drawn(printed.figure, "town-dot")}
    found["town"] = {a.get_zorder() for a in drawn(printed.figure, "town")}
    order = [orders for orders in found.values() if orders]
    assert len(order) >= 8
    assert all(max(under) < min(over) for under, over in pairwise(order))


def test_borders_of_states_are_the_strongest_lines_of_a_base_map_and_all_are_thin():
    width = {name: style["linewidth"] for name, style in base_map.LINE_STYLES.items()}
    assert max(width, key=width.get) == "borders" and width["borders"] < 2.5  # points
    assert 0.3 < base_map.LAKE_STYLE["linewidth"] <= min(width.values()) * 1.2
    assert base_map.EDGE["linewidth"] < width["borders"]


@pytest.mark.parametrize("linewidth", [0.5, 2])
def test_lines_have_a_casing_that_is_a_little_wider(linewidth):
    frame = map_frame()
    line = np.array([shapely.LineString([(0, 0), (9_000, 0)])])
    base_map.draw_lines(frame, line, {"linewidth": linewidth, "edgecolor": "red"}, 4, "road")
    casing, own = frame.axes.collections
    assert own.get_gid() == "road" and own.get_zorder() == 4
    assert to_hex(own.get_color()[0]) == "#ff0000" and own.get_linewidth() == linewidth
    assert linewidth + 0.5 < casing.get_linewidth()[0] < linewidth + 2
    assert 3.9 < casing.get_zorder() < 4


@pytest.mark.parametrize(
    ("size_mm", "apart_mm", "signs"), [(0.2, 5, 2), (0.2, 0.05, 1), (0.2, 0, 1), (0.6, 5, 0)]
)
def test_what_is_smaller_than_a_third_of_a_millimetre_gets_one_sign(size_mm, apart_mm, signs):
    frame = map_frame()
    size, apart = size_mm * frame.metres_per_mm, apart_mm * frame.metres_per_mm
    small = [shapely.box(x, 0, x + size, size) for x in (0, apart)]
    large = shapely.box(-30_000, -30_000, 0, 0)
    base_map.draw_features(frame, layer([*small, large]), {"facecolor": "red"}, 0)
    dots = [a for a in frame.axes.lines if a.get_gid() == "small"]
    assert sum(len(dot.get_xdata()) for dot in dots) == signs
    assert all(1.5 < dot.get_markersize() < 4 for dot in dots)  # points: seen, but small


@pytest.mark.parametrize("gap", [1, 4, 20])
def test_no_data_is_written_over_the_map_and_fits_it(gap):
    grid = GRID.translate_pix(-50, 70)  # from 140 to 260 km east and 320 to 240 km south
    frame = map_frame(grid, (20, 40, 200 / gap, 150 / gap))
    base_map.draw_values(frame, grid, np.full_like(RAMP, np.nan), "viridis", Normalize(0, 1))
    (text,) = (a for a in frame.axes.texts + frame.axes.artists if a.get_gid() == "no-data")
    width = maps_page.text_width("no data", text.get_fontsize(), "bold")
    x, y = (sum(axis) / 2 for axis in (grid.boundingbox[::2], grid.boundingbox[1::2]))
    assert text.get_position() == pytest.approx((x, y)) and text.get_fontsize() <= 40
    assert width < 0.8 * frame.box[2]


def test_bigger_towns_have_bigger_names_and_dots():
    rows = [("City", 250_000, 0, 20_000), ("Town", 30_000, 0, 0), ("Village", 900, 0, -20_000)]
    figure = threat_map(context=layouts.Context(settlements=towns(*rows)))
    names, dots = drawn(figure, "town"), drawn(figure, "town-dot")
    assert [name.get_text() for name in names] == ["City", "Town", "Village"]
    sizes = np.array([name.get_fontsize() for name in names])
    marks = np.array([dot.get_markersize() for dot in dots])
    assert (np.diff(sizes) < -0.5).all() and (np.diff(marks) < -0.5).all()
    assert sizes.min() >= 6 and sizes.max() <= 9 and marks.max() < 5


@pytest.mark.parametrize(
    ("x", "y", "right", "up"), [(0, 0, 1, 0), (58_000, 0, -1, 0), (0, 38_600, 1, 0)]
)
def test_a_name_stands_to_the_right_of_its_dot_or_else_to_the_left(x, y, right, up):
    one = towns(("A town", 1_000, x, y))
    frame = map_frame()
    labels = maps_labels.draw_labels(frame, layouts.Context(settlements=one), 1, 9)
    mark, name = labels.taken
    at = frame.to_paper(x, y)
    assert ((mark.left + mark.right) / 2, (mark.top + mark.bottom) / 2) == pytest.approx(at)
    middle = (name.left + name.right) / 2, (name.top + name.bottom) / 2
    assert np.sign(middle[0] - at[0]) == right and middle[1] - at[1] == pytest.approx(-up, abs=0.1)
    (text,) = (a for a in frame.axes.texts + frame.axes.artists if a.get_gid() == "town")
    assert frame.to_paper(*text.get_position()) == pytest.approx(middle)


def test_no_more_towns_are_named_than_asked_for_and_none_in_the_edge_of_the_map():
    many = towns(*((f"T{i}", 1_000 - i, 8_000 * (i - 6), 0) for i in range(13)))
    edge = towns(("Edge", 9_000, 59_900, 0))
    for rows, most, named in ((many, 5, [f"T{i}" for i in range(5)]), (edge, 5, [])):
        frame = map_frame()
        maps_labels.draw_labels(frame, layouts.Context(settlements=rows), 1, most)
        found = [a.get_text() for a in frame.axes.texts + frame.axes.artists]
        assert sorted(found) == sorted(named)


def test_the_bigger_of_two_lakes_in_one_place_is_named_and_a_small_one_is_not():
    lakes = layer(
        [
            shapely.box(-10_000, -5_000, 10_000, 5_000),
            shapely.box(-30_000, -20_000, 30_000, 20_000),
            shapely.box(40_000, 0, 42_000, 1_000),
        ],
        name=["Inner", "Outer", "Small"],
    )
    frame = map_frame()
    maps_labels.Labels(frame, 1).areas(lakes.iloc[:2], "lakes", 7.5)
    names = [a.get_text() for a in frame.axes.texts + frame.axes.artists]
    assert sorted(names) == ["Inner", "Outer"] and names[0] == "Outer"
    frame = map_frame()
    maps_labels.Labels(frame, 1).areas(lakes.iloc[2:], "lakes", 7.5)
    assert not [*frame.axes.texts, *frame.axes.artists]


def test_type_of_the_column_shrinks_before_limits_are_left_out_and_stays_readable():
    told = []
    for words in (1, 40, 90, 200):
        page = maps_page.Page("A4")
        blocks = [
            side_column.notice(replace(SHEET, notice="word " * words)),
            side_column.limitations(replace(SHEET, limitations=["many words " * 9] * 9)),
        ]
        side_column.write_column(page, 200, 20, 110, blocks)
        size = drawn(page.figure, "notice")[0].get_fontsize()
        found = [a for a in page.figure.findobj(Text) if a.get_text().strip()]
        low = max(a.get_position()[1] for a in found if a.get_gid() in ("limitation", "left-out"))
        assert low < 110
        told.append((size, len(texts(page.figure, "left-out"))))
    sizes, left_out = zip(*told, strict=True)
    assert sizes[0] > sizes[-1] > 5 and sorted(sizes, reverse=True) == list(sizes)
    assert left_out[0] == 0 and left_out[-1] == 1


def test_the_bar_of_colours_runs_from_the_first_tick_to_the_last(figure):
    (bar,) = (a for a in figure.findobj(AxesImage) if a.axes.get_label() == "paper")
    left, right, low, high = bar.get_extent()
    ticks = [tick.get_position()[0] for tick in drawn(figure, "legend-tick")]
    assert (left, right) == (ticks[0], ticks[-1]) and 2 < abs(high - low) < 8
    frames = [p.get_bbox().bounds for p in bar.axes.patches if isinstance(p, Rectangle)]
    assert (left, min(low, high), right - left, abs(high - low)) in frames
    tick = drawn(figure, "legend-tick")[0].get_position()[1]
    (unit,) = (t.get_position()[1] for t in drawn(figure, "unit"))
    assert unit < min(low, high) and max(low, high) < tick < max(low, high) + 5
    values = bar.get_array()[0]
    assert (values[0], values[-1]) == (0, 1) and (np.diff(values) > 0).all() and len(values) > 99
    tints = [to_hex(bar.cmap(value)) for value in (0.0, 1.0)]
    assert tints == [layouts.PALETTES["threat"][0], layouts.PALETTES["threat"][-1]]


@settings(deadline=None, max_examples=40)
@given(st.text("abc дөү.-", min_size=1, max_size=80), st.floats(12, 60))
def test_a_line_cut_short_fits_and_keeps_as_much_as_it_can(string, width):
    whole = maps_page.text_width(string, 8) <= width
    found = maps_page.shortened(string, width, 8)
    assert found == string if whole else found.endswith(" …")
    assert maps_page.text_width(found, 8) <= width
    both = maps_page.without_middle(string, width, 8)
    assert both == string if whole else " … " in both
    assert maps_page.text_width(both, 8) <= width
    if not whole and " " not in string:
        first, _, last = both.partition(" … ")
        assert string.startswith(first) and string.endswith(last)
        assert len(first) - len(last) in (0, 1)
        assert maps_page.text_width(both + string[len(first)], 8) > width or "." in string


@pytest.mark.parametrize(
    ("count", "aspect", "columns"), [(1, 1, 1), (2, 4, 1), (2, 0.5, 2), (16, 1.5, 4), (6, 0.3, 6)]
)
def test_panels_are_as_large_as_they_can_be_and_fill_the_width(count, aspect, columns):
    boxes = layouts.panel_boxes((10, 40, 280, 190), count, aspect, 8)
    lefts = sorted({round(left, 6) for left, *_ in boxes})
    assert len(lefts) == columns and lefts[0] == 10
    if columns > 1:
        assert max(left + width for left, _, width, _ in boxes) == pytest.approx(290)
    tops = [top for _, top, _, _ in boxes]
    assert min(tops) == pytest.approx(48) and boxes[0][:2] == (10, 48)
    assert [top for top in tops] == sorted(tops), "row by row"


@pytest.mark.parametrize("size", ["A3", "A4"])
def test_cells_under_a_dot_are_counted_along_the_side_with_the_most(size):
    """A page at 200 dots per inch."""
    across, down = (round(mm / 25.4 * 200) for mm in maps_page.PAGES[size][:2])
    for shape, upright in (((down, across), False), ((across, down), True)):
        grid = GeoBox.from_bbox((0, 0, shape[1], shape[0]), crs=LAEA, shape=shape)
        assert layouts.is_upright(grid) == upright
        assert layouts.cells_on_paper(grid, size) == pytest.approx(1, abs=0.05)
        finer = GeoBox.from_bbox((0, 0, shape[1], shape[0]), crs=LAEA, shape=(9 * shape[0], 9))
        assert layouts.cells_on_paper(finer, size) == pytest.approx(9, abs=0.5)


def test_pages_are_sheets_of_paper():
    for name, sides in (("A3", (297, 420)), ("A4", (210, 297))):
        page = maps_page.Page(name)
        assert (page.height, page.width) == sides
        assert page.figure.get_size_inches() * 25.4 == pytest.approx(sides[::-1])


@pytest.mark.parametrize("size", ["A3", "A4"])
def test_data_stand_in_two_stacks_of_the_same_columns_read_down(size):
    """Five rows: three to the left, two to the right, beside the first two."""
    page = maps_page.Page(size)
    rows = [(f"Layer {i}", "2020", "measured", "x") for i in range(5)]
    low = page.height - 30
    top = layouts.write_sources(page, replace(SHEET, sources=rows), low)
    cells = drawn(page.figure, "source")
    at = {t.get_text(): t.get_position() for t in cells if t.get_text().startswith("Layer ")}
    x, y = np.array([at[f"Layer {i}"] for i in range(5)]).T
    assert len(set(x[:3])) == len(set(x[3:])) == 1 and x[0] == page.margin
    assert x[3] == pytest.approx(page.width / 2, abs=6)
    assert y[:2].tolist() == y[3:].tolist() and (np.diff(y[:3]) > 0).all()
    assert top < y.min() and y.max() < low
    for stack in (0, 1):
        begin = x[3 * stack]
        inside = [t for t in cells if begin <= t.get_position()[0] < begin + page.width / 2 - 15]
        columns = sorted({round(t.get_position()[0] - begin, 6) for t in inside})
        assert len(columns) == 4, "layer, date, status, source"
        assert len(inside) == 4 * (1 + (3, 2)[stack]), "with the heads of the columns"
    lines = [line for line in page.paper.lines if len(line.get_xdata()) == 2]
    assert max(max(line.get_xdata()) for line in lines) == pytest.approx(page.width - page.margin)


def test_a_title_is_set_the_smaller_the_longer_it_is_and_stays_on_its_line():
    sizes = []
    for letters in range(10, 100, 6):
        page = maps_page.Page("A4")
        layouts.write_head(page, replace(SHEET, title="m" * letters))
        (title,) = drawn(page.figure, "title")
        sizes.append(title.get_fontsize())
        if sizes[-1] > min(sizes) or letters < 40:
            assert maps_page.text_width(title.get_text(), sizes[-1], "bold") < 297 - 16
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.3 * sizes[-1] > 13
