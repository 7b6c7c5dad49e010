"""Cloud Optimized GeoTIFFs joined from tiles that are compressed already.

Whoever makes a block of a map compresses its tiles, and those of its overviews, once (`encode`);
`join` only copies the bytes of the tiles into one file, and holds no more than one of them. The
layout is that of GDAL's COG driver: directories first, then the overviews from small to large, then
the cells; within each, tiles row by row with all their bands. The same map gives the same bytes,
whatever the side of its blocks.
"""

import io
import mmap
import struct
import zlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import rasterio
import tifffile
from rasterio.io import MemoryFile
from rasterio.windows import Window

TILE = 256  # cells along the side of a tile
Block = tuple[int, int, int, int]  # row0, row1, column0, column1
# Every GIS reads it. On maps of the demo region a predictor costs a third more time, and saves no
# space: a map of a model has plateaus, which it breaks up.
COMPRESSION = {"compress": "deflate", "zlevel": 1}
NEW_SUBFILE_TYPE, TILE_OFFSETS, TILE_BYTE_COUNTS = 254, 324, 325
PIXEL_SCALE, TIEPOINT = 33550, 33922
LONG, LONG8 = 4, 16  # types of TIFF: 32 and 64 bits
NOWHERE = rasterio.Affine.scale(TILE, -TILE)  # rasterio warns of a raster without any transform
# GDAL's mark of the layout: a reader over the net fetches all directories at once, and a tile
# without asking for its size. Tiles of all bands of one place lie beside each other.
STRUCTURE = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\n%sKNOWN_INCOMPATIBLE_EDITION=NO\n "
)


