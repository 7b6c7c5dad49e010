"""Sheets of units at true scale: which ground, which scale, which places, measured on the page."""

from dataclasses import replace
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from matplotlib.figure import Figure
from matplotlib.image import AxesImage, imread
from matplotlib.text import Text
from odc.geo.geobox import GeoBox
from pypdf import PdfReader
from pyproj import CRS, Geod, Transformer

from manul.grid.fields import Source
from manul.grid.windows import window_of
from manul.maps import atlas, layouts, printed, relief, sheets
from manul.maps import labels as maps_labels
from manul.products.recommendations import KEY_GAIN

LAEA = CRS("+proj=laea +lat_0=41.75 +lon_0=77.5 +datum=WGS84 +units=m +type=crs")
GRID = GeoBox.from_bbox((-200_000, -150_000, 200_000, 150_000), crs=LAEA.to_wkt(), resolution=1000)
UNIT = shapely.box(-60_000, -30_000, 60_000, 30_000)
ROOM = (0.0, 0.0, 250.0, 150.0)


def geo(shapes, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=LAEA)


def action(rule, x, size=4000.0, verdict="issue", **columns) -> dict:
    told = {
        "rule": rule, "title": f"Title {rule}", "place": f"{x / 1000:g} km E of Town",
        "verdict": verdict, "confidence": 0.9, "gain_km2": 12.5, "gain_p05_km2": 4.0,
        "gain_p95_km2": 20.0, "gain_of": "without Dogs", "agency": "Ministry (not checked)",
        **dict.fromkeys(KEY_GAIN, np.nan),
        "dms": "42°00'00\"N 77°00'00\"E", "geometry": shapely.box(x, 0, x + size, size),
    }  # fmt: skip
    return told | columns


def actions(*rows) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(list(rows), crs=LAEA)


def no_key(bounds) -> dict:
    return {}


# ------------------------------------------------------------------------------------ tiles


@pytest.mark.parametrize(("scale", "across", "down"), [(1_000_000, 1, 1), (500_000, 2, 1),
                                                       (250_000, 3, 2)])  # fmt: skip
def test_tiles_cover_the_unit_at_the_scale_with_as_little_else_as_can_be(scale, across, down):
    found = atlas.tiles(UNIT, ROOM, scale)
    assert len(found) == across * down
    assert [t.name for t in found] == [
        f"{'ABC'[i]}{j + 1}" for j in range(down) for i in range(across)
    ]
    windows = [shapely.box(*tile.window) for tile in found]
    assert shapely.union_all(windows).covers(UNIT)
    for tile in found:
        left, bottom, right, top = tile.window
        assert right - left == pytest.approx(250 * scale / 1000)
        assert top - bottom == pytest.approx(150 * scale / 1000)
    if across > 1:  # the outer tiles end a little beyond the unit, by 3 % of it
        left, _, right, _ = shapely.total_bounds(windows)
        assert (left, right) == pytest.approx((-60_000 - 3_600, 60_000 + 3_600))
        (a, b) = found[0].window, found[1].window
        assert a[2] - b[0] >= 0.04 * (a[2] - a[0]) - 1e-6  # they overlap
    assert found[0].window[3] == max(t.window[3] for t in found)  # the first row is the north


def test_a_tile_without_any_of_the_unit_is_no_page():
    corner = shapely.union_all([
        shapely.box(-60_000, -30_000, -50_000, 30_000),
        shapely.box(-60_000, -30_000, 60_000, -25_000),
    ])  # fmt: skip
    assert [t.name for t in atlas.tiles(corner, ROOM, 250_000)] == ["A1", "A2", "B2", "C2"]


def test_the_27th_column_is_called_aa():
    long = shapely.box(0, 0, 27 * 55_000, 1000)
    names = [tile.name for tile in atlas.tiles(long, ROOM, 250_000)]
    assert names[:2] == ["A1", "B1"] and names[25:27] == ["Z1", "AA1"]


# ------------------------------------------------------------------------------------ units


