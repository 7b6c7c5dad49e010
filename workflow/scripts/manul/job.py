"""The one module that knows Snakemake: logs, workers and provenance of a job."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import dask

from manul import __version__, digests
from manul.grid import block_maps, map_tags, provenance, rasters, vectors

log = logging.getLogger("manul")
logging.getLogger("pyogrio").setLevel("WARNING")


@dataclass
class Job:
    """A running job: its Snakemake object, its input files and how to run blocks."""

    snakemake: object

    @property
    def threads(self) -> int:
        """Worker threads that Snakemake gave to this job."""
        return self.snakemake.threads

    def layers(self) -> dict:
        """Handles of the inputs `layers`, by layer name: rasters or vectors."""
        files = dict(zip(self.snakemake.params.layers, self.snakemake.input.layers, strict=True))
        return {
            n: rasters.RasterFile(p) if p.endswith(".tif") else vectors.VectorFile(p)
            for n, p in files.items()
        }

    def provenance(self) -> dict:
        """All layers behind the inputs of this job."""
        return provenance.merge(*(map_tags.read_provenance(f) for f in self._maps))

    @property
    def digest(self) -> str:
        """Of all that decides what this job makes: what it was told, and what made its inputs."""
        tags = self.tags({})
        return digests.digest(tags["MANUL_CONFIG_DIGEST"], tags["MANUL_INPUTS_DIGEST"])

    @property
    def _maps(self) -> list[str]:
        return [f for f in map(str, self.snakemake.input) if f.endswith((".tif", ".gpkg"))]

    def map_file(self, path, grid, bands, record=None, categories=None) -> block_maps.MapFile:
        """A map that this job makes, tagged with the layers behind it (default: all inputs)."""
        tags = self.tags(record)
        digest = digests.digest(tags, str(grid))
        return block_maps.MapFile(path, grid, bands, tags, digest, categories)

    def run(self, work: Callable, files: list, blocks: list) -> None:
        """Make maps block by block; `work(block)` gives, for each file, the arrays of its bands.

        Dask decides where: on the threads of this job, or, with DASK_SCHEDULER_ADDRESS, on the
        workers of that running cluster, which must see the same files. The result is the same.
        """
        task = partial(block_maps.make, work, files)
        address = os.environ.get("DASK_SCHEDULER_ADDRESS")
        with block_maps.finishing(files, blocks):
            if address:
                _on_cluster(address, task, blocks)
            else:
                _on_threads(task, blocks, self.threads)

    def tags(self, record: dict | None = None) -> dict:
        """Metadata of an output: layers, scenario, software, digest of what the job was told."""
        record = self.provenance() if record is None else record
        names = dict(self.snakemake.wildcards.items())
        return {
            map_tags.PROVENANCE_TAG: provenance.dump(record),
            "MANUL_NOTICE": provenance.notice(record),
            "MANUL_DATA_STATUS": provenance.worst_status(record),
            "MANUL_DATA_DATES": provenance.age(record),
            "MANUL_REGION": names.get("region", ""),
            "MANUL_SCENARIO": names.get("scenario", ""),
            "MANUL_VERSION": __version__,
            "MANUL_CONFIG_DIGEST": digests.digest(dict(self.snakemake.params.items())),
            "MANUL_INPUTS_DIGEST": digests.digest([map_tags.made_from(f) for f in self._maps]),
            "MANUL_SPECIES_STATUS": provenance.SPECIES,
        }


@contextmanager
def start(snakemake) -> Iterator[Job]:
    """Run a script: its log goes to the rule's log file and to the terminal, errors in full."""
    handlers = [logging.StreamHandler(sys.stderr)]
    if snakemake.log:
        handlers.append(logging.FileHandler(snakemake.log[0], mode="w", encoding="utf-8"))
    logging.basicConfig(
        level="INFO", format="%(asctime)s %(message)s", handlers=handlers, force=True
    )
    began = time.monotonic()
    try:
        with dask.config.set(scheduler="threads", num_workers=snakemake.threads):
            yield Job(snakemake)
    except Exception:
        log.exception("%s failed", snakemake.rule)
        raise
    log.info("%s done in %.1f s", snakemake.rule, time.monotonic() - began)


def _on_threads(task: Callable, blocks: list, threads: int) -> None:
    with dask.config.set(scheduler="threads", num_workers=threads):
        told = _progress(len(blocks))
        dask.compute([dask.delayed(_then)(task, block, told) for block in blocks])


def _on_cluster(address: str, task: Callable, blocks: list) -> None:
    from distributed import Client, as_completed

    with Client(address) as client:
        told = _progress(len(blocks))
        for future in as_completed(client.map(task, blocks, pure=False)):
            future.result()
            told()


def _then(task, block, told):
    task(block)
    told()


def _progress(total: int) -> Callable:
    state = {"done": 0, "told": time.monotonic()}

    def told():
        state["done"] += 1
        now = time.monotonic()
        if now - state["told"] > 10 or (state["done"] == total and total > 1):
            state["told"] = now
            log.info("%d of %d blocks", state["done"], total)

    return told
