"""Maps as labelled, lazy arrays: an xarray Dataset whose cells are read when they are asked for.

`open_maps` puts bands of many files on one grid into one Dataset, with units, titles, sources and
data status in `attrs`, classes as CF flags, and the CRS through `.rio`.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import rasterio
import rioxarray
import xarray as xr
from affine import Affine

from manul.grid import map_tags, provenance
from manul.grid.fields import Source

KEPT_TAGS = {
    "MANUL_NOTICE": "notice",
    "MANUL_DATA_STATUS": "data_status",
    "MANUL_DATA_DATES": "data_dates",
    "MANUL_SCENARIO": "scenario",
    "MANUL_VERSION": "manul_version",
    "MANUL_CONFIG_DIGEST": "config_digest",
    "MANUL_INPUTS_DIGEST": "inputs_digest",
    "MANUL_SPECIES_STATUS": "species_status",
}


def open_maps(
    sources: Mapping[str, Source], chunks: int | str | None = "auto", overview: int | None = None
) -> xr.Dataset:
    """The maps by name, dims (y, x), float32 with NaN, classes uint8 with 255, codes as booleans.

    `chunks` as in `xarray.open_dataset` (None: no Dask, read on access); `overview`: 0 halves the
    cells, 1 quarters them and so on. Errors: no such file; maps on different grids.
    """
    arrays = {name: _opened(source, chunks, overview) for name, source in sources.items()}
    for name, source in sources.items():
        if source.codes:
            arrays[name] = arrays[name].isin(source.codes).assign_attrs(arrays[name].attrs)
    _on_one_grid(arrays)
    return xr.Dataset(arrays)


def _on_one_grid(arrays) -> None:
    grids = {name: (a.sizes["y"], a.sizes["x"], a.rio.transform()) for name, a in arrays.items()}
    for name, grid in grids.items():
        first = next(iter(grids))
        if grid != grids[first]:
            raise ValueError(f"map {name!r} and map {first!r} do not lie on the same grid")


# ------------------------------------------------------------------------------------- helpers


def _opened(source: Source, chunks, overview) -> xr.DataArray:
    with rasterio.open(source.path) as raster:
        tags, there = raster.tags(), len(raster.overviews(source.band))
    if overview is not None and not 0 <= overview < there:
        raise ValueError(f"{source.path} has {there} overviews, found {overview}; the first is 0")
    options = {} if overview is None else {"overview_level": overview}
    chunks = {"x": 2048, "y": 2048} if chunks == "auto" else chunks
    array = rioxarray.open_rasterio(source.path, chunks=chunks, cache=False, **options)
    array = array.isel(band=source.band - 1, drop=True)
    attrs: dict[str, Any] = {"long_name": source.title, "units": source.unit}
    attrs |= {name: tags[tag] for tag, name in KEPT_TAGS.items() if tags.get(tag)}
    behind = provenance.load(tags.get("MANUL_LAYERS"))
    attrs["sources"] = json.dumps(
        {name: f"{layer['source']} ({layer['date']})" for name, layer in behind.items()},
        ensure_ascii=False,
    )
    classes = {} if source.codes else map_tags.classes(tags)
    if classes:
        attrs["flag_values"] = list(classes)
        attrs["flag_meanings"] = " ".join(name.replace(" ", "_") for name in classes.values())
    array.attrs = attrs
    return _with_true_cells(array, source.path, overview).rename(None)


def _with_true_cells(array, path, overview) -> xr.DataArray:
    """Coordinates of an overview's cells: GDAL squeezes them where the last one is a part cell."""
    if overview is None:
        return array
    with rasterio.open(path) as raster:
        at = raster.transform @ Affine.scale(2 ** (overview + 1))
    xs = at.c + at.a * (np.arange(array.sizes["x"]) + 0.5)
    ys = at.f + at.e * (np.arange(array.sizes["y"]) + 0.5)
    return array.assign_coords(x=xs, y=ys).rio.write_transform(at)
