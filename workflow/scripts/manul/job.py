"""The one module that knows Snakemake: logs, workers and provenance of a job."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dask

from manul import __version__, io, provenance, settings

log = logging.getLogger("manul")
logging.getLogger("pyogrio").setLevel("WARNING")
SPECIES = "Pallas's cat (Otocolobus manul): Least Concern (2020), population decreasing"


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
            n: io.RasterFile(p) if p.endswith(".tif") else io.VectorFile(p)
            for n, p in files.items()
        }

    def provenance(self) -> dict:
        """All layers behind the inputs of this job."""
        files = [f for f in map(str, self.snakemake.input) if f.endswith((".tif", ".gpkg"))]
        return provenance.merge(*(io.read_provenance(f) for f in files))

    def tags(self, record: dict | None = None) -> dict:
        """Metadata of an output: layers, scenario, software, digest of what the job was told."""
        record = self.provenance() if record is None else record
        names = dict(self.snakemake.wildcards.items())
        return {
            io.PROVENANCE_TAG: provenance.dump(record),
            "MANUL_NOTICE": provenance.notice(record),
            "MANUL_DATA_STATUS": provenance.worst_status(record),
            "MANUL_DATA_DATES": provenance.age(record),
            "MANUL_REGION": names.get("region", ""),
            "MANUL_SCENARIO": names.get("scenario", ""),
            "MANUL_VERSION": __version__,
            "MANUL_CONFIG_DIGEST": settings.digest(dict(self.snakemake.params.items())),
            "MANUL_SPECIES_STATUS": SPECIES,
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


def run_blocks(work: Callable, blocks: Iterable, store: Callable, threads: int) -> None:
    """`store(block, work(block))` for each block; Dask decides where `work` runs.

    With DASK_SCHEDULER_ADDRESS the blocks go to that running cluster and come back here to be
    stored, a few at a time; otherwise they run on `threads` threads of this process. The result
    does not depend on which.
    """
    blocks = list(blocks)
    report = _progress(len(blocks))
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address:
        _run_on_cluster(address, work, blocks, store, report)
        return

    def one(block):
        store(block, work(block))
        report()

    with dask.config.set(scheduler="threads", num_workers=threads):
        dask.compute([dask.delayed(one, pure=False)(block) for block in blocks])


def _run_on_cluster(address, work, blocks, store, report) -> None:
    from distributed import Client, as_completed

    with Client(address) as client:
        waiting = iter(blocks)
        ahead = 2 * max(1, sum(client.nthreads().values()))
        running = {}

        def submit(block):
            future = client.submit(work, block, pure=False)
            running[future] = block
            return future

        queue = as_completed([submit(b) for _, b in zip(range(ahead), waiting, strict=False)])
        for future in queue:
            store(running.pop(future), future.result())
            report()
            for block in waiting:
                queue.add(submit(block))
                break


def _progress(total: int) -> Callable:
    state = {"done": 0, "told": time.monotonic()}

    def report():
        state["done"] += 1
        now = time.monotonic()
        if now - state["told"] > 10 or (state["done"] == total and total > 1):
            state["told"] = now
            log.info("%d of %d blocks", state["done"], total)

    return report
