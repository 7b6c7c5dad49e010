"""What differs between two runs: layers, parameters, code and versions, recommendations."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from manul.comparison.kept import Run
from manul.grid import plain_files

# What is said of a layer's file, and what decides nothing.
DESCRIBED = ("title", "needs", "date", "source", "licence", "data_status", "positional_error_m",
             "caveat", "path")  # fmt: skip
# Blocks of a config that tell no parameter: told elsewhere, or what a run is called.
NO_PARAMETERS = ("layers", "ranges", "extensions", "taken_away", "withheld", "scenarios",
                 "counterfactuals", "scenario", "scenario_title", "exact", "products")  # fmt: skip
DAY = re.compile(r"\b(?:19|20)\d\d(?:-\d\d){0,2}\b")

NEWER = "new data of a later date"
OLDER = "data of an earlier date"
OTHER = "another source"
OTHER_NEWER = "another source, of a later date"
CORRECTED = "corrected data: same source and date"
READ_ANEW = "the same data, read in another way"
ADDED, REMOVED = "a new layer", "a layer taken away"
DESCRIPTION = "described anew, the same data"


def layers(before: Run, after: Run) -> pd.DataFrame:
    """The layers that differ: kind of change, source, date, status, size and digest on both sides.

    Columns: layer, title, change, and before/after pairs. A layer of the same content of which
    something else is said is there too.
    """
    rows = []
    for name, (old, new) in _paired(before.about["layers"], after.about["layers"]).items():
        change = kind_of_change(old, new)
        if not change:
            continue
        sides = {"before": _told(old), "after": _told(new)}
        row = {"layer": name, "title": (new or old)["block"]["title"], "change": change}
        row |= {
            f"{what}_{side}": told[what] for what in _told(None) for side, told in sides.items()
        }
        rows.append(row | {"settings": _settings(old, new)})
    pairs = [f"{what}_{side}" for what in _told(None) for side in ("before", "after")]
    return pd.DataFrame(rows, columns=["layer", "title", "change", *pairs, "settings"])


def kind_of_change(old: Mapping | None, new: Mapping | None) -> str:
    """How a layer changed, in words; empty if it did not. None: one that is not there."""
    there = [side is not None and side["block"]["kind"] != "absent" for side in (old, new)]
    if not (old and new and all(there)):
        return {(False, True): ADDED, (True, False): REMOVED}.get((there[0], there[1]), "")
    was, now = old["block"], new["block"]
    if old["content"] == new["content"]:
        if _read_by(was) != _read_by(now):
            return READ_ANEW
        return DESCRIPTION if _described(was) != _described(now) else ""
    dates = _day(was.get("date")), _day(now.get("date"))
    later = all(dates) and dates[1] > dates[0]
    if was.get("source") != now.get("source"):
        return OTHER_NEWER if later else OTHER
    if later:
        return NEWER
    return OLDER if all(dates) and dates[1] < dates[0] else CORRECTED


def changed_layers(before: Run, after: Run) -> dict[str, str]:
    """The layers whose data or reading differ, with the kind of the change."""
    table = layers(before, after)
    told = dict(zip(table["layer"], table["change"], strict=True))
    return {name: change for name, change in told.items() if change != DESCRIPTION}


def parameters(before: Run, after: Run) -> pd.DataFrame:
    """The numbers and words of the config that differ: parameter, before, after, what is said.

    `source_before`, `source_after`: status and source of a number with a range, where told.
    """
    old, new = (dict(leaves(_parameters(run.config))) for run in (before, after))
    said = [_said(run.config["ranges"]) for run in (before, after)]
    rows = []
    for path in dict.fromkeys([*old, *new]):
        name = ".".join(path)
        was, now = old.get(path), new.get(path)
        words = [side.get(name, "") for side in said]
        if was != now or words[0] != words[1]:
            rows.append((name, was, now, *words))
    columns = ["parameter", "before", "after", "source_before", "source_after"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def code(before: Run, after: Run) -> pd.DataFrame:
    """The functions, classes and packages that differ: part, before, after (digest, version)."""
    rows = []
    for module, (old, new) in _paired(before.about["code"], after.about["code"]).items():
        for name, (was, now) in _paired(old or {}, new or {}).items():
            if was != now:
                part = f"manul.{module}.{name}" if name else f"manul.{module} (constants, imports)"
                rows.append((part, was or "", now or ""))
    versions = _paired(before.about["versions"], after.about["versions"])
    extensions = _paired(before.config["extensions"], after.config["extensions"])
    for name, (was, now) in [*versions.items(), *extensions.items()]:
        if was != now:
            rows.append((name, str(was or ""), str(now or "")))
    return pd.DataFrame(rows, columns=["part", "before", "after"])


def recommendations(before: Run, after: Run) -> pd.DataFrame:
    """Every recommendation of either run: how it changes, and what it says."""
    return changes_of(*(run.file("recommend table") for run in (before, after)))


CHANGES = {
    "appears": "appear",
    "vanishes": "vanish",
    "changes": "change their verdict",
    "stays": "stay",
}


def changes_of(before: Path | None, after: Path | None) -> pd.DataFrame:
    """Every recommendation of two tables (None: there is none): one of CHANGES, and what it says.

    Two are the same if their id is, which is made of rule and place, or else rule and name of the
    zone: a place whose outline moved a little stays. One that stays may have another verdict.
    """
    old, new = (_recommended(path) for path in (before, after))
    pairs = dict(zip(new["id"], new["id"], strict=True))
    left = old[~old["id"].isin(new["id"])]
    named = dict(zip(zip(left["rule"], left["zone"], strict=True), left["id"], strict=True))
    for row in new[~new["id"].isin(old["id"])].itertuples():
        pairs[row.id] = named.pop((row.rule, row.zone), row.id)
    was = dict(zip(old["id"], old["verdict"], strict=True))
    told = new.assign(verdict_before=[was.get(pairs[name]) for name in new["id"]])
    same = told["verdict_before"].astype(object).fillna("") == told["verdict"].fillna("")
    stays = pd.Series([pairs[name] in was for name in new["id"]], new.index, bool)
    told["change"] = np.select([~stays, same], ["appears", "stays"], "changes")
    gone = old[~old["id"].isin([pairs[name] for name in new["id"]])]
    gone = gone.assign(change="vanishes", verdict_before=gone["verdict"], verdict="")
    table = pd.concat([told, gone], ignore_index=True)
    order = table["change"].map({change: i for i, change in enumerate(CHANGES)})
    by = table.assign(order=order).sort_values(
        ["order", "value_at_risk_km2"], ascending=[True, False], kind="stable"
    )
    return by[["change", *_RECOMMENDED, "verdict_before"]].reset_index(drop=True)


def by_rule(table: pd.DataFrame) -> pd.DataFrame:
    """How many recommendations of each rule appear, vanish, change their verdict and stay."""
    counts = table.groupby(["rule", "title"])["change"].value_counts().unstack(fill_value=0)
    return counts.reindex(columns=list(CHANGES), fill_value=0).reset_index()


def leaves(block: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every number and word below a block, with its path."""
    if isinstance(block, dict) and block:
        for key, value in block.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(block, list) and any(isinstance(part, dict | list) for part in block):
        for i, value in enumerate(block):
            yield from leaves(value, (*path, str(i)))
    else:
        yield path, block


