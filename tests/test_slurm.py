"""A real Slurm with one node, on this machine alone: its maps are those of a local run."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml
from conftest import demo_config

from manul.config import load
from manul.model import outputs

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[1]
TOOLS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
# Daemons stand in folders that only root has on its PATH.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
# Which of them a slurmd can do without cgroups with, differs with its version.
CGROUPS = ("CgroupPlugin=disabled", "CgroupPlugin=cgroup/v1", "CgroupPlugin=autodetect")
SLURM_CONF = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=localhost NodeAddr=127.0.0.1 NodeHostname={host} CPUs=8 RealMemory=32000
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
BOUNDS = [75.6, 41.1, 76.52, 41.79]
MAPS = ("habitat.tif", "threat.tif", "dominant_threat.tif", "threats/mines_large.tif")
TARGETS = [f"results/tiny/current/{name}" for name in MAPS]


@pytest.fixture(scope="module")
def cluster():
    """The environment in which Slurm's commands talk to a cluster of one node."""
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=PATH)]
    if missing:
        pytest.skip(f"Slurm is not installed (Debian: slurm-wlm, munge): no {', '.join(missing)}")
    # Not pytest's folder: the path of a socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="manul-slurm-") as name, ExitStack() as stack:
        folder = Path(name)
        environment = configure(folder)
        try:
            stack.enter_context(daemon(folder, environment, *munged(folder)))
            wait_for((folder / "munge.socket").exists, "munged opened no socket")
            stack.enter_context(daemon(folder, environment, "slurmctld", "-D", "-i"))
            start_node(folder, environment, stack)
        except (OSError, TimeoutError) as fault:
            pytest.skip(f"Slurm cannot start here: {fault}; {last_words(folder)}")
        stack.callback(run, environment, "scancel", "--full", "--me", check=False)
        yield environment


def test_jobs_on_slurm_make_the_maps_of_a_local_run(cluster, tmp_path):
    (local := tmp_path / "local").mkdir()
    (remote := tmp_path / "slurm").mkdir()
    snakemake(local, os.environ | {}, "--cores", "2")
    profile = str(ROOT / "workflow" / "profiles" / "slurm")
    printed = snakemake(
        remote, cluster, "--workflow-profile", profile, "--config", "jobs_for_a_map=2",
        "--slurm-no-account", "--slurm-status-command", "squeue",
        "--slurm-init-seconds-before-status-checks", "5", "--latency-wait", "5",
    )  # fmt: skip
    done = run(cluster, "squeue", "--states=COMPLETED", "--noheader", "--format=%i").split()
    steps = int(re.findall(r"of (\d+) steps \(100%\) done", printed)[-1])
    submitted = printed.count("has been submitted with SLURM jobid")
    assert len(done) == submitted == steps > len(TARGETS), printed
    shared = dict(re.findall(r"^part_of_(\w+)_current +(\d+)$", printed, re.MULTILINE))
    assert shared == {"habitat": "2", "threats": "2"}, printed
    for name in TARGETS:
        with rasterio.open(local / name) as a, rasterio.open(remote / name) as b:
            assert min(a.shape) > outputs.BLOCK, (
                "several blocks, so that there is something to deal out"
            )
            assert (a.dtypes, str(a.nodata), a.transform) == (b.dtypes, str(b.nodata), b.transform)
            values = a.read()
            np.testing.assert_array_equal(values, b.read(), err_msg=name)
            assert np.unique(values).size > 1


# --------------------------------------------------------------------------------------- helpers


def snakemake(folder, environment, *arguments) -> str:
    """Make the targets in a folder; what was printed."""
    (folder / "resources").symlink_to(ROOT / "resources")
    config = folder / "tiny.yaml"
    config.write_text(yaml.safe_dump(tiny_config(), sort_keys=False), encoding="utf-8")
    fixed = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command = [sys.executable, "-m", "snakemake", *TARGETS, *fixed, *arguments]
    return run(environment, *command, "--configfile", str(config))


def tiny_config() -> dict:
    """The demo cut to four blocks of cells around a mine, with a handful of jobs."""
    config = load.written_out(demo_config())
    config["region"] |= {"name": "tiny", "bounds": BOUNDS, "cell_m": 75, "mask": None}
    habitat = config["habitat"]
    habitat["reference"] = {}
    habitat["components"] = {name: habitat["components"][name] for name in ("prey", "vegetation")}
    habitat["gates"] = {"elevation": habitat["gates"]["elevation"]}
    config["threats"] = {"mines_large": config["threats"]["mines_large"]}
    del config["threats"]["mines_large"]["footprint"]
    config["rules"], config["priority"] = {}, []
    config["scenarios"] = {"current": {"title": "Current state"}}
    return config


def configure(folder) -> dict:
    """Write Slurm's configuration; the environment that points to it."""
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    controller_port, node_port = free_ports(2)
    text = SLURM_CONF.format(
        folder=folder,
        user=subprocess.check_output(["id", "-un"], text=True).strip(),
        host=socket.gethostname().split(".")[0],
        controller_port=controller_port,
        node_port=node_port,
    )
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    # A job of an outer Slurm must not leak into this one.
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_"))}
    path = os.pathsep.join([wrapped_srun(folder), PATH])
    return outer | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}


def wrapped_srun(folder) -> str:
    """A folder with an srun that knows its configuration.

    Within a job the executor removes all variables named SLURM_* and relies on /etc/slurm.
    """
    (folder / "bin").mkdir()
    wrapper = folder / "bin" / "srun"
    program = shutil.which("srun", path=PATH)
    wrapper.write_text(
        f'#!/bin/sh\nSLURM_CONF="{folder}/slurm.conf" exec {program} "$@"\n', encoding="utf-8"
    )
    wrapper.chmod(0o755)
    return str(wrapper.parent)


def free_ports(number) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def munged(folder) -> list[str]:
    names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    options = [f"--{option}={folder}/munge.{name}" for option, name in names.items()]
    return ["munged", "--foreground", "--force", *options]


@contextmanager
def daemon(folder, environment, *command):
    """A daemon in the foreground, so that it is a child of the test and ends with it."""
    program = shutil.which(command[0], path=PATH)
    with (folder / f"{command[0]}.out").open("ab") as out:
        process = subprocess.Popen(
            [program, *command[1:]], env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start_node(folder, environment, stack) -> None:
    """Start slurmd with the first cgroup setting under which it stays up."""
    for setting in CGROUPS:
        (folder / "cgroup.conf").write_text(f"{setting}\n", encoding="utf-8")
        with ExitStack() as attempt:
            node = attempt.enter_context(
                daemon(folder, environment, "slurmd", "-D", "-N", "localhost")
            )
            wait_for(lambda node=node: node.poll() is not None or idle(environment), "no idle node")
            if node.poll() is None:
                stack.enter_context(attempt.pop_all())
                return
    raise OSError("slurmd ended at once")


def idle(environment) -> bool:
    return "idle" in run(environment, "sinfo", "--noheader", "--format=%t", check=False)


def run(environment, *command, check=True) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def wait_for(condition, otherwise, limit_s=30) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.2)


def last_words(folder) -> str:
    """The last line of each daemon, to tell why it did not start."""
    texts = {
        p.name: p.read_text(errors="replace").splitlines()
        for p in sorted(folder.glob("*.out")) + sorted(folder.glob("*.log"))
    }
    return "; ".join(f"{name}: {lines[-1]}" for name, lines in texts.items() if lines)
