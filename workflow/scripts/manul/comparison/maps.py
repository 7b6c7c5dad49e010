"""Maps of the difference between two runs, as rasters and as small pictures."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import rasterio
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, ListedColormap, Normalize
from rasterio.windows import Window

from manul import __version__, digests
from manul.comparison.mixtures import Pair
from manul.grid import block_maps, map_tags, provenance
from manul.maps.spec import NOTHING_COLOUR, PALETTES
from manul.pages import figures

MOST = 700  # cells along the side of a picture
BETTER, WORSE = PALETTES["habitat"][1:5], PALETTES["threat"][1:5]
MIDDLE = "#fbfaf7"
CHANGES = {
    "habitat": ("Habitat", BETTER),
    "threat": ("Cumulative threat", WORSE),
    "value_at_risk": ("Value at risk", WORSE),
}
GAINED, LOST, BOTH = 1, 2, 3
KEY_CLASSES = {0: "no key habitat in either run", GAINED: "gained", LOST: "lost", BOTH: "in both"}
SMALLEST = 0.01  # the scale of colours of a picture reaches at least so far


def write(pair: Pair, folder: Path, run: Callable) -> dict[str, Path]:
    """Write the later run minus the earlier as rasters; `run` is `Job.run_here`. Paths by map."""
    names = [n for n in CHANGES if all(n in side.maps for side in pair.runs)]
    bands = {f"{name}_change": {f"{name} change": "-1..1"} for name in names}
    files = [_file(pair, folder, name, units) for name, units in bands.items()]
    files.append(_file(pair, folder, "key_change", {"key habitat": ""}, KEY_CLASSES))

    def made(rows, columns):
        at = rows, columns
        found = {
            f"{name}_change": {f"{name} change": pair.made(1, name, at) - pair.made(0, name, at)}
            for name in names
        }
        return found | {"key_change": {"key habitat": key_change(pair, at)}}

    run(made, files)
    return {file.name: Path(file.path) for file in files}


def key_change(pair: Pair, at) -> np.ndarray:
    """KEY_CLASSES of a window, uint8; 255 where habitat is unknown in both runs."""
    was, now = (pair.made(side, "key", at).astype(bool) for side in (0, 1))
    unknown = [np.isnan(pair.made(side, "habitat", at)) for side in (0, 1)]
    code = np.select([now & ~was, was & ~now, now & was], [GAINED, LOST, BOTH], 0)
    return np.where(unknown[0] & unknown[1], block_maps.CLASS_NODATA, code).astype("uint8")


def pictures(pair: Pair, paths: dict[str, Path], outline) -> tuple[list[str], list]:
    """Maps that are the same in both runs, by title, and (caption, PNG) of each other one.

    Of many cells under one dot the largest change is drawn.
    """
    bounds = tuple(pair.grid.boundingbox)
    names = [name for name in CHANGES if f"{name}_change" in paths]
    words = f"{pair.runs[1].label} minus {pair.runs[0].label}"
    of = {name: paths[f"{name}_change"] for name in names}
    same, out = change_pictures(of, bounds, outline, words)
    codes = reduced(paths["key_change"], _rarest)
    if not np.isin(codes, [GAINED, LOST]).any():
        return [*same, "key habitat"], out
    tints = ListedColormap([MIDDLE, BETTER[3], WORSE[2], NOTHING_COLOUR])
    classes = BoundaryNorm(np.arange(-0.5, 4), 4)
    png = figures.raster_map(codes, bounds, outline, (tints, classes), "", KEY_CLASSES)
    return same, [*out, ("Key habitat gained and lost; grey where nothing is known.", png)]


def change_pictures(
    paths: Mapping[str, Path | str], bounds, outline, minus: str
) -> tuple[list[str], list[tuple[str, bytes]]]:
    """Of maps of the change of CHANGES: those that are 0 everywhere, and pictures of the others.

    `minus` says in words what is subtracted from what. Of many cells under one dot the largest
    change is drawn.
    """
    out, same = [], []
    for name, path in paths.items():
        title, above = CHANGES[name]
        values = reduced(path, _largest)
        largest = float(np.nanmax(np.abs(values), initial=0))
        if not largest:
            same.append(title.lower())
            continue
        most = max(SMALLEST, largest)
        below = BETTER if above is WORSE else WORSE
        cmap = LinearSegmentedColormap.from_list(name, [*below[::-1], MIDDLE, *above])
        better = "lower" if above is WORSE else "higher"
        caption = (
            f"{title}, {minus}: green is better for the cat ({better}), orange to purple is worse."
        )
        colours = cmap, Normalize(-most, most)
        out.append(
            (caption, figures.raster_map(values, bounds, outline, colours, f"{title}: change"))
        )
    return same, out


def each_day(files: Mapping[str, str], bounds, outline, words: str, notice: str) -> list[bytes]:
    """A picture (PNG) of the first band of each file, by day, all on one scale of colours.

    The day stands on each, and beneath it the notice on what the data are.
    """
    found = {day: reduced(path, most) for day, path in files.items()}
    top = max((float(np.nanmax(values, initial=0)) for values in found.values()), default=0)
    tints = LinearSegmentedColormap.from_list("risk", PALETTES["risk"])
    colours = tints, Normalize(0, max(top, SMALLEST))
    return [
        figures.raster_map(values, bounds, outline, colours, words, title=day, foot=notice)
        for day, values in found.items()
    ]


def reduced(path, of: Callable, band: int = 1, most: int = MOST) -> np.ndarray:
    """A map with at most so many cells along its side; `of` makes one number of a square of cells.

    It is given an array (rows, step, columns, step) with NaN for unknown, and read in strips.
    """
    with rasterio.open(path) as source:
        step = -(-max(source.shape) // most)
        rows = max(1, 1024 // step) * step
        parts = []
        for row in range(0, source.height, rows):
            window = Window(0, row, source.width, min(rows, source.height - row))
            values = source.read(band, window=window, masked=True).astype("float32").filled(np.nan)
            down, across = (-side % step for side in values.shape)
            values = np.pad(values, ((0, down), (0, across)), constant_values=np.nan)
            shape = values.shape[0] // step, step, values.shape[1] // step, step
            parts.append(of(values.reshape(shape)))
    return np.concatenate(parts)


def most(cells) -> np.ndarray:
    """The largest number of each square of cells."""
    return np.fmax.reduce(cells, axis=(1, 3))


# ------------------------------------------------------------------------------------- helpers


def _largest(cells) -> np.ndarray:
    """The number that is farthest from zero."""
    low, high = (f(cells, axis=(1, 3)) for f in (np.fmin.reduce, np.fmax.reduce))
    return np.where(-low > high, low, high)


def _rarest(codes) -> np.ndarray:
    """Lost before gained before the other classes: what is small would not be seen."""
    out = np.fmax.reduce(codes, axis=(1, 3))
    for code in (GAINED, LOST):
        out = np.where((codes == code).any(axis=(1, 3)), code, out)
    return out


def _file(pair, folder, name, bands, categories=None) -> block_maps.MapFile:
    of = "key" if categories else name.removesuffix("_change")
    paths = [side.maps[of].path for side in pair.runs]
    record = provenance.merge(*(map_tags.read_provenance(path) for path in paths))
    before, after = pair.runs
    tags = {
        **map_tags.of_layers(record),
        "MANUL_REGION": after.config["region"]["name"],
        "MANUL_SCENARIO": after.config["scenario"],
        "MANUL_COMPARED": f"{after.label} minus {before.label}",
        "MANUL_VERSION": __version__,
    }
    digest = digests.digest(tags, [map_tags.made_from(path) for path in paths])
    path = folder / f"{name}.tif"
    return block_maps.MapFile(path, pair.grid, bands, tags, digest, categories, name=name)
