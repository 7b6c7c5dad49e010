"""Ground on fewer and larger cells, where all of it would be too much."""

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox


class Coarser:
    """`factor` x `factor` cells of `fine` as one of `grid`; the last ones may reach beyond it."""

    def __init__(self, fine: GeoBox, factor: int):
        self.fine, self.factor = fine, factor
        self.grid = fine.zoom_out(factor) if factor > 1 else fine

    def means(self, values: np.ndarray) -> np.ndarray:
        """The mean of what is known in each cell of `grid`, NaN where nothing is."""
        if self.factor == 1:
            return values
        blocks = xr.DataArray(values, dims=("row", "column")).coarsen(
            row=self.factor, column=self.factor, boundary="pad"
        )
        return blocks.mean().to_numpy()

    def middles(self, values: np.ndarray) -> np.ndarray:
        """What stands in the middle of each cell of `grid`."""
        at = (
            np.minimum(np.arange(n) * self.factor + self.factor // 2, size - 1)
            for n, size in zip(self.grid.shape, self.fine.shape, strict=True)
        )
        return values[np.ix_(*at)]

    def spread(
        self, values: np.ndarray, rows: slice = slice(None), columns: slice = slice(None)
    ) -> np.ndarray:
        """Values of `grid` on a window of `fine`, all of it if none is given."""
        spans = zip((rows, columns), self.fine.shape, strict=True)
        at = (np.arange(*span.indices(size)) // self.factor for span, size in spans)
        return values[np.ix_(*at)]
