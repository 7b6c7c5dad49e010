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
    assert box.left > 72 and box.right < 76
