"""What a map sheet is told: the words around it, the ground under it, how values are coloured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import geopandas as gpd
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, LinearSegmentedColormap

INK, QUIET, WARNING = "#1d2328", "#59626a", "#9c2a10"
NODATA_FILL, NODATA_HATCH = "#e3e3e1", "#9a9a98"
NOTHING_COLOUR = "#d9d6cf"  # for a category that means "none of these"

# Each runs from light to dark: it survives a grey copy and every kind of colour vision.
PALETTES = {
    "habitat": ("#faf6e6", "#d3e0a8", "#86bd82", "#3a8f7b", "#1b5e6b", "#12324c"),
    "threat": ("#fdf5e2", "#fbcf8f", "#f39350", "#d75a54", "#963070", "#4a1767"),
    "risk": ("#f8f4ee", "#ecd5c0", "#dda98a", "#bd7265", "#8a4150", "#4b1f35"),
    "quiet": ("#fbfaf7", "#ebe8df", "#d6d2c6", "#bcb8ab"),
}
# Paul Tol's "muted" set (personal.sron.nl/~pault): nine colours told apart with any colour vision.
# Its cyan stands last, since lakes are light blue.
QUALITATIVE = (
    *("#CC6677", "#332288", "#DDCC77", "#117733", "#882255"),
    *("#44AA99", "#999933", "#AA4499", "#88CCEE"),
)
# A status that is not listed is printed as it is, without a mark.
STATUS_MARKS = {"reconstructed": "†", "approximate": "‡", "illustrative": "✱"}
INVENTED = "illustrative"


class Source(NamedTuple):
    """One row of the sheet's data table."""

    title: str
    date: str
    status: str
    source: str


@dataclass(frozen=True)
class Sheet:
    """The words on the face of a map; `notice` is boxed and never shortened.

    `rows`: for so many rows of the data table room is kept, so that all sheets of a run have maps
    of one size and scale; 0: for those that there are.
    """

    title: str
    subtitle: str
    notice: str = ""
    limitations: Sequence[str] = ()
    sources: Sequence[tuple[str, str, str, str]] = ()
    footer: Sequence[str] = ()
    page: str = "A3"
    rows: int = 0


@dataclass(frozen=True)
class Context:
    """What helps the reader to find the place; every layer already in the map's CRS.

    `settlements` has columns `name` and `population` (persons, NaN = not known); `lakes` and
    `provinces` may have `name`, provinces `country`. `relief` is the file of an elevation model.
    `region` (polygons) hides the cells outside it and keeps them out of the legend's shares;
    without it the whole raster is the region. `statuses`: the data status of layers, by role.
    """

    borders: gpd.GeoDataFrame | None = None
    provinces: gpd.GeoDataFrame | None = None
    lakes: gpd.GeoDataFrame | None = None
    settlements: gpd.GeoDataFrame | None = None
    roads: gpd.GeoDataFrame | None = None
    railways: gpd.GeoDataFrame | None = None
    protected_areas: gpd.GeoDataFrame | None = None
    rivers: gpd.GeoDataFrame | None = None
    mines: gpd.GeoDataFrame | None = None
    relief: str | None = None
    region: gpd.GeoDataFrame | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Classes:
    """Named classes; a limit belongs to the class above it. One limit fewer than names, rising.

    `told`: whether the legend tells the limits; those of yes and no mean nothing to a reader.
    """

    bounds: tuple[float, ...]
    names: tuple[str, ...]
    told: bool = True

    def __post_init__(self):
        if len(self.names) != len(self.bounds) + 1:
            raise ValueError(
                f"{len(self.bounds)} class limits need {len(self.bounds) + 1} names, "
                f"found {len(self.names)}: {self.names}"
            )
        if any(np.diff(self.bounds) <= 0):
            raise ValueError(f"class limits must rise, found {self.bounds}")


@dataclass(frozen=True)
class Scale:
    """How a number becomes a colour; `palette` is a key of PALETTES or one of matplotlib's."""

    label: str
    unit: str = "0 to 1"
    vmin: float = 0.0
    vmax: float = 1.0
    palette: str = "habitat"
    classes: Classes | None = None


@dataclass(frozen=True)
class Land:
    """What the shares of a legend are shares of: some cells of the grid, and their name.

    `in_part` says what is lacking where a map shows only a part of what it should, and
    `in_part_share` on how much of which land; "" where nothing is.
    """

    cells: np.ndarray | None = None  # booleans, shape of the map; None: all
    name: str = "the region"
    what: str = "land and water"
    in_part: str = ""
    in_part_share: str = ""


@dataclass(frozen=True)
class Category:
    """One class of a categorical map."""

    code: int
    label: str
    colour: str = ""


@dataclass(frozen=True)
class Panel:
    """One map of a small-multiples sheet; `status` is the data status of what went into it.

    `overlays` are drawn over the values as they are: a cell of the map would swallow what is small.
    """

    title: str
    subtitle: str
    values: np.ndarray
    status: str = "measured"
    overlays: Sequence["Overlay"] = ()


@dataclass(frozen=True)
class Overlay:
    """Polygons, lines or points over a map; `style` is in matplotlib's words (facecolor, hatch)."""

    features: gpd.GeoDataFrame
    label: str
    style: Mapping[str, object] = field(default_factory=dict)


def palette(name: str) -> Colormap:
    """The colour map of this name; values outside its range take the end colours."""
    if name in PALETTES:
        return LinearSegmentedColormap.from_list(name, PALETTES[name])
    if name in colormaps:
        return colormaps[name]
    raise ValueError(f"unknown palette {name!r}; choose from {', '.join(sorted(PALETTES))}")


def with_colours(categories: Sequence[Category]) -> list[Category]:
    """Give each category that has no colour the next one of QUALITATIVE."""
    spare = iter(colour for colour in QUALITATIVE if colour not in {c.colour for c in categories})
    try:
        return [replace(c, colour=c.colour or next(spare)) for c in categories]
    except StopIteration:
        raise ValueError(
            f"{len(categories)} categories cannot be told apart by colour; "
            f"at most {len(QUALITATIVE)} without a colour of their own"
        ) from None


def marked(status: str) -> str:
    """The data status with its mark, if it has one."""
    return f"{STATUS_MARKS.get(status, '')} {status}".strip()
