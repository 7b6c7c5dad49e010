"""A finished run kept under a label: what the model read, what it made, what decided it.

    kept/LABEL/public/SCENARIO/       may be shown
    kept/LABEL/restricted/SCENARIO/   exact: NOT FOR PUBLICATION

Each holds `run.json` (date, versions, grid, effective config, layers, digests of code),
`outputs.csv` (the index of its maps, as `manul.open_results` reads it), maps and tables. Nothing of
it names a folder of the machine, so that a kept run can be carried to another one.
"""

import json
import os
import platform
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import pyogrio
import rasterio
from odc.geo.geobox import GeoBox

from manul import __version__, digests, graph, results
from manul.analyses import KINDS as ANALYSES
from manul.analyses import suitability_words as words
from manul.config import selection
from manul.config.nodes import layers_of
from manul.config.schema import kind_of_surface
from manul.config.types import Config
from manul.grid import plain_files
from manul.grid.fields import Source
from manul.grid.region import grid_of
from manul.uncertainty import specs

HOME = "kept"
PRESENT = "present"  # the label of results that are not kept
FORMAT = 1
ABOUT = "run.json"
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAPS = ("habitat", "habitat_reference", "threat", "value_at_risk", "key_class", "key", "suitable")
TABLES = {"recommend": ("table", "polygons"), "units": ("table",)}
# The rules whose code decides the numbers of a run.
CODE = (
    "prepare_raster", "prepare_vector", "prepare_records", "surface", "generalise", "habitat",
    "threats", "key_habitat", "recommend", "units",
)  # fmt: skip
PACKAGES = ("numpy", "scipy", "numba", "rasterio", "geopandas", "exactextract", "scikit-learn")


class KeptError(ValueError):
    """A label that cannot be used, or a folder that holds no whole kept run."""


@dataclass(frozen=True)
class Run:
    """One view of one scenario of a kept run; `about` is what its `run.json` holds."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The label of the run."""
        return self.about["label"]

    @property
    def config(self) -> Config:
        """The effective config."""
        return self.about["config"]

    @cached_property
    def grid(self) -> GeoBox:
        """The grid of every map."""
        return grid_of(self.config["region"])

    @cached_property
    def maps(self) -> dict[str, Source]:
        """Where each map lies, by name."""
        return results.sources(self.folder)

    def file(self, what: str) -> Path | None:
        """A table (`recommend table`, `units table`) or layer (`mask`, `units`); None: none."""
        found = self.about["named"].get(what)
        return self.folder / found if found else None


def label_of(given: Any) -> str:
    """A label as it was given on a command line; KeptError for one that is no name of a folder."""
    # Snakemake reads 2026.10 as a number and tells 2026.1, true as a truth.
    if given is None or isinstance(given, bool | float) or not LABEL.fullmatch(str(given)):
        raise KeptError(
            f"label: found {given!r}, expected letters, digits, '-' and '_', as in label=2026-11"
        )
    if str(given) == PRESENT:
        raise KeptError(f"label: {PRESENT!r} stands for the results that are not kept")
    return str(given)


def free_label(given: Any, replace: Any = False, home=HOME) -> str:
    """The label, if it may be used; KeptError if a run is kept under it, unless it is replaced."""
    label = label_of(given)
    if (Path(home) / label).exists() and not replace:
        raise KeptError(
            f"{home}/{label} holds a kept run; give another label, or add replace=true to lose it"
        )
    return label


def pair(before: Any, after: Any, config: Config, home=HOME) -> tuple[str, str]:
    """The labels of two runs to compare; by default the last one kept, and the present results.

    `config` is one of the present run. KeptError if there is no such run, or if the two lie on
    other grids.
    """
    there = labels(home)
    if before is None and not there:
        raise KeptError("no run is kept yet: snakemake --cores all keep --config label=2026-11")
    first = label_of(there[-1] if before is None else before)
    last = PRESENT if after in (None, PRESENT) else label_of(after)
    now = Run(Path(), {"label": PRESENT, "config": config})
    refuse_other_grid(
        *(now if label == PRESENT else _any_of(label, home) for label in (first, last))
    )
    return first, last


def labels(home=HOME) -> list[str]:
    """The labels of the kept runs, the oldest first."""
    found = {path.name: _when(path) for path in Path(home).glob("*") if LABEL.match(path.name)}
    return sorted((name for name, when in found.items() if when), key=lambda name: found[name])


def files(runs: "graph.Graph") -> list[str]:
    """Every file that is kept of a run, where it lies in the results."""
    return list(dict.fromkeys(chain(*(_wanted(runs, view) for view in runs.configs))))


