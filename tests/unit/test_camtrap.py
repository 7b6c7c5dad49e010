"""Camera-trap packages: what was seen, what was not, and how long the cameras stood."""

import datetime as dt
import json
import zipfile

import pytest
from test_table_io import SCHEMAS

from manul.records import RecordsError, read_records
from manul.table_io import read_table

DEPLOYMENTS = """\
deploymentID,locationID,latitude,longitude,coordinateUncertainty,deploymentStart,deploymentEnd,setupBy
d1,a,41.10,76.20,30,2024-05-01T08:00:00+0600,2024-06-10T20:00:00+0600,Aida
d2,b,41.20,76.30,30,2024-05-01T08:00:00+0600,2024-05-31T08:00:00+0600,Aida
d3,c,41.30,76.40,30,2024-05-01T08:00:00+0600,,Aida
d4,d,,76.50,30,2024-05-01T08:00:00+0600,2024-05-11T08:00:00+0600,Aida
"""
HEADER = (
    "observationID,deploymentID,eventID,eventStart,observationLevel,"
    "scientificName,count,lifeStage,classificationMethod,classifiedBy\n"
)
D1 = """\
m1,d1,e1,2024-05-03T23:10:00+0600,media,Otocolobus manul,1,,human,Bek
o1,d1,e1,2024-05-03T23:10:00+0600,event,Otocolobus manul,1,adult,human,Bek
o2,d1,e1,2024-05-03T23:10:00+0600,event,Otocolobus manul,3,juvenile,human,Bek
o3,d1,e2,2024-05-04T01:00:00+0600,event,Vulpes vulpes,1,,human,Bek
o4,d1,e3,2024-05-09T01:00:00+0600,event,Otocolobus manul manul,,,human,Bek
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


@pytest.mark.parametrize("home", ["", "export 2024/"])
def test_events_and_absences_with_their_effort(tmp_path, home):
    found = read(package(tmp_path, D1, home=home))
    rows = found.accepted
    assert rows.index.tolist() == ["observations 3", "observations 6", "deployments 3"]
    assert rows["rec_id"].tolist() == ["o1", "o4", "d2 (no manul)"]
    assert rows["date"].dt.date.map(str).tolist() == ["2024-05-03", "2024-05-09", "2024-05-31"]
    assert rows["n_adults"].tolist() == [1, 1, 0]
    assert rows["n_kittens"].tolist() == [3, 0, 0]
    # 40.5 days once for the camera that saw two cats, not once for each of them
    assert rows["absence_effort_camdays"].fillna(-1).tolist() == [40.5, -1, 30]
    assert (rows["lon"].tolist(), rows["lat"].tolist()) == ([76.2, 76.2, 76.3], [41.1, 41.1, 41.2])
    assert set(rows["type"]) == {"camera"}
    assert set(rows["category"]) == {"C1"}
    assert not rows["public_ok"].fillna(False).any()


def test_what_cannot_be_used_is_rejected_and_told(tmp_path):
    found = read(package(tmp_path, D1))
    why = found.rejected.set_index("row")["field"].to_dict()
    assert why == {"deployments 4": "date", "deployments 5": "lat"}
    assert {"observations": "5, 4 of a manul", "deployments": "4, 3 without a manul"}.items() <= (
        found.normalised.query("row == 'header'").set_index("field")["value_used"].to_dict().items()
    )


def test_media_alone_tell_of_the_most_that_were_seen_at_once(tmp_path):
    media = "".join(
        f"m{i},d2,e7,2024-05-03T23:1{i}:00Z,media,Otocolobus manul,{count},{stage},machine,net 3\n"
        for i, (count, stage) in enumerate([(1, ""), (2, "adult"), (1, ""), (2, "juvenile")])
    )
    row = read(package(tmp_path, media)).accepted.loc["observations 2"]
    assert (row["n_adults"], row["n_kittens"], row["category"]) == (2, 2, "C3")


def test_an_observation_of_an_unknown_deployment_is_rejected(tmp_path):
    found = read(package(tmp_path, D1.replace("o4,d1", "o4,d9")))
    assert "observations 6" in set(found.rejected["row"])
    assert "observations 3" in found.accepted.index


def test_a_count_that_is_no_number_is_rejected_not_guessed(tmp_path):
    found = read(package(tmp_path, D1.replace("manul,1,adult", "manul,many,adult")))
    told = found.rejected.set_index("row").loc["observations 3"]
    assert (told["field"], told["value"]) == ("n_adults", "many")


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
    ],
    ids=["no zip", "no datapackage", "no observations", "empty table"],
)
def test_what_is_no_package_says_so(tmp_path, spoil):
    path = tmp_path / "package.zip"
    spoil(path)
    with pytest.raises(RecordsError, match=r"package\.zip is not a readable camera-trap package"):
        read_table(path)
