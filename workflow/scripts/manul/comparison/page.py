"""What changed between two runs, and why: a page, tables and maps in one folder."""

import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from manul import __version__
from manul.comparison import causes, differences, maps
from manul.comparison.kept import KeptError, Run, refuse_other_grid
from manul.comparison.mixtures import NUMBERS, Pair, Split, explained
from manul.grid import map_tags, plain_files, provenance, vectors
from manul.pages import figures, html
from manul.pages.amounts import signed

HOME = "compared"
SHOWN = 20  # rows of the page's longer tables; all are in the CSV
MOST_BARS = 12
DIGITS = {"key_km2": 0, "mean_threat": 4, "value_at_risk_km2": 1}  # after the point, in tables
SMALL = 0.01  # of the largest cause: what is smaller is no main cause
TINY = 5e-13  # a sum of floats may miss zero by so much of the number itself
RESTRICTED = "EXACT PLACES: NOT FOR PUBLICATION."


def compare(sides: tuple[Mapping, Mapping], run: Callable, home=HOME) -> list[Path]:
    """Compare every scenario that two runs have in common, in each view: the folders made.

    `sides` are (earlier, later), as `kept.open_kept` gives them; `run` is `Job.run_here`. KeptError
    if they lie on other grids.
    """
    before, after = sides
    common = [key for key in after if key in before]
    if not common:
        raise KeptError("the two runs have no scenario in common")
    for key in common:
        refuse_other_grid(before[key], after[key])
    return [_write(before[key], after[key], key, run, Path(home)) for key in common]


def _write(before: Run, after: Run, key, run, home) -> Path:
    """The page, tables and maps of one scenario; they appear whole or not at all."""
    folder = home / f"{before.label}_to_{after.label}" / Path(*key)
    partial = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        pair, split = Pair(before, after), explained(before, after)
        tables = _tables(pair, split)
        for name, table in tables.items():
            plain_files.write_table(partial / f"{name}.csv", table)
        paths = maps.write(pair, partial, run)
        pictures = maps.pictures(pair, paths, _outline(after))
        made = sections(before, after, split, tables, pictures)
        plain_files.write_text(partial / "index.html", _html(before, after, made))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def sections(
    before: Run,
    after: Run,
    split: Split,
    tables: Mapping[str, pd.DataFrame],
    pictures: tuple[list[str], list[tuple[str, bytes]]],
) -> list[html.Section]:
    """The sections of the page: first the answer, then maps, then tables."""
    return [
        html.Section("In short", in_short(split), figures=_bars(split)),
        _where(*pictures),
        html.Section("By unit", tables=[("", _rounded(tables["units"]))]),
        html.Section("Why, in numbers", _how(before, after, split), _why_tables(tables)),
        _listed("Layers that differ", _sides(tables["layers"]), "No layer differs."),
        _listed("Parameters that differ", tables["parameters"], "No parameter differs."),
        recommendations_section(tables["recommendations"]),
        _listed("Code that differs", tables["code"], "No code differs.", ("part",)),
    ]


def in_short(split: Split) -> list[str]:
    """The change of each number of the region, in a sentence each, and its main causes."""
    if not split.causes and not _moved(split.code, split.before).any():
        return ["The two runs have the same numbers: nothing that the model reads differs."]
    return [_sentence(split, i) for i in range(len(NUMBERS))] + _kinds_in_words(split)


def cause_table(split: Split) -> pd.DataFrame:
    """One row for each cause, number and area: part; and the sum, which is the whole change."""
    rows = []
    for cause, part in _parts(split):
        for i, number in enumerate(NUMBERS):
            for j, area in enumerate(split.areas):
                rows.append((area, number, cause.title, cause.kind, cause.group, part[i, j]))
    columns = ["area", "number", "cause", "kind", "group", "part"]
    return pd.DataFrame(rows, columns=columns)


