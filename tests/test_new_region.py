"""A newcomer's path through Snakemake: a new region's file, its layers from a server, its maps."""

import subprocess
import sys
from pathlib import Path

import open_sources as served
import pytest
import rasterio
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the workflow, and a server with small files of every open source."""
    home = tmp_path_factory.mktemp("newcomer")
    for name in ("workflow", "resources", "Snakefile"):
        (home / name).symlink_to(ROOT / name)
    (home / "config").mkdir()
    for path in (ROOT / "config").iterdir():
        (home / "config" / path.name).symlink_to(path)
    server = served.Server(home / "served")
    served.fill(server)
    with server.running():
        yield home, server


def snakemake(home, *words):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *words]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)


def test_from_a_box_to_a_map(place):
    home, server = place
    box = ",".join(str(n) for n in served.BOX)
    made = snakemake(home, "new_region", "--config", "name=khentii", f"box={box}", "cell_m=1000")
    assert "the region lies in Mongolia, on cells of 1000 m" in made.stderr
    assert made.returncode == 0, made.stderr
    assert "Copernicus DEM GLO-30" in made.stderr and "MB to come" in made.stderr
    path = home / "config/khentii.yaml"
    told = {"cache": str(home / "cache"), "mirrors": server.mirrors, "tries": 2, "wait_s": 0.01}
    told |= {"timeout_s": 10}
    path.write_text(path.read_text() + yaml.safe_dump({"retrieval": told}))

    early = snakemake(home, "results/khentii/current/habitat.tif", "--configfile", str(path))
    assert early.returncode != 0 and "retrieve" in early.stderr, "what to do is told"
    came = snakemake(home, "retrieve", "--configfile", str(path))
    assert came.returncode == 0, came.stderr
    assert "18 layers" in came.stderr

    maps = snakemake(
        home, "results/khentii/current/habitat.tif", "results/khentii/current/threat.tif",
        "--configfile", str(path),
    )  # fmt: skip
    assert maps.returncode == 0, maps.stderr[-3000:]
    with rasterio.open(home / "results/khentii/current/habitat.tif") as found:
        assert (found.read(1) > 0.2).any()
        assert "CHELSA" in str(found.tags()) or "Karger" in str(found.tags())


def test_a_wrong_box_is_told_in_one_line(place):
    home, _ = place
    made = snakemake(home, "new_region", "--config", "name=bad", "box=47,107,48,108")
    assert made.returncode != 0 and "swapped" in made.stderr
    assert not (home / "config/bad.yaml").exists() and "Traceback" not in made.stderr
    box = ["box=107.2,47.3,107.8,47.7", "cell_m=0.001"]
    made = snakemake(home, "new_region", "--config", "name=bad", *box)
    assert made.returncode != 0 and "in metres?" in made.stderr
    assert not (home / "config/bad.yaml").exists(), "nothing is in the way of the next try"
