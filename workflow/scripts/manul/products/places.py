"""Places: neighbouring zones of one rule joined into sites that a person can go to and name."""

import heapq

import geopandas as gpd
import numpy as np
import shapely

from manul.grid.crs import transformer

TOUCH_M = 10.0  # zones nearer than this are neighbours: outlines are rounded


def joined(shapes, same: np.ndarray, worth: np.ndarray, km2: np.ndarray, most_km2: float):
    """The place of each zone: numbers from 0, in the order of the best zone of each; shape (n,).

    Zones join if they touch and are alike in `same`. A place grows from the zone that is worth most
    to its best neighbour, and so on, as long as its area (of its zones, `km2`) stays within
    `most_km2`; a larger zone is a place of its own.
    """
    shapes, worth = np.asarray(shapes, object), np.nan_to_num(np.asarray(worth, float))
    a, b = shapely.STRtree(shapes).query(shapes, "dwithin", distance=TOUCH_M)
    alike = (a != b) & (same[a] == same[b])
    order = np.argsort(a[alike], kind="stable")
    counts = np.bincount(a[alike], minlength=len(shapes))
    near = np.split(b[alike][order], np.cumsum(counts)[:-1])
    out, number = np.full(len(shapes), -1), 0
    for start in np.argsort(-worth, kind="stable"):
        if out[start] >= 0:
            continue
        waiting, area = [(-worth[start], int(start))], 0.0
        seen = {int(start)}
        while waiting:
            _, zone = heapq.heappop(waiting)
            if area and area + km2[zone] > most_km2:
                continue
            out[zone], area = number, area + km2[zone]
            for other in near[zone]:
                if out[other] < 0 and int(other) not in seen:
                    seen.add(int(other))
                    heapq.heappush(waiting, (-worth[other], int(other)))
        number += 1
    return out


def within(shapes, layers) -> list[list[str]]:
    """The names of the areas of each layer in which most of a shape lies, layer by layer."""
    shapes = np.asarray(shapes, object)
    out: list[list[str]] = [[] for _ in shapes]
    for layer in layers:
        areas = shapely.make_valid(layer.geometry.to_numpy())
        shape, area = shapely.STRtree(areas).query(shapes, "intersects")
        shared = shapely.intersection(shapes[shape], areas[area])
        size = np.where(
            shapely.area(shapes[shape]) > 0, shapely.area(shared), shapely.length(shared)
        )
        for i in np.unique(shape):
            mine = shape == i
            name = layer["name"].iloc[area[mine][size[mine].argmax()]]
            if isinstance(name, str) and name:
                out[i].append(name)
    return out


def coordinates(shapes: gpd.GeoSeries) -> dict[str, list]:
    """Where a point inside each shape lies: longitude and latitude (degrees), `dms`, `utm`."""
    inside = gpd.GeoSeries(shapely.point_on_surface(shapes.to_numpy()), crs=shapes.crs)
    points = inside.to_crs("EPSG:4326")
    lon, lat = points.x.round(4).tolist(), points.y.round(4).tolist()
    return {
        "longitude": lon,
        "latitude": lat,
        "dms": [f"{_dms(y, 'NS')} {_dms(x, 'EW')}" for x, y in zip(lon, lat, strict=True)],
        "utm": [_utm(x, y) for x, y in zip(lon, lat, strict=True)],
    }


# ------------------------------------------------------------------------------------- helpers


def _dms(degrees, ends) -> str:
    """41.7134 as 41°42'48"N."""
    seconds = round(abs(degrees) * 3600)
    whole, rest = divmod(seconds, 3600)
    return f"{whole}°{rest // 60:02d}'{rest % 60:02d}\"{ends[degrees < 0]}"


def _utm(lon, lat) -> str:
    """Zone, easting and northing (m) as '43N 398234 4618523'."""
    zone = min(int((lon + 180) // 6), 59) + 1
    code = (32600 if lat >= 0 else 32700) + zone
    east, north = transformer(4326, code).transform(lon, lat)
    return f"{zone}{'N' if lat >= 0 else 'S'} {east:.0f} {north:.0f}"