def recommendations_section(table: pd.DataFrame, file="recommendations.csv") -> html.Section:
    """Which recommendations appear, vanish or change; `table` of `differences.changes_of`.

    `file`: where all of them stand.
    """
    if table.empty:
        return html.Section("Recommendations", ["Neither run has recommendations."])
    counts = table["change"].value_counts()
    words = ", ".join(f"{counts.get(c, 0):,} {many}" for c, many in differences.CHANGES.items())
    tables = [("", _words(differences.by_rule(table)))]
    for change in ("appears", "vanishes", "changes"):
        found = table[table["change"] == change]
        if len(found):
            columns = ["rule", "zone", "unit", "value_at_risk_km2", "id"]
            shown = found.head(SHOWN)[[*columns, "verdict_before", "verdict"]].fillna("")
            heading = f"{change.capitalize()}: the {len(shown)} with the most value at risk"
            tables.append((heading, _words(shown)))
    return html.Section("Recommendations", [f"{words}. All are in {file}."], tables)


# ------------------------------------------------------------------------------------- helpers


def _tables(pair, split) -> dict[str, pd.DataFrame]:
    before, after = pair.runs
    return {
        "causes": cause_table(split),
        "units": _unit_table(pair, split),
        "layers": differences.layers(before, after),
        "parameters": differences.parameters(before, after),
        "code": differences.code(before, after),
        "recommendations": differences.recommendations(before, after),
    }


def _unit_table(pair, split) -> pd.DataFrame:
    """For the region and each unit: each number before and after; key habitat gained and lost."""
    table = pd.DataFrame({"area": split.areas})
    for code, name in ((maps.GAINED, "key_gained_km2"), (maps.LOST, "key_lost_km2")):
        table[name] = pair.km2(lambda at, code=code: maps.key_change(pair, at) == code)
    for i, number in enumerate(NUMBERS):
        table[f"{number}_before"], table[f"{number}_after"] = split.before[i], split.after[i]
    some = np.isfinite(split.before[1]) | np.isfinite(split.after[1]) | (split.after[0] > 0)
    return table[some].reset_index(drop=True)


def _parts(split) -> list[tuple[causes.Cause, np.ndarray]]:
    """The causes with their parts, and the code of the model, if it has one."""
    found = list(zip(split.causes, split.parts, strict=True))
    if _moved(split.code, split.before).any():
        found.append((causes.CODE_OF_MODEL, split.code))
    return found


def _moved(part, whole) -> np.ndarray:
    """Where a part is more than what sums of floats leave."""
    return np.nan_to_num(np.abs(part)) > TINY * np.nan_to_num(np.abs(whole))


def _sentence(split, i) -> str:
    title, unit = list(NUMBERS.values())[i]
    was, now = split.before[i, 0], split.after[i, 0]
    unit = f" {unit}" if unit == "km²" else ""
    if np.isnan(was) != np.isnan(now):
        return f"{title} is known in one run only: before {_number(was)}, after {_number(now)}."
    if not _moved(now - was, was):
        same = f"{title} is the same in both runs ({_number(was)}{unit})"
        moved = [(c, p[i, 0]) for c, p in _parts(split) if _moved(p[i, 0], was)]
        return f"{same}; its causes cancel out." if moved else f"{same}."
    percent = f", {signed(100 * (now - was) / was)} %" if was else ""
    verb = "rose" if now > was else "fell"
    parts = sorted(_parts(split), key=lambda part: -abs(part[1][i, 0]))
    large = [p for p in parts[:3] if abs(p[1][i, 0]) >= SMALL * abs(parts[0][1][i, 0])]
    told = [f"{c.title} ({c.kind}) {signed(part[i, 0])}{unit}" for c, part in large]
    rest = sum(part[i, 0] for _, part in parts[len(large) :])
    told += [f"all other causes {signed(rest)}{unit}"] if _moved(rest, was) else []
    old, new = _apart(was, now)
    change = f"{verb} from {old} to {new}{unit} ({signed(now - was)}{unit}{percent})"
    return f"{title} {change}: {'; '.join(told)}."


