"""Finished results as labelled, lazy arrays, for notebooks and analyses of one's own.

import manul

maps = manul.open_results("results/tien_shan/current")
maps["threat"].where(maps["key"]).mean().compute()
"""

from pathlib import Path

import pandas as pd
import xarray as xr

from manul.grid import plain_files
from manul.grid.datasets import Source, open_maps

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


def index(folder) -> pd.DataFrame:
    """Every map of a scenario: file (from its folder), band, title, unit, layers behind, public."""
    path = Path(folder) / INDEX
    if not path.is_file():
        raise ResultsError(f"{folder} holds no {INDEX}; give a folder like results/REGION/SCENARIO")
    return plain_files.read_table(path).set_index("map")


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
