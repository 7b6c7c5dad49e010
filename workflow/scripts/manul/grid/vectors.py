"""Vector files: read by bounds, written as GeoPackages that appear whole or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pyogrio
from odc.geo.geobox import GeoBox

from manul.grid.atomic import atomic
from manul.grid.burn import burn_inside
from manul.grid.map_tags import read_extent, read_provenance
from manul.grid.styles import Style
from manul.grid.styles import add as add_styles

# Reading a GeoPackage would otherwise leave a file of statistics beside it, and what is
# written would hold the time of the run, so that equal runs gave other bytes.
pyogrio.set_gdal_config_options(
    {"GDAL_PAM_ENABLED": False, "OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"}
)


NOT_DATA = ("layer_styles", "qgis_projects")  # tables that a GIS keeps beside the data
NO_LAYER = "nothing"


@dataclass(frozen=True)
class VectorFile:
    """A vector layer that `prepare` wrote: filtered, in the region's CRS, clipped with a margin."""

    path: str

    def read(self, bounds=None) -> gpd.GeoDataFrame:
        """The features that have a place, in the order of the file.

        With `bounds` (left, bottom, right, top) only those whose box touches it: the index of the
        file finds them, so that a block of a country reads no more than its own.
        """
        within = {} if bounds is None else {"bbox": bounds, "fid_as_index": True}
        return read_vector(self.path, **within)

    def rows(self) -> gpd.GeoDataFrame:
        """All rows, those without a place too; read once, as surfaces of records ask often."""
        return self._rows.copy()

    @cached_property
    def _rows(self) -> gpd.GeoDataFrame:
        return read_rows(self.path)

    @cached_property
    def extent(self):
        """The polygon, in the file's CRS, outside of which nothing is known; None: none."""
        return read_extent(self.path)

    @property
    def provenance(self) -> dict:
        """The layers behind this file."""
        return read_provenance(self.path)


def read_vector(path, layer=None, **options) -> gpd.GeoDataFrame:
    """The features of a vector layer that have a place."""
    table = read_rows(path, layer, **options).sort_index()
    return table[table.geometry.notna()].reset_index(drop=True)


def inside(mask: Sequence, grid: GeoBox) -> np.ndarray:
    """Which cells lie in the region's mask: a file of polygons, or none, and then all do."""
    return burn_inside(read_vector(mask[0]).geometry, grid) if mask else np.ones(grid.shape, bool)


def read_rows(path, layer=None, **options) -> gpd.GeoDataFrame:
    """A vector layer as it stands; rows without a place have no geometry."""
    return gpd.read_file(path, layer=layer, engine="pyogrio", **options)


def read_layers(path, wanted=None, **options) -> dict[str, gpd.GeoDataFrame]:
    """Every layer of a GeoPackage, by name; none for one that was written without layers.

    With `wanted` (names) only those of them that are there; `options` as those of `read_rows`.
    """
    names = [n for n, _ in pyogrio.list_layers(path) if n not in (NO_LAYER, *NOT_DATA)]
    kept = [name for name in names if wanted is None or name in wanted]
    return {name: read_vector(path, name, **options) for name in kept}


def write_vector(
    path,
    layers: Mapping[str, gpd.GeoDataFrame] | Iterator[tuple[str, gpd.GeoDataFrame]],
    tags: dict,
    styles: Mapping[str, Style] | None = None,
) -> None:
    """A GeoPackage with these layers; an empty layer is written with its columns.

    Pairs of name and layer are written as they come, those of one name one after the other into
    one layer. `styles` say how layers are drawn.

    Without any, it holds an empty layer `NO_LAYER`, so that its tags have a place.
    """
    if isinstance(layers, Mapping):
        none = {NO_LAYER: gpd.GeoDataFrame(geometry=[], crs="EPSG:4326")}
        layers = iter((layers or none).items())
    with atomic(path) as partial:
        partial.unlink()
        for name, table in layers:
            kind = None if table.geometry.notna().any() else "Unknown"
            pyogrio.write_dataframe(
                table,
                partial,
                layer=name,
                driver="GPKG",
                append=partial.exists(),
                dataset_metadata=tags,
                geometry_type=kind,
            )
            del table  # before the next one is made
        if styles:
            add_styles(partial, styles)
