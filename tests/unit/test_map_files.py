"""Maps made block by block: whole or not at all, resumed, the same however they are cut."""

import ctypes
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from distributed import Client, LocalCluster
from odc.geo.geobox import GeoBox
from rasterio import Affine

from manul import job
from manul.grid import block_maps

SCRIPTS = Path(block_maps.__file__).parents[1]
NOISE = np.random.default_rng(7).random((2, 560, 600), "float32")
NOISE[:, 100:140, 50:300] = np.nan
CLASSES = np.where(np.isnan(NOISE[0]), 255, NOISE[0] * 3).astype("uint8")
SIZES = [2048, 512, 256]


def grid(height=560, width=600):
    return GeoBox((height, width), Affine(1000, 0, 5000, 0, -1000, 9000), "EPSG:3857")


def numbers(folder, digest="0" * 16, name="numbers"):
    """A map of two bands, and what is on them."""
    bands = {"effect": "0..1", "share <&>": "km²"}
    tags = {"MANUL_NOTICE": 'camps & "mines" < 3'}
    return block_maps.MapFile(folder / f"{name}.tif", grid(), bands, tags, digest)


def classes(folder):
    names = {0: "none", 1: "dogs & camps", 2: "mines"}
    return block_maps.MapFile(
        folder / "classes.tif", grid(), {"strongest": ""}, {}, "1" * 16, names
    )


def cut(block):
    row0, row1, column0, column1 = block
    return (..., slice(row0, row1), slice(column0, column1))


@dataclass
class Work:
    """Gives the arrays of each map on a block, counts its calls, and may fail at one of them."""

    arrays: list
    fails_at: int = -1
    calls: list = field(default_factory=list)

    def __call__(self, block):
        if len(self.calls) == self.fails_at:
            raise RuntimeError("killed")
        self.calls.append(block)
        return [array[cut(block)] for array in self.arrays]


def one(work, files, block):
    """Make one block; the arrays of `work` belong to the files and bands in their order."""

    def named(at):
        pairs = zip(files, work(at), strict=True)
        return {f.name: dict(zip(f.bands, arrays, strict=False)) for f, arrays in pairs}

    block_maps.make(named, files, block)


def make(work, files, size=256):
    """As a job on one thread does."""
    blocks = block_maps.blocks(grid(), size)
    with block_maps.finishing(files, blocks):
        for block in blocks:
            one(work, files, block)


def pixels(path):
    with rasterio.open(path) as raster:
        return raster.read()


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


# ---------------------------------------------------------------------------- what is finished


@pytest.mark.parametrize("size", SIZES)
def test_any_blocks_end_in_the_same_maps(tmp_path, size):
    files = [numbers(tmp_path), classes(tmp_path)]
    make(Work([NOISE, CLASSES[None]]), files, size)
    np.testing.assert_array_equal(pixels(files[0].path), NOISE)
    np.testing.assert_array_equal(pixels(files[1].path)[0], CLASSES)


def test_nothing_is_left_beside_the_maps(tmp_path):
    make(Work([NOISE, CLASSES[None]]), [numbers(tmp_path), classes(tmp_path)])
    assert names(tmp_path) == ["classes.tif", "numbers.tif"]


def test_finished_maps_are_cloud_optimised(tmp_path):
    files = [numbers(tmp_path), classes(tmp_path)]
    make(Work([NOISE, CLASSES[None]]), files, 256)
    for made in files:
        with rasterio.open(made.path) as raster:
            # GDAL's own word for: directories first, then overviews from small to large.
            assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert set(raster.block_shapes) == {(256, 256)}
            assert raster.overviews(1) == [2, 4]
            assert raster.compression.name == "deflate"
            assert raster.transform == grid().affine
            assert raster.crs.to_epsg() == 3857


def test_finished_maps_carry_their_metadata(tmp_path):
    files = [numbers(tmp_path), classes(tmp_path)]
    make(Work([NOISE, CLASSES[None]]), files)
    with rasterio.open(files[0].path) as raster:
        assert np.isnan(raster.nodata)
        assert raster.descriptions == ("effect [0..1]", "share <&> [km²]")
        assert raster.units == ("0..1", "km²")
        assert raster.tags()["MANUL_NOTICE"] == 'camps & "mines" < 3'
    with rasterio.open(files[1].path) as raster:
        assert raster.nodata == 255
        assert raster.descriptions == ("strongest",)
        assert raster.tags()["CATEGORIES"] == "0 none; 1 dogs & camps; 2 mines"


