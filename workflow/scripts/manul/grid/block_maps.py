"""Maps that are made block by block: each block a file of its own, then one finished raster.

A block that was once written is kept until the map is finished, so a job that was killed goes on
where it stopped, and blocks may be written by threads or by the workers of a cluster without
waiting for each other. Blocks are kept under a digest of what the map is made from: blocks of other
inputs are never taken. The finished raster is a Cloud Optimized GeoTIFF with overviews; a block
holds its tiles as they will stand there, and those of its overviews, so joining copies bytes.
"""

import glob
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from manul.grid import cog, map_tags
from manul.grid.atomic import atomic
from manul.grid.cog import Block

# Blocks are read and written once: GDAL's own cache, a share of the machine, is only memory. It is
# asked for once, before the first raster, in a job as in the worker of a cluster.
os.environ.setdefault("GDAL_CACHEMAX", "128")

CLASS_NODATA = 255
TILE = cog.TILE
OVERVIEW_BLOCK = 1024  # cells along the side of what the coarser overviews are made from


@dataclass(frozen=True)
class MapFile:
    """A map to be made: where, on which grid, its bands (name: unit), its metadata.

    With `categories` (code: name) the map is uint8 with 255 for nodata, else float32 with NaN.
    `digest` names what the map is made from. Blocks end on tiles, or at the map's border.
    """

    path: Path
    grid: GeoBox
    bands: dict[str, str]
    tags: dict[str, str]
    digest: str
    categories: dict[int, str] | None = None
    name: str = ""  # by which what makes it knows it; that of the file if not given
    tile: int = field(default_factory=lambda: TILE)  # cells along its side
    parts: Path = field(init=False)
    joined: Path = field(init=False)  # of a name that no other job has, should two run

    def __post_init__(self):
        path = Path(self.path).resolve()
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "name", self.name or path.stem)
        object.__setattr__(self, "parts", path.parent / f".{path.stem}-{self.digest}.parts")
        object.__setattr__(self, "joined", self.parts / f"joined-{uuid.uuid4().hex}.tif")

    @property
    def dtype(self) -> str:
        """float32 for numbers, uint8 for classes."""
        return "uint8" if self.categories else "float32"

    @property
    def nodata(self) -> float:
        """What stands for unknown."""
        return CLASS_NODATA if self.categories else np.nan

    def told(self, tags: dict[str, str]) -> "MapFile":
        """The same map with more metadata."""
        return replace(self, tags=self.tags | tags)

    @property
    def form(self) -> cog.Form:
        """What its cells are."""
        return cog.Form(len(self.bands), self.dtype, self.nodata, self.tile)

    def part(self, block: Block) -> Path:
        """The file of one block."""
        return self.parts / "-".join(map(str, block)) / "block.tif"

    def write(self, block: Block, arrays) -> None:
        """Write one array for each band of a block; a full disk raises and leaves nothing.

        ValueError if the block cuts a tile, or for arrays of another shape or kind.
        """
        number = self.form.depth(block, self.grid.shape)
        values = np.stack([self._plain(a) for a in arrays])
        expected = (len(self.bands), block[1] - block[0], block[3] - block[2])
        if values.shape != expected:
            raise ValueError(f"{self.path.name}: {values.shape} cells for a block of {expected}")
        self._keep(self.part(block), cog.overviews(values, self.form, number))

    def join(self, blocks: Iterable[Block]) -> None:
        """Join the blocks to a raster that lies among them; a full disk raises and leaves nothing.

        What a killed try left there goes with the blocks.
        """
        try:
            self._join(list(blocks), self.joined)
        except Exception as fault:  # GDAL has many words for a full disk, "unknown" among them
            self.joined.unlink(missing_ok=True)
            free = shutil.disk_usage(self.path.parent).free // 2**20
            raise OSError(
                f"{self.path} could not be written ({free} MiB of its disk are free): {fault}. "
                f"Its blocks are kept for the next run."
            ) from fault

    def publish(self) -> None:
        """Give the joined raster its name; remove its blocks and those of other inputs."""
        self.joined.replace(self.path)
        for old in self.path.parent.glob(f".{glob.escape(self.path.stem)}-????????????????.parts"):
            # The map is finished, even if a lost worker is still writing a block of it.
            shutil.rmtree(old, ignore_errors=True)

    def _plain(self, array) -> np.ndarray:
        array = np.asarray(array)
        if self.categories and array.dtype != "uint8":
            raise ValueError(f"{self.path.name}: classes are uint8, found {array.dtype}")
        return array.astype(self.dtype, copy=False)

    def _keep(self, path, arrays) -> None:
        with atomic(path) as partial:
            partial.write_bytes(cog.encode(arrays, self.form))

    def _join(self, blocks, path) -> None:
        shape = self.grid.shape
        if not blocks:
            raise ValueError("there is no block to join")
        level = min(self.form.depth(block, shape) for block in blocks)
        pieces = [cog.Piece(self.part(block), block, range(level + 1)) for block in blocks]
        finest = pieces
        while level + 1 < len(self.form.shapes(shape)):
            finest = self._overviews(finest, level)
            pieces += finest
            level = finest[0].levels[-1]
        cog.join(path, pieces, shape, self.form, self._describe)

    def _overviews(self, pieces, level) -> list[cog.Piece]:
        """Make the overviews beyond a level, which no block could make alone."""
        size = self.form.shapes(self.grid.shape)[level]
        blocks = squares(size, OVERVIEW_BLOCK)
        number = min(self.form.depth(block, size) for block in blocks)
        out, near = [], cog.near(pieces, level)
        for block in blocks:
            # No block of the map itself has such a name, also where both begin and end alike.
            path = self.parts / f"overviews-of-{level}" / "-".join(map(str, block)) / "block.tif"
            piece = cog.Piece(path, block, range(level + 1, level + number + 1), level)
            values = cog.decode(near(block), level, block, self.form)
            self._keep(piece.path, cog.overviews(values, self.form, number)[1:])
            out.append(piece)
        return out

    def _describe(self, raster) -> None:
        """Tell an open raster where it lies, what its bands are, and all metadata."""
        raster.crs, raster.transform = str(self.grid.crs), self.grid.affine
        tags = dict(self.tags)
        if self.categories:
            tags[map_tags.CLASSES_TAG] = "; ".join(
                f"{c} {name}" for c, name in self.categories.items()
            )
        raster.update_tags(**tags)
        for i, (name, unit) in enumerate(self.bands.items(), 1):
            raster.set_band_description(i, f"{name} [{unit}]" if unit else name)
            raster.set_band_unit(i, unit)


