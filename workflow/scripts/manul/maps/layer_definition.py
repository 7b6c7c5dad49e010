"""Maps of a scenario as one file of layers that QGIS adds with their colours (.qlr)."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.colors import to_hex

from manul.grid import plain_files, provenance
from manul.grid.fields import Source
from manul.grid.map_tags import read_provenance
from manul.grid.templates import template
from manul.maps.side_column import colouring
from manul.maps.spec import Category, Scale, marked, palette

HERE = Path(__file__).parent
STEPS = 11  # colours of a scale without classes
SHOWN = "habitat"  # the layer that is switched on


class Colour(NamedTuple):
    """A value, or the upper end of a class, with its colour and words."""

    value: str
    colour: str
    label: str


def write(
    path, title: str, maps: Mapping[str, Source], looks: Mapping[str, Scale | tuple[Category, ...]]
) -> None:
    """The maps that have `looks`, in the order of `maps`, with paths from the file's folder.

    A layer is called by its map's title, with the weakest data status behind it unless all is
    measured.
    """
    folder = Path(path).parent
    layers = [_layer(name, of, looks[name], folder) for name, of in maps.items() if name in looks]
    plain_files.write_text(path, template(HERE / "maps.qlr.j2").render(title=title, layers=layers))


# ------------------------------------------------------------------------------------- helpers


def _called(source) -> str:
    status = provenance.worst_status(read_provenance(source.path))
    return source.title if status == "measured" else f"{source.title} ({marked(status)})"


def _layer(name, source, look, folder) -> dict:
    ramp = isinstance(look, Scale)
    return {
        "id": name,
        "title": _called(source),
        "path": os.path.relpath(source.path, folder),
        "band": source.band,
        "shown": name == SHOWN,
        "scale": look if ramp else None,
        "colours": _colours(look) if ramp else [],
        "categories": [] if ramp else [Colour(str(c.code), c.colour, c.label) for c in look],
    }


def _colours(scale: Scale) -> list[Colour]:
    """Classes by their upper ends, the last without one; else steps from end to end."""
    if scale.classes:
        tints, _ = colouring(scale)
        ends = [*np.nextafter(scale.classes.bounds, -np.inf), np.inf]  # QGIS counts an end in
        named = zip(ends, scale.classes.names, strict=True)
        return [Colour(repr(float(e)), to_hex(tints(i)), n) for i, (e, n) in enumerate(named)]
    tints = palette(scale.palette)
    values = np.linspace(scale.vmin, scale.vmax, STEPS)
    parts = np.linspace(0, 1, STEPS)
    return [
        Colour(f"{v:g}", to_hex(tints(p)), f"{v:g}") for v, p in zip(values, parts, strict=True)
    ]
