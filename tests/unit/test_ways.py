"""Ways between key areas before and after a change, in answers that one can see."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point

from manul.comparison import ways


def areas(**middles):
    rows = [(int(name[1:]), *at) for name, at in middles.items()]
    return pd.DataFrame(rows, columns=["area", "lon", "lat"])


def links(*rows):
    columns = ["a", "b", "cost_km", "narrowest_km", "crosses"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(effective_width_km=table["narrowest_km"] + 10)


BEFORE = ways.Net(
    links((1, 2, 10.0, 4.0, np.nan), (1, 3, 20.0, 3.0, np.nan), (2, 3, 5.0, 2.0, "roads: A1")),
    areas(k1=(75.0, 42.0), k2=(76.0, 42.0), k3=(77.0, 42.0)),
)


def test_a_run_against_itself_changes_no_way():
    found = ways.compared(BEFORE, BEFORE)
    assert found["dearer_percent"].tolist() == [0, 0, 0]
    told = ways.section(found)
    assert told.words[0].startswith("Of 3 ways between neighbouring key areas 0 cost more, 0 less")
    assert told.tables == []


def test_areas_are_the_same_where_they_lie_whatever_their_numbers():
    after = ways.Net(
        links((1, 2, 15.0, 1.0, "railways: new"), (1, 3, 4.0, 2.0, "roads: A1")),
        areas(k2=(75.01, 42.0), k1=(76.0, 42.01), k3=(77.0, 42.0)),  # the first two changed places
    )
    found = ways.compared(BEFORE, after).set_index(["a", "b"])
    assert found.loc[(1, 2), "cost_after_km"] == 15
    assert found.loc[(1, 2), "dearer_percent"] == pytest.approx(50)
    assert found.loc[(1, 2), ["narrowest_before_km", "narrowest_after_km"]].tolist() == [4, 1]
    effective = ["effective_width_before_km", "effective_width_after_km"]
    assert found.loc[(1, 2), effective].tolist() == [14, 11]
    assert found.loc[(1, 2), "crosses"] == "railways: new"
    assert found.loc[(2, 3), "dearer_percent"] == pytest.approx(-20)
    assert np.isnan(found.loc[(1, 3), "cost_after_km"]), "gone"
    told = ways.section(ways.compared(BEFORE, after))
    assert "1 cost more, 1 less; gone 1, new 0" in told.words[0]
    ((_, table),) = told.tables
    assert table["change"].tolist() == ["gone", "+50.0 %", "-20.0 %"]
    east = [f"42.00° N {lon}.00° E" for lon in (75, 75, 76)]
    assert table["from"].tolist() == east
    assert table["cost after (km)"].tolist() == ["no link", "15", "4"]


def test_key_areas_are_named_by_the_nearest_town():
    towns = gpd.GeoDataFrame({"name": ["Naryn"]}, geometry=[Point(76, 42)], crs="EPSG:4326")
    found = ways.compared(BEFORE, BEFORE, towns.to_crs("EPSG:32643")).set_index(["a", "b"])
    assert found.loc[(2, 3), "from"] == "at Naryn" and found.loc[(2, 3), "to"] == "83 km E of Naryn"
    assert found.loc[(1, 3), "from"] == "83 km W of Naryn"


def test_the_ways_that_change_most_come_first_in_both_directions():
    after = ways.Net(
        BEFORE.links.assign(cost_km=[9.0, 10.0, 4.9]),
        BEFORE.areas,  # -10, -50 and -2 per cent
    )
    ((_, table),) = ways.section(ways.compared(BEFORE, after)).tables
    assert table["change"].tolist() == ["-50.0 %", "-10.0 %", "-2.0 %"]


def test_an_area_far_from_all_others_is_new():
    after = ways.Net(links((1, 2, 7.0, 1.0, "")), areas(k1=(75.0, 42.0), k2=(75.0, 42.1)))
    found = ways.compared(BEFORE, after)
    new = found[found["cost_before_km"].isna()].iloc[0]
    assert sorted([new["a"], new["b"]]) == [0, 1] and new["cost_after_km"] == 7
    assert {(75.0, 42.0), (75.0, 42.1)} == {
        (new["lon_a"], new["lat_a"]), (new["lon_b"], new["lat_b"]),
    }  # fmt: skip
    nothing = ways.Net(links(), areas())
    gone = ways.compared(BEFORE, nothing)
    assert len(gone) == 3 and gone["cost_after_km"].isna().all()
    assert "gone 3, new 0" in ways.section(gone).words[0]
