"""From one coordinate system to another."""

from functools import cache

from pyproj import Transformer


@cache
def transformer(source, target) -> Transformer:
    """x, y (longitude first) in `source` to x, y in `target`; made once, as that takes long.

    Both as a code, a text that PROJ reads, or a CRS of pyproj.
    """
    return Transformer.from_crs(source, target, always_xy=True)