def test_a_unit_has_the_actions_that_lie_in_it_and_what_of_it_lies_on_the_grid():
    table = geo(
        [UNIT, shapely.box(150_000, 0, 250_000, 50_000), shapely.box(9e6, 0, 9.1e6, 1e5)],
        name=["West", "East", "Far"],
    )
    mine = actions(
        action("R1", 0), action("R1", 30_000), action("R2", 58_500), action("R3", 57_000),
        action("R4", 160_000),
    )  # fmt: skip
    found = {unit.name: unit for unit in atlas.units(table, mine, no_key, GRID)}
    assert list(found) == ["East", "West"]  # by name; what is not on the grid has no sheet
    # R2 lies with 1.5 of its 4 km in the unit, R3 with 3 of them.
    assert found["West"].actions["rule"].tolist() == ["R1", "R3", "R1"]
    assert found["West"].actions["number"].tolist() == [1, 2, 3]
    assert found["East"].shape.bounds[2] == 200_000
    assert found["East"].limits == ["Only 50 % of East lies in the region"]
    assert found["West"].limits == []


def test_where_actions_name_their_unit_sheets_show_those_that_briefs_do():
    mine = actions(action("R1", 0, unit="East"), action("R2", 150_000, unit="West"))
    (unit,) = atlas.units(geo([UNIT], name=["West"]), mine, no_key, GRID, named=True)
    assert unit.actions["rule"].tolist() == ["R2"]


def test_what_fills_a_fifth_of_a_unit_belongs_to_it_though_most_of_it_lies_elsewhere():
    small = geo([shapely.box(0, 0, 10_000, 10_000)], name=["Reserve"])
    much = action("R1", 0, geometry=shapely.box(0, 0, 2_001, 60_000))
    little = action("R2", 0, geometry=shapely.box(0, 0, 1_999, 60_000))
    (unit,) = atlas.units(small, actions(much, little), no_key, GRID)
    assert unit.actions["rule"].tolist() == ["R1"]


def test_at_most_eight_places_have_a_number_and_the_others_are_drawn_without():
    rows = [action("R1", 2_000 * i - 20_000, 1000) for i in range(12)] + [action("R2", 30_000)]
    (unit,) = atlas.units(geo([UNIT], name=["West"]), actions(*rows), no_key, GRID)
    assert len(unit.actions) == 8 and unit.every == 13
    assert unit.actions["rule"].tolist()[:3] == ["R1", "R2", "R1"]
    (entry,) = unit.entries
    assert (entry.label, entry.note) == ("Places without a number", "5 · 5 km²")


def test_polygons_of_one_name_are_one_unit_and_files_have_names_that_disks_can_bear():
    parts = geo(
        [shapely.box(0, 0, 9e3, 9e3), shapely.box(9e3, 0, 18e3, 9e3), UNIT, UNIT, UNIT],
        name=["A/B: «Öst»", "A/B: «Öst»", "a b öst", None, "//"],
    )
    found = list(atlas.units(parts, actions(action("R1", 1)), no_key, GRID))
    assert [unit.name for unit in found] == ["//", "A/B: «Öst»", "a b öst"]
    assert found[1].shape.area == pytest.approx(162e6)
    assert list(atlas.file_names(parts).values()) == ["unit", "A_B_Öst", "a_b_öst-2"]
    nameless = parts.assign(name=None)
    assert list(atlas.units(nameless, actions(action("R1", 1)), no_key, GRID)) == []


# ---------------------------------------------------------------------------------- windows


def map_file(path, values, grid, overviews=()) -> Source:
    with rasterio.open(
        path, "w", driver="GTiff", height=grid.height, width=grid.width, count=1, dtype="float32",
        crs=grid.crs.to_wkt(), transform=grid.affine, nodata=np.nan, tiled=True, blockxsize=64,
        blockysize=64,
    ) as out:  # fmt: skip
        out.write(values.astype("float32"), 1)
        if overviews:
            out.build_overviews(overviews)
    return Source(str(path))


def test_a_window_is_where_it_lies_and_no_finer_than_asked(tmp_path):
    x = np.tile(np.arange(400.0), (300, 1))
    source = map_file(tmp_path / "x.tif", x, GRID, [2, 4])
    values, cells = window_of(source, GRID, (-150_000, -50_500, -139_500, 0), 1000)
    assert cells.boundingbox == pytest.approx((-150_000, -51_000, -139_000, 0))
    assert values[0].tolist() == list(range(50, 61))
    coarse, wide = window_of(source, GRID, (-150_000, -50_500, -110_000, 0), 4500)
    assert wide.resolution.x == 4000 and coarse.shape == (14, 11)
    # It begins with a whole cell of the overview, which holds one of the cells beneath.
    assert wide.boundingbox == pytest.approx((-152_000, -54_000, -108_000, 2_000))
    assert ((coarse[0] >= 48 + 4 * np.arange(11)) & (coarse[0] <= 51 + 4 * np.arange(11))).all()


