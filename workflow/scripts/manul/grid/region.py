"""The region's grid, and how far it reaches."""

from functools import cache

from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox
from pyproj import CRS, Transformer

from manul.config.types import Region


def bounds(grid: GeoBox, margin_m: float = 0.0) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of the grid in its CRS, widened by a margin."""
    box = grid.boundingbox
    return box.left - margin_m, box.bottom - margin_m, box.right + margin_m, box.top + margin_m


def grid_of(region: Region) -> GeoBox:
    """The region's grid: cells of `cell_m` on a lattice through the origin of its CRS."""
    return _grid(tuple(region["bounds"]), region["crs"], region["cell_m"])


@cache
def _grid(bounds, crs, cell_m) -> GeoBox:
    to = Transformer.from_crs("EPSG:4326", CRS.from_user_input(crs), always_xy=True)
    box = BoundingBox(*to.transform_bounds(*bounds, densify_pts=101))
    return GeoBox.from_bbox(box, crs=crs, resolution=cell_m)
