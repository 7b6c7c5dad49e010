"""Maps joined from compressed tiles: every level right, the same bytes however they were cut."""

import numpy as np
import pytest
import rasterio
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio import Affine

from manul.grid import block_maps, cog

FORM = cog.Form(1, "float32", np.nan)


def made(folder, values, size, digest="0" * 16):
    """A finished map of (bands, rows, columns), made of blocks of `size`."""
    grid = GeoBox(values.shape[1:], Affine(100, 0, 5000, 0, -100, 9000), "EPSG:6933")
    bands = {f"band {i}": "0..1" for i in range(len(values))}
    names = {0: "none", 1: "dogs", 2: "mines"} if values.dtype == "uint8" else None
    map_file = block_maps.MapFile(folder / "map.tif", grid, bands, {"A": "ü"}, digest, names)
    blocks = block_maps.blocks(grid, size)
    with block_maps.finishing([map_file], blocks):
        for r0, r1, c0, c1 in blocks:
            map_file.write((r0, r1, c0, c1), values[:, r0:r1, c0:c1])
    return map_file.path


def numbers(bands, height, width):
    values = np.random.default_rng(height).random((bands, height, width), "float32")
    values[values < 0.3] = np.nan
    return values


def classes(height, width):
    return np.random.default_rng(width).choice([0, 1, 2, 255], (1, height, width)).astype("uint8")


def means(values):
    """The next overview, cell by cell."""
    bands, height, width = values.shape
    out = np.full((bands, -(-height // 2), -(-width // 2)), np.nan, "float32")
    for at in np.ndindex(out.shape):
        four = values[at[0], 2 * at[1] : 2 * at[1] + 2, 2 * at[2] : 2 * at[2] + 2]
        if not np.isnan(four).all():
            out[at] = four[~np.isnan(four)].astype(float).mean()
    return out


def modes(values):
    _, height, width = values.shape
    out = np.full((1, -(-height // 2), -(-width // 2)), 255, "uint8")
    for at in np.ndindex(out.shape):
        four = values[0, 2 * at[1] : 2 * at[1] + 2, 2 * at[2] : 2 * at[2] + 2].ravel().tolist()
        known = [v for v in four if v != 255]
        if known:
            out[at] = max(known, key=known.count)  # the first of equals, as max gives it
    return out


def levels(path):
    with rasterio.open(path) as raster:
        yield raster.read()
        count = len(raster.overviews(1))
    for level in range(count):
        with rasterio.open(path, overview_level=level) as raster:
            yield raster.read()


@settings(max_examples=12, deadline=None)
@example(height=1, width=1026, bands=1, size=256)  # its last block is that of an overview too
@given(
    height=st.integers(1, 1300),
    width=st.integers(1, 1300),
    bands=st.integers(1, 3),
    size=st.sampled_from([256, 512, 768, 2048]),
)
def test_every_level_is_the_mean_of_the_one_below(tmp_path_factory, height, width, bands, size):
    values = numbers(bands, height, width)
    path = made(tmp_path_factory.mktemp("map"), values, size)
    expected = values
    found = list(levels(path))
    assert len(found) == len(FORM.shapes((height, width)))
    for level in found:
        np.testing.assert_array_equal(level, expected)
        expected = means(expected)


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_overviews_of_classes_are_the_most_frequent_class(tmp_path, size):
    expected = classes(700, 611)
    for level in levels(made(tmp_path, expected, size)):
        np.testing.assert_array_equal(level, expected)
        expected = modes(expected)


@pytest.mark.parametrize("values", [numbers(2, 1100, 900), classes(1100, 900)])
def test_the_same_map_gives_the_same_bytes_however_it_was_cut(tmp_path, values):
    files = {made(tmp_path, values, size).read_bytes() for size in (256, 512, 768, 1024, 1280)}
    assert len(files) == 1


def test_another_reader_reads_it(tmp_path):
    values = numbers(2, 600, 500)
    with tifffile.TiffFile(made(tmp_path, values, 512)) as file:
        np.testing.assert_array_equal(file.pages[0].asarray(), values)
        assert [page.subfiletype for page in file.pages] == [0, 1, 1]
        starts = [min(page.dataoffsets) for page in file.pages]
        assert starts == sorted(starts, reverse=True)  # small overviews first
        assert max(page.offset for page in file.pages) < starts[-1]


def test_tiles_and_overviews_are_as_gdal_lays_them(tmp_path):
    path = made(tmp_path, numbers(2, 600, 500), 512)
    data = path.read_bytes()
    assert b"INTERLEAVE=TILE" in data[:400]
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            for start, size in zip(page.dataoffsets, page.databytecounts, strict=True):
                tile = data[start : start + size]
                assert int.from_bytes(data[start - 4 : start], "little") == size
                assert data[start + size : start + size + 4] == tile[-4:]
        for overview in file.pages[1:]:
            assert not {cog.PIXEL_SCALE, cog.TIEPOINT} & set(overview.tags.keys())


def test_sides_and_place_of_overviews_follow_the_map(tmp_path):
    path = made(tmp_path, numbers(1, 600, 500), 512)
    with rasterio.open(path) as raster, rasterio.open(path, overview_level=0) as small:
        assert small.bounds == raster.bounds
        assert small.crs == raster.crs
        assert np.isnan(small.nodata)


def test_block_that_cuts_a_tile_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not end on tiles of 256"):
        made(tmp_path, numbers(1, 600, 500), 300)


def test_a_block_makes_the_levels_whose_tiles_it_holds_whole():
    shape = (10_000, 10_000)
    assert FORM.depth((0, 1024, 1024, 2048), shape) == 2
    assert FORM.depth((0, 256, 0, 256), shape) == 0
    assert FORM.depth((0, 768, 0, 1024), shape) == 0
    assert FORM.depth((0, 10_000, 0, 10_000), shape) == len(FORM.shapes(shape)) - 1
