"""The layers of a region from their sources: what is to come, and its coming."""

import datetime as dt
import json
import logging
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs
import pyogrio
import pyproj
import rasterio
import yaml
from tqdm import tqdm

from manul.config import catalogue, selection
from manul.config.types import Config
from manul.grid import plain_files
from manul.grid.atomic import atomic
from manul.grid.vectors import write_vector
from manul.pages.amounts import amount
from manul.retrieval import rasters, stac, tables, vectors
from manul.retrieval.addresses import Piece, extracts, km2, pieces
from manul.retrieval.remote import Link, RemoteError, RemoteFile

LATEST = "latest"  # the date of a source that changes: its file tells
WIDE = 110  # letters of a line
SPARE = 1.5  # free space that is wanted, as a share of what is to come
log = logging.getLogger("manul")


class FetchError(RuntimeError):
    """Some layers could not be fetched; the message says which, why, and what to do by hand."""

    plain = True  # people need no traceback


@dataclass(frozen=True)
class Order:
    """One layer that is to come: from which source, for which box (degrees), to which file."""

    layer: str
    name: str
    source: Mapping[str, Any]
    box: tuple[float, float, float, float]
    cell_m: float
    target: Path

    @property
    def wanted(self) -> Mapping[str, Any]:
        return self.source["layers"][self.layer]

    @property
    def about_bytes(self) -> float:
        """About how much is to come, as the catalogue says."""
        files = len(self.wanted.get("addresses", {})) or 1
        known = self.source.get("tiles", {}).get("extracts", {})
        if known:
            return 1e6 * sum(known[name]["mb"] for name in extracts(known, self.box))
        if "bytes" in self.source:
            if self.source.get("tiles"):
                files = len(pieces(self.source, self.source["address"], self.box))
            return float(files * self.source["bytes"])
        return km2(self.box) * self.source.get("bytes_per_km2", 0) * files


def orders(config: Config) -> list[Order]:
    """The layers of a region that name their source."""
    sources = catalogue.load()
    out = []
    for layer, block in config["layers"].items():
        if "fetch" not in block or block["kind"] == "absent":
            continue
        box = _around(config["region"]["bounds"], selection.margin_m(config, layer))
        source = sources[block["fetch"]]
        cell_m, target = config["region"]["cell_m"], Path(block["path"])
        out.append(Order(layer, block["fetch"], source, box, cell_m, target))
    return out


def about_bytes(wanted: list[Order]) -> float:
    """About how much is to come in all; whole files that several layers share come once."""
    shared: dict[str, float] = {}
    for order in wanted:
        whole = order.source["kind"] in ("vector", "openstreetmap")
        key = order.name if whole else order.layer
        shared[key] = max(shared.get(key, 0.0), order.about_bytes)
    return sum(shared.values())


def as_text(config: Config) -> str:
    """What is to come, for the terminal: each source with its layers, size, licence; the sum."""
    wanted = orders(config)
    if not wanted:
        return "no layer of this region names a source with `fetch`; there is nothing to fetch"
    lines = list[str]()
    for name in dict.fromkeys(order.name for order in wanted):
        lines += _told([order for order in wanted if order.name == name])
    left = about_bytes([order for order in wanted if not order.target.is_file()])
    reach = max(selection.margin_m(config, order.layer) for order in wanted) / 1000
    closing = (
        f"about {left / 1e6:.0f} MB to come in all, less what other regions fetched before; "
        f"windows reach up to {reach:.0f} km beyond the region, as far as threats do"
    )
    return "\n".join([*lines, closing])


def _told(of_source: list[Order]) -> Iterator[str]:
    """The lines on one source."""
    source = of_source[0].source
    there = [order.layer for order in of_source if order.target.is_file()]
    layers = ", ".join(order.layer for order in of_source)
    which = "all" if len(there) == len(of_source) else ", ".join(there)
    here = f" (there: {which})" if there else ""
    size = f"{about_bytes(of_source) / 1e6:.1f} MB"
    yield _wrapped(f"{size:>9}  {source['title']}, {source['date']}: {layers}{here}")
    use = "" if source["republish"] else "; not to be published, so it stays out of public products"
    for words in (f"licence: {source['licence']}{use}", source.get("caveat", "")):
        if words:
            yield _wrapped(f"{'':11}{words}")


