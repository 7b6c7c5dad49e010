"""What a map or a vector file of this package says of itself, in its metadata."""

from collections.abc import Mapping
from pathlib import Path

import pyogrio
import rasterio
import shapely

from manul.grid import provenance

PROVENANCE_TAG = "MANUL_LAYERS"
EXTENT_TAG = "MANUL_EXTENT"
CLASSES_TAG = "CATEGORIES"


def of_layers(record: dict) -> dict[str, str]:
    """What a map says of the layers behind it: all of them, the notice, worst status, dates."""
    return {
        PROVENANCE_TAG: provenance.dump(record),
        "MANUL_NOTICE": provenance.notice(record),
        "MANUL_DATA_STATUS": provenance.worst_status(record),
        "MANUL_DATA_DATES": provenance.age(record),
    }


def made_from(path) -> list:
    """What decides the content of a file that this package wrote: its layers, config, inputs."""
    tags, names = _tags(path), (PROVENANCE_TAG, "MANUL_CONFIG_DIGEST", "MANUL_INPUTS_DIGEST")
    return [tags.get(name, str(path)) for name in names]


def read_provenance(path) -> dict:
    """The layers behind a raster or vector file that this package wrote."""
    return provenance.load(_tags(path).get(PROVENANCE_TAG))


def classes(tags: Mapping[str, str]) -> dict[int, str]:
    """What the numbers of a map of classes mean, from its metadata; empty for other maps."""
    listed = tags.get(CLASSES_TAG)
    pairs = [entry.split(" ", 1) for entry in listed.split("; ")] if listed else []
    return {int(code): name for code, name in pairs}


def read_classes(path) -> dict[int, str]:
    """What the numbers of a map of classes mean; empty for other maps."""
    return classes(_tags(path))


def read_extent(path):
    """Where the layer of a vector file was surveyed, in the file's CRS; None: everywhere."""
    text = _tags(path).get(EXTENT_TAG)
    return shapely.from_wkt(text) if text else None


def _tags(path) -> dict:
    """The metadata of a raster or of the first layer of a vector file."""
    if Path(path).suffix == ".tif":
        with rasterio.open(path) as source:
            return source.tags()
    layer = pyogrio.list_layers(path)[0][0]
    return pyogrio.read_info(path, layer=layer).get("dataset_metadata") or {}