def test_overviews_never_invent_a_class(tmp_path):
    made = classes(tmp_path)
    make(Work([np.where(CLASSES == 1, 2, CLASSES)[None]]), [made])
    with rasterio.open(made.path) as raster:
        small = raster.read(1, out_shape=(280, 300))
    assert set(np.unique(small)) <= {0, 2, 255}


# ------------------------------------------------------------------------------- what is taken


def test_next_try_makes_only_the_blocks_that_are_missing(tmp_path):
    files = [numbers(tmp_path)]
    first, second = Work([NOISE], fails_at=4), Work([NOISE])
    with pytest.raises(RuntimeError, match="killed"):
        make(first, files)
    assert not files[0].path.exists()
    make(second, files)
    assert len(first.calls) == 4
    assert sorted(first.calls + second.calls) == block_maps.blocks(grid(), 256)
    np.testing.assert_array_equal(pixels(files[0].path), NOISE)


def test_block_is_made_again_if_one_of_its_maps_lacks_it(tmp_path):
    files = [numbers(tmp_path), classes(tmp_path)]
    block = block_maps.blocks(grid(), 256)[0]
    files[0].write(block, NOISE[cut(block)])
    work = Work([NOISE, CLASSES[None]])
    one(work, files, block)
    one(work, files, block)
    assert work.calls == [block]
    assert files[1].part(block).exists()


@pytest.mark.parametrize(
    "made",
    [
        {"numbers": {"effect": 0, "share": 0}},  # a band of another name
        {"fire": {"effect": 0, "share <&>": 0}},  # the right bands under the name of another map
        {"numbers": {"effect": 0, "share <&>": 0}, "more": {}},
    ],
)
def test_maps_and_bands_are_told_apart_by_name_and_never_by_place(tmp_path, made):
    made = {n: {b: NOISE[0][:256, :256] for b in bands} for n, bands in made.items()}
    with pytest.raises(ValueError, match="expected"):
        block_maps.make(lambda at: made, [numbers(tmp_path)], (0, 256, 0, 256))
    assert not numbers(tmp_path).part((0, 256, 0, 256)).exists()


def test_blocks_of_other_inputs_or_sizes_are_never_taken(tmp_path):
    old, new = numbers(tmp_path, "a" * 16), numbers(tmp_path, "b" * 16)
    with pytest.raises(RuntimeError, match="killed"):
        make(Work([NOISE * 0], fails_at=8), [old])
    with pytest.raises(RuntimeError, match="killed"):
        make(Work([NOISE], fails_at=2), [new], 512)
    work = Work([NOISE])
    make(work, [new])
    assert work.calls == block_maps.blocks(grid(), 256)
    np.testing.assert_array_equal(pixels(new.path), NOISE)
    assert names(tmp_path) == ["numbers.tif"]


def test_blocks_of_a_map_with_a_longer_name_or_in_another_folder_are_kept(tmp_path):
    made = numbers(tmp_path)
    others = [numbers(tmp_path, name="numbers-2"), numbers(tmp_path / "deeper")]
    block = block_maps.blocks(grid(), 256)[0]
    for other in others:
        other.write(block, NOISE[cut(block)] * 0)
    make(Work([NOISE]), [made])
    assert all(other.part(block).exists() for other in others)
    np.testing.assert_array_equal(pixels(made.path), NOISE)


def test_what_a_killed_joining_left_goes(tmp_path):
    made = numbers(tmp_path)
    with pytest.raises(RuntimeError, match="killed"):
        make(Work([NOISE], fails_at=8), [made])
    (made.parts / "joined-of-another.tif").write_bytes(b"half a map")
    make(Work([NOISE]), [made])
    np.testing.assert_array_equal(pixels(made.path), NOISE)
    assert names(tmp_path) == ["numbers.tif"]


def test_maps_finish_in_one_folder_at_the_same_time(tmp_path):
    blocks = block_maps.blocks(grid(8, 8), 8)
    faults = []

    def one(name):
        try:
            for turn in range(15):
                made = block_maps.MapFile(
                    tmp_path / f"{name}.tif", grid(8, 8), {"x": ""}, {}, f"{turn:016d}"
                )
                made.write(blocks[0], NOISE[:1, :8, :8])
                made.join(blocks)
                made.publish()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=one, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert names(tmp_path) == ["a.tif", "b.tif", "c.tif", "d.tif"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:5000] + bytes(4096) + data[9096:],
    ],
    ids=["empty", "half", "one byte short", "a page of zeros"],
)
@pytest.mark.parametrize("size", [256, 2048])
def test_a_damaged_block_is_made_again(tmp_path, spoil, size):
    made, blocks = numbers(tmp_path), block_maps.blocks(grid(), size)
    for block in blocks:
        one(Work([NOISE]), [made], block)
    path = made.part(blocks[0])
    path.write_bytes(spoil(path.read_bytes()))
    again = Work([NOISE])
    make(again, [made], size)
    assert again.calls == [blocks[0]]
    np.testing.assert_array_equal(pixels(made.path), NOISE)