def _wrapped(words) -> str:
    return textwrap.fill(words, WIDE, subsequent_indent=" " * 11)


def link_of(config: Config) -> Link:
    """How servers are asked, by the key `retrieval`."""
    told = config["retrieval"]
    home = told.get("cache") or platformdirs.user_cache_dir("manul")
    return Link(
        Path(home).expanduser(), told["mirrors"], told.get("proxy", ""), told["tries"],
        told["wait_s"], told["timeout_s"],
    )  # fmt: skip


def fetch_all(
    wanted: list[Order], link: Link, offline: bool = False, fresh: bool = False
) -> list[str]:
    """Fetch every layer that is not there, or with `fresh` each that changed on its server.

    Gives a line on each. Raises `FetchError` after all were tried, with every failure.
    """
    _check_space(wanted, link)
    lines, failures = [], []
    for order in wanted:
        try:
            lines.append(f"{order.layer}: {_fetch(order, link, offline, fresh)}")
        except (RemoteError, OSError, ValueError) as error:
            failures.append(_failure(order, error))
            continue
        log.info(lines[-1])
    if failures:
        raise FetchError("\n".join(failures))
    return lines


# ------------------------------------------------------------------------------------- one layer


def _fetch(order, link, offline, fresh) -> str:
    if order.source["kind"] == "by_hand":
        raise ValueError("its terms want a person to fetch it")
    before = _kept(order)
    if order.target.is_file() and before and not (fresh and _changed(order, link, before)):
        return f"there already, of {before['retrieved']}" if not fresh else "unchanged"
    old = _size(order) if before else None
    received = link.received
    with _progress(order, link):
        addresses = _make(order, link, offline)
    kept = _keep(order, addresses, link)
    came = f"{amount((link.received - received) / 1e6)} MB came from {order.source['title']}"
    size = _size(order)
    was = f"; it had {old}" if old and old != size else ""
    return f"{came} ({kept['date']}); {size}{was}"


def _make(order, link, offline) -> list[str]:
    """Make the file of a layer; the addresses that it came from."""

    def open_file(address):
        return RemoteFile(link, address, order.source["format"], offline)

    source, wanted, box = order.source, order.wanted, order.box
    if source["kind"] == "occurrences":
        rows = tables.occurrences(link, source["address"], source["query"], box)
        with atomic(order.target) as partial:
            rows.to_csv(partial, index=False)
        return [source["address"]]
    every = _pieces(order, link)
    if not every:
        raise ValueError("the source has no file for this box")
    if source["kind"] == "raster":
        return rasters.write_window(
            order.target, every, box, open_file, source, wanted, order.cell_m
        )
    if source["kind"] == "geoparquet":
        found, addresses = vectors.read_parquet(every, box, open_file, source)
    else:
        found, addresses = vectors.read(every, box, open_file, source, wanted)
    if found.empty:
        raise ValueError("the source has no feature in this box; take the layer out of the file")
    write_vector(order.target, {order.layer: found}, {})
    return addresses


def _pieces(order, link) -> list[Piece]:
    source, wanted = order.source, order.wanted
    if source.get("stac"):
        return stac.pieces(link, source, order.box)
    if wanted.get("addresses"):
        return [Piece(address, factor=by) for address, by in wanted["addresses"].items()]
    return pieces(source, wanted.get("address") or source["address"], order.box)


def _failure(order, error) -> str:
    said = str(error)
    return (
        f"{order.layer}, from {order.source['title']}: {said}.\n"
        f"    By hand: {order.source['by_hand']}\n"
        f"    Then write its path in place of `fetch: {order.name}` in the region's file, or take "
        "the layer out; every map then says that it is missing."
    )