def test_a_window_beside_the_map_is_empty_and_one_across_its_edge_ends_there(tmp_path):
    source = map_file(tmp_path / "x.tif", np.ones((300, 400)), GRID)
    beside, _ = window_of(source, GRID, (300_000, 0, 400_000, 1000), 1000)
    assert beside.size == 0
    across, cells = window_of(source, GRID, (190_000, 140_000, 250_000, 250_000), 1000)
    assert across.shape == (10, 10) and cells.boundingbox[2:] == (200_000, 150_000)
    assert (across == 1).all()


# ----------------------------------------------------------------------------------- sheets


@pytest.fixture
def scenario(tmp_path):
    rng = np.random.default_rng(1)
    habitat = map_file(tmp_path / "habitat.tif", rng.random((300, 400)), GRID)
    chance = np.full((300, 400), 0.9)
    chance[:, 200:] = 0.5
    sure = map_file(tmp_path / "p_key.tif", chance, GRID)
    heights = map_file(tmp_path / "z.tif", 1000 * rng.random((300, 400)), GRID)

    def sheet(title, *used, extra=()):
        return layouts.Sheet(
            title, "Region · Now", "Camps are illustrative.", ("A limit",),
            [("Camps", "2020", "illustrative", "nobody")], ("not a legal boundary",),
        )  # fmt: skip

    towns = geo([shapely.Point(1000, 9000)], name=["Town"], population=[5000.0])
    context = layouts.Context(settlements=towns, relief=heights.path)
    maps = {"habitat": habitat, "p_key": sure}
    return SimpleNamespace(maps=maps, grid=GRID, context=context, sheet=sheet)


def written(figure: Figure, gid: str) -> list[str]:
    found = figure.findobj(lambda a: isinstance(a, Text) and a.get_gid() == gid)
    return [text.get_text().replace("\n", " ") for text in found]


def one_unit(*rows, shape=UNIT):
    (unit,) = atlas.units(geo([shape], name=["West"]), actions(*rows), no_key, GRID)
    return unit


def single(scenario, *rows) -> Figure:
    """The only page of a unit at 1:500 000."""
    (page,), _ = atlas.sheets(scenario, one_unit(*rows), scale=500_000)
    return page


def test_the_scale_on_the_page_is_true_to_half_a_percent(scenario, tmp_path):
    drawn, scale = atlas.sheets(scenario, one_unit(action("R1", 0)), "A3", 500_000)
    pages = list(drawn)
    assert "1 : 500 000 printed on A3" in written(pages[0], "ratio")
    assert "1 : 500 000" in written(pages[0], "subtitle")[0]
    printed.save(pages, tmp_path / "a.pdf", [], 50, "West", LAEA)
    assert scale == 500_000 and len(pages) == 1
    (page,) = PdfReader(tmp_path / "a.pdf").pages
    (view,) = page["/VP"]
    left, bottom, right, top = (float(x) for x in view["/BBox"])
    lats, lons = np.array([float(x) for x in view["/Measure"]["/GPTS"]]).reshape(4, 2).T
    geod = Geod(ellps="WGS84")
    mm = 25.4 / 72
    _, _, up = geod.inv(lons[0], lats[0], lons[1], lats[1])  # the left side, then the lower
    _, _, along = geod.inv(lons[0], lats[0], lons[3], lats[3])
    assert up / ((top - bottom) * mm / 1000) == pytest.approx(500_000, rel=0.005)
    assert along / ((right - left) * mm / 1000) == pytest.approx(500_000, rel=0.005)


