"""Spoiled tables and configs: the preflight names what is wrong, or the maps are made.

After a clean preflight no job ends with an error of Python, and no row is lost.
"""

import copy
import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import small_project
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from in_process import Project

QUICK = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
CELLS = [
    "", " ", "NaN", "inf", "-inf", "1e308", "1e400", "9" * 40, "-1", "0", "abc", "манул",
    "2099-01-01", "0001-01-01", "9999-12-31", "31/12/2024", "2024-02-30", "2024", "45000",
    "77,03", "77.03 E", "N 42.03", "42.03", "77.03", "181", "400", "1,500", "=1+1", '"', 'a"b',
    "a,b", "a\nb", "\x07", "\ufeff", "null", "да", "9007199254740993", "POINT EMPTY",
    "POINT (77 42)", "POINT (nan nan)", "POLYGON EMPTY",
    "POLYGON ((77 42, 77.1 42.1, 77 42.1, 77.1 42, 77 42))", "LINESTRING (77 42, 77 42)",
    "GEOMETRYCOLLECTION EMPTY", "50 %", "3 km", "a" * 5000, "<b>", "{x}", "../x",
    "2024-05-01T25:00", "zinc phosphide",
]  # fmt: skip
HEADERS = [
    "fid", "geom", "geometry", "row", "flags", "FID", "index", "ID", "", "a b", "манул",
    "x" * 300, "date", "name", "species", "threat", "zone", "compound_name", "rowid",
]  # fmt: skip
ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1251", "gbk"]
VALUES = [
    None, True, 0, -1, 0.5, 2, 1e308, float("nan"), float("inf"), 10**30, "", "a", "1", "1e3",
    "500 m", "манул", "elevation", "camps", "habitat", "burrows", "dogs", "shelter", "value",
    "where", "a == 1", "1/0", "(", "{x}", "{habitat:9999999d}", "{dogs.__class__}", "../x",
    "x" * 5000, "2025-02-30", [], {}, [1, 2], [2, 1], ["a"], [None], [[1, 2], [3, 4]],
    [0, 0, 0, 0], [77.0, 42.0, 77.05, 42.09], {"a": 1}, {"value": 0.5, "range": [0, 1]},
    {"value": "a", "range": [1]}, {"kind": "value", "layer": "elevation"}, {"kind": "nope"},
    {"constant": 1}, {"surface": "slope"}, "#ff0000", "EPSG:4326", "records", "absent", "vector",
]  # fmt: skip
KEYS = [
    "where", "layer", "of", "minimum", "response", "terms", "combine", "weight", "units", "title",
    "valid", "scale", "nodata", "extent", "filter", "fields", "encoding", "zone", "band",
    "public", "dates", "method", "covariates", "routes_layer", "districts_layer", "scores",
    "field", "per_record", "loss_from", "footprint", "factor", "constant", "component",
    "intensity", "area_ha_field", "kernel", "id_field", "needs", "optional", "nearest", "invest",
    "analyses", "counterfactuals", "products", "privacy", "on_rejected", "__use_yte__",
]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The small project, made once; jobs run again where something is spoiled."""
    folder, before = tmp_path_factory.mktemp("small"), Path.cwd()
    os.chdir(folder)
    small_project.write(folder)
    made = Project()
    assert made.run(config(), ["threats", "evidence"]) == []
    yield made
    os.chdir(before)


def config() -> dict:
    """The config of one scenario, with rows that cannot be used left out and told."""
    made = small_project.config()
    del made["scenarios"]["fewer_dogs"], made["layers"]["camps"]["public"]
    for layer in made["layers"].values():
        if layer["kind"] == "records":
            layer["on_rejected"] = "continue"
    return made


# ------------------------------------------------------------------------------------ tables


def cell(rows, r):
    row = rows[r.randrange(1, len(rows))]
    row[r.randrange(len(row))] = r.choice(CELLS)


def column(rows, r):
    at, value = r.randrange(len(rows[0])), r.choice(CELLS)
    for row in rows[1:]:
        row[at] = value


def drop(rows, r):
    at = r.randrange(len(rows[0]))
    for row in rows:
        del row[at]


def rename(rows, r):
    rows[0][r.randrange(len(rows[0]))] = r.choice(HEADERS)


def swap(rows, r):
    a, b = r.randrange(len(rows[0])), r.randrange(len(rows[0]))
    for row in rows[1:]:
        row[a], row[b] = row[b], row[a]


def further(rows, r):
    name, value = r.choice([*HEADERS, rows[0][0].upper(), rows[0][-1]]), r.choice(CELLS)
    for row, text in zip(rows, [name, *[value] * (len(rows) - 1)], strict=True):
        row.append(text)


def header_again(rows, r):
    rows.insert(r.randrange(1, len(rows) + 1), list(rows[0]))


def row_again(rows, r):
    rows.append(list(r.choice(rows[1:])))


def no_row(rows, r):
    del rows[1:]


def capitals(rows, r):
    rows[0][:] = [name.upper() for name in rows[0]]


def short(rows, r):
    row = rows[r.randrange(1, len(rows))]
    del row[r.randrange(1, len(row)) :]


def long(rows, r):
    rows[r.randrange(1, len(rows))].append(r.choice(CELLS))


SPOILS = [cell, column, drop, rename, swap, further, header_again, row_again, no_row, capitals]
SPOILS += [cell, cell, short, long]


def as_rows(text):
    return list(csv.reader(io.StringIO(text)))


def as_text(rows, separator=","):
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows(rows)
    return out.getvalue()


@settings(QUICK, max_examples=25)
@given(st.sampled_from(list(small_project.TABLES)), st.randoms(use_true_random=False))
def test_a_spoiled_table_is_told_or_its_maps_are_made_and_no_row_is_lost(project, name, r):
    rows = as_rows(small_project.TABLES[name])
    r.choice(SPOILS)(rows, r)
    text = as_text(rows, r.choice(",,;\t")).encode(r.choice(ENCODINGS), "replace")
    Path(f"{name}.csv").write_bytes(text)
    errors = project.run(config(), ["threats", "evidence"])
    small_project.write(".")
    assert all(f"{name} (file {name}.csv" in error for error in errors), errors
    if not errors:
        told = dict(as_rows(Path(f"results/small/current/records/{name}_summary.csv").read_text()))
        came = sum(any(map(str.strip, row)) for row in rows[1:])
        assert int(told["came"]) == int(told["accepted"]) + int(told["rejected"]) == came
        assert_is_a_share("threat")


@settings(QUICK, max_examples=10)
@given(st.sampled_from(["deployments.csv", "observations.csv"]), st.randoms(use_true_random=False))
def test_a_spoiled_camera_package_is_told_or_its_maps_are_made(project, part, r):
    rows = as_rows(small_project.PACKAGE[part])
    r.choice(SPOILS)(rows, r)
    small_project.package("cameras.zip", small_project.PACKAGE | {part: as_text(rows)})
    errors = project.run(config(), ["surface", "evidence"])
    small_project.write(".")
    assert all("cameras (file cameras.zip" in error for error in errors), errors


def assert_is_a_share(name):
    with rasterio.open(f"results/small/current/{name}.tif") as file:
        values = file.read(1)
    known = values[np.isfinite(values)]
    assert known.size and known.min() >= 0 and known.max() <= 1


# ------------------------------------------------------------------------------------ config


def places(block, path=()):
    """The path of every value in a config."""
    pairs = enumerate(block) if isinstance(block, list) else ()
    for key, value in block.items() if isinstance(block, dict) else pairs:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(block, path):
    for key in path:
        block = block[key]
    return block


def spoil_config(made, r) -> None:
    """Set, take out, rename, copy over, scale or add one value of a config."""
    every = list(places(made))
    path = r.choice(every)
    block, key = at(made, path[:-1]), path[-1]
    how = r.choice(["set", "set", "delete", "rename", "copy", "scale", "add", "add"])
    if how == "set":
        block[key] = copy.deepcopy(r.choice(VALUES))
    elif how == "delete":
        del block[key]
    elif how == "copy":
        block[key] = copy.deepcopy(at(made, r.choice(every)))
    elif how == "scale" and isinstance(block[key], float | int):
        block[key] *= r.choice([1000, 0.001, -1])
    elif isinstance(block, dict) and how == "rename":
        block[r.choice([f"{key}x", str(key).upper(), "a b", "kind", 1, None])] = block.pop(key)
    elif isinstance(block, dict):
        block[r.choice(KEYS)] = copy.deepcopy(r.choice(VALUES))


@settings(QUICK, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_a_spoiled_config_is_told_or_its_maps_are_made(project, r):
    made = config()
    spoil_config(made, r)
    size = made.get("region", {}).get("cell_m") if isinstance(made.get("region"), dict) else None
    if isinstance(size, float | int) and 0 < size < 100:
        return  # sound, but slow
    errors = project.run(made, ["threats"])
    assert all(errors) and not any("NoneType" in error or "object has" in error for error in errors)


def test_tables_may_say_where_fieldwork_looked(project):
    made = config()
    made["layers"]["camps"]["extent"] = [76.9, 41.9, 77.06, 42.2]  # the western half
    assert project.run(made, ["threats"]) == []
    with rasterio.open("results/small/current/threats/dogs.tif") as file:
        effect = file.read(1)
    assert np.isnan(effect[:, 11:]).all() and not np.isnan(effect[:, :9]).any()
