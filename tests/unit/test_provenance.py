"""What products say of the layers behind them."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely import Point

from manul.grid import map_tags, provenance, vectors


def layer(status, date="2024", title="Roads", **more):
    return {"title": title, "date": date, "status": status, **more}


def test_a_layer_keeps_what_its_block_says_and_its_status():
    block = {"title": "Roads", "date": "2024", "data_status": "assumed", "weight": 3}
    told = provenance.of_layer("roads", block, ["d1"])["roads"]
    assert (told["title"], told["status"], told["content"]) == ("Roads", "assumed", ["d1"])
    assert told["licence"] is None and "weight" not in told


def test_a_product_is_as_weak_as_the_weakest_of_its_layers():
    made = {str(i): layer(status) for i, status in enumerate(["measured", "assumed", "measured"])}
    assert provenance.worst_status(made) == "assumed"
    assert provenance.worst_status({"a": layer("measured")}) == "measured"
    assert provenance.worst_status({}) == "measured"
    both = {"a": layer("measured"), "b": layer("modelled")}
    assert provenance.worst_status(both) == "modelled" and provenance.notice(both) == ""
    assert provenance.worst_status(both | {"c": layer("reconstructed")}) == "reconstructed"
    assert provenance.worst_status(made | {"x": layer("illustrative")}) == "illustrative"


@pytest.mark.parametrize(
    ("low", "high", "kind", "caveat", "told"),
    [
        (0.78, 0.78, "continuous", None, "the same value, 0.78, in every cell"),
        (0.78, 0.78, "continuous", "modelled", "modelled; the same value, 0.78, in every cell"),
        (0.78, 0.79, "continuous", "modelled", "modelled"),
        (30, 30, "classes", None, None),
        (np.inf, -np.inf, "continuous", None, None),
    ],
)
def test_a_raster_that_is_the_same_everywhere_says_so(low, high, kind, caveat, told):
    record = provenance.of_layer("a", {"data_status": "measured", "caveat": caveat}, [])
    made = provenance.with_values(record, {"kind": kind}, low, high)
    assert made["a"]["caveat"] == told and made["a"]["status"] == "measured"


def test_layers_of_several_inputs_come_once_and_by_name():
    a, b = {"roads": layer("measured")}, {"camps": layer("assumed"), "roads": layer("measured")}
    merged = provenance.merge(a, b)
    assert list(merged) == ["camps", "roads"]
    assert provenance.load(provenance.dump(merged)) == merged
    assert provenance.load(None) == {}


@pytest.mark.parametrize("order", [1, -1])
def test_what_one_input_shows_generalised_stays_so(order):
    exact, general = {"a": layer("measured")}, {"a": layer("measured", generalised=True)}
    general["a"]["caveat"] = "means over areas"
    merged = provenance.merge(*[exact, general, exact][::order][:2])
    assert merged == general and provenance.is_generalised(merged)
    assert not provenance.is_generalised(provenance.merge(exact, exact))


def test_the_notice_begins_with_what_is_invented_and_says_nothing_of_what_is_measured():
    record = {
        "a": layer("measured", title="Relief"), "b": layer("assumed", title="Dogs"),
        "c": layer("illustrative", title="Burrows"), "d": layer("reconstructed", title="Snow"),
        "e": layer("assumed", title="Camps"),
    }  # fmt: skip
    assert provenance.notice(record) == (
        "ILLUSTRATIVE, NOT OBSERVED: Burrows are invented to show the method. Do not act on this "
        "map where they matter. Assumed: Dogs, Camps. Reconstructed: Snow."
    )
    assert provenance.notice({"a": layer("measured")}) == ""


def test_what_to_know_of_several_layers_is_told_once():
    record = {
        "roads": layer("measured", title="Roads", caveat="tracks are incomplete"),
        "dem": layer("measured", title="Relief", caveat=None),
        "snow": layer("measured", title="Snow", caveat="4 km cells"),
        "rails": layer("measured", title="Railways", caveat="tracks are incomplete"),
    }  # fmt: skip
    told = ["Roads, Railways: tracks are incomplete", "Snow: 4 km cells"]
    assert provenance.caveats(record) == told


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        (["2024"], "2024"),
        (["2001-2012", "1999"], "1999-2012"),
        (["May 2020", "2020-06-01"], "2020"),
        (["unknown", None, "12020"], "undated"),
        ([], "undated"),
    ],
)
def test_the_age_of_a_product_is_that_of_its_oldest_and_youngest_layer(dates, told):
    record = {str(i): layer("measured", date) for i, date in enumerate(dates)}
    assert provenance.age(record) == told


def test_maps_and_vector_files_tell_their_layers_again(tmp_path):
    record = {"roads": layer("assumed", "2019-2021")}
    tags = map_tags.of_layers(record)
    assert tags["MANUL_NOTICE"] == "Assumed: Roads."
    assert (tags["MANUL_DATA_STATUS"], tags["MANUL_DATA_DATES"]) == ("assumed", "2019-2021")
    tif, gpkg = tmp_path / "a.tif", tmp_path / "a.gpkg"
    with rasterio.open(
        tif, "w", driver="GTiff", width=1, height=1, count=1, dtype="uint8", crs="EPSG:6933",
        transform=rasterio.Affine(1, 0, 0, 0, -1, 1),
    ) as raster:  # fmt: skip
        raster.write(np.ones((1, 1, 1), "uint8"))
        raster.update_tags(**tags, MANUL_CONFIG_DIGEST="c")
    points = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(0, 0)], crs="EPSG:6933")
    vectors.write_vector(gpkg, {"a": points}, tags)
    for path in (tif, gpkg):
        assert map_tags.read_provenance(path) == record
        assert map_tags.read_extent(path) is None
    assert map_tags.made_from(tif) == [tags["MANUL_LAYERS"], "c", str(tif)]
