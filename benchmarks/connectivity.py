"""Cost distance, circuits and graphs of patches, beside other packages where they are installed.

python benchmarks/connectivity.py [--size 2000] [--only cost cores circuit graph files]
CPU seconds of one thread; memory is the growth of the peak of a process of its own.
"""

import argparse
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

GROUNDS = ("smooth", "noise", "roads", "maze")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--only", nargs="+", default=["cost", "cores", "circuit", "graph"])
    parser.add_argument("--in-grass", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.in_grass:
        _in_grass(args.in_grass)
        return
    for work in args.only:
        {"cost": costs, "cores": cores, "circuit": circuits, "graph": graph, "files": files}[work](
            args.size
        )


def ground(kind, n):
    rng = np.random.default_rng(1)
    if kind == "maze":
        return maze(n, rng)
    if kind == "noise":
        return rng.uniform(1, 100, (n, n)).astype("float32")
    field = gaussian_filter(rng.normal(size=(n, n)).astype("float32"), 20)
    out = 1 + 99 * (1 - (field - field.min()) / np.ptp(field)) ** 3
    if kind == "roads":
        out[::97] *= 100
        out[:, ::131] *= 100
    if kind == "wall":
        out[n // 2] = np.nan
        out[n // 2, n // 3] = 1
    if kind == "lakes":
        out[gaussian_filter(rng.normal(size=(n, n)), 8) > 0.012] = np.nan
        out[:4] = out[-4:] = out[:, :4] = 1
    return out.astype("float32")


def maze(n, rng):
    """A binary-tree maze with ways of one cell."""
    k = (n - 1) // 2
    out = np.full((n, n), np.nan, "float32")
    out[1 : 2 * k : 2, 1 : 2 * k : 2] = 1
    up = rng.random((k, k)) < 0.5
    up[0], up[1:, 0] = False, True
    rows, columns = np.nonzero(up)
    out[2 * rows, 2 * columns + 1] = 1
    left = ~up
    left[:, 0] = False
    rows, columns = np.nonzero(left)
    out[2 * rows + 1, 2 * columns] = 1
    return out


def costs(n):
    print(f"\ncost distance from one source, {n} x {n}: ns a cell, bytes a cell beyond the input")
    for kind in GROUNDS:
        for name, run in PEERS.items():
            if name == "manul" or find_spec(name) is not None or shutil.which(name):
                seconds, grown, answer = apart(run, kind, n)
                print(f"{kind:7}{name:9}{seconds / n**2 * 1e9:7.0f}{grown / n**2:7.0f}  {answer}")


def manul(resistance, sources):
    from manul.connectivity.cost_distance import cost_distance

    cost_distance(resistance[:9, :9], sources[:9, :9])
    return timed(lambda: cost_distance(resistance, sources))


def skimage(resistance, sources):
    from skimage.graph import MCP_Geometric

    given = np.where(np.isnan(resistance), -1, resistance)
    starts = list(map(tuple, np.argwhere(sources)))
    return timed(lambda: MCP_Geometric(given).find_costs(starts)[0])


def xrspatial(resistance, sources):
    import xarray as xr
    from xrspatial import cost_distance

    n = len(resistance)
    axes = {"y": np.arange(n, dtype=float), "x": np.arange(n, dtype=float)}
    raster, friction = (
        xr.DataArray(part.astype("float32"), axes, dims=("y", "x"))
        for part in (sources, resistance)
    )
    cost_distance(raster[:9, :9], friction[:9, :9])
    return timed(lambda: np.asarray(cost_distance(raster, friction)))


def grass(resistance, sources):
    """Of the process of r.cost alone, which reads and writes its own maps."""
    n = str(len(resistance))
    with tempfile.TemporaryDirectory() as folder:
        for name, values in {"resistance": resistance, "sources": sources}.items():
            np.nan_to_num(values).astype("float32").tofile(f"{folder}/{name}")
        own = [sys.executable, str(Path(__file__).resolve()), "--in-grass", n]
        told = subprocess.run(
            ["grass", "--tmp-location", "XY", "--exec", *own],
            cwd=folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        seconds, peak = told.stdout.split()[-2:]
        cost = np.fromfile(f"{folder}/cost")
    return float(seconds), 1024 * int(peak), f"{cost[cost >= 0].sum():.9e}"


def _in_grass(n):
    """Within a session of GRASS, in the folder of the maps: prints CPU s and peak memory (KiB)."""
    grid = [f"n={n}", "s=0", "w=0", f"e={n}", f"rows={n}", f"cols={n}"]

    def run(*command):
        subprocess.run(command, check=True, capture_output=True)

    run("g.region", *grid)
    for name in ("resistance", "sources"):
        run("r.in.bin", "-f", f"input={name}", f"output={name}", "bytes=4", "anull=0", *grid)
    cost = ["r.cost", "input=resistance", "start_raster=sources", "output=cost", "memory=4000"]
    process = subprocess.Popen(cost, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise ChildProcessError(f"r.cost ended with {status}")
    run("r.out.bin", "-f", "input=cost", "output=cost", "bytes=8", "null=-1")
    print(used.ru_utime + used.ru_stime, used.ru_maxrss)


PEERS = {"manul": manul, "grass": grass, "skimage": skimage, "xrspatial": xrspatial}


def timed(run):
    before = peak_from_here()
    start = time.process_time()
    out = run()
    seconds = time.process_time() - start
    grown = memory("VmHWM") - before
    finite = np.isfinite(out)
    return seconds, grown, f"{out[finite].sum(dtype='float64'):.9e}"


def apart(run, *given):
    """In a process of its own, so that peaks of memory do not hide each other."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_from_one_source, (run, *given))


def _from_one_source(run, kind, n):
    sources = np.zeros((n, n), bool)
    sources[n // 2 | 1, n // 2 | 1] = True
    return run(ground(kind, n), sources)


def cores(n):
    from manul.connectivity.corridors import links
    from manul.connectivity.cost_distance import cost_distance, nearest

    resistance, numbers = ground("smooth", n), np.zeros((n, n), np.int32)
    at = np.random.default_rng(3).integers(10, n - 10, (20, 2))
    for k, (r, c) in enumerate(at, 1):
        numbers[r - 3 : r + 4, c - 3 : c + 4] = k
    some = np.zeros((50, 50), np.int32)
    some[5, 5], some[40, 40] = 1, 2
    list(links(resistance[:50, :50], some, 1.0, [5.0]))  # compiles
    print(f"\n20 cores, {n} x {n}: CPU s, times one source")
    one = seconds(lambda: cost_distance(resistance, numbers == 1))
    for name, run in {
        "nearest core": lambda: nearest(resistance, numbers),
        "all corridors": lambda: list(links(resistance, numbers, 1.0, [500.0])),
    }.items():
        taken = seconds(run)
        print(f"{name:15}{taken:7.2f}{taken / one:7.2f}")


def files(n):
    """From and to plain files, 12 bytes a cell, in a folder for temporary files."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        cpu, wall, peak = pool.apply(_files, (n,))
    print(
        f"\nfrom files, {n} x {n}: {cpu / n**2 * 1e9:.0f} ns a cell, {wall:.0f} s, {peak:.0f} MiB"
    )


def _files(n):
    from manul.connectivity.large_maps import spread, start
    from manul.grid.disk_maps import DiskMap

    part = ground("smooth", 2000)
    part = np.block([[part, part[:, ::-1]], [part[::-1], part[::-1, ::-1]]])
    with tempfile.TemporaryDirectory() as folder:
        resistance = DiskMap.at(f"{folder}/resistance", (n, n), "float32")
        for top in range(0, n, 4000):
            wide = np.tile(part, (1, -(-n // 4000)))[: min(4000, n - top), :n]
            resistance[top : top + 4000, :] = wide
        cost = DiskMap.at(f"{folder}/cost", (n, n), "float64", np.inf)
        sources = np.zeros((n, n), bool)
        sources[n // 2, n // 2] = True
        spread(part[:9, :9], np.zeros((9, 9)))
        begun, wall = time.process_time(), time.time()
        spread(resistance, cost, pending=start(resistance, cost, sources))
        cpu, wall = time.process_time() - begun, time.time() - wall
    return cpu, wall, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def circuits(n):
    print(f"\none pair, {n} x {n}, 8 neighbours: set-up s, solve s, bytes a cell, ohm")
    for kind in ("smooth", "wall", "lakes", "roads", "noise"):
        for name, (package, run) in SOLVERS.items():
            if find_spec(package) is not None:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    set_up, solve, size, ohm = pool.apply(run, (kind, n))
                print(f"{kind:7}{name:14}{set_up:7.2f}{solve:7.2f}{size / n**2:7.0f}  {ohm:.8f}")


def _operator(kind, n):
    """Links and diagonal of the part that is joined to the first cell of the third row, held."""
    from scipy.ndimage import label

    from manul.connectivity.solvers import beside

    g = np.nan_to_num(1 / ground(kind, n).astype(float))
    part = label(g > 0, np.ones((3, 3)))[0]
    g[part != part[2, 2]] = 0
    links, diagonal = np.zeros((4, n, n)), np.zeros((n, n))
    for k, shift in enumerate(((0, 1), (1, 0), (1, 1), (1, -1))):
        a, b = beside(g, shift)
        link = 2 * a * b / np.where(a + b > 0, a + b, 1) / (2**0.5 if k > 1 else 1)
        for side in beside(diagonal, shift):
            side += link
        one, two = beside(np.arange(n * n).reshape(n, n) == 2 * n + 2, shift)
        beside(links[k], shift)[0][:] = np.where(one | two, 0, link)
    diagonal[2, 2] = 0
    return links, diagonal


def _ours(kind, n):
    from manul.connectivity.multigrid import Multigrid

    Multigrid(*_operator("smooth", 40)).solve(np.ones((40, 40)))
    links, diagonal = _operator(kind, n)
    return _solve(lambda: Multigrid(links, diagonal), n, lambda made, b: made.solve(b))


def _matrix(kind, n):
    """The same as a sparse matrix of the cells that current reaches, and which these are."""
    from scipy.sparse import coo_array, csr_matrix

    from manul.connectivity.solvers import beside

    links, diagonal = _operator(kind, n)
    place = np.arange(n * n).reshape(n, n)
    rows, columns, values = [place[diagonal > 0]], [place[diagonal > 0]], [diagonal[diagonal > 0]]
    for k, shift in enumerate(((0, 1), (1, 0), (1, 1), (1, -1))):
        link, (a, b) = beside(links[k], shift)[0], beside(place, shift)
        there = link > 0
        rows += [a[there], b[there]]
        columns += [b[there], a[there]]
        values += [-link[there]] * 2
    known = np.flatnonzero(diagonal.ravel() > 0)
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    matrix = coo_array(entries, (n * n, n * n)).tocsr()[known][:, known]
    matrix.indices, matrix.indptr = matrix.indices.astype("i4"), matrix.indptr.astype("i4")
    return csr_matrix(matrix), known


def _by_matrix(kind, n, set_up, solve):
    matrix, known = _matrix(kind, n)

    def on_cells(made, b):
        out = np.zeros(n * n)
        out[known] = solve(made, b.ravel()[known])
        return out.reshape(n, n)

    return _solve(lambda: set_up(matrix), n, on_cells)


def _by_conjugate_gradients(made, b):
    return made.solve(b, tol=1e-8, accel="cg", maxiter=300)


def _aggregation(kind, n):
    import pyamg

    return _by_matrix(kind, n, pyamg.smoothed_aggregation_solver, _by_conjugate_gradients)


def _ruge_stueben(kind, n):
    import pyamg

    return _by_matrix(kind, n, pyamg.ruge_stuben_solver, _by_conjugate_gradients)


def _cholmod(kind, n):
    from sksparse.cholmod import cholesky

    return _by_matrix(kind, n, lambda a: cholesky(a.tocsc()), lambda made, b: made(b))


def _solve(set_up, n, solve):
    ampere = np.zeros((n, n))
    ampere[n - 3, n - 3] = 1
    before = peak_from_here()
    start = time.process_time()
    made = set_up()
    middle = time.process_time()
    volt = solve(made, ampere)
    end = time.process_time()
    grown = memory("VmHWM") - before
    return middle - start, end - middle, grown, float(volt[n - 3, n - 3])


def peak_from_here():
    """Let the peak of memory count from here; bytes that are held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def memory(what):
    """Bytes of a line of the system about this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))


SOLVERS = {  # and the package that each needs
    "manul": ("manul", _ours),
    "aggregation": ("pyamg", _aggregation),
    "Ruge-Stueben": ("pyamg", _ruge_stueben),
    "CHOLMOD": ("sksparse", _cholmod),
}


def graph(_):
    from scipy.spatial import Delaunay

    from manul.connectivity import graph as graphs

    print("\npatches, links: CPU s of EC, of the worth of all patches and links")
    rng = np.random.default_rng(0)
    for n in (20, 200, 500, 2000):
        xy = rng.uniform(0, 1000 * (n / 2000) ** 0.5, (n, 2))
        corners = Delaunay(xy).simplices
        pairs = np.unique(
            np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])),
            axis=0,
        )
        apart_km = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
        net = graphs.graph(rng.lognormal(3, 1, n), pairs, apart_km, 30.0)
        alone = seconds(lambda net=net: graphs.equivalent_area(net))
        worth = seconds(lambda net=net: graphs.worth(net))
        if n > 20:  # the first compiles
            print(f"{n:7}{len(pairs):7}{alone:8.2f}{worth:8.2f}")


def seconds(run, times=5):
    """The least of some runs."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return min(taken)


if __name__ == "__main__":
    main()
