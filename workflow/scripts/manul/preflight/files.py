"""Preflight of the file of a layer: is it there, is it whole, and what do its readers say?"""

import difflib

from pyproj.exceptions import ProjError
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from manul.config.faults import RASTERS
from manul.grid import reach
from manul.grid.data_files import on_disk
from manul.preflight import rasters, vectors
from manul.preflight.findings import Problem, bad
from manul.records.check import RecordsError

CHECKS = dict.fromkeys(RASTERS, rasters.check)
CHECKS |= {"vector": vectors.check_vector, "records": vectors.check_records}
TO_FETCH = "Fetch it: snakemake --cores 1 retrieve --configfile FILE_OF_THE_REGION"


def check_file(name, block, config, tables) -> list[Problem]:
    """The problems of the file of one layer."""
    path = on_disk(block["path"])
    extent = block.get("extent")
    named = [block["path"], *([extent] if isinstance(extent, str) else [])]
    away = [bad(name, block, *told) for f in named for told in reach.beyond(f, config["allow"])]
    if away:
        return away
    if not path.exists():
        mend = TO_FETCH if "fetch" in block else nearest_files(path)
        return [bad(name, block, "no such file", "an existing file", mend)]
    if path.is_file() and path.stat().st_size == 0:
        return [bad(name, block, "an empty file (0 bytes)", "data", "Copy the file again")]
    try:
        return list(CHECKS[block["kind"]](name, block, config, tables))
    except RecordsError as error:
        why = " ".join(str(error).split())
        return [bad(name, block, "a table that cannot be used", "field records", why)]
    except (ProjError, CPLE_BaseError) as error:  # a grid of a building site, or no CRS at all
        found = f"a coordinate system that leads to no place on Earth ({_first_line(error)})"
        mend = "Export the file again in a known one, such as EPSG:4326 or UTM"
        return [bad(name, block, found, "a coordinate system of the Earth", mend)]
    except (RasterioError, OSError, RuntimeError, ValueError) as error:
        found = f"a file that cannot be read ({_first_line(error)})"
        kind = "raster" if block["kind"] in RASTERS else "vector layer or table"
        return [bad(name, block, found, f"a whole {kind}", "Copy or export the file again")]


def nearest_files(path) -> str:
    """The names in a folder that a path that is not there may have meant."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either; paths count from the project's folder"
    names = sorted(p.name for p in path.parent.iterdir())
    near = difflib.get_close_matches(path.name, names, 3, 0.5) or names[:12]
    return (
        f"The nearest names in its folder are {', '.join(near)}" if near else "The folder is empty"
    )


def _first_line(error) -> str:
    return str(error).partition("\n")[0].partition(";")[0].strip()[:300] or type(error).__name__
