"""Maps that are made block by block: each block a file of its own, then one finished raster.

A block that was once written is kept until the map is finished, so a job that was killed goes on
where it stopped, and blocks may be written by threads or by the workers of a cluster without
waiting for each other. Blocks are kept under a digest of what the map is made from: blocks of other
inputs are never taken. The finished raster is a Cloud Optimized GeoTIFF with overviews.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import rasterio
import rasterio.shutil
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile
from rasterio.windows import Window

from manul.atomic import atomic

CLASS_NODATA = 255
TILE = 256
Block = tuple[int, int, int, int]  # row0, row1, column0, column1


@dataclass(frozen=True)
class MapFile:
    """A map to be made: where, on which grid, its bands (name: unit), its metadata.

    With `categories` (code: name) the map is uint8 with 255 for nodata, else float32 with NaN.
    `digest` names what the map is made from.
    """

    path: Path
    grid: GeoBox
    bands: dict[str, str]
    tags: dict[str, str]
    digest: str
    categories: dict[int, str] | None = None
    parts: Path = field(init=False)

    def __post_init__(self):
        path = Path(self.path).resolve()
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "parts", path.parent / f".{path.stem}-{self.digest}.parts")

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

    def part(self, block: Block) -> Path:
        """The file of one block."""
        return self.parts / "-".join(map(str, block)) / "block.tif"

    def write(self, block: Block, arrays) -> None:
        """Write one array for each band of a block; a full disk raises and leaves nothing."""
        row0, _, column0, _ = block
        values = np.stack([np.asarray(a, self.dtype) for a in arrays])
        profile = {
            "driver": "GTiff", "count": len(values), "dtype": self.dtype, "nodata": self.nodata,
            "height": values.shape[1], "width": values.shape[2], "crs": str(self.grid.crs),
            "transform": self.grid.affine @ _shift(column0, row0), "tiled": True,
            "blockxsize": TILE, "blockysize": TILE, "interleave": "band",
            "compress": "zstd", "zstd_level": 1, "predictor": 3 if self.dtype == "float32" else 1,
        }  # fmt: skip
        # GDAL may tell of a full disk only in a log line; Python raises.
        with MemoryFile() as memory:
            with memory.open(**profile) as raster:
                raster.write(values)
            with atomic(self.part(block)) as partial:
                partial.write_bytes(memory.getbuffer())

    def join(self, blocks: Iterable[Block]) -> None:
        """Join the blocks to a raster that lies among them; a full disk raises and leaves nothing.

        There a killed try is overwritten by the next one and goes with the blocks.
        """
        try:
            self._join(blocks, self._joined)
        except Exception as fault:  # GDAL has many words for a full disk, "unknown" among them
            self._joined.unlink(missing_ok=True)
            free = shutil.disk_usage(self.parts).free // 2**20
            raise OSError(
                f"{self.path} could not be written ({free} MiB of its disk are free): {fault}. "
                f"Its blocks are kept for the next run."
            ) from fault

    def publish(self) -> None:
        """Give the joined raster its name; remove its blocks and those of other inputs."""
        self._joined.replace(self.path)
        for old in self.path.parent.glob(f".{self.path.stem}-????????????????.parts"):
            # The map is finished, even if a lost worker is still writing a block of it.
            shutil.rmtree(old, ignore_errors=True)

    @property
    def _joined(self) -> Path:
        return self.parts / "joined.tif"

    def _join(self, blocks, path) -> None:
        # Each open block takes a megabyte; GDAL would keep 100 of them open.
        with (
            rasterio.Env(GDAL_MAX_DATASET_POOL_SIZE=16),
            MemoryFile(self._mosaic(blocks), ext=".vrt") as mosaic,
        ):
            rasterio.shutil.copy(
                mosaic.name, path, driver="COG", compress="deflate", level="1",
                predictor="yes", blocksize=TILE, bigtiff="if_safer", num_threads="2",
                overview_resampling="MODE" if self.categories else "AVERAGE",
            )  # fmt: skip
        # GDAL is silent about a disk that is full when it closes a file: the last block is cut off.
        with rasterio.open(path) as raster:
            raster.read(1, window=Window(raster.width - 1, raster.height - 1, 1, 1))

    def _mosaic(self, blocks) -> bytes:
        """The blocks as one virtual raster (GDAL's VRT), with all metadata."""
        bands = [
            _vrt_band(i, name, unit, self, blocks)
            for i, (name, unit) in enumerate(self.bands.items(), 1)
        ]
        tags = dict(self.tags)
        if self.categories:
            tags["CATEGORIES"] = "; ".join(f"{c} {name}" for c, name in self.categories.items())
        items = "".join(
            f"<MDI key={_quoted(key)}>{escape(str(value))}</MDI>" for key, value in tags.items()
        )
        a = self.grid.affine
        numbers = ", ".join(repr(float(v)) for v in (a.c, a.a, a.b, a.f, a.d, a.e))
        return (
            f'<VRTDataset rasterXSize="{self.grid.width}" rasterYSize="{self.grid.height}">'
            f"<SRS>{escape(self.grid.crs.to_wkt())}</SRS><GeoTransform>{numbers}</GeoTransform>"
            f"<Metadata>{items}</Metadata>{''.join(bands)}</VRTDataset>"
        ).encode()


def make(work: Callable, files: list[MapFile], block: Block) -> None:
    """Write the block of each file from `work(block)`, unless it is there already.

    `work` gives, for each file, the arrays of its bands.
    """
    if all(f.part(block).exists() for f in files):
        return
    for f, arrays in zip(files, work(block), strict=True):
        f.write(block, arrays)


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
    return [
        (r, min(r + size, grid.height), c, min(c + size, grid.width))
        for r in range(0, grid.height, size)
        for c in range(0, grid.width, size)
    ]


def _vrt_band(number, name, unit, made: MapFile, blocks) -> str:
    sources = "".join(_vrt_source(number, made, block) for block in blocks)
    kind = "Byte" if made.dtype == "uint8" else "Float32"
    label = f"{name} [{unit}]" if unit else name
    return (
        f'<VRTRasterBand dataType="{kind}" band="{number}">'
        f"<Description>{escape(label)}</Description>"
        f"<UnitType>{escape(unit)}</UnitType><NoDataValue>{made.nodata}</NoDataValue>"
        f"{sources}</VRTRasterBand>"
    )


def _vrt_source(number, made: MapFile, block) -> str:
    row0, row1, column0, column1 = block
    size = f'xSize="{column1 - column0}" ySize="{row1 - row0}"'
    return (
        f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(str(made.part(block)))}'
        f"</SourceFilename><SourceBand>{number}</SourceBand>"
        f'<SrcRect xOff="0" yOff="0" {size}/>'
        f'<DstRect xOff="{column0}" yOff="{row0}" {size}/></SimpleSource>'
    )


def _quoted(text) -> str:
    return '"' + escape(str(text), {'"': "&quot;"}) + '"'


def _shift(columns, rows):
    return rasterio.Affine.translation(columns, rows)