def test_the_pdf_knows_the_corners_of_its_map(scenario, tmp_path):
    pages = list(atlas.sheets(scenario, one_unit(action("R1", 0)))[0])
    axes = next(a for a in pages[0].axes if a.get_label() == "map")
    (west, east), (south, north), box = axes.get_xlim(), axes.get_ylim(), axes.get_position()
    printed.save(pages, tmp_path / "a.pdf", [tmp_path / "a.png"], 50, "West", LAEA)
    (view,) = PdfReader(tmp_path / "a.pdf").pages[0]["/VP"]
    lats, lons = np.array([float(x) for x in view["/Measure"]["/GPTS"]]).reshape(4, 2).T
    to = Transformer.from_crs(LAEA, 4326, always_xy=True)
    corners = [(west, south), (west, north), (east, north), (east, south)]
    for lon, lat, corner in zip(lons, lats, corners, strict=True):
        assert (lon, lat) == pytest.approx(to.transform(*corner), abs=1e-6)
    assert [float(x) for x in view["/Measure"]["/LPTS"]] == [0, 0, 0, 1, 1, 1, 1, 0]
    assert "Lambert_Azimuthal_Equal_Area" in view["/Measure"]["/GCS"]["/WKT"]
    height = float(PdfReader(tmp_path / "a.pdf").pages[0].mediabox.height)
    assert float(view["/BBox"][1]) == pytest.approx(box.y0 * height, abs=0.01)
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize(("size", "expected"), [
    ((30_000, 20_000), 250_000), ((200_000, 90_000), 500_000), ((395_000, 295_000), 1_000_000),
])  # fmt: skip
def test_the_largest_scale_is_taken_that_needs_few_pages(scenario, size, expected):
    shape = shapely.box(-size[0] / 2, -size[1] / 2, size[0] / 2, size[1] / 2)
    drawn, scale = atlas.sheets(scenario, one_unit(action("R1", 0), shape=shape))
    pages = list(drawn)
    assert scale == expected
    assert len(pages) <= 1 + atlas.MOST_TILES
    if len(pages) > 1:
        assert "index of sheets" in written(pages[0], "subtitle")[0]
        assert f"sheet A1 of {len(pages) - 1}" in written(pages[1], "subtitle")[0]
        names = pages[0].findobj(lambda a: a.get_gid() == "tile-name")
        boxes = pages[0].findobj(lambda a: a.get_gid() == "tile")
        assert len(names) == len(boxes) == len(pages) - 1
        for name, box in zip(names, boxes, strict=True):
            left, bottom = box.get_xy()
            middle = left + box.get_width() / 2, bottom + box.get_height() / 2
            assert name.get_position() == pytest.approx(middle)


def test_a_reader_of_one_sheet_is_told_where_what_why_how_sure_from_what_and_who(scenario):
    rows = [action("R1", 0), action("R2", 20_000, verdict="survey first", confidence=0.55)]
    page = single(scenario, *rows)
    assert written(page, "title") == ["West: what to do first"]
    assert written(page, "place") == [
        "Title R1, 0 km E of Town", "Title R2, 20 km E of Town",
    ]  # fmt: skip
    first, second = written(page, "place-words")
    assert first == (
        "12 (4 to 20) km² of full quality without Dogs. act, 90 % of the draws. "
        "Ministry (not checked). 42°00'00\"N 77°00'00\"E."
    ).replace("90 %", "90%")
    assert "survey first, 55% of the draws" in second
    assert written(page, "badge") == written(page, "place-number") == ["1", "2"]
    assert written(page, "notice") == ["Camps are illustrative."]
    assert written(page, "chance-key")[0].startswith("70 % of the draws or more")
    assert any("not a legal boundary" in text for text in written(page, "utm"))
    assert "UTM zone 43N" in written(page, "utm")[0]
    assert "nobody" in written(page, "source")


def test_every_number_on_the_map_is_listed_where_not_all_places_fit_in_full(scenario):
    who = "; ".join(["Ministry of Natural Resources, Ecology and Technical Supervision"] * 30)
    page = single(scenario, *(action(f"R{i}", i * 5_000, agency=who) for i in range(8)))
    numbers = [str(i) for i in range(1, 9)]
    assert sorted(written(page, "badge")) == written(page, "place-number") == numbers
    assert len(written(page, "place")) == 8
    assert 0 < len(written(page, "place-words")) < 8


def test_a_number_stands_at_its_place(scenario):
    page = single(scenario, action("R1", 10_000))
    (badge,) = page.findobj(lambda a: a.get_gid() == "badge" and hasattr(a, "radius"))
    assert badge.center == pytest.approx((12_000, 2_000), abs=300)


