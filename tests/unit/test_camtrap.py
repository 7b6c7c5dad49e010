"""Camera-trap packages: what was seen, what was not, and how long the cameras stood."""

import datetime as dt
import json
import zipfile

import pytest
from test_table_io import SCHEMAS

from manul.records.check import RecordsError, read_records
from manul.records.table_files import read_table

DEPLOYMENTS = """\
deploymentID,locationID,latitude,longitude,coordinateUncertainty,deploymentStart,deploymentEnd,setupBy
d1,a,41.10,76.20,30,2024-05-01T08:00:00+0600,2024-06-10T20:00:00+0600,Aida
d2,b,41.20,76.30,30,2024-05-01T08:00:00+0600,2024-05-31T08:00:00+0600,Aida
d3,c,41.30,76.40,30,2024-05-01T08:00:00+0600,,Aida
d4,d,,76.50,30,2024-05-01T08:00:00+0600,2024-05-11T08:00:00+0600,Aida
"""
HEADER = (
    "observationID,deploymentID,eventID,eventStart,observationLevel,observationType,"
    "scientificName,count,lifeStage,classificationMethod,classifiedBy\n"
)
D1 = """\
m1,d1,e1,2024-05-03T23:10:00+0600,media,animal,Otocolobus manul,1,,human,Bek
o1,d1,e1,2024-05-03T23:10:00+0600,event,animal,Otocolobus manul,1,adult,human,Bek
o2,d1,e1,2024-05-03T23:10:00+0600,event,animal,Otocolobus manul,3,juvenile,human,Bek
o3,d1,e2,2024-05-04T01:00:00+0600,event,animal,Vulpes vulpes,1,,human,Bek
o4,d1,e3,2024-05-09T01:00:00+0600,event,animal,Otocolobus manul manul,,,human,Bek
"""


def package(folder, rows, deployments=DEPLOYMENTS, home="", **resources):
    """A zipped package as platforms export it."""
    files = {"deployments": "deployments.csv", "observations": "observations.csv"} | resources
    told = {"resources": [{"name": name, "path": path} for name, path in files.items()]}
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{home}datapackage.json", json.dumps(told))
        file.writestr(f"{home}deployments.csv", deployments)
        file.writestr(f"{home}observations.csv", HEADER + rows)
    return path


def read(path):
    return read_records(read_table(path), "manul_record", SCHEMAS, dt.date(2026, 11, 23))


def cats(found):
    """Accepted rows of cats: adults and kittens."""
    rows = found.accepted[found.accepted["n_adults"] > 0]
    return dict(
        zip(rows["rec_id"], zip(rows["n_adults"], rows["n_kittens"], strict=True), strict=True)
    )


def effort(found):
    """Accepted rows of effort: camera-days, and cats where counted (-1: not)."""
    rows = found.accepted[found.accepted["absence_effort_camdays"].notna()]
    counted = rows["n_adults"].fillna(-1)
    pairs = zip(rows["absence_effort_camdays"], counted, strict=True)
    return dict(zip(rows["rec_id"], map(list, pairs), strict=True))


@pytest.mark.parametrize("home", ["", "export 2024/"])
def test_events_and_effort(tmp_path, home):
    found = read(package(tmp_path, D1, home=home))
    assert cats(found) == {"o1": (1, 3), "o4": (1, 0)}
    assert effort(found) == {"d1 (effort)": [40.5, -1], "d2 (effort)": [30, 0]}
    rows = found.accepted.set_index("rec_id")
    assert rows.loc["o1", "date"].date() == dt.date(2024, 5, 3)
    assert (rows.loc["o4", "lon"], rows.loc["o4", "lat"]) == (76.2, 41.1)
    assert set(rows["type"]) == {"camera"}
    assert set(rows["category"]) == {"C1"}
    assert not rows["public_ok"].fillna(False).any()


def test_what_cannot_be_used_is_rejected_and_told(tmp_path):
    found = read(package(tmp_path, D1))
    why = found.rejected.set_index("row")["field"].to_dict()
    assert why == {"deployments 4": "date", "deployments 5": "lat"}
    told = found.normalised.query("row == 'header'").set_index("field")["value_used"]
    assert told["observations"] == "5, 4 of a manul, 0 not resolved"
    assert told["deployments"] == "4, 3 of them surely without a manul"


