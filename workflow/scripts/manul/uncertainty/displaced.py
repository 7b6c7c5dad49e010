"""Where things may be: a vector layer whose features are moved within their positional error.

The stated error is taken as the circle that holds the true place with 95 %. Points move each on
their own; lines and polygons by a smooth random field, so that what joins stays joined. A feature
moves alike whichever block reads it.
"""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from manul.grid.vectors import VectorFile

CIRCLE = 2.4477  # radius of the circle with 95 % of a normal distribution, in standard deviations
FARTHEST = 3  # standard deviations
LENGTHS = 4  # of the error: the distance over which the field changes
WAVES = 64


@dataclass(frozen=True)
class Displaced:
    """A layer of which one realisation of its places is read; the same for the same `seed`."""

    layer: VectorFile
    error_m: float
    seed: int

    def read(self, bounds=None) -> gpd.GeoDataFrame:
        """The moved features, as `VectorFile.read` gives them."""
        if bounds is None:
            return self._moved(self.layer.read())
        far = FARTHEST * self._sigma * np.array([-1, -1, 1, 1])
        return self._moved(self.layer.read(tuple(np.asarray(bounds) + far)))

    def rows(self) -> gpd.GeoDataFrame:
        """All rows, those without a place too."""
        return self._moved(self.layer.rows())

    @property
    def extent(self):
        """Where the layer was surveyed; not moved."""
        return self.layer.extent

    @property
    def _sigma(self) -> float:
        return self.error_m / CIRCLE

    def _moved(self, table) -> gpd.GeoDataFrame:
        if not self.error_m:
            return table
        shapes = table.geometry.to_numpy().copy()
        point = shapely.get_type_id(shapes) == shapely.GeometryType.POINT
        there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        single, extended = point & there, ~point & there
        shapes[single] = shapely.transform(shapes[single], self._scatter)
        moved = shapely.transform(shapes[extended], self._field)
        shapes[extended] = np.where(shapely.is_valid(moved), moved, shapely.make_valid(moved))
        return table.set_geometry(gpd.GeoSeries(shapes, index=table.index, crs=table.crs))

    def _scatter(self, xy) -> np.ndarray:
        """Each point by a normal step of its own, which its coordinates and the seed decide."""
        away = _normal(xy, self.seed)
        length = np.hypot(*away.T)[:, None]
        return xy + self._sigma * away * np.minimum(1, FARTHEST / np.maximum(length, 1e-9))

    def _field(self, xy) -> np.ndarray:
        """By a random field of Gaussian covariance, as a sum of waves (Rahimi and Recht 2007)."""
        rng = np.random.default_rng(self.seed)
        waves = rng.normal(0, 1 / (LENGTHS * self.error_m), (2, 2, WAVES))
        phase = rng.uniform(0, 2 * np.pi, (2, WAVES))
        steps = np.stack(
            [
                np.sqrt(2 / WAVES) * np.cos(xy @ waves[axis] + phase[axis]).sum(1)
                for axis in range(2)
            ],
            axis=1,
        )
        return xy + self._sigma * np.clip(steps, -FARTHEST, FARTHEST)


def _normal(xy, seed) -> np.ndarray:
    """Two standard normal numbers for each place, shape (places, 2)."""
    with np.errstate(over="ignore"):
        mixed = np.full(len(xy), seed, "uint64")
        for axis in np.round(np.asarray(xy) * 100).astype("int64").view("uint64").T:
            mixed = _scrambled(mixed ^ axis)
        u = [((_scrambled(mixed + np.uint64(i)) >> np.uint64(11)) + 0.5) / 2**53 for i in (1, 2)]
    radius = np.sqrt(-2 * np.log(u[0]))
    return np.stack([radius * np.cos(2 * np.pi * u[1]), radius * np.sin(2 * np.pi * u[1])], 1)


def _scrambled(z):
    """The finisher of SplitMix64 (Steele et al. 2014)."""
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