def _kinds_in_words(split) -> list[str]:
    """What kind of change it was, as one sentence."""
    words = []
    for kind in causes.KINDS:
        parts = [part for cause, part in _parts(split) if cause.group == kind]
        total = np.sum(parts, axis=0)[:, 0] if parts else np.zeros(len(NUMBERS))
        if _moved(total, split.before[:, 0]).any():
            told = (
                f"{title.lower()} {signed(total[i])}{' km²' if unit == 'km²' else ''}"
                for i, (title, unit) in enumerate(NUMBERS.values())
                if _moved(total[i], split.before[i, 0])
            )
            words.append(f"{kind[0].lower()}{kind[1:]}: {', '.join(told)}")
    return [f"By kind of change: {'; '.join(words)}."] if words else []


def _bars(split) -> list[tuple[str, bytes]]:
    found = sorted(_parts(split), key=lambda part: -_weight(part[1], split))
    if not found:
        return []
    shown, rest = found[:MOST_BARS], found[MOST_BARS:]
    panels, colours = {}, {}
    for i, (title, unit) in enumerate(NUMBERS.values()):
        values = {f"{cause.title}\n{cause.kind}": part[i, 0] for cause, part in shown}
        if rest:
            values[f"{len(rest)} smaller causes"] = sum(part[i, 0] for _, part in rest)
        values["All together"] = split.after[i, 0] - split.before[i, 0]
        name = f"{title} ({unit})"
        panels[name] = pd.Series(values).where(lambda v, i=i: _moved(v, split.before[i, 0]), 0)
        better = i == 0
        worse, good = maps.WORSE[2], maps.BETTER[2]
        colours[name] = (worse, good) if better else (good, worse)
    words = "What each cause did to the region. Green is better for the cat, orange worse."
    return [(words, figures.signed_bars(panels, colours))]


def _weight(part, split) -> float:
    """How large a part is beside the numbers themselves, whichever it moves most."""
    of = np.maximum(np.nan_to_num(np.abs(split.before[:, 0])), 1e-9)
    return float((np.nan_to_num(np.abs(part[:, 0])) / of).max())


def _how(before, after, split) -> list[str]:
    if not _parts(split):
        return ["No number changed."]
    words = (
        "The part of a cause is what it adds, averaged over all orders in which the causes may "
        "come (Shapley values)."
        if split.shapley
        else "There are more than six causes, so they were taken one after another in this order; "
        "another order would give somewhat other parts."
    )
    told = [
        f"{words} The model was run with each cause and without it; the parts sum to the whole."
    ]
    if any(_several(split)):
        told.append(
            "Where several causes stand behind one surface it cannot be made with one of them "
            f"alone, and they share what it does: {', '.join(_several(split))}."
        )
    if _moved(split.code, split.before).any():
        told.append(
            "Code of an earlier run cannot be run again. The part of the code of the model is what "
            "is left: the numbers as the runs made them, minus those that the present code makes "
            "of what they kept."
        )
    idle = causes.without_effect(before, after, split.causes)
    if idle:
        told.append(f"Changed, but no surface of the model with them: {', '.join(idle)}.")
    return told


def _several(split) -> list[str]:
    """The surfaces behind which several causes stand."""
    every = [surface for cause in split.causes for surface in sorted(cause.surfaces)]
    return [name for name in dict.fromkeys(every) if every.count(name) > 1]


def _why_tables(tables) -> list[tuple[str, pd.DataFrame]]:
    found = tables["causes"]
    if found.empty:
        return []
    region = found[found["area"] == found["area"].iloc[0]]
    wide = region.pivot_table(
        index=["cause", "kind"], columns="number", values="part", sort=False, aggfunc="sum",
        dropna=False,
    )  # fmt: skip
    of_kind = region.pivot_table(
        index="group", columns="number", values="part", sort=False, aggfunc="sum", dropna=False
    )
    kinds = _with_sum(of_kind.reindex(columns=list(NUMBERS)).reset_index())
    wide = wide.dropna(how="all").reindex(columns=list(NUMBERS)).reset_index()
    units = [_of_units(found, number) for number in NUMBERS]
    return [("", _with_sum(wide)), ("By kind of change", kinds), *(t for t in units if len(t[1]))]


