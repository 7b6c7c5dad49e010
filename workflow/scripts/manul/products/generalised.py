"""Surfaces that rest on places that are not public, as means over areas that give none away."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from manul.grid import privacy
from manul.grid.fields import Fields
from manul.products.outlines import mean, sums

KNOWN = 0.5  # an area is known where at least this share of its cells is


@dataclass(frozen=True)
class Generalised:
    """The means of each band over areas; maps are worked out for a window when asked."""

    areas: privacy.Areas
    means: Mapping[str, np.ndarray]  # by band: of area 0, which is none, and of each area
    x: np.ndarray
    y: np.ndarray

    def maps(self, rows: slice, columns: slice) -> dict[str, dict[str, np.ndarray]]:
        """The surface in a window: its bands by name, float32."""
        at = self.areas.grid(self.x[columns], self.y[rows])
        return {"surface": {band: m[at].astype("float32") for band, m in self.means.items()}}


def find(fields: Fields, hidden: Sequence[Iterable], rules: Mapping) -> Generalised:
    """The areas and the mean of each band over the known cells of each.

    `fields` are the bands of the exact surface by name, `hidden` the shapes of each hidden layer,
    `rules` the block `privacy` with `reach_m`, how far a place reaches, and `margin_m`, how far
    around the region places were read.
    """
    box = fields.grid.boundingbox
    areas = _areas(box, hidden, rules)
    x, y = (fields.grid.coords[axis].values for axis in ("x", "y"))

    def numbers(rows, columns):
        return areas.grid(x[columns], y[rows])

    bands = {name: lambda at, name=name: at[name] for name in fields}
    every = {"every cell": lambda at: np.ones(next(iter(at.values())).shape)}
    found = sums(fields, numbers, len(areas), {**bands, **every})
    cells = found.pop("every cell")[1]
    means = {name: np.where(f[1] >= KNOWN * cells, mean(f), np.nan) for name, f in found.items()}
    return Generalised(areas, means, x, y)


def areas_of(box, shapes: Iterable, rules: Mapping) -> privacy.Areas:
    """The areas of one hidden layer; `box` has the region's left, bottom, right and top (m)."""
    return _areas(box, [shapes], rules)


def boxes_around(areas: privacy.Areas, shapes) -> np.ndarray:
    """For each shape the rectangle of the area that holds its middle."""
    middle = shapely.centroid(np.asarray(shapes))
    number = areas.of(shapely.get_x(middle), shapely.get_y(middle))
    return shapely.box(*areas.boxes()[number - 1].T)


def told_of(record: dict, hidden: Sequence[str], rules: Mapping) -> dict:
    """Provenance in which the hidden layers say how they are shown: `caveat`, `generalised`."""
    words = (
        f"places are not public: means over areas of {rules['cell_m'] / 1000:g} km or more with at "
        f"least {rules['least']} of them"
    )
    caveat = {n: "; ".join(filter(None, [record[n].get("caveat"), words])) for n in hidden}
    shown = {name: {"caveat": text, "generalised": True} for name, text in caveat.items()}
    return {name: layer | shown.get(name, {}) for name, layer in record.items()}


def _areas(box, hidden, rules) -> privacy.Areas:
    margin = rules["margin_m"]
    wide = (box.left - margin, box.bottom - margin, box.right + margin, box.top + margin)
    places = [privacy.places(shapes) for shapes in hidden]
    return privacy.areas(places, wide, rules["cell_m"], rules["least"], rules["reach_m"])
