"""Rasters onto the grid: where a coarse cell lies, what is unknown, what a margin changes."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from manul.grid import rasters, warp

LAEA = "+proj=laea +lat_0=41.75 +lon_0=77.5 +datum=WGS84 +units=m"
GRID = GeoBox.from_bbox((-300_000, -200_000, 300_000, 200_000), crs=LAEA, resolution=1000)
LAYER = {"band": 1, "scale": 1.0, "offset": 0.0}


def degrees(step):
    """Longitude and latitude of the pixels of a raster around the region, and its transform."""
    lon, lat = np.arange(72, 84, step) + step / 2, np.arange(46, 38, -step) - step / 2
    return np.meshgrid(lon, lat), Affine(step, 0, 72, 0, -step, 46)


def write(path, values, transform):
    profile = {"driver": "GTiff", "count": 1, "dtype": "float64", "nodata": np.nan}
    height, width = values.shape
    with rasterio.open(
        path, "w", crs="EPSG:4326", transform=transform, height=height, width=width, **profile
    ) as out:
        out.write(values, 1)
    return path


@pytest.mark.parametrize("step", [0.05, 0.75])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_coarse_cell_lies_where_it_should(tmp_path, step, axis):
    """A raster that holds its own longitude or latitude tells where each cell was looked up."""
    values, transform = degrees(step)
    path = write(tmp_path / "place.tif", values[axis], transform)
    found = warp.onto_grid(rasters.RasterFile(str(path)), GRID)
    x, y = GRID.affine @ np.meshgrid(np.arange(600) + 0.5, np.arange(400) + 0.5)
    true = Transformer.from_crs(LAEA, "EPSG:4326", always_xy=True).transform(x, y)[axis]
    assert (
        np.abs(found - true).max() * 111_000 < 6
    )  # metres; GDAL's warper is 280 m off at 0.05 degrees


def test_unknown_pixels_leave_their_own_cells_unknown_and_no_others():
    raster = rasters.Raster(
        np.array([[1, 2, 3], [4, np.nan, 6], [7, 8, 9]], "float32"),
        Affine(1000, 0, 0, 0, -1000, 3000), rasterio.CRS.from_string(LAEA), (1000.0, 1000.0),
    )  # fmt: skip
    fine = GeoBox.from_bbox((0, 0, 3000, 3000), crs=LAEA, resolution=500)
    found = warp.warp(raster.values, raster, fine)
    assert np.isnan(found).sum() == 4 and np.isnan(found[2:4, 2:4]).all()
    known = found[~np.isnan(found)]
    assert known.min() >= 1 and known.max() <= 9
    assert found[0, 0] == 1  # beyond the centre of the outermost pixel its value holds


def test_a_pixel_at_the_centre_of_a_cell_keeps_its_value():
    values = np.random.default_rng(0).random((20, 20)).astype("float32")
    raster = rasters.Raster(
        values, Affine(1000, 0, 0, 0, -1000, 20_000), rasterio.CRS.from_string(LAEA),
        (1000.0, 1000.0),
    )  # fmt: skip
    same = GeoBox.from_bbox((0, 0, 20_000, 20_000), crs=LAEA, resolution=1000)
    np.testing.assert_allclose(warp.warp(values, raster, same), values, rtol=1e-5)


@pytest.mark.parametrize("step", [0.003, 0.0083, 0.05])
def test_numbers_do_not_depend_on_the_margin_that_a_layer_was_clipped_with(tmp_path, step):
    (lon, lat), transform = degrees(step)
    values = np.sin(3 * lon) * np.cos(4 * lat) + np.random.default_rng(1).random(lon.shape)
    path = write(tmp_path / "layer.tif", values, transform)
    grid = GRID[100:260, 200:420]
    made = []
    for margin in (10_000, 90_000):
        clipped = tmp_path / f"{margin}.tif"
        rasters.clip(path, clipped, LAYER, grid, margin, {})
        made.append(warp.onto_grid(rasters.RasterFile(str(clipped)), grid))
    np.testing.assert_allclose(made[0], made[1], atol=2e-3 if step < 0.006 else 0)
    assert np.isfinite(made[0]).all()


def test_a_layer_is_clipped_in_pieces_scaled_and_tagged(tmp_path, monkeypatch):
    (lon, _), transform = degrees(0.01)
    path = write(tmp_path / "layer.tif", lon, transform)
    monkeypatch.setattr(rasters, "BLOCK", 50)
    layer = LAYER | {"scale": 10.0, "offset": -1.0}
    rasters.clip(path, tmp_path / "clipped.tif", layer, GRID[:50, :50], 5000, {"A": "b"})
    with rasterio.open(tmp_path / "clipped.tif") as clipped:
        assert clipped.tags()["A"] == "b"
        box, values = clipped.bounds, clipped.read(1)
        x = clipped.transform.c + clipped.transform.a * (np.arange(clipped.width) + 0.5)
        np.testing.assert_allclose(values, np.broadcast_to(10 * x - 1, values.shape), rtol=1e-6)
        assert rasters.pixel_size_m(clipped)[1] == pytest.approx(1111, rel=0.01)
        ends = values.min(), values.max()
    assert box.left > 72 and box.right < 76
    seen = []

    def tags(low, high):
        seen.append((low, high))
        return {"A": "c"}

    rasters.clip(path, tmp_path / "again.tif", layer, GRID[:50, :50], 5000, tags)
    assert seen == [pytest.approx(ends)]
    with rasterio.open(tmp_path / "again.tif") as clipped:
        assert clipped.tags()["A"] == "c"


def raster_of(values, pixel_m):
    """A raster window whose south-west corner is the origin of the grid's CRS."""
    values = np.asarray(values, "float32")
    transform = Affine(pixel_m, 0, 0, 0, -pixel_m, pixel_m * len(values))
    return rasters.Raster(values, transform, rasterio.CRS.from_string(LAEA), (pixel_m, pixel_m))


