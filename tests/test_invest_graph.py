"""InVEST Habitat Quality through the graph, against the numbers of the InVEST program itself."""

import in_process
import numpy as np
import pytest
import rasterio
from conftest import ROOT

ORACLE = ROOT / "tests" / "oracle" / "invest_hq"
pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def results(empty_corner, tmp_path_factory):
    """The folder of a case that a config block asks for."""
    region = empty_corner.copy(tmp_path_factory.mktemp("invest"))
    case = {
        "land_cover": str(ORACLE / "lulc.tif"),
        "threats": str(ORACLE / "threats.csv"),
        "sensitivity": str(ORACLE / "sensitivity.csv"),
        "access": str(ORACLE / "access.geojson"),
    }
    region = region.overlay("invest", {"invest": {"oracle": case}})
    in_process.make(region, ["results/corner/current/invest/oracle/quality_c.tif"])
    return region.results / "current" / "invest" / "oracle"


@pytest.mark.parametrize("name", ["deg_sum_c.tif", "quality_c.tif"])
def test_the_graph_agrees_with_invest(results, name):
    with rasterio.open(results / name) as ours, rasterio.open(ORACLE / name) as theirs:
        found, expected = ours.read(1, masked=True), theirs.read(1, masked=True)
        assert ours.transform == theirs.transform
    np.testing.assert_array_equal(found.mask, expected.mask)
    assert np.abs(found.astype("float64") - expected).max() <= 1e-6