# ------------------------------------------------------------------------------------- helpers

_RECOMMENDED = ["rule", "title", "id", "zone", "unit", "reason", "value_at_risk_km2", "verdict"]


def _recommended(path) -> pd.DataFrame:
    """A table of recommendations without rules that have none; runs of old have no verdicts."""
    table = plain_files.read_table(path) if path else pd.DataFrame(columns=_RECOMMENDED)
    table = table.reindex(columns=_RECOMMENDED).astype({"verdict": object})
    return table[table["id"].notna()]


def _paired(old, new) -> dict[str, tuple]:
    return {name: (old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])}


def _told(side) -> dict[str, Any]:
    """What the page says of a layer on one side."""
    block = side["block"] if side else {}
    told = {"date": "date", "source": "source", "status": "data_status"}
    size = f"{side['size']:,} {side['of']}" if side and side["size"] is not None else ""
    digest = " ".join(side["content"])[:16] if side else ""
    return {k: block.get(v, "") for k, v in told.items()} | {"size": size, "digest": digest}


def _settings(old, new) -> str:
    """The settings of a layer's block that differ, in one line."""
    was, now = (dict(leaves(_read_by(side["block"]))) if side else {} for side in (old, new))
    told = [
        f"{'.'.join(path)}: {was.get(path, 'none')} → {now.get(path, 'none')}"
        for path in dict.fromkeys([*was, *now])
        if was.get(path) != now.get(path)
    ]
    return "; ".join(told)


def _read_by(block) -> dict:
    """What decides how a layer is read."""
    return {key: value for key, value in block.items() if key not in DESCRIBED}


def _described(block) -> dict:
    return {key: block.get(key) for key in DESCRIBED if key not in ("needs", "path")}


def _day(date) -> str:
    """The last day or year that a date names; empty if none."""
    return max(DAY.findall(str(date)), default="")


def _parameters(config) -> dict:
    return {key: block for key, block in config.items() if key not in NO_PARAMETERS}


def _said(ranges) -> dict[str, str]:
    """What stands beside a number, in words, by its path."""
    out = {}
    for path, told in ranges.items():
        ends = told.get("range")
        words = [f"{ends[0]}–{ends[1]}" if ends else "", told.get("status"), told.get("source")]
        out[path] = ", ".join(str(word) for word in words if word)
    return out
