"""Surfaces: from layers to one number for each cell of any grid.

`registry` holds the kinds by name; `terrain`, `proximity`, `travel_time` and `fieldwork` make them.
"""

from manul.surfaces import fieldwork, proximity, terrain, travel_time
from manul.surfaces.registry import KINDS, Sources, bands, block_size, make, on_block, windows

__all__ = [
    "KINDS",
    "Sources",
    "bands",
    "block_size",
    "fieldwork",
    "make",
    "on_block",
    "proximity",
    "terrain",
    "travel_time",
    "windows",
]
