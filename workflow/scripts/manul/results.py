"""Finished results as labelled, lazy arrays, for notebooks and analyses of one's own.

import manul

maps = manul.open_results("results/tien_shan/current")
maps["threat"].where(maps["key"]).mean().compute()
"""

from pathlib import Path

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
import yaml

from manul.config import load, selection
from manul.config.types import Config
from manul.grid import plain_files
from manul.grid.datasets import open_maps
from manul.grid.fields import Source
from manul.model import cells
from manul.model import outputs as model_outputs

INDEX = "outputs.csv"


class ResultsError(ValueError):
    """A folder that holds no finished results."""


def open_results(folder, names=None, chunks="auto", overview: int | None = None) -> xr.Dataset:
    """Every map of a scenario by name, dims (y, x), read only when its cells are asked for.

    `folder`: `results/REGION/SCENARIO`. `names`: only these maps (default: all). `chunks` as in
    `xarray.open_dataset`; None without Dask. `overview`: 0 for cells of twice the side, 1 of four
    times, and so on. Numbers are float32 with NaN for unknown; `key`, `breeding`, `suitable` and
    `key_degraded` are true or false; classes are uint8 with `flag_values` and `flag_meanings`, 255
    for unknown. Each map carries title, unit, sources, dates and data status in `attrs`, and the
    CRS through `.rio.crs`.

    Raises `ResultsError` for a folder without results or a name that it does not hold.
    """
    table = index(folder)
    wanted = list(table.index) if names is None else list(names)
    strange = [name for name in wanted if name not in table.index]
    if strange:
        raise ResultsError(f"there is no map {strange[0]!r}; there are {', '.join(table.index)}")
    rows = table.loc[wanted]
    rows = (
        rows[[(Path(folder) / file).exists() for file in rows["file"]]] if names is None else rows
    )
    sources = {name: _source(folder, row) for name, row in rows.iterrows()}
    made = open_maps(sources, chunks, overview)
    first = next(iter(made.values()), None)
    if first is not None:
        made.attrs = {k: v for k, v in first.attrs.items() if k in ("scenario", "species_status")}
    return made


def load_config(path) -> dict[str, Config]:
    """The effective config of every scenario of a region's file, by name; see `config.load`."""
    return load.load(yaml.safe_load(Path(path).read_text(encoding="utf-8")))


def evaluate(surfaces: xr.Dataset, config: Config) -> xr.Dataset:
    """Habitat, threats, quality and value at risk from surfaces, lazily, chunk by chunk.

    `surfaces`: maps by name, dims (y, x), as `open_results` gives them; one that the config names
    and the Dataset lacks is unknown everywhere. `config`: one scenario of `load_config`, perhaps
    with other numbers. Returns the maps that the workflow would make, by the same names.
    """
    model = selection.model(config)
    named = [*cells.inputs(*cells.parts(model["habitat"])), *cells.threat_inputs(model["threats"])]
    there = [name for name in dict.fromkeys(named) if name in surfaces]
    if not there:
        raise ResultsError(f"none of the surfaces {', '.join(named)} is in the Dataset")
    maps = model_outputs.habitat_maps(model["habitat"])
    maps += model_outputs.threat_maps(model) if model["threats"] else []
    bands = [band for m in maps for band in m.bands]

    def block(*arrays):
        given = dict(zip(there, (np.asarray(a, "float32") for a in arrays), strict=True))
        found = cells.habitat(given, model["habitat"])
        found |= cells.threats(given, found, model) if model["threats"] else {}
        return np.stack([np.asarray(found[band.key], "float32") for band in bands])

    lazy = [da.asarray(surfaces[name].data) for name in there]
    made = da.map_blocks(
        block, *lazy, dtype="float32", new_axis=0, chunks=((len(bands),), *lazy[0].chunks)
    )
    first = surfaces[there[0]]
    return xr.Dataset(
        {
            band.name: xr.DataArray(
                made[i], coords=first.coords, dims=first.dims,
                attrs={"long_name": band.title, "units": band.unit},
            )
            for i, band in enumerate(bands)
        }
    )  # fmt: skip


def export(maps: xr.Dataset, path) -> None:
    """Write maps to one netCDF (.nc) or Zarr (.zarr) file; needs the extra `export`.

    True and false become 1 and 0; 255 stays unknown in classes.
    """
    kind = Path(path).suffix
    if kind not in (".nc", ".zarr"):
        raise ResultsError(f"{path}: found {kind or 'no ending'}, expected .nc or .zarr")
    plain = maps.map(lambda a: a.astype("uint8") if a.dtype == bool else a, keep_attrs=True)
    coding = {n: {"_FillValue": 255} for n, a in plain.items() if "flag_values" in a.attrs}
    if kind == ".nc":
        plain.to_netcdf(path, engine="h5netcdf", encoding=coding)
    else:
        plain.to_zarr(path, mode="w", encoding=coding)


def index(folder) -> pd.DataFrame:
    """Every map of a scenario: file (from its folder), band, title, unit, layers behind, public."""
    path = Path(folder) / INDEX
    if not path.is_file():
        raise ResultsError(f"{folder} holds no {INDEX}; give a folder like results/REGION/SCENARIO")
    return plain_files.read_table(path).set_index("map")


def sources(folder) -> dict[str, Source]:
    """Where each map of the index lies, by name."""
    return {str(name): _source(folder, row) for name, row in index(folder).iterrows()}


def index_table(maps: dict, home: str) -> pd.DataFrame:
    """The table that `index` reads; `maps` as the graph tells them, `home` the scenario folder."""
    rows = [
        {
            "map": name,
            "title": m["title"],
            "file": _from(home, m["path"]),
            "band": m["band"],
            "unit": m["unit"],
            "classes": " ".join(map(str, m["codes"])),
            "public": m["public"],
            "layers": " ".join(m["layers"]),
        }
        for name, m in maps.items()
    ]
    return pd.DataFrame(rows)


def _from(home, path) -> str:
    """A path as seen from a scenario's folder, also of another scenario's."""
    above = [Path(home), *Path(home).parents]
    steps = next(i for i, folder in enumerate(above) if Path(path).is_relative_to(folder))
    return str(Path(*[".."] * steps, Path(path).relative_to(above[steps])))


def _source(folder, row) -> Source:
    codes = tuple(map(int, str(row["classes"]).split())) if pd.notna(row["classes"]) else ()
    unit = row["unit"] if pd.notna(row["unit"]) else ""
    return Source(str(Path(folder) / row["file"]), int(row["band"]), row["title"], unit, codes)