def keep(runs: "graph.Graph", given, replace=False, home=HOME) -> tuple[Path, int]:
    """Keep a finished run, whole or not at all: its folder, and its size in bytes."""
    label = free_label(given, replace, home)
    folder = Path(home) / label
    partial = Path(home) / f".{label}-{uuid.uuid4().hex}"
    old = Path(home) / f".{label}-replaced-{uuid.uuid4().hex}"
    try:
        write(runs, label, partial)
        size = _close(partial)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    return folder, size


def open_kept(label: str, home=HOME) -> dict[tuple[str, str], Run]:
    """A kept run by (public | restricted, scenario); KeptError if there is none, or not whole."""
    folder = Path(home) / label
    if not folder.is_dir():
        there = ", ".join(labels(home)) or "none"
        raise KeptError(f"no run is kept under {label!r} in {home}; there are: {there}")
    found = opened(folder)
    if not found:
        raise KeptError(f"{folder} holds no kept run")
    return found


def opened(folder: Path) -> dict[tuple[str, str], Run]:
    """The runs in a folder that `write` made, by (public | restricted, scenario)."""
    found = {}
    for path in sorted(folder.glob(f"*/*/{ABOUT}")):
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise KeptError(f"{path}: kept in format {about['format']}, expected {FORMAT}")
        for name, size in about["files"].items():
            file = path.parent / name
            if not file.is_file() or file.stat().st_size != size:
                raise KeptError(f"the kept run {folder.name} is not whole: {file} was changed")
        found[path.parts[-3], path.parts[-2]] = Run(path.parent, about)
    return found


def refuse_other_grid(before: Run, after: Run) -> None:
    """KeptError unless both runs lie on one grid: cells could not be compared one by one."""
    told = []
    for run in (before, after):
        grid, region = run.grid, run.config["region"]
        told.append((region["name"], str(grid.crs), tuple(grid.affine), tuple(grid.shape)))
    if told[0] != told[1]:
        sides = [
            f"{run.label} is of region {name}, {rows} x {columns} cells of {affine[0]:g} m"
            for run, (name, _, affine, (rows, columns)) in zip((before, after), told, strict=True)
        ]
        raise KeptError(
            "only runs of one region on one grid can be compared, found others: "
            f"{'; '.join(sides)}. Run the earlier config again on the new grid and keep that"
        )