def _of_units(found, number) -> tuple[str, pd.DataFrame]:
    """The parts of the causes in each unit where one moved the number, the largest change first."""
    title, unit = NUMBERS[number]
    told = found[(found["number"] == number) & (found["area"] != found["area"].iloc[0])]
    wide = told.pivot_table(
        index="area", columns="cause", values="part", sort=False, aggfunc="sum", dropna=False
    )
    wide = wide.assign(**{"all together": wide.sum(axis=1)}).round(DIGITS[number])
    wide = wide.loc[wide.any(axis=1), wide.any()]
    by = wide.abs().max(axis=1).sort_values(ascending=False, kind="stable").index[:SHOWN]
    return f"{title} ({unit}) by unit", wide.loc[by].reset_index().rename_axis(columns=None)


def _with_sum(table) -> pd.DataFrame:
    total = {table.columns[0]: "Sum: the whole change"}
    total |= {n: table[n].sum(skipna=False) for n in NUMBERS}
    out = pd.concat([table, pd.DataFrame([total])], ignore_index=True).fillna({"kind": ""})
    out = out.round(DIGITS)
    return out.rename(columns={n: f"{title} ({unit})" for n, (title, unit) in NUMBERS.items()})


def _where(same, pictures) -> html.Section:
    words = [f"No cell differs in {', '.join(same)}."] if same else []
    return html.Section("Where", words, figures=pictures)


def _sides(table) -> pd.DataFrame:
    """For people: what was before and is after in one cell, and once where it is the same."""
    pairs = [name.removesuffix("_before") for name in table if name.endswith("_before")]
    out = table[["title", "change", "settings"]].rename(columns={"title": "layer"})
    for name in pairs:
        sides = zip(table[f"{name}_before"], table[f"{name}_after"], strict=True)
        out[name] = [str(b) if a == b else f"{b or 'none'} → {a or 'none'}" for b, a in sides]
    return out


def _listed(title, table, nothing, columns=None) -> html.Section:
    if table.empty:
        return html.Section(title, [nothing])
    short = table.head(SHOWN)[list(columns or table.columns)]
    more = f"{len(table) - SHOWN} more are in the table beside this page."
    return html.Section(title, [more] if len(table) > SHOWN else [], [("", _words(short))])


def _words(table) -> pd.DataFrame:
    """For people: no column of which nothing is told, names with spaces, lists as text."""
    told = table.map(
        lambda cell: "" if cell is None else str(cell) if isinstance(cell, list) else cell
    )
    told = told.loc[:, [(told[name].astype(str) != "").any() for name in told]]
    return told.rename(columns=lambda name: name.replace("_", " "))


def _rounded(table) -> pd.DataFrame:
    out = table.copy()
    for name in out.columns[1:]:
        out[name] = out[name].map(lambda v, n=name: _number(v, 3 if "threat" in n else 0))
    return out.rename(columns=lambda name: name.replace("_", " ").replace("km2", "(km²)"))


def _number(value, digits=None) -> str:
    if np.isnan(value):
        return "not known"
    if digits is None:
        digits = 3 if abs(value) < 10 else 0
    return f"{value:,.{digits}f}".replace(",", " ")


def _apart(was, now) -> tuple[str, str]:
    """Two numbers with as many digits as tell them apart."""
    for digits in range(0 if max(abs(was), abs(now)) >= 10 else 3, 7):
        told = _number(was, digits), _number(now, digits)
        if told[0] != told[1]:
            break
    return told


def _html(before, after, made) -> str:
    title = f"What changed: {before.label} → {after.label}"
    place = f"{after.config['region']['title']}: {after.config['scenario_title']}"
    paths = {source.path for run in (before, after) for source in run.maps.values()}
    record = provenance.merge(*(map_tags.read_provenance(path) for path in sorted(paths)))
    exact = "" if after.about["public"] else RESTRICTED
    notice = f"{exact} {provenance.notice(record)}".strip()
    sides = (f"{run.label}: {run.about['kept']}, Manul {run.about['versions']['manul']}"
             for run in (before, after))  # fmt: skip
    foot = f"{'; '.join(sides)}. Compared by Manul {__version__}."
    return html.page(title, place, notice, made, foot)


def _outline(run) -> gpd.GeoDataFrame | None:
    path = run.file("units") or run.file("mask")
    return vectors.read_vector(path) if path else None
