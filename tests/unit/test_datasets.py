"""Maps as labelled arrays, and windows of them by name, on a map of 9 x 11 cells of 10 m."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from manul.grid import datasets, provenance
from manul.grid.fields import Fields, Source

GRID = GeoBox.from_bbox((0, 0, 110, 90), crs="EPSG:6933", resolution=10)
NUMBERS = np.arange(99, dtype="float32").reshape(9, 11)
CODES = (np.arange(99) % 4).reshape(9, 11).astype("uint8")
LAYER = {"title": "Roads", "source": "A survey", "date": "2024", "status": "measured"}


def write(path, *bands, transform=GRID.affine, **tags):
    height, width = bands[0].shape
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=height, width=width,
        dtype=bands[0].dtype, crs="EPSG:6933", transform=transform,
    ) as out:  # fmt: skip
        out.write(np.stack(bands))
        out.update_tags(**tags)
    return str(path)


@pytest.fixture
def fields(tmp_path):
    numbers = write(tmp_path / "a.tif", NUMBERS, -NUMBERS)
    codes = write(tmp_path / "c.tif", CODES)
    sources = {
        "up": Source(numbers), "down": Source(numbers, 2), "some": Source(codes, codes=(1, 3)),
        "given": NUMBERS * 2, "unknown": None,
    }  # fmt: skip
    return Fields(sources, GRID)


@pytest.mark.parametrize("kept_mb", [256, 8])
@pytest.mark.parametrize(
    ("rows", "columns"), [((0, 9), (0, 11)), ((3, 5), (4, 8)), ((2, 9), (7, 11)), ((4, 4), (0, 2))]
)
def test_a_window_over_tiles_is_that_of_the_whole_map(fields, monkeypatch, rows, columns, kept_mb):
    monkeypatch.setattr("manul.grid.fields.TILE", 4)
    monkeypatch.setattr("manul.grid.fields.KEPT_MB", kept_mb)
    at = slice(*rows), slice(*columns)
    for _ in range(2):  # read, and from what is kept
        np.testing.assert_array_equal(fields.window("up", *at), NUMBERS[at])
        np.testing.assert_array_equal(fields.window("down", *at), -NUMBERS[at])
        np.testing.assert_array_equal(fields.window("given", *at), 2 * NUMBERS[at])
        np.testing.assert_array_equal(fields.window("some", *at), CODES[at] % 2 == 1)
        assert fields.window("unknown", *at).shape == NUMBERS[at].shape
        np.testing.assert_array_equal(fields.window("up + given", *at), 3 * NUMBERS[at])


def test_no_more_is_kept_than_may_be_and_the_oldest_goes_first(fields, monkeypatch):
    monkeypatch.setattr("manul.grid.fields.TILE", 4)
    monkeypatch.setattr("manul.grid.fields.KEPT_MB", 100 / 2**20)  # a tile of numbers has 64 bytes
    for column in (0, 4):
        np.testing.assert_array_equal(
            fields._tile("up", 0, column // 4), NUMBERS[:4, column : column + 4]
        )
    assert list(fields._kept) == [("up", 0, 1)] and fields._bytes == 64


def test_a_map_that_cannot_be_made_is_unknown_everywhere_and_counts_among_the_names(fields):
    assert np.isnan(fields["unknown"]).all() and fields["unknown"].shape == (9, 11)
    assert (fields.has("up"), fields.has("unknown"), fields.has("none")) == (True, False, False)
    assert list(fields) == ["up", "down", "some", "given", "unknown"] and len(fields) == 5
    here = fields.at(slice(0, 1), slice(0, 2))
    assert (len(here), list(here)) == (5, list(fields))
    with pytest.raises(KeyError):
        here["none"]


def test_sums_ends_and_samples_are_those_of_the_known_cells(fields):
    holes = NUMBERS.copy()
    holes[0, :2] = np.nan  # of 0..98 the numbers 2..98 are left
    made = fields.replaced({"holes": holes})
    assert made.total("holes") == (sum(range(2, 99)), 97)
    assert made.total(lambda maps: maps["holes"] * 2) == (2 * sum(range(2, 99)), 97)
    assert made.extremes("holes") == (2, 98) and made.extremes("-holes") == (-98, -2)
    assert np.isnan(made.extremes("unknown")).all() and made.total("unknown") == (0, 0)
    np.testing.assert_array_equal(made.sample("holes"), np.arange(2, 99))
    # A quarter of 99 cells: every second one of every second row.
    np.testing.assert_array_equal(fields.sample("up", 24), NUMBERS[::2, ::2].ravel())
    np.testing.assert_array_equal(made["up"], NUMBERS)
    np.testing.assert_array_equal(made["holes"], holes)


def test_windows_cover_the_grid_row_by_row(fields):
    told = [(r.start, r.stop, c.start, c.stop) for r, c in fields.blocks(6)]
    assert told == [(0, 6, 0, 6), (0, 6, 6, 11), (6, 9, 0, 6), (6, 9, 6, 11)]


def test_a_map_of_another_shape_is_refused(fields):
    with pytest.raises(ValueError, match="'a' does not lie on the region's grid"):
        Fields({"a": NUMBERS[:8]}, GRID)


def test_a_dataset_has_the_words_of_its_maps(tmp_path):
    record = {"roads": LAYER}
    tags = {"MANUL_LAYERS": provenance.dump(record), "MANUL_NOTICE": "Look out"}
    numbers = write(tmp_path / "a.tif", NUMBERS, -NUMBERS, **tags)
    codes = write(tmp_path / "c.tif", CODES, CATEGORIES="0 none; 1 dogs & camps; 2 a; 3 b")
    made = datasets.open_maps(
        {
            "down": Source(numbers, 2, "Numbers", "m"),
            "class": Source(codes),
            "some": Source(codes, codes=(1, 3)),
        },
        None,
    )
    np.testing.assert_array_equal(made["down"], -NUMBERS)
    assert (made["down"].long_name, made["down"].units) == ("Numbers", "m")
    assert made["down"].attrs["notice"] == "Look out" and "data_status" not in made["down"].attrs
    assert json.loads(made["down"].attrs["sources"]) == {"roads": "A survey (2024)"}
    assert made["class"].attrs["flag_values"] == [0, 1, 2, 3]
    assert made["class"].attrs["flag_meanings"] == "none dogs_&_camps a b"
    np.testing.assert_array_equal(made["some"], CODES % 2 == 1)
    assert "flag_values" not in made["some"].attrs
    assert (float(made.x[2]), float(made.y[2])) == (25, 65)


def test_maps_of_one_dataset_lie_on_one_grid(tmp_path):
    one = write(tmp_path / "a.tif", NUMBERS)
    for other in (
        write(tmp_path / "b.tif", NUMBERS, transform=Affine(10, 0, 10, 0, -10, 90)),
        write(tmp_path / "c.tif", NUMBERS[:8]),
    ):
        with pytest.raises(ValueError, match="'b' and map 'a' do not lie on the same grid"):
            datasets.open_maps({"a": Source(one), "b": Source(other)}, None)


def test_an_overview_is_asked_for_by_its_number_and_has_cells_of_twice_the_side(tmp_path):
    path = write(tmp_path / "a.tif", NUMBERS)
    with rasterio.open(path, "r+") as raster:
        raster.build_overviews([2, 4], rasterio.enums.Resampling.average)
    for level, side in ((0, 20), (1, 40)):
        small = datasets.open_maps({"a": Source(path)}, None, level)["a"]
        assert small.shape == (-(-90 // side), -(-110 // side))
        assert (float(small.x[1]), float(small.y[1])) == (1.5 * side, 90 - 1.5 * side)
        grid = GRID.zoom_out(2 ** (level + 1))
        assert (grid.shape, grid.affine.a, grid.affine.c) == (small.shape, side, 0)
    for wrong in (-1, 2):
        with pytest.raises(ValueError, match=f"2 overviews, found {wrong}"):
            datasets.open_maps({"a": Source(path)}, None, wrong)


def test_the_layers_behind_maps_are_those_of_their_files(tmp_path):
    roads, camps = ({name: LAYER} for name in ("roads", "camps"))
    made = {
        name: Source(write(tmp_path / f"{name}.tif", NUMBERS, MANUL_LAYERS=provenance.dump(record)))
        for name, record in (("r", roads), ("c", camps))
    }
    fields = Fields({**made, "given": NUMBERS, "none": None}, GRID)
    assert fields.provenance(["r", "given", "none", "no map"]) == roads
    assert list(fields.provenance(["r", "c"])) == ["camps", "roads"]