def make(work: Callable, files: list[MapFile], block: Block) -> None:
    """Write the block of each file from `work(block)`, unless it is there already and whole.

    `work` gives, for each file by its name, the arrays of its bands by theirs. ValueError if the
    names are not those of the files and bands.
    """
    paths = [f.part(block) for f in files]
    if all(path.exists() and cog.whole(path) for path in paths):
        return
    made = work(block)
    _same_names("maps", made, [f.name for f in files])
    for f in files:
        _same_names(f"bands of {f.name}", made[f.name], f.bands)
        f.write(block, [made[f.name][band] for band in f.bands])


def _same_names(what, made, wanted) -> None:
    if set(made) != set(wanted):
        found, expected = ", ".join(sorted(made)), ", ".join(sorted(wanted))
        raise ValueError(f"{what}: made {found}; expected {expected}")


@contextmanager
def finishing(files: list[MapFile], blocks: list[Block]) -> Iterator[None]:
    """Finish the files if all went well; otherwise keep all their blocks for the next try."""
    yield
    for f in files:
        f.join(blocks)
    for f in files:
        f.publish()


def blocks(grid: GeoBox, size: int) -> list[Block]:
    """Square blocks that cover the grid, row by row."""
    return squares(grid.shape, size)


def part(grid: GeoBox, block: Block) -> GeoBox:
    """The grid of a block (row0, row1, column0, column1)."""
    row0, row1, column0, column1 = block
    return grid[row0:row1, column0:column1]


def squares(shape: tuple[int, int], size: int) -> list[Block]:
    """Square blocks that cover (rows, columns) cells, row by row."""
    height, width = shape
    return [
        (r, min(r + size, height), c, min(c + size, width))
        for r in range(0, height, size)
        for c in range(0, width, size)
    ]
