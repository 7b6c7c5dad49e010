"""A second region for the tests: a corner of the demo, made by a config file alone."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PRODUCTS = (
    "key_habitat.gpkg",
    "recommendations.csv",
    "restricted/recommendations.csv",
    "actions.gpkg",
    "restricted/actions.csv",
    "briefs.html",
    "handover/actions.kmz",
    "units.csv",
    "outputs.csv",
    "maps.qlr",
    "maps/threat.png",
    "maps/key_habitat.png",
)


@dataclass(frozen=True)
class Region:
    """A folder in which the workflow runs, and the config files it runs with."""

    folder: Path
    configs: tuple[Path, ...]
    scenarios: tuple[str, ...] = ("current", "planned")

    @property
    def results(self) -> Path:
        """Where the region's scenarios lie."""
        return self.folder / "results" / "corner"

    @property
    def targets(self) -> list[str]:
        """The products that the tests ask for."""
        return [f"results/corner/{s}/{p}" for s in self.scenarios for p in PRODUCTS]

    def command(self, *arguments) -> list[str]:
        """The command line of a run on two cores."""
        fixed = ["--snakefile", ROOT / "Snakefile", "--directory", self.folder, "--cores", "2"]
        words = [sys.executable, "-m", "snakemake", *arguments, *fixed]
        return [*map(str, words), "--configfile", *map(str, self.configs)]

    def run(self, *arguments) -> str:
        """Run to the end; what was printed. The test fails, with all of it, if the run does."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)
        printed = done.stdout + done.stderr
        assert done.returncode == 0, printed
        return printed

    def summary(self) -> "Summary":
        """Every file behind the targets, and which of them a run would make."""
        printed = self.run("--detailed-summary", *self.targets)
        rows = [line.split("\t") for line in printed.splitlines() if line.count("\t") >= 7]
        columns = rows[0]
        files = [dict(zip(columns, row, strict=True)) for row in rows[1:]]
        return Summary(
            {f["output_file"]: set(f["input-file(s)"].split(",")) for f in files},
            {f["output_file"] for f in files if f["plan"] != "no update"},
        )

    def copy(self, folder) -> "Region":
        """The same state in another folder, to be changed freely."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        moved = tuple(folder / path.name for path in self.configs)
        return Region(folder, moved, self.scenarios)

    def config(self) -> dict:
        """The first config file."""
        return yaml.safe_load(self.configs[0].read_text(encoding="utf-8"))

    def overlay(self, name: str, changes: dict) -> "Region":
        """The region with one more config file, which Snakemake lays over the first."""
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(changes, sort_keys=False), encoding="utf-8")
        return Region(self.folder, (*self.configs, path), self.scenarios)


@dataclass(frozen=True)
class Summary:
    """Inputs of each file that the graph makes, and the files that a run would make (again)."""

    inputs: dict[str, set]
    pending: set[str]

    def behind(self, start: set) -> set[str]:
        """All that follows from these files, with those of them that the graph makes."""
        found = set(start)
        while more := {f for f, inputs in self.inputs.items() if inputs & found} - found:
            found |= more
        return found & self.inputs.keys()


def demo_config() -> dict:
    """The demo's config as its file holds it."""
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))


def corner_config() -> dict:
    """The second region's config as its file holds it."""
    return yaml.safe_load((ROOT / "tests" / "corner.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def empty_corner(tmp_path_factory) -> Region:
    """The corner before any run: data, a config file, and nothing else."""
    folder = tmp_path_factory.mktemp("corner")
    shutil.copytree(ROOT / "resources", folder / "resources")
    path = folder / "corner.yaml"
    path.write_text(yaml.safe_dump(corner_config(), sort_keys=False), encoding="utf-8")
    return Region(folder, (path,))


@pytest.fixture(scope="session")
def corner(empty_corner, tmp_path_factory) -> Region:
    """The corner with its products. Tests read it; those that change something take a copy.

    Its jobs were run in this process: `test_workflow` has one that Snakemake made.
    """
    import in_process  # which needs this module

    region = empty_corner.copy(tmp_path_factory.mktemp("made"))
    in_process.make(region, region.targets)
    return region


@pytest.fixture(scope="session")
def dask_cluster():
    """The address of a scheduler with two worker processes on this machine."""
    from distributed import LocalCluster

    paths = [str(ROOT / "workflow" / "scripts"), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        with LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster:
            yield cluster.scheduler_address