def test_a_map_with_a_block_missing_is_not_published(tmp_path):
    made, blocks = numbers(tmp_path), block_maps.blocks(grid(), 256)
    for block in blocks:
        one(Work([NOISE]), [made], block)
    for some in (blocks[:-1], []):
        with pytest.raises(OSError, match=r"missing|no block"):
            made.join(some)
    assert not made.path.exists()
    made.join(iter(blocks))
    np.testing.assert_array_equal(pixels(made.joined), NOISE)


@pytest.mark.parametrize("wrong", [CLASSES[None, :200], CLASSES[None].astype("float32")])
def test_arrays_of_another_shape_or_kind_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"classes\.tif"):
        classes(tmp_path).write((0, 256, 0, 256), wrong[..., :256, :256])


def test_a_crs_that_a_geotiff_cannot_hold_is_an_error(tmp_path):
    strange = GeoBox((8, 8), grid().affine, "+proj=hammer +lon_0=90")
    made = block_maps.MapFile(tmp_path / "x.tif", strange, {"x": ""}, {}, "0" * 16)
    made.write((0, 8, 0, 8), [NOISE[0, :8, :8]])
    with pytest.raises(OSError, match="cannot hold the region's CRS"):
        made.join([(0, 8, 0, 8)])


# ------------------------------------------------------------------------------- a full disk


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 6 MB of its own; only root can have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, b"size=6m"):
        pytest.skip(f"cannot mount a small disk: {os.strerror(ctypes.get_errno())}")
    try:
        yield folder
    finally:
        libc.umount2(bytes(folder), 2)


def leave(folder, size):
    """Fill the disk but for `size` bytes."""
    free = shutil.disk_usage(folder).free
    (folder / "filling").write_bytes(bytes(max(0, free - size)))


def test_full_disk_while_blocks_are_written(small_disk):
    files, first, second = [numbers(small_disk)], Work([NOISE]), Work([NOISE])
    leave(small_disk, 1_000_000)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        make(first, files)
    assert not files[0].path.exists()
    whole = list(files[0].parts.glob("*/block.tif"))
    assert 0 < len(whole) < len(first.calls)
    assert all(pixels(path).shape[0] == 2 for path in whole)
    assert not list(files[0].parts.glob("*/.*"))
    (small_disk / "filling").unlink()
    make(second, files)
    assert len(second.calls) == len(block_maps.blocks(grid(), 256)) - len(whole)
    np.testing.assert_array_equal(pixels(files[0].path), NOISE)


def test_full_disk_while_blocks_are_joined(small_disk, tmp_path):
    made = replace(numbers(small_disk), bands={"effect": "0..1"})
    blocks = block_maps.blocks(grid(), 256)
    for block in blocks:
        one(Work([NOISE[:1]]), [made], block)
    failed = []
    for share in (0, 0.3, 0.7, 0.9, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3):
        leave(small_disk, int(NOISE[0].nbytes * share))
        try:
            made.join(blocks)
            np.testing.assert_array_equal(pixels(made.joined)[0], NOISE[0])
            made.joined.unlink()
        except OSError as fault:
            failed.append(share)
            assert "MiB of its disk are free" in str(fault)
        assert [p.name for p in made.parts.iterdir() if p.is_file()] == []
        (small_disk / "filling").unlink()
    assert failed[:5] == [0, 0.3, 0.7, 0.9, 1.0]
    assert not made.path.exists()
    make(Work([NOISE[:1]], fails_at=0), [made])
    np.testing.assert_array_equal(pixels(made.path)[0], NOISE[0])