@contextmanager
def present(runs: "graph.Graph", home=".snakemake") -> Iterator[dict[tuple[str, str], Run]]:
    """The present results, as if they were kept; nothing is copied where links can be made."""
    folder = Path(home) / f"manul-{PRESENT}-{uuid.uuid4().hex}"
    try:
        write(runs, PRESENT, folder, _link)
        yield opened(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(runs: "graph.Graph", label: str, folder: Path, take: Callable = shutil.copyfile) -> None:
    """Write a run into a folder; `take(from, to)` brings a file there."""
    code = digests.of_functions(*_modules())
    for path in files(runs):
        if not Path(path).is_file():
            raise KeptError(f"{path} is not there; finish the run first")
        target = folder / _place(runs, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        take(path, target)
    for view in runs.configs:
        home = folder / _home(view)
        home.mkdir(parents=True, exist_ok=True)
        wanted = _maps(runs, view)
        told = {
            name: {
                "title": output.source.title,
                "path": str(_place(runs, output.source.path)),
                "band": output.source.band,
                "unit": output.source.unit,
                "codes": output.source.codes,
                "public": output.public,
                "layers": output.layers,
            }
            for name, output in runs.index(view).items()
            if name in wanted
        }
        table = results.index_table(told, str(_home(view)))
        plain_files.write_table(home / results.INDEX, table)
        about = _about(runs, view, label) | {"code": code}
        about["files"] = {
            os.path.relpath(target, home): target.stat().st_size
            for target in sorted({folder / _place(runs, path) for path in _wanted(runs, view)})
        }
        text = json.dumps(_without_paths(about), indent=1, ensure_ascii=False, default=str)
        plain_files.write_text(home / ABOUT, text)


# ------------------------------------------------------------------------------------- helpers


def _any_of(label, home) -> Run:
    return next(iter(open_kept(label, home).values()))


def _home(view) -> Path:
    """The folder of a view in a kept run."""
    scenario, _, exact = view.partition("/")
    return Path(exact or "public") / scenario


def _place(runs, path) -> Path:
    """Where a file of the results lies in a kept run."""
    scenario, *rest = Path(path).relative_to(f"results/{runs.region}").parts
    exact = rest[0] == "restricted"
    return _home(f"{scenario}/restricted" if exact else scenario).joinpath(*rest[exact:])


def _maps(runs, view) -> list[str]:
    """The maps that are kept: results to compare, and every surface that the model reads."""
    config = runs.configs[view]
    effects = (f"effect_{name}" for name in selection.assessed(config))
    wanted = [*MAPS, *effects, *specs.surfaces_of(config)]
    there = set(runs.names(view))
    return [name for name in dict.fromkeys(wanted) if name in there]


def _wanted(runs, view) -> list[str]:
    paths = [runs.output(view, name).source.path for name in _maps(runs, view)]
    return list(dict.fromkeys([*paths, *_named(runs, view).values()]))


def _named(runs, view) -> dict[str, str]:
    """Tables, and the layers that say where the region and its units lie, by what they are."""
    config, found = runs.configs[view], dict[str, str]()
    for rule, kept in TABLES.items():
        if "" in runs.keys(view, rule):
            made = runs.files(view, rule)
            found |= {f"{rule} {name}": made[name] for name in kept}
    for what in ("mask", "units"):
        if name := config["region"][what]:
            ref = graph.layer(config, name)
            if config["exact"] or not runs.private(view, ref.rule, ref.key):
                found[what] = runs.files(view, ref.rule, ref.key)[ref.file]
    return found


def _about(runs, view, label) -> dict:
    config = runs.configs[view]
    home = _home(view)
    return {
        "format": FORMAT,
        "label": label,
        "kept": datetime.now(UTC).isoformat(timespec="seconds"),
        "public": not config["exact"],
        "scenario": config["scenario"],
        "versions": _versions(),
        "key_rules": _key_rules(runs, view, config),
        "layers": {name: _layer(runs, view, name) for name in config["layers"]},
        "surfaces": {name: _surface(config, name) for name in selection.available(config)},
        "named": {
            what: os.path.relpath(_place(runs, path), home)
            for what, path in _named(runs, view).items()
        },
        "config": config,
    }


def _key_rules(runs, view, config) -> dict:
    """The block `key_habitat` with the thresholds in use."""
    tables = map(plain_files.read_table, runs.reads(view, "key_habitat")["thresholds"])
    return words.key_rules(config["key_habitat"], list(tables))


def _layer(runs, view, name) -> dict:
    """A layer's block, the digest of its files, and how much of it there is in the region."""
    config = runs.configs[view]
    block = config["layers"][name]
    if block["kind"] == "absent":
        return {"block": block, "content": [], "size": None, "of": ""}
    ref = graph.layer(config, name)
    content = runs.job(view, ref.rule, ref.key).told["content"]
    hidden = not config["exact"] and runs.private(view, ref.rule, ref.key)
    path = None if hidden else Path(runs.files(view, ref.rule, ref.key)[ref.file])
    size, of = _size(path) if path and path.is_file() else (None, "")
    return {"block": block, "content": content, "size": size, "of": of}


def _size(path) -> tuple[int, str]:
    if path.suffix == ".tif":
        with rasterio.open(path) as raster:
            return raster.width * raster.height, "cells"
    layer = pyogrio.list_layers(path)[0][0]
    return int(pyogrio.read_info(path, layer=layer)["features"]), "features"


def _surface(config, name) -> dict:
    """What a surface is made from: its layers, and the blocks of the config that it needs."""
    block = config["surfaces"][name]
    behind = layers_of(block)
    uses = list(kind_of_surface(block["kind"]).get("x-uses", ()))
    if any(config["layers"][layer]["kind"] == "records" for layer in behind):
        uses.append("as_of")  # rows of later days are rejected
    if not config["exact"] and selection.hidden_behind(config, name):
        uses.append("privacy")
    return {"layers": behind, "uses": list(dict.fromkeys(uses))}


def _modules() -> list[str]:
    found = {module for script in CODE for module in digests.modules_of(script)}
    return sorted(found | {f"analyses.{kind}" for kind in ANALYSES})


def _versions() -> dict[str, str]:
    own = {"manul": __version__, "python": platform.python_version()}
    return own | {name: version(name) for name in PACKAGES} | {"gdal": rasterio.__gdal_version__}


def _without_paths(value):
    """What JSON can hold, with folders of the machine taken away: of such a path its last part."""
    if isinstance(value, Mapping):
        return {_without_paths(str(k)): _without_paths(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_paths(part) for part in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    return value


def _link(source, target) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copyfile(source, target)


def _close(folder) -> int:
    """Take the right to write away from every file; their size in bytes."""
    size = 0
    for path in (p for p in folder.rglob("*") if p.is_file()):
        path.chmod(0o444)
        size += path.stat().st_size
    return size


def _when(folder) -> str:
    """The day on which a run was kept; empty for a folder without one."""
    paths = sorted(folder.glob(f"*/*/{ABOUT}"))
    return json.loads(paths[0].read_text(encoding="utf-8"))["kept"] if paths else ""
