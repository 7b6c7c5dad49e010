"""Nothing that may be published gives away a camp, a den or a record that is not public."""

import re
from collections.abc import Iterator

import geopandas as gpd
import in_process
import numpy as np
import pyogrio
import pytest
import yaml

from manul.config import load, selection
from manul.grid import vectors

pytestmark = pytest.mark.workflow

RESTRICTED = "restricted"  # the folder that is not for publication
TEXTS = (".csv", ".html", ".rst", ".txt", ".json")
DEGREES, METRES = 5e-5, 1.0


@pytest.fixture(scope="module")
def published(corner) -> list:
    """All files of the first scenario that may be published, with its evidence pages and fit."""
    config = load.load(yaml.safe_load(corner.configs[0].read_text(encoding="utf-8")))["current"]
    pages = [f"evidence/{n}.html" for n, b in config["layers"].items() if b["kind"] == "records"]
    wanted = [*pages, "maps/suitability.png", "maps/disagreement.png"]
    in_process.make(corner, [f"results/corner/current/{name}" for name in wanted])
    home = corner.results / "current"
    files = [f for f in home.rglob("*") if f.is_file()]
    return [f for f in files if RESTRICTED not in f.relative_to(home).parts]


@pytest.fixture(scope="module")
def secret(corner, published) -> np.ndarray:
    """Longitude, latitude, x and y of every place that must not be told."""
    config = load.load(yaml.safe_load(corner.configs[0].read_text(encoding="utf-8")))["current"]
    tables = [
        vectors.read_vector(corner.results / "current" / RESTRICTED / "layers" / f"{name}.gpkg")
        for name in selection.private_layers(config)
        if config["layers"][name]["kind"] == "records"
    ]
    metres = [np.column_stack([t.geometry.x, t.geometry.y]) for t in tables]
    degrees = [t.geometry.to_crs(4326) for t in tables]
    return np.hstack([
        np.vstack([np.column_stack([g.x, g.y]) for g in degrees]), np.vstack(metres)
    ])  # fmt: skip


def numbers(line) -> np.ndarray:
    """The numbers in a line of text."""
    return np.array([float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", line)])


def told(values: np.ndarray, secret: np.ndarray) -> np.ndarray:
    """Which places have both coordinates, in degrees or metres, among some numbers."""
    if not len(values):
        return np.zeros(len(secret), bool)
    gap = np.abs(values[:, None, None] - secret[None]).min(axis=0)
    return (gap[:, :2] < DEGREES).all(axis=1) | (gap[:, 2:] < METRES).all(axis=1)


def vertices(path) -> Iterator[np.ndarray]:
    """All coordinates of each layer of a vector file, in degrees and in metres."""
    for name, _ in pyogrio.list_layers(path):
        table = gpd.read_file(path, layer=name)
        if len(table) and isinstance(table, gpd.GeoDataFrame):
            metres = table.get_coordinates().to_numpy()
            yield np.hstack([table.to_crs(4326).get_coordinates().to_numpy(), metres])


def test_the_search_finds_a_place_that_is_told(secret):
    longitude, latitude, x, y = secret[0]
    assert told(numbers(f"a camp at {latitude:.4f}, {longitude:.4f}"), secret)[0]
    assert told(numbers(f"<td>{x:.0f}</td><td>{y:.0f}</td>"), secret)[0]
    assert not told(numbers(f"{longitude:.4f}"), secret).any()
    assert not told(numbers(f"{longitude:.1f}, {latitude:.1f}"), secret)[0]


def test_no_text_tells_an_exact_place(published, secret):
    texts = [f for f in published if f.suffix in TEXTS]
    assert {f.name for f in texts} >= {"recommendations.csv", "manul_records.html", "camps.html"}
    for path in texts:
        text = re.sub(r"base64,[^\"]*", "", path.read_text(encoding="utf-8-sig"))
        for line in text.splitlines() if path.suffix == ".csv" else re.split("<tr>|<p", text):
            assert not told(numbers(line), secret).any(), f"{path.name}: {line[:200]}"


def test_no_vector_has_a_vertex_at_an_exact_place(published, secret):
    vectors = [f for f in published if f.suffix == ".gpkg"]
    assert {f.name for f in vectors} >= {"recommendations.gpkg", "key_habitat.gpkg"}
    for path in vectors:
        for found in vertices(path):
            for place in secret:
                gap = np.abs(found - place)
                near = (gap[:, :2] < DEGREES).all(axis=1) | (gap[:, 2:] < METRES).all(axis=1)
                assert not near.any(), path.name


def test_no_public_product_names_a_rule_that_is_not_public(published):
    for path in published:
        if path.suffix == ".gpkg":
            assert "R6" not in [name for name, _ in pyogrio.list_layers(path)], path.name


def test_rows_of_hidden_layers_lie_in_the_restricted_folder(corner, published):
    hidden = ("camps", "manul_records")
    logs = [f for n in hidden for f in corner.results.rglob(f"{n}_*.csv")]
    assert len(logs) == 3 * len(hidden)
    assert all(RESTRICTED in path.parts for path in logs)
    layers = [path.stem for path in published if path.parent.name == "layers"]
    assert "roads" in layers and not {*hidden} & {*layers}