def test_numbers_of_one_spot_stand_side_by_side(scenario):
    page = single(scenario, action("R1", 10_000), action("R2", 10_000))
    first, second = (
        a.center for a in page.findobj(lambda a: a.get_gid() == "badge" and hasattr(a, "radius"))
    )
    apart = np.hypot(second[0] - first[0], second[1] - first[1])
    # 4.2 mm across at 1:500 000 are 2.1 km; the next free place lies a sign away, or a little more
    assert 2_099 < apart < 2_100 * 1.7


def test_beyond_the_region_nothing_of_the_base_map_is_drawn_and_relief_lies_under_the_raster(
    scenario,
):
    road = geo([shapely.LineString([(-300_000, 0), (300_000, 0)]),
                shapely.LineString([(190_000, -300_000), (190_000, 300_000)])])  # fmt: skip
    scenario.context = replace(scenario.context, roads=road)
    corner = shapely.box(170_000, 120_000, 200_000, 150_000)
    page = next(atlas.sheets(scenario, one_unit(action("R1", 0), shape=corner), scale=500_000)[0])
    (lines,) = page.findobj(lambda a: a.get_gid() == "roads")
    ends = np.vstack([path.vertices for path in lines.get_paths()])
    assert ends[:, 1].max() == pytest.approx(150_000) and ends[:, 0].max() <= 200_000
    assert ends[:, 1].min() < 120_000  # it is drawn as far as the page shows ground
    raster, shade = (
        next(a for a in page.findobj(AxesImage) if a.get_gid() == gid)
        for gid in ("raster", "relief")
    )
    assert shade.get_extent() == pytest.approx(raster.get_extent())
    # Cells of 1 km are 2 mm on paper; the relief has 4 dots a mm.
    assert shade.get_array().shape[0] == pytest.approx(8 * raster.get_array().shape[0], rel=0.01)


def test_without_draws_the_sheet_says_so(scenario):
    del scenario.maps["p_key"]
    page = single(scenario, action("R1", 0, verdict="", confidence=np.nan))
    assert written(page, "chance-key") == ["How sure this is was not assessed: one run, no draws."]
    assert "how sure was not assessed" in written(page, "place-words")[0]


def test_a_unit_in_which_no_rule_holds_has_a_sheet_that_says_so(scenario):
    page = single(scenario, action("R1", 150_000))
    told = page.findobj(lambda a: isinstance(a, Text) and a.get_text() == "No rule holds here.")
    assert len(told) == 1 and not written(page, "place")


def test_an_upright_unit_has_upright_pages(scenario):
    tall = shapely.box(-10_000, -40_000, 10_000, 40_000)
    ((page,), _) = atlas.sheets(scenario, one_unit(action("R1", 0), shape=tall), "A4", 1_000_000)
    wide, high = page.get_size_inches() * 25.4
    assert (wide, high) == pytest.approx((210, 297))


def test_names_of_the_utm_grid_are_whole_kilometres(scenario):
    page = single(scenario, action("R1", 0))
    km = [int(text.replace(" ", "")) for text in written(page, "utm-label")]
    assert len(km) >= 4 and all(value % 10 == 0 for value in km)
    utm = Transformer.from_crs(LAEA, 32643, always_xy=True)
    east, north = utm.transform(0, 0)
    assert min(abs(value - east / 1000) for value in km if value < 1000) < 50
    assert min(abs(value - north / 1000) for value in km if value > 1000) < 50


# ---------------------------------------------------------------------------------- printed


def test_figures_are_a_page_each_of_a_pdf_and_the_first_a_png(tmp_path):
    for again in ("a", "b"):
        pages = [Figure(figsize=(2, 1)), Figure(figsize=(3, 1))]
        png, pdf = tmp_path / f"{again}.png", tmp_path / f"{again}.pdf"
        assert printed.save(iter(pages), pdf, [png], 50, "Threat", LAEA) == 2
    assert len(PdfReader(pdf).pages) == 2
    assert imread(png).shape[:2] == (50, 100)
    for ending in ("png", "pdf"):  # no date: the same bytes each time
        first, second = (tmp_path / f"{name}.{ending}" for name in "ab")
        assert first.read_bytes() == second.read_bytes()
    assert b"Threat" in png.read_bytes() and PdfReader(pdf).metadata.title == "Threat"


