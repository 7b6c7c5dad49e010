"""A STAC catalogue of the maps of a scenario, by which programs find and open them."""

import datetime
from collections.abc import Mapping
from pathlib import Path

import pystac
import rasterio

from manul import digests
from manul.grid import map_tags, provenance
from manul.grid.crs import transformer
from manul.grid.fields import Source

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"


def write(folder, title: str, day: str, maps: Mapping[str, Source]) -> None:
    """Write `catalog.json` and an item for each file of maps into a folder, with relative links.

    title: of the region and scenario. day: as of which the maps are (YYYY-MM-DD). maps: by name;
    maps of one file are bands of one item.
    """
    when = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC)
    catalogue = pystac.Catalog("maps", f"The maps of {title}, as of {day}.", title=title)
    files: dict[str, dict[str, Source]] = {}
    for name, source in maps.items():
        files.setdefault(source.path, {})[name] = source
    for path, bands in files.items():
        if Path(path).exists():
            catalogue.add_item(_item(_called(Path(path), Path(folder)), Path(path), bands, when))
    catalogue.normalize_hrefs(str(folder))
    for item in catalogue.get_items():
        item.make_asset_hrefs_relative()
    catalogue.save(pystac.CatalogType.SELF_CONTAINED)


# ------------------------------------------------------------------------------------- helpers


def _called(path, folder) -> str:
    """The name of an item: that of the file, with the folders that lead to it from the maps'."""
    home = folder.resolve().parent
    way = path.resolve().with_suffix("")
    below = way.relative_to(home if way.is_relative_to(home) else home.parent)
    return "-".join(below.parts)


def _item(name, path, bands, when) -> pystac.Item:
    with rasterio.open(path) as raster:
        box, crs, shape, affine = raster.bounds, raster.crs, raster.shape, raster.transform
    record = map_tags.read_provenance(str(path))
    lonlat = transformer(crs.to_wkt(), 4326)
    west, south, east, north = (round(x, 6) for x in lonlat.transform_bounds(*box, densify_pts=21))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    first = next(iter(bands.values()))
    properties = {
        "title": first.title if len(bands) == 1 else path.stem.replace("_", " "),
        "proj:code": f"EPSG:{crs.to_epsg()}" if crs.to_epsg() else None,
        "proj:wkt2": crs.to_wkt(version="WKT2_2019"),
        "proj:shape": list(shape),
        "proj:transform": [*affine][:6],
        "manul:data_status": provenance.worst_status(record),
        "manul:data_dates": provenance.age(record),
        "manul:notice": provenance.notice(record),
        "manul:run": digests.digest(*map_tags.made_from(str(path))),
    }
    item = pystac.Item(
        name, {"type": "Polygon", "coordinates": [ring]}, [west, south, east, north], when,
        properties, stac_extensions=[PROJECTION],
    )  # fmt: skip
    told = [
        {"name": name, "description": of.title} | ({"unit": of.unit} if of.unit else {})
        for name, of in sorted(bands.items(), key=lambda pair: pair[1].band)
        if not of.codes
    ]
    extra = {"bands": told} if told else {}
    asset = pystac.Asset(
        str(path.absolute()), media_type=pystac.MediaType.COG, roles=["data"], extra_fields=extra
    )
    item.add_asset("map", asset)
    return item