def test_media_alone_tell_of_the_most_that_were_seen_at_once(tmp_path):
    media = "".join(
        f"m{i},d2,e7,2024-05-03T23:1{i}:00Z,media,animal,Otocolobus manul,{count},{stage},net,\n"
        for i, (count, stage) in enumerate([(1, ""), (2, "adult"), (1, ""), (2, "juvenile")])
    )
    found = read(package(tmp_path, media))
    assert cats(found) == {"m0": (2, 2)}
    assert found.accepted.loc["observations 2", "category"] == "C3"


def test_media_of_an_event_of_their_own_count_beside_events(tmp_path):
    other = "m9,d1,e9,2024-05-20T01:00:00+0600,media,animal,Otocolobus manul,2,,human,Bek\n"
    assert cats(read(package(tmp_path, D1 + other))) == {"o1": (1, 3), "o4": (1, 0), "m9": (2, 0)}


@pytest.mark.parametrize(
    "line",
    [
        "o5,d2,e8,2024-05-09T01:00:00+0600,event,unclassified,,,,human,Bek",
        "o5,d2,e8,2024-05-09T01:00:00+0600,event,animal,,,,human,Bek",
        "o5,d2,e8,2024-05-09T01:00:00+0600,event,animal,Otocolobus,,,human,Bek",
        "o5,d2,e8,a,comma,2024-05-09T01:00:00+0600,event,animal,Otocolobus manul,,,human,Bek",
        "o5, d2,e8,2024-05-09T01:00:00+0600,event,animal, Otocolobus manul,many,,human,Bek",
    ],
    ids=["unclassified", "no name", "genus", "comma too many", "no count"],
)
def test_absence_is_never_guessed(tmp_path, line):
    found = read(package(tmp_path, D1 + line + "\n"))
    assert effort(found)["d2 (effort)"] == [30, -1]


@pytest.mark.parametrize("count", ["many", "0", "-1", "1.5", "inf", "1e400"])
def test_a_count_that_is_none_is_rejected(tmp_path, count):
    found = read(package(tmp_path, D1.replace("manul,1,adult", f"manul,{count},adult")))
    assert found.rejected.set_index("row").loc["observations 3", "field"] == "n_adults"
    assert cats(found) == {"o4": (1, 0)}
    assert effort(found)["d1 (effort)"] == [40.5, -1]  # however the event was told


def test_an_observation_that_stands_twice_is_rejected_once(tmp_path):
    found = read(package(tmp_path, D1 + D1.splitlines()[4] + "\n"))
    assert cats(found) == {"o1": (1, 3), "o4": (1, 0)}
    assert "observations 7" in set(found.rejected["row"])


def test_a_row_with_a_cell_too_many_is_rejected(tmp_path):
    found = read(package(tmp_path, D1.replace("o4,d1,e3", "o4,d1,e3,more")))
    assert "observations 6" in set(found.rejected["row"])
    assert cats(found) == {"o1": (1, 3)}


def test_cameras_that_saw_nothing(tmp_path):
    found = read(package(tmp_path, ""))
    assert effort(found) == {"d1 (effort)": [40.5, 0], "d2 (effort)": [30, 0]}


def test_days_follow_the_clock_of_the_camera(tmp_path):
    mixed = DEPLOYMENTS.replace(
        "d2,b,41.20,76.30,30,2024-05-01T08:00:00+0600", "d2,b,41.20,76.30,30,2024-05-01T08:00:00"
    )
    assert effort(read(package(tmp_path, D1, mixed)))["d2 (effort)"] == [30, 0]


def test_an_observation_of_an_unknown_deployment_is_rejected(tmp_path):
    found = read(package(tmp_path, D1.replace("o4,d1", "o4,d9")))
    assert "observations 6" in set(found.rejected["row"])
    assert "observations 3" in found.accepted.index


def test_a_deployment_that_stands_twice_is_rejected_once(tmp_path):
    twice = DEPLOYMENTS + DEPLOYMENTS.splitlines()[2] + "\n"
    found = read(package(tmp_path, D1, twice))
    assert "deployments 3" in found.accepted.index
    assert "deployments 6" in set(found.rejected["row"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no package"),
        lambda path: zipfile.ZipFile(path, "w").close(),
        lambda path: package(path.parent, D1, observations="elsewhere.csv"),
        lambda path: package(path.parent, D1, deployments=""),
        lambda path: package(path.parent, D1, DEPLOYMENTS.replace("latitude", "lat")),
    ],
    ids=["no zip", "no datapackage", "no observations", "empty table", "no column"],
)
def test_what_is_no_package_says_so(tmp_path, spoil):
    path = tmp_path / "package.zip"
    spoil(path)
    with pytest.raises(RecordsError, match=r"package\.zip is not a readable camera-trap package"):
        read_table(path)
