"""The one module that knows Snakemake: logs, workers and provenance of a job."""
# ruff: noqa: E402

import gc

# Modules that are imported make next to no rings of references, but Python would look for some
# dozens of times meanwhile, which takes a tenth of a second of each job.
gc.set_threshold(50_000)

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import dask.threaded
import pandas as pd

from manul import __version__, digests
from manul.config import extensions
from manul.grid import block_maps, map_tags, plain_files, provenance, rasters, vectors
from manul.grid.fields import Fields, Source
from manul.grid.region import grid_of

OUTPUTS = "outputs"  # a parameter: the files for which a job makes some of the blocks
HERE = 1024  # cells along the side of the blocks of maps that a job holds
PACKAGE = Path(__file__).resolve().parent
log = logging.getLogger("manul")
logging.getLogger("pyogrio").setLevel("WARNING")


class PartMade(Exception):
    """The blocks of a job that is one of several for a map are there; the rest is not its own."""


@dataclass
class Job:
    """A running job: its Snakemake object, its input files and how to run blocks."""

    snakemake: Any

    @property
    def threads(self) -> int:
        """Worker threads that Snakemake gave to this job."""
        return self.snakemake.threads

    @property
    def log(self) -> logging.Logger:
        """Where the job writes what it does."""
        return log

    @property
    def extensions(self) -> list[str]:
        """Files of the user's own that this job runs."""
        told = getattr(self.snakemake, "params", {}).get("told", {})
        return [str(Path(path).resolve()) for path in told.get("extensions", {})]

    @property
    def told(self) -> SimpleNamespace:
        """What the graph tells this job."""
        return SimpleNamespace(**self.snakemake.params.told)

    def named(self, role: str) -> dict[str, str]:
        """The input files of a role, by the name of the layer or surface that each holds."""
        return {Path(file).stem: file for file in self.inputs(role)}

    def inputs(self, role: str) -> list[str]:
        """The input files of a role; absolute, for workers that run in another folder."""
        files = self.snakemake.input.get(role) or []
        files = [files] if isinstance(files, str) else files
        return [str(Path(file).resolve()) for file in files]

    def output(self, name: str) -> str:
        """The output file of this name; a name may hold a folder, as `threats/roads`.

        Of a job that makes some blocks alone, that of the job which joins them.
        """
        return (self.snakemake.params.get(OUTPUTS) or self.snakemake.output).get(name)

    @property
    def part(self) -> tuple[int, int] | None:
        """(which, of how many) of the jobs among which the blocks of a map are dealt out."""
        told = dict(self.snakemake.wildcards.items()).get("part")
        if told is None:
            return None
        which, of = told.split("-of-")
        return int(which), int(of)

    def folder(self, name: str) -> Path:
        """Where an output will lie; large maps lie there while they are worked on."""
        return Path(self.output(name)).resolve().parent

    def layers(self) -> dict:
        """Handles of the inputs `layers`, by layer name: rasters or vectors."""
        return {
            n: rasters.RasterFile(p) if p.endswith(".tif") else vectors.VectorFile(p)
            for n, p in self.named("layers").items()
        }

    def fields(self) -> Fields:
        """The maps that this job was told of, by name, to be read by windows."""
        told = self.told
        return Fields(sources_of(told.maps), grid_of(told.region))

    def provenance(self) -> dict:
        """All layers behind the inputs of this job."""
        return provenance.merge(*(map_tags.read_provenance(f) for f in self._maps))

    @property
    def scenario(self) -> str:
        """The scenario with which the results of this job lie."""
        return dict(self.snakemake.wildcards.items()).get("scenario", "")

    @property
    def foot(self) -> str:
        """The last line of a page: status of the species, version and run, day of assessment."""
        told = self.told
        return (
            f"{told.species['status']}. Manul {__version__}, run {self.digest}; as of {told.as_of}."
        )

    @property
    def digest(self) -> str:
        """Of all that decides what this job makes: what it was told, and what made its inputs."""
        tags = self.tags({})
        return digests.digest(tags["MANUL_CONFIG_DIGEST"], tags["MANUL_INPUTS_DIGEST"])

    @property
    def _params(self) -> dict:
        """What decides what the job makes: the same for a part of its blocks."""
        return {name: of for name, of in self.snakemake.params.items() if name != OUTPUTS}

    @property
    def _maps(self) -> list[str]:
        return [f for f in map(str, self.snakemake.input) if f.endswith((".tif", ".gpkg"))]

    def thresholds(self, role: str = "thresholds") -> list[pd.DataFrame]:
        """The tables of thresholds and patch sizes that analyses give, as this job reads them."""
        return [plain_files.read_table(path) for path in self.inputs(role)]

    def map_files(self, maps, grid) -> list[block_maps.MapFile]:
        """The maps of the model, each tagged with the layers behind it, as the graph knows them.

        Raises `KeyError` where a layer stands behind no input.
        """
        every, layers = self.provenance(), self.told.layers
        return [
            self.map_file(
                m.name, self.output(m.name), grid, m.units,
                {name: every[name] for name in layers[m.name]}, m.categories,
            )
            for m in maps
        ]  # fmt: skip

    def map_file(self, name, path, grid, bands, record=None, categories=None):
        """A map that this job makes, tagged with the layers behind it (default: all inputs)."""
        tags = self.tags(record)
        digest = digests.digest(tags, str(grid))
        return block_maps.MapFile(path, grid, bands, tags, digest, categories, name=name)

    def told_of(self, things: Iterable, number: int, of: str = "draws") -> Iterator:
        """The same things, while the log tells how many of `number` are done."""
        told = _progress(number)
        for thing in things:
            yield thing
            told(of)

    def run(self, work: Callable, files: list, blocks: list) -> None:
        """Make maps block by block; `work(block)` gives, for each map by name, its bands by name.

        Dask decides where: on the threads of this job, or, with DASK_SCHEDULER_ADDRESS, on the
        workers of that running cluster, which must see the same files. The result is the same. A
        job that is a `part` makes its share of the blocks, and ends here: another one joins them.
        """
        if part := self.part:
            which, of = part
            mine = blocks[len(blocks) * (which - 1) // of : len(blocks) * which // of]
            _on_threads(partial(_make, self.extensions, work, files), mine, self.threads)
            raise PartMade
        address = os.environ.get("DASK_SCHEDULER_ADDRESS")
        task = partial(_make, self.extensions, work, files)
        with block_maps.finishing(files, blocks):
            if address:
                _on_cluster(address, task, blocks)
            else:
                _on_threads(task, blocks, self.threads)

    def run_here(self, maps: Callable, files: list) -> None:
        """Make maps from what this job holds; `maps(rows, columns)` gives those of a window."""

        def work(block):
            row0, row1, column0, column1 = block
            return maps(slice(row0, row1), slice(column0, column1))

        with block_maps.finishing(files, blocks := block_maps.blocks(files[0].grid, HERE)):
            _on_threads(partial(block_maps.make, work, files), blocks, self.threads)

    def tags(self, record: dict | None = None) -> dict:
        """Metadata of an output: layers, scenario, software, digest of what the job was told."""
        record = self.provenance() if record is None else record
        region = dict(self.snakemake.wildcards.items()).get("region", "")
        return {
            **map_tags.of_layers(record),
            "MANUL_REGION": region,
            "MANUL_SCENARIO": self.scenario,
            "MANUL_VERSION": __version__,
            "MANUL_CONFIG_DIGEST": digests.digest(self._params),
            "MANUL_INPUTS_DIGEST": digests.digest([map_tags.made_from(f) for f in self._maps]),
            "MANUL_SPECIES_STATUS": self.told.species["status"],
        }


def sources_of(maps: dict) -> dict[str, Source | None]:
    """Where maps lie, from what a job is told."""
    resolved = {n: s and s | {"path": str(Path(s["path"]).resolve())} for n, s in maps.items()}
    return {name: Source(**source) if source else None for name, source in resolved.items()}


@contextmanager
def start(snakemake) -> Iterator[Job]:
    """Run a script: its log goes to the rule's log file and to the terminal, errors in full."""
    _same_package(snakemake)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if snakemake.log:
        handlers.append(logging.FileHandler(snakemake.log[0], mode="w", encoding="utf-8"))
    logging.basicConfig(
        level="INFO", format="%(asctime)s %(message)s", handlers=handlers, force=True
    )
    began = time.monotonic()
    try:
        extensions.run(Job(snakemake).extensions)
        with dask.config.set(scheduler=dask.threaded.get, num_workers=snakemake.threads):
            yield Job(snakemake)
    except PartMade:
        (done,) = snakemake.output
        Path(done).touch()
    except Exception as fault:
        if getattr(fault, "plain", False):
            log.error("%s: %s", snakemake.rule, fault)
            raise SystemExit(1) from None
        log.exception("%s failed", snakemake.rule)
        raise
    took, cpu = time.monotonic() - began, time.process_time()
    log.info("%s done in %.1f s, CPU %.1f s%s", snakemake.rule, took, cpu, _most_memory())


def _most_memory() -> str:
    """The largest memory (MB, resident) that this process has held, where the system tells it.

    Snakemake's own `benchmark` looks at a job's memory twice a second, misses most of a short one,
    and takes 3 % of the time of a run.
    """
    status = Path("/proc/self/status")
    told = status.read_text() if status.is_file() else ""
    found = re.search(r"VmHWM:\s*(\d+) kB", told)
    return f", at most {int(found[1]) / 1024:.0f} MB of memory" if found else ""


def _same_package(snakemake) -> None:
    """A copied environment may bring the package of another copy of the project."""
    own = Path(getattr(snakemake, "scriptdir", None) or PACKAGE.parent).resolve()
    if (own / "manul").is_dir() and own / "manul" != PACKAGE:
        raise ImportError(
            f"this workflow lies in {own}, but its jobs import {PACKAGE}: run `uv sync` in the "
            "workflow's own folder, or set PYTHONPATH to its workflow/scripts"
        )


def _make(extended: list, work: Callable, files: list, block) -> None:
    """Make a block, also in a worker that has not run the user's own files yet."""
    extensions.run(extended)
    block_maps.make(work, files, block)


def _on_threads(task: Callable, blocks: list, threads: int) -> None:
    # Not by its name: to look that up, Dask imports all of `distributed`.
    with dask.config.set(scheduler=dask.threaded.get, num_workers=threads):
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

    def told(of="blocks"):
        state["done"] += 1
        now = time.monotonic()
        if now - state["told"] > 10 or (state["done"] == total and total > 1):
            state["told"] = now
            log.info("%d of %d %s", state["done"], total, of)

    return told