def test_limit_of_a_file_is_an_error_like_a_full_disk(tmp_path):
    made, work = numbers(tmp_path), Work([NOISE])
    with largest_file(100_000), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        make(work, [made])
    assert not [p for p in made.parts.rglob("*") if p.is_file()]
    # Blocks fit, the joined map does not.
    with (
        largest_file(NOISE[:, :256, :256].nbytes),
        pytest.raises(OSError, match=r"numbers\.tif could not be written"),
    ):
        make(Work([NOISE]), [made])
    assert not made.path.exists()
    again = Work([NOISE], fails_at=0)
    make(again, [made])
    np.testing.assert_array_equal(pixels(made.path), NOISE)
    assert names(tmp_path) == ["numbers.tif"]


def test_maps_of_a_job_are_published_together(tmp_path):
    files = [classes(tmp_path), numbers(tmp_path)]
    limit = NOISE[:, :256, :256].nbytes  # the classes fit, the numbers do not
    with largest_file(limit), pytest.raises(OSError, match=r"numbers\.tif could not be written"):
        make(Work([CLASSES[None], NOISE]), files)
    assert not any(made.path.exists() for made in files)
    make(Work([CLASSES[None], NOISE], fails_at=0), files)
    np.testing.assert_array_equal(pixels(files[0].path)[0], CLASSES)


@contextmanager
def largest_file(size):
    """No file of this process may grow larger; Python ignores the signal, so writing fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# -------------------------------------------------------------------------- threads and workers


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as running:
        yield running


@dataclass(frozen=True)
class SlowWork:
    """Gives noise, slowly, so that a worker can be killed while it is at it."""

    seconds: float = 0.0

    def __call__(self, block):
        time.sleep(self.seconds)
        effect, share = NOISE[cut(block)]
        return {"numbers": {"effect": effect, "share <&>": share}}


def run(made, work, threads=2):
    job.Job(SimpleNamespace(threads=threads, wildcards={})).run(
        work, [made], block_maps.blocks(grid(), 256)
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_make_the_same_map(tmp_path, threads):
    made = numbers(tmp_path)
    run(made, SlowWork(), threads)
    np.testing.assert_array_equal(pixels(made.path), NOISE)


def test_worker_processes_make_the_same_map(tmp_path, cluster, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
    made = numbers(tmp_path)
    run(made, SlowWork())
    np.testing.assert_array_equal(pixels(made.path), NOISE)
    assert names(tmp_path) == ["numbers.tif"]


def test_lost_worker_changes_nothing(tmp_path, cluster, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
    made, killed = numbers(tmp_path), []
    with Client(cluster) as client:
        client.wait_for_workers(2)
        victim = next(iter(client.run(os.getpid).values()))

    def kill_while_blocks_are_made():
        while len(list(made.parts.glob("*/block.tif"))) < 3:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        killed.append(len(list(made.parts.glob("*/block.tif"))))

    killer = threading.Thread(target=kill_while_blocks_are_made, daemon=True)
    killer.start()
    run(made, SlowWork(0.1))
    killer.join()
    assert 3 <= killed[0] < len(block_maps.blocks(grid(), 256))
    np.testing.assert_array_equal(pixels(made.path), NOISE)
    assert names(tmp_path) == ["numbers.tif"]


# ------------------------------------------------------------------------------------- memory


def test_joining_many_blocks_does_not_hold_the_map(tmp_path):
    code = f"""
        import os, threading, time
        import numpy as np
        from odc.geo.geobox import GeoBox
        from rasterio import Affine
        from manul.grid import block_maps

        grid = GeoBox((24 * 512, 10 * 512), Affine(1000, 0, 0, 0, -1000, 0), "EPSG:3857")
        made = block_maps.MapFile("{tmp_path}/big.tif", grid, {{"x": ""}}, {{}}, "0" * 16)
        blocks = block_maps.blocks(grid, 512)
        made.write(blocks[0], [np.linspace(0, 1, 512 * 512, dtype="float32").reshape(512, 512)])
        data = made.part(blocks[0]).read_bytes()
        for block in blocks[1:]:
            made.part(block).parent.mkdir()
            made.part(block).write_bytes(data)
        seen = []

        def watch():  # the peak that the system keeps may be one of the process that started this
            while True:
                with open("/proc/self/statm") as file:
                    seen.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20)
                time.sleep(0.01)

        threading.Thread(target=watch, daemon=True).start()
        time.sleep(0.1)
        before = seen[-1]
        made.join(blocks)
        print(len(blocks), max(seen) - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | {"GDAL_CACHEMAX": "16", "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    count, grown_mb = map(int, done.stdout.split())
    assert count == 240
    assert grown_mb < 240 / 2  # half of the map; with more blocks it hardly grows
