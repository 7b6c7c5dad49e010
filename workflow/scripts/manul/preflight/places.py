"""Where a layer lies: coordinates that its coordinate system cannot hold."""

from collections.abc import Iterator

import numpy as np
import shapely
from pyproj import CRS, Proj

from manul.preflight.findings import Problem, bad

WORLD = (-180, -90, 180, 90)
SWAPPED = "Longitude and latitude seem to be swapped: swap them"
ROUND_WORLD = (-181, -91, 361, 91)  # rasters stand out by half a cell or count longitude to 360


def impossible(name, block, crs, box, region, row="", world=WORLD) -> Iterator[Problem]:
    """Coordinates that their CRS cannot hold; boxes are (west, south, east, north)."""
    far = max(map(abs, box))
    found = "coordinates " + corners(box)
    expected = "longitude -180 to 180 and latitude -90 to 90"
    if not np.isfinite(far):
        yield bad(name, block, found, "finite coordinates", "Correct the geometry", row)
    elif not crs.is_geographic and far <= 360:
        yield bad(
            name, block, f"{found} in the metres of {crs.name}", "metres",
            "The CRS says metres but the numbers look like degrees: assign EPSG:4326", row,
        )  # fmt: skip
    elif crs.is_geographic and far > 360:
        yield bad(
            name, block, f"{found} in degrees", expected,
            "The CRS says degrees but the numbers look like metres: assign the right CRS", row,
        )  # fmt: skip
    elif crs.is_geographic and not shapely.box(*world).covers(shapely.box(*box)):
        why = "Coordinates lie outside the world: correct them"
        if is_swapped(box, region):
            why = SWAPPED
        elif shapely.box(*ROUND_WORLD).covers(shapely.box(*box)):
            why = "Longitudes seem to run from 0 to 360: take 360 from those above 180"
        yield bad(name, block, found, expected, why, row)


def off_by(region) -> tuple[float, float]:
    """By which share areas and distances of the region's grid are off, at most, in its bounds."""
    west, south, east, north = region["bounds"]
    lon, lat = np.meshgrid(np.linspace(west, east, 9), np.linspace(south, north, 9))
    scales = Proj(CRS.from_user_input(region["crs"])).get_factors(lon, lat)
    sides = np.array([scales.tissot_semimajor, scales.tissot_semiminor])
    return float(np.abs(scales.areal_scale - 1).max()), float(np.abs(sides - 1).max())


def corners(box) -> str:
    west, south, east, north = (f"{number:.6g}" for number in box)
    return f"{west}, {south} to {east}, {north}"


def of_region(config, told) -> list[Problem]:
    """One problem in place of those of most layers, if the region itself has its axes swapped."""
    region = config["region"]
    west, south, east, north = region["bounds"]
    files = sum("path" in block for block in config["layers"].values())
    if 2 * sum(problem.mend == SWAPPED for problem in told) <= files:
        return []
    return [
        Problem(
            "error", "region", field="bounds", value=str(region["bounds"]),
            expected="west, south, east, north in degrees",
            mend="Most layers lie where longitude and latitude are swapped: write "
            f"{[south, west, north, east]}",
        )
    ]  # fmt: skip


def is_swapped(box, region) -> bool:
    west, south, east, north = box
    left, bottom, right, top = region["bounds"]
    return south < right and north > left and west < top and east > bottom