class Whole:
    """A layer that gives its one window whatever is asked for."""

    def __init__(self, raster):
        self.raster = raster

    def read(self, crs, bounds, margin=0.0):
        return self.raster


def square(side, cell):
    return GeoBox.from_bbox((0, 0, side, side), crs=LAEA, resolution=cell)


def test_between_the_centres_of_coarse_pixels_values_are_interpolated_on_both_axes():
    raster = raster_of([[0, 4], [8, 12]], 1000)
    found = warp.warp(raster.values, raster, square(2000, 500))
    expected = [[0, 1, 3, 4], [2, 3, 5, 6], [6, 7, 9, 10], [8, 9, 11, 12]]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_cell_a_little_wider_than_a_pixel_takes_all_pixels_within_its_own_width():
    """Pixels of 800 m on cells of 1000 m: weights 1 - distance / 1.25 pixels of both axes."""
    raster = raster_of([[0, 1, 3, 9, 1]] * 5, 800)
    found = warp.warp(raster.values, raster, square(4000, 1000))
    across = [0.3 / 1.2, (0.7 + 0.5 * 3) / 1.2, (0.5 * 3 + 0.7 * 9) / 1.2, (0.3 * 9 + 0.9) / 1.2]
    np.testing.assert_allclose(found, [across] * 4, atol=1e-3)
    turned = raster_of(raster.values.T, 800)
    found = warp.warp(turned.values, turned, square(4000, 1000))
    np.testing.assert_allclose(found, np.transpose([across] * 4), atol=1e-3)


def test_of_finer_pixels_a_cell_is_the_mean_of_the_known_ones():
    raster = raster_of([[1, 2, 5, 5], [3, 6, 5, np.nan], [0, 0, 1, 1], [0, 8, 1, 1]], 500)
    found = warp.warp(raster.values, raster, square(2000, 1000))
    np.testing.assert_allclose(found, [[3, 5], [2, 1]], rtol=1e-6)


def test_counts_keep_their_sum_and_classes_become_scores():
    people = Whole(raster_of(np.full((4, 4), 8), 500))
    np.testing.assert_allclose(warp.onto_grid(people, square(2000, 1000), counts=True), 32)
    np.testing.assert_allclose(warp.onto_grid(people, square(2000, 250), counts=True), 2)
    kinds = Whole(raster_of([[1, 2], [3, 1]], 1000))
    scores = {"1": 1.0, "2": 0.25, "3": 0.5}
    found = warp.onto_grid(kinds, square(2000, 1000), scores=scores)
    np.testing.assert_allclose(found, [[1, 0.25], [0.5, 1]], atol=1e-4)


def test_where_a_layer_has_no_cell_the_tiles_are_unknown(monkeypatch):
    monkeypatch.setattr(warp, "TILE", 2)

    class West(Whole):
        def read(self, crs, bounds, margin=0.0):
            if bounds[0] >= 2000:
                raise rasters.NoOverlapError("nothing there")
            return self.raster

    west = West(raster_of(np.full((4, 4), 7), 1000))
    found = warp.onto_grid(west, square(4000, 1000))
    np.testing.assert_array_equal(found, [[7, 7, np.nan, np.nan]] * 4)


@pytest.mark.parametrize("shift", [0, 300])
def test_a_block_of_a_grid_has_the_numbers_of_the_whole(monkeypatch, shift):
    """Also of a grid that lies beside the lattice of its cells."""
    monkeypatch.setattr(warp, "TILE", 4)
    values = np.random.default_rng(3).random((24, 24))
    source = Whole(raster_of(values, 500))
    box = (1000 + shift, 1000 + shift, 11_000 + shift, 11_000 + shift)
    grid = GeoBox.from_bbox(box, crs=LAEA, resolution=1000, tight=True)
    assert grid.boundingbox.left == 1000 + shift
    whole = warp.onto_grid(source, grid)
    np.testing.assert_array_equal(warp.onto_grid(source, grid[3:8, 2:9]), whole[3:8, 2:9])
    if not shift:  # row 0 of the grid lies 1 km below the top of the raster
        np.testing.assert_allclose(whole[0, 0], values[2:4, 2:4].mean(), rtol=1e-5)
