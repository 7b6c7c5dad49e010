"""The file that adds maps to QGIS: colours by value, paths from its folder."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import demo_config

from manul.config import load, selection
from manul.graph import Graph
from manul.grid.fields import Source
from manul.maps import layer_definition, scales
from manul.maps.spec import Category, Classes, Scale
from manul.products import key_habitat

CLASSES = Scale("Loss", palette="threat", classes=Classes((0.2, 0.6), ("low", "some", "high")))
KINDS = (Category(0, "none", "#ffffff"), Category(2, 'dogs & "cats" <1', "#cc6677"))


@pytest.fixture
def layers(tmp_path, monkeypatch):
    """The layers of a file by name."""
    maps = {
        "habitat": Source(str(tmp_path / "habitat.tif"), 1, "Habitat now"),
        "loss": Source(str(tmp_path / "restricted" / "loss.tif"), 3, "Loss"),
        "kinds": Source(str(tmp_path / "kinds.tif"), 1, "Kinds"),
        "plain": Source(str(tmp_path / "plain.tif"), 1, "Without colours"),
    }
    looks = {"habitat": Scale("Habitat", vmax=0.5), "loss": CLASSES, "kinds": KINDS}
    path = tmp_path / "maps.qlr"
    behind = {"loss.tif": {"camps": {"status": "illustrative"}}}
    monkeypatch.setattr(
        layer_definition, "read_provenance", lambda path: behind.get(Path(path).name, {})
    )
    layer_definition.write(path, "Region: now", maps, looks)
    tree = ElementTree.parse(path).getroot()
    group = tree.find("layer-tree-group")
    assert group.get("name") == "Region: now"
    told = {layer.get("id"): layer for layer in group}
    made = {layer.find("id").text: layer for layer in tree.find("maplayers")}
    assert list(told) == list(made) == ["habitat", "loss", "kinds"]
    return told, made


def test_a_layer_has_its_title_and_its_path_from_the_folder(layers):
    told, made = layers
    assert made["loss"].find("datasource").text == "restricted/loss.tif"
    assert told["loss"].get("source") == "restricted/loss.tif"
    title = "Loss (✱ illustrative)"  # the weakest data behind it
    assert made["loss"].find("layername").text == told["loss"].get("name") == title
    assert told["habitat"].get("name") == "Habitat now"
    assert made["loss"].find(".//rasterrenderer").get("band") == "3"


def test_one_layer_is_switched_on(layers):
    told, _ = layers
    shown = [name for name, layer in told.items() if layer.get("checked") == "Qt::Checked"]
    assert shown == ["habitat"]


def test_a_scale_runs_from_end_to_end_of_its_palette(layers):
    shader = layers[1]["habitat"].find(".//colorrampshader")
    items = [(float(i.get("value")), i.get("color")) for i in shader]
    assert shader.get("colorRampType") == "INTERPOLATED" and len(items) == 11
    assert items[0] == (0, "#faf6e6") and items[-1] == (0.5, "#12324c")
    assert items[5][0] == pytest.approx(0.25)


def test_classes_end_at_their_limits_and_the_last_nowhere(layers):
    shader = layers[1]["loss"].find(".//colorrampshader")
    assert shader.get("colorRampType") == "DISCRETE"
    assert [i.get("label") for i in shader] == ["low", "some", "high"]
    low, some, none = (float(i.get("value")) for i in shader)
    # QGIS counts an upper end to the class below it, the sheets a limit to the class above
    assert low < 0.2 == np.nextafter(low, 1) and some < 0.6 == np.nextafter(some, 1)
    assert none == np.inf
    assert len({i.get("color") for i in shader}) == 3


def test_categories_have_their_colour_and_words(layers):
    found = layers[1]["kinds"].findall(".//paletteEntry")
    told = [(e.get("value"), e.get("color"), e.get("label")) for e in found]
    assert told == [("0", "#ffffff", "none"), ("2", "#cc6677", 'dogs & "cats" <1')]


def test_main_maps_of_the_demo_have_colours_of_their_sheets():
    graph = Graph(load.load(demo_config()))
    demo = graph.configs["current"]
    looks = scales.of_maps(selection.sheet_words(demo))
    assert set(looks) <= set(graph.index("current"))  # no name of a map is mistyped
    assert {c.code for c in looks["key_class"]} == set(key_habitat.CLASSES)
    assert looks["threat"].classes.bounds == (0.2, 0.4, 0.6)
    assert looks["habitat"].classes.bounds == pytest.approx((0.2, 0.4, 0.6, 0.8))
    strongest = {c.code: c for c in looks["dominant_threat"]}
    first = selection.assessed(demo)[0]
    group = demo["threats"][first]["group"]
    assert strongest[1].label == demo["threats"][first]["title"]
    assert strongest[1].colour == demo["groups"][group]["colour"]
    assert len(strongest) == len(selection.assessed(demo)) + 1