# ----------------------------------------------------------------------------------- relief


def test_a_slope_to_the_south_east_is_dark_one_to_the_north_west_is_not(tmp_path):
    grid = GeoBox.from_bbox((0, 0, 3000, 3000), crs=LAEA.to_wkt(), resolution=30)
    y, x = np.mgrid[0:100, 0:100] * 30.0
    falls_south_east = map_file(tmp_path / "se.tif", 3000 - 0.5 * (x + y), grid)
    falls_north_west = map_file(tmp_path / "nw.tif", 0.5 * (x + y), grid)
    flat = map_file(tmp_path / "flat.tif", np.full((100, 100), 2000.0), grid)
    # Lambert: the light of a slope of 35.3 degrees turned away at 45 degrees is sin(45 - 35.3).
    light = np.sin(np.radians(45) - np.arctan(0.5 * np.sqrt(2)))
    dark = (1 - light / np.sin(np.radians(45))) ** 0.8 * relief.DARKEST
    inner = np.s_[2:-2, 2:-2]
    np.testing.assert_allclose(relief.shade(falls_south_east.path, grid)[inner], dark, rtol=1e-3)
    assert (relief.shade(falls_north_west.path, grid)[inner] == 0).all()
    assert (relief.shade(flat.path, grid) == 0).all()


def test_a_strip_of_one_cell_has_no_slope(tmp_path):
    grid = GeoBox.from_bbox((0, 0, 3000, 30), crs=LAEA.to_wkt(), resolution=30)
    path = map_file(tmp_path / "z.tif", np.arange(100.0)[None] * 100, grid).path
    assert relief.shade(path, grid).shape == (1, 100) and not relief.shade(path, grid).any()


def test_unknown_heights_have_no_shade_and_a_model_in_degrees_is_turned(tmp_path):
    grid = GeoBox.from_bbox((0, 0, 3000, 3000), crs=LAEA.to_wkt(), resolution=30)
    degrees = GeoBox.from_bbox((77.4, 41.7, 77.6, 41.8), crs="EPSG:4326", resolution=0.0005)
    heights = np.tile(np.arange(degrees.width) * 20.0, (degrees.height, 1))[:, ::-1].copy()
    heights[:, : degrees.width // 2 + 10] = np.nan
    path = map_file(tmp_path / "z.tif", heights, degrees).path
    found = relief.shade(path, grid)
    assert (found[:, :8] == 0).all() and (found[5:-5, -20:-5] > 0.1).all()


def test_heights_of_coarse_cells_are_exaggerated():
    assert relief.exaggeration(30) == relief.exaggeration(10) == 1
    assert relief.exaggeration(960) == pytest.approx(4)


# -------------------------------------------------------------------------------- countries


def frame_over(bounds):
    return SimpleNamespace(ground=bounds, crs=LAEA)


def test_countries_are_provinces_joined_with_names_for_codes():
    provinces = geo(
        [shapely.box(0, 0, 1e4, 1e4), shapely.box(1e4, 0, 2e4, 1e4), shapely.box(0, 1e4, 2e4, 2e4),
         shapely.box(9e5, 0, 1e6, 1e4), shapely.box(0, -1e4, 1e4, 0)],
        country=["KG", "KG", "Ruritania", "KZ", None],
    )  # fmt: skip
    found = maps_labels.countries(provinces, frame_over((0, -1e4, 5e4, 5e4)))
    assert found["name"].tolist() == ["K Y R G Y Z S T A N", "R U R I T A N I A"]
    assert found.geometry.area.tolist() == [2e8, 2e8]
    assert not len(
        maps_labels.countries(provinces.drop(columns="country"), frame_over((0, 0, 1, 1)))
    )
    assert not len(maps_labels.countries(None, frame_over((0, 0, 1, 1))))


def test_the_styles_of_rules_stay_the_same_on_all_pages_of_a_unit(scenario):
    unit = one_unit(action("R1", 0), action("R2", 9_000), action("R1", 20_000))
    assert set(unit.styles) == {"R1", "R2"}
    colours = {rule: style["edgecolor"] for rule, style in unit.styles.items()}
    assert colours == {"R1": sheets.RULE_COLOURS[0], "R2": sheets.RULE_COLOURS[1]}
