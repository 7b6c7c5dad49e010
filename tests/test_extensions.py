"""A kind of surface and of analysis of the user's own, in files of the user's own."""

import numpy as np
import pandas as pd
import pytest
import yaml
from test_left_out import run
from unit.test_load import MINIMAL

import manul
from manul.config import load, schema
from manul.surfaces import KINDS

SURFACE = '''
"""How far south a slope looks, from -1 to 1."""
import numpy as np
from manul.grid.warp import warp_tiles
from manul.surfaces.registry import kind

SPEC = {
    "description": "how far south a slope looks, -1 to 1",
    "required": ["kind", "layer"],
    "x-layers": ["continuous"],
    "properties": {"layer": {"type": "string"}},
}


@kind("southness", spec=SPEC)
def southness(block, grid, sources):
    def prepare(raster):
        down, across = np.gradient(raster.values.astype("float64"))
        steep = np.hypot(down, across)
        return np.where(steep > 0, -down / np.where(steep > 0, steep, 1), 0)

    return warp_tiles(sources.layers[block["layer"]], grid, prepare, 2 * grid.resolution.x)
'''
ANALYSIS = '''
"""How many records there are."""
from types import SimpleNamespace
import pandas as pd
from manul.analyses import KINDS
from manul.config import schema
from manul.grid import plain_files, vectors
from manul.pages.html import Section


def run(this):
    rows = vectors.read_rows(this.inputs("records")[0])
    table = pd.DataFrame({"what": ["rows"], "number": [len(rows)]})
    plain_files.write_table(this.output("numbers"), table)


KINDS["counting"] = SimpleNamespace(
    MAPS={}, TABLES=("numbers",), FIELDS={}, run=run, GENERALISES=("records",),
    reads=lambda block, config: {"records": [("layer", block["records"])]},
    section=lambda tables: Section("Counted", words=[f"{tables['numbers']['number'][0]} rows"]),
)
schema.add_kind("analyses", "counting", {
    "required": ["kind", "records"], "x-needs": ["records"],
    "properties": {"records": {"type": "string"}},
})
'''


@pytest.fixture
def own_kinds():
    """Takes away again what an extension adds to this process."""
    known = schema.schema()["$defs"]
    listed = [known[name]["properties"]["kind"]["enum"] for name in ("surface", "analysis")]
    before = [list(names) for names in listed]
    yield
    KINDS.pop("southness", None)
    for names, old in zip(listed, before, strict=True):
        names[:] = old
    for group, name in (("surfaces", "southness"), ("analyses", "counting")):
        known[group].pop(name, None)


def config_with(folder) -> dict:
    (folder / "mine.py").write_text(SURFACE, encoding="utf-8")
    (folder / "counting.py").write_text(ANALYSIS, encoding="utf-8")
    config = yaml.safe_load(MINIMAL)
    config["region"]["cell_m"] = 2000
    config["extensions"] = ["mine.py", "counting.py"]
    config["layers"]["camps"] = "resources/tien_shan/camps.csv"
    config["surfaces"] = {"south": {"kind": "southness", "layer": "elevation", "title": "South"}}
    sunny = {"title": "Sun", "surface": "south", "weight": 0.1, "response": {"ramp": {
        "lower": -1, "upper": 1}}}  # fmt: skip
    config["habitat"] = {"components": {"sun": sunny}}
    config["analyses"] = {"camps_counted": {"kind": "counting", "records": "camps"}}
    config["products"] = ["maps", "evidence"]
    return config


@pytest.mark.workflow
def test_own_kinds_run_in_the_workflow_and_on_a_cluster(tmp_path, dask_cluster, monkeypatch):
    config = config_with(tmp_path)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", dask_cluster)
    run(tmp_path, config)
    home = tmp_path / "results" / "small" / "current"
    maps = manul.open_results(home, chunks=None)
    south = maps["south"].values
    assert -1 <= np.nanmin(south) < -0.5 < 0.5 < np.nanmax(south) <= 1
    assert maps["component_sun"].attrs["long_name"] == "Sun"
    table = pd.read_csv(home / "analyses" / "camps_counted" / "numbers.csv")
    assert f"{table['number'][0]} rows" in (home / "evidence" / "camps.html").read_text("utf-8")
    (tmp_path / "mine.py").write_text(SURFACE + "\nMORE = 1\n", encoding="utf-8")
    told = run(tmp_path, config, "--summary").splitlines()
    (line,) = [line for line in told if line.startswith("results/small/current/surfaces/south.tif")]
    assert "update pending" in line


def test_own_kinds_have_a_closed_schema(tmp_path, monkeypatch, own_kinds):
    monkeypatch.chdir(tmp_path)
    config = config_with(tmp_path) | {"layers": {}}
    config["surfaces"]["south"]["layr"] = "elevation"
    config["analyses"] = {}
    with pytest.raises(load.ConfigError, match=r"surfaces.south: unknown key 'layr'"):
        load.load(config)


@pytest.mark.parametrize(
    ("text", "told"), [("1/0", "mine.py: ZeroDivisionError"), ("def", "mine.py: SyntaxError")]
)
def test_an_extension_that_fails_is_named(tmp_path, monkeypatch, text, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    with pytest.raises(load.ConfigError, match=told):
        load.load(yaml.safe_load(MINIMAL) | {"extensions": ["mine.py"]})
    with pytest.raises(load.ConfigError, match="no such file"):
        load.load(yaml.safe_load(MINIMAL) | {"extensions": ["other.py"]})