# ------------------------------------------------------------------------------------- kept


def _beside(order) -> Path:
    return order.target.with_suffix(".retrieved.json")


def _kept(order) -> dict:
    try:
        kept = json.loads(_beside(order).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    same = kept.get("box") == list(order.box) and kept.get("source") == order.name
    return kept if same else {}


def _keep(order, addresses, link) -> dict:
    """Write beside the file where it came from, and its date for the maps."""
    versions = []
    for address in addresses:
        if order.source["kind"] != "occurrences":
            versions.append(RemoteFile(link, address, order.source["format"], True).state)
    today = dt.date.today().isoformat()
    date = order.source["date"] if order.source["date"] != LATEST else _newest(versions) or today
    kept = {
        "source": order.name, "title": order.source["title"], "retrieved": today, "date": date,
        "box": list(order.box), "files": versions or [{"address": a} for a in addresses],
    }  # fmt: skip
    plain_files.write_text(_beside(order), json.dumps(kept, indent=1))
    beside = {**catalogue.described(order.source, order.layer), "date": date}
    head = f"# Fetched on {today} by `snakemake retrieve`; sources in {_beside(order).name}.\n"
    text = yaml.safe_dump(beside, allow_unicode=True, sort_keys=False, width=200)
    plain_files.write_text(order.target.with_suffix(".yaml"), head + text)
    return kept


def _newest(versions) -> str:
    days = [parsedate_to_datetime(v["modified"]).date() for v in versions if v.get("modified")]
    return max(days).isoformat() if days else ""


def _changed(order, link, before) -> bool:
    if order.source["kind"] == "occurrences":
        return True  # nothing tells but the records themselves
    files = [RemoteFile(link, file["address"], order.source["format"]) for file in before["files"]]
    changed = [file.changed() for file in files]  # each is asked, so that none stays old
    if order.source.get("stac"):
        now = {piece.address for piece in stac.pieces(link, order.source, order.box)}
        return any(changed) or now != {file["address"] for file in before["files"]}
    return any(changed)


def _size(order) -> str:
    """What the file of a layer holds, in words."""
    if not order.target.is_file():
        return ""
    if order.target.suffix == ".tif":
        with rasterio.open(order.target) as raster:
            return f"{raster.width} x {raster.height} pixels"
    if order.target.suffix == ".csv":
        return f"{len(pd.read_csv(order.target))} records"
    return f"{pyogrio.read_info(order.target, force_feature_count=True)['features']} features"


# ------------------------------------------------------------------------------------- helpers


def _around(bounds, margin_m) -> tuple[float, float, float, float]:
    """A box of degrees wider by a margin on every side."""
    west, south, east, north = bounds
    geod = pyproj.Geod(ellps="WGS84")
    far = max(abs(south), abs(north))
    dx = abs(geod.fwd(0, far, 90, margin_m)[0])
    dy = abs(geod.fwd(0, (south + north) / 2, 0, margin_m)[1] - (south + north) / 2)
    return west - dx, max(south - dy, -90), east + dx, min(north + dy, 90)


def _check_space(wanted, link) -> None:
    about = about_bytes([order for order in wanted if not order.target.is_file()])
    link.cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(link.cache).free
    if about * SPARE > free:
        raise FetchError(
            f"some {about / 1e6:,.0f} MB are to come, and {link.cache} has {free / 1e6:,.0f} MB "
            "free; name another folder with the key `retrieval.cache`, or take a smaller box"
        )


@contextmanager
def _progress(order, link) -> Iterator[None]:
    """A bar of what has come, with the time that is left by the catalogue's guess."""
    total = order.about_bytes or None
    with tqdm(
        total=total, desc=order.layer, unit="B", unit_scale=True, mininterval=1, leave=False
    ) as bar:
        link.heard = bar.update
        try:
            yield
        finally:
            link.heard = lambda count: None
