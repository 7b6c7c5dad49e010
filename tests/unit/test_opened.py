"""Finished maps for notebooks: the index of a scenario, and the model on a small Dataset."""

import numpy as np
import pytest
import xarray as xr

from manul import results

MAPS = {
    "habitat": {"title": "Habitat", "path": "results/r/planned/habitat.tif", "band": 1,
                "unit": "1", "codes": (), "public": True, "layers": ("elevation", "lakes")},
    "key": {"title": "Key habitat", "path": "results/r/current/key.tif", "band": 2,
            "unit": "", "codes": (2, 3), "public": False, "layers": ()},
}  # fmt: skip


def test_the_index_names_files_from_the_scenario_s_folder():
    table = results.index_table(MAPS, "results/r/planned").set_index("map")
    assert table["file"].to_dict() == {"habitat": "habitat.tif", "key": "../current/key.tif"}
    assert table["layers"].to_dict() == {"habitat": "elevation lakes", "key": ""}
    assert table["classes"].to_dict() == {"habitat": "", "key": "2 3"}


def test_a_source_is_read_back_from_the_index(tmp_path):
    results.index_table(MAPS, "results/r/planned").to_csv(tmp_path / "outputs.csv", index=False)
    table = results.index(tmp_path)
    habitat, key = (results._source(tmp_path, table.loc[name]) for name in MAPS)
    assert (habitat.path, habitat.band, habitat.codes) == (str(tmp_path / "habitat.tif"), 1, ())
    assert (key.path, key.band, key.unit, key.codes) == (
        str(tmp_path / "../current/key.tif"), 2, "", (2, 3),
    )  # fmt: skip
    with pytest.raises(results.ResultsError, match="there is no map 'hab'; there are habitat, key"):
        results.open_results(tmp_path, ["hab"])
    assert not results.open_results(tmp_path).data_vars, "no file of it is there"


def test_the_package_gives_what_notebooks_use():
    import manul

    assert manul.open_results is results.open_results and manul.results is results
    with pytest.raises(AttributeError, match="no attribute 'rooms'"):
        _ = manul.rooms


MODEL = {
    "habitat": {
        "floor": 0, "known_weight": 0.5, "reference": {}, "gates": {}, "loss": "",
        "components": {"cover": {"surface": "rock", "weight": 1, "title": "Cover"}},
    },
    "cumulative": "saturation", "dominant_floor": 0.02, "surfaces": {"rock": {}, "dogs": {}},
    "layers": {}, "threats": {"dogs": {"surface": "dogs", "weight": 0.5, "title": "Dogs"}},
}  # fmt: skip


def test_the_model_runs_on_a_dataset():
    cells = {"rock": [[0.8, 0.4]], "dogs": [[0.5, np.nan]], "other": [[9, 9]]}
    given = xr.Dataset({n: (("y", "x"), np.float32(v)) for n, v in cells.items()}).chunk({"x": 1})
    made = results.evaluate(given, MODEL)
    np.testing.assert_allclose(made["habitat"], [[0.8, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(made["effect_dogs"], [[0.25, np.nan]])
    np.testing.assert_allclose(made["value_at_risk"], [[0.2, np.nan]], rtol=1e-6)
    calm = results.evaluate(given, MODEL | {"threats": {}})
    assert "habitat" in calm and "threat" not in calm
    with pytest.raises(results.ResultsError, match="none of the surfaces rock, dogs"):
        results.evaluate(given[["other"]], MODEL)


@pytest.mark.parametrize("ending", [".nc", ".zarr"])
def test_maps_are_exported_with_numbers_for_true_and_false(tmp_path, ending):
    key = xr.DataArray([[True, False]], dims=("y", "x"))
    classes = xr.DataArray(np.uint8([[3, 255]]), dims=("y", "x"), attrs={"flag_values": [3]})
    results.export(xr.Dataset({"key": key, "classes": classes}), tmp_path / f"maps{ending}")
    engine = {".nc": "h5netcdf", ".zarr": "zarr"}[ending]
    with xr.open_dataset(tmp_path / f"maps{ending}", engine=engine) as back:
        assert back["key"].values.tolist() == [[1, 0]]
        assert back["classes"].values[0, 0] == 3 and np.isnan(back["classes"].values[0, 1])


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(results.ResultsError, match=r"found \.tif, expected \.nc or"):
        results.export(xr.Dataset(), tmp_path / "maps.tif")
    assert results.index_table({}, "results").empty