@dataclass(frozen=True)
class Form:
    """What the cells of a map are: number of bands, uint8 classes or float32 numbers, nodata.

    `tile`: cells along the side of a tile, a power of 2 from 16 to 512.
    """

    bands: int
    dtype: str
    nodata: float
    tile: int = TILE

    def tiles(self, cells: int) -> int:
        """How many tiles hold so many cells in a row."""
        return -(-cells // self.tile)

    def shapes(self, shape: tuple[int, int]) -> list[tuple[int, int]]:
        """The (rows, columns) of a map and of its overviews, down to one that fits a tile."""
        out = [shape]
        while max(out[-1]) > self.tile:
            rows, columns = out[-1]
            out.append((-(-rows // 2), -(-columns // 2)))
        return out

    def depth(self, block: Block, shape: tuple[int, int]) -> int:
        """How many overviews of a map a block can make alone; ValueError if not even its tiles.

        A block makes a level if it begins and ends on tiles of it, or at the map's border.
        """
        ends = zip(block[1::2], shape, strict=True)
        bounds = [*block[::2], *(end for end, side in ends if end != side)]
        if any(bound % self.tile for bound in bounds):
            size = " x ".join(map(str, shape))
            raise ValueError(f"block {block} of {size} cells does not end on tiles of {self.tile}")
        levels = range(len(self.shapes(shape)))
        return max(k for k in levels if not any(bound % (self.tile << k) for bound in bounds))

    def halved(self, values: np.ndarray) -> np.ndarray:
        """The next overview of (bands, rows, columns): of 2 x 2 cells the mean of the known ones.

        Of classes it is the most frequent; among equals the first in reading order.
        """
        from manul.grid import halves  # compiled: takes long to import, and few jobs make maps

        if self.dtype == "uint8":
            return halves.most_frequent(values, np.uint8(self.nodata))
        return halves.mean_of_known(values)

    def profile(self, height: int, width: int) -> dict:
        """How rasterio is to write such a map."""
        return {
            "driver": "GTiff", "count": self.bands, "dtype": self.dtype, "nodata": self.nodata,
            "height": height, "width": width, "transform": NOWHERE, "bigtiff": "yes",
            "tiled": True, "blockxsize": self.tile, "blockysize": self.tile,
            "interleave": "band", "photometric": "minisblack", **COMPRESSION,
        }  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A file that `encode` wrote: where on which level of the map its arrays lie."""

    path: Path
    block: Block  # in cells of the level `base`
    levels: range  # those whose arrays it holds
    base: int = 0

    def at(self, level: int) -> Block:
        """The block in cells of a level."""
        k = level - self.base
        return tuple(-(-side // 2**k) for side in self.block)


def overviews(values: np.ndarray, form: Form, number: int) -> list[np.ndarray]:
    """The arrays (bands, rows, columns) of a block and of its next `number` overviews."""
    out = [values]
    for _ in range(number):
        out.append(form.halved(out[-1]))
    return out


def encode(arrays: list[np.ndarray], form: Form) -> bytes:
    """A GeoTIFF of compressed tiles: the arrays below each other, each from a tile's border on.

    Its last four bytes are a checksum of the others, see `whole`.
    """
    tops = np.cumsum([0, *(form.tiles(a.shape[1]) for a in arrays)]) * form.tile
    width = form.tiles(arrays[0].shape[2]) * form.tile
    with MemoryFile() as memory:
        with memory.open(**form.profile(int(tops[-1]), width)) as raster:
            for array, top in zip(arrays, tops[:-1], strict=True):
                raster.write(array, window=Window(0, top, array.shape[2], array.shape[1]))
        data = memory.read()
    return data + zlib.crc32(data).to_bytes(4, "little")


def whole(path) -> bool:
    """Whether the file is as `encode` gave it: a machine may lose power, a disk its mind."""
    data = Path(path).read_bytes()
    return len(data) > 4 and zlib.crc32(data[:-4]) == int.from_bytes(data[-4:], "little")


def near(pieces: list[Piece], level: int) -> Callable[[Block], list[Piece]]:
    """A function that gives the pieces that touch a block of a level."""
    tops, bottoms, lefts, rights = np.array([piece.at(level) for piece in pieces]).T

    def touching(block):
        row0, row1, column0, column1 = block
        touches = (tops < row1) & (bottoms > row0) & (lefts < column1) & (rights > column0)
        return [pieces[i] for i in np.flatnonzero(touches)]

    return touching


def decode(pieces: Iterable[Piece], level: int, block: Block, form: Form) -> np.ndarray:
    """The cells of a level on a block, read from the pieces that hold them."""
    row0, row1, column0, column1 = block
    out = np.full((form.bands, row1 - row0, column1 - column0), form.nodata, form.dtype)
    for piece in pieces:
        r0, r1, c0, c1 = piece.at(level)
        top, bottom = max(r0, row0), min(r1, row1)
        left, right = max(c0, column0), min(c1, column1)
        if top < bottom and left < right:
            first = _top(piece, level, form) * form.tile
            window = Window(left - c0, first + top - r0, right - left, bottom - top)
            with rasterio.open(piece.path) as raster:
                out[:, top - row0 : bottom - row0, left - column0 : right - column0] = raster.read(
                    window=window
                )
    return out


def join(path, pieces: list[Piece], shape: tuple[int, int], form: Form, describe) -> None:
    """Write the map at `path` from pieces that hold each of its tiles once.

    `describe(raster)` tells an open rasterio dataset of that form its CRS, transform and metadata.
    Raises ValueError for tiles that no piece holds, or a CRS that a GeoTIFF cannot hold.
    """
    sizes = form.shapes(shape)
    directories = _directories(sizes, form, describe)
    preamble = _preamble(form)
    starts = _starts(directories, len(preamble))
    index = {piece.path: _index(piece.path, form) for piece in pieces}
    with Path(path).open("wb") as out:
        out.seek(starts[-1])
        for level in reversed(range(len(sizes))):
            down, across = map(form.tiles, sizes[level])
            table = np.zeros((2, form.bands, down, across), "uint64")
            holders = sorted((p for p in pieces if level in p.levels), key=lambda p: p.at(level))
            for _, row in groupby(holders, key=lambda p: p.at(level)[0]):
                _copy_row(list(row), level, form, index, table, out)
            if not table[1].all():
                raise ValueError(f"{(table[1] == 0).sum()} tiles of level {level} are missing")
            directories[level].tiles = table.reshape(2, -1)
        out.seek(0)
        out.write(preamble)
        for directory, start, following in zip(
            directories, starts[:-1], [*starts[1:-1], 0], strict=True
        ):
            out.seek(start)
            out.write(directory.packed(start, following))


def _copy_row(row: list[Piece], level, form, index, table, out) -> None:
    """Append the tiles of a row of pieces; enter where they lie and how long they are."""
    with ExitStack() as stack:
        sources = []
        for piece in row:
            with piece.path.open("rb") as file:
                data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            r0, r1, c0, c1 = piece.at(level)
            tiles = index[piece.path][..., _top(piece, level, form) :, :]
            sources.append((data, tiles, c0 // form.tile, form.tiles(c1 - c0)))
        first = r0 // form.tile
        position = out.tell()
        for down in range(form.tiles(r1 - r0)):
            for data, tiles, left, across in sources:
                for column in range(across):
                    for band, (start, size) in enumerate(tiles[:, :, down, column].T.tolist()):
                        tile = data[start : start + size]
                        if len(tile) != size:
                            raise ValueError(f"a block file ends too early: {row[0].path.parent}")
                        out.write(size.to_bytes(4, "little") + tile + tile[-4:])
                        table[:, band, first + down, left + column] = position + 4, size
                        position += size + 8


def _index(path, form) -> np.ndarray:
    """(2, bands, tile rows, tile columns): where each tile of a GeoTIFF lies, how long it is."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        tiles = page.samplesperpixel, form.tiles(page.imagelength), form.tiles(page.imagewidth)
        return np.array([page.dataoffsets, page.databytecounts], "int64").reshape(2, *tiles)


# ---------------------------------------------------------------------- directories of BigTIFF


@dataclass
class _Directory:
    """Entries of a TIFF directory: code -> (type, count, bytes of the value)."""

    entries: dict[int, tuple[int, int, bytes]]
    tiles: np.ndarray  # (2, tiles): offsets and byte counts

    def packed(self, start: int, following: int) -> bytes:
        """The directory at byte `start` of the file, and its values; then the next one's place."""
        entries = dict(self.entries)
        offsets, counts = self.tiles
        entries[TILE_OFFSETS] = LONG8, offsets.size, offsets.astype("<u8").tobytes()
        entries[TILE_BYTE_COUNTS] = LONG, counts.size, counts.astype("<u4").tobytes()
        table, values = [struct.pack("<Q", len(entries))], b""
        beyond = start + 8 + 20 * len(entries) + 8
        for code, (kind, count, value) in sorted(entries.items()):
            field = value.ljust(8, b"\0")
            if len(value) > 8:
                field = struct.pack("<Q", beyond + len(values))
                values += value + b"\0" * (-len(value) % 8)
            table.append(struct.pack("<HHQ", code, kind, count) + field)
        return b"".join(table) + struct.pack("<Q", following) + values


def _directories(sizes, form: Form, describe) -> list[_Directory]:
    """Those of the map and its overviews, from files without cells that GDAL writes."""
    out = []
    for level, (height, width) in enumerate(sizes):
        with MemoryFile() as memory:
            with memory.open(**form.profile(height, width), sparse_ok=True) as raster:
                if level == 0:
                    describe(raster)
            data = memory.read()
        if level == 0:
            _check_crs(data)
        entries = _entries(data)
        if level:
            del entries[PIXEL_SCALE], entries[TIEPOINT]
            entries[NEW_SUBFILE_TYPE] = LONG, 1, struct.pack("<I", 1)  # a smaller version
        count = form.bands * form.tiles(height) * form.tiles(width)
        out.append(_Directory(entries, np.zeros((2, count), "uint64")))
    return out


def _check_crs(data: bytes) -> None:
    """GDAL is silent about a CRS that it cannot put into a GeoTIFF."""
    with MemoryFile(data) as memory, memory.open() as raster:
        if raster.crs is None:
            raise ValueError("a GeoTIFF cannot hold the region's CRS; choose another")


def _entries(data: bytes) -> dict[int, tuple[int, int, bytes]]:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return {
            tag.code: (
                int(tag.dtype),
                tag.count,
                data[tag.valueoffset : tag.valueoffset + tag.valuebytecount],
            )
            for tag in file.pages[0].tags
        }


def _starts(directories, first: int) -> list[int]:
    """The byte at which each directory begins, and the first one after them all."""
    starts = [first]
    for directory in directories:
        end = starts[-1] + len(directory.packed(0, 0))
        starts.append(end + -end % 8)
    return starts


def _preamble(form: Form) -> bytes:
    """The signature of a little-endian BigTIFF, and GDAL's mark, padded to 8 bytes."""
    mark = STRUCTURE % (b"INTERLEAVE=TILE\n" if form.bands > 1 else b"")
    mark = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(mark) + mark
    size = 16 + len(mark)
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, size + -size % 8) + mark
    return head + b"\0" * (-size % 8)


# ------------------------------------------------------------------------------------- helpers


def _top(piece: Piece, level: int, form: Form) -> int:
    """The first row of tiles of a level in a piece."""
    before = (piece.at(k) for k in piece.levels if k < level)
    return sum(form.tiles(r1 - r0) for r0, r1, _, _ in before)
