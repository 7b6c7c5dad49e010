"""Camera-trap packages: what was seen, what was not, and how long the cameras stood."""

import datetime as dt
import gzip
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_table_io import SCHEMAS

from manul.records import limits, packages
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
o0,d2,e0,2024-05-03T23:10:00+0600,event,animal,Vulpes vulpes,1,,human,Bek
m1,d1,e1,2024-05-03T23:10:00+0600,media,animal,Otocolobus manul,1,,human,Bek
o1,d1,e1,2024-05-03T23:10:00+0600,event,animal,Otocolobus manul,1,adult,human,Bek
o2,d1,e1,2024-05-03T23:10:00+0600,event,animal,Otocolobus manul,3,juvenile,human,Bek
o3,d1,e2,2024-05-04T01:00:00+0600,event,animal,Vulpes vulpes,1,,human,Bek
o4,d1,e3,2024-05-09T01:00:00+0600,event,animal,Otocolobus manul manul,,,human,Bek
"""


BLANK = "b,{},e,2024-05-02T01:00:00+0600,event,blank,,,,human,Bek\n"


def package(folder, rows, deployments=DEPLOYMENTS, home="", files=None, **resources):
    """A zipped package as platforms export it; a text of `files` that is None is left out."""
    paths = {"deployments": "deployments.csv", "observations": "observations.csv"} | resources
    parts = [
        {"name": name} | (part if isinstance(part, dict) else {"path": part})
        for name, part in paths.items()
    ]
    texts = {"deployments.csv": deployments, "observations.csv": HEADER + rows}
    texts |= {"datapackage.json": json.dumps({"resources": parts})} | (files or {})
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, text in texts.items():
            if text is not None:
                file.writestr(f"{home}{name}", text)
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
    assert told["observations"] == "6, 4 of a manul, 0 not resolved"
    assert told["deployments"] == "4, 1 of them surely without a manul"


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
    assert found.rejected.set_index("row").loc["observations 4", "field"] == "n_adults"
    assert cats(found) == {"o4": (1, 0)}
    assert effort(found)["d1 (effort)"] == [40.5, -1]  # however the event was told


def test_an_observation_that_stands_twice_is_rejected_once(tmp_path):
    found = read(package(tmp_path, D1 + D1.splitlines()[5] + "\n"))
    assert cats(found) == {"o1": (1, 3), "o4": (1, 0)}
    assert "observations 8" in set(found.rejected["row"])


def test_a_row_with_a_cell_too_many_is_rejected(tmp_path):
    found = read(package(tmp_path, D1.replace("o4,d1,e3", "o4,d1,e3,more")))
    assert "observations 7" in set(found.rejected["row"])
    assert cats(found) == {"o1": (1, 3)}


def test_cameras_that_saw_nothing(tmp_path):
    found = read(package(tmp_path, BLANK.format("d1")))
    assert effort(found) == {"d1 (effort)": [40.5, 0], "d2 (effort)": [30, -1]}


@pytest.mark.parametrize("kind", ["human", "vehicle", "unknown", "unclassified", ""])
def test_people_and_the_unclassified_do_not_stand_for_looking(tmp_path, kind):
    rows = BLANK.format("d2").replace("blank", kind)
    assert effort(read(package(tmp_path, rows)))["d2 (effort)"] == [30, -1]


def event(name, method="human", kind="animal"):
    return f"x,d2,ex,2024-05-03T23:10:00+0600,event,{kind},{name},1,,{method},Bek\n"


@pytest.mark.parametrize(
    "name",
    [
        "Vulpes vulpes", "vulpes vulpes", "VULPES VULPES", "Vulpes_vulpes", "Vulpes vulpes montana",
        '"Vulpes vulpes (Linnaeus, 1758)"', '"Ochotona dauurica (Pallas, 1776)"', "Felis catus",
        "Capra sibirica", "Marmota baibacina Kastschenko", "Panthera uncia", "Lepus tolai",
    ],
)  # fmt: skip
def test_a_whole_name_of_another_species_is_another_animal(tmp_path, name):
    assert effort(read(package(tmp_path, event(name))))["d2 (effort)"] == [30, 0]


@pytest.mark.parametrize(
    "name",
    [
        "cf. Otocolobus manul", "Otocolobus cf. manul", "Otocolobus manul?", "?O. manul",
        "Felis sp.", "Felis spp", "Otocolobus sp.", "Otocolobus", "Felis", "Felidae", "Carnivora",
        "Mammalia", "unidentified cat", "Pallas's cat", "Pallas’s cat", "Pallas cat", "O. manul",
        "Pallaskatze", "Steppe cat", "Chat de Pallas", "Pallas kedisi", "манул", "мануул", "兔狲",
        "кошка", "Felis catus / Otocolobus manul", '"Felis catus, Otocolobus manul"', "Manul",
        "Felis catus or Otocolobus manul", "Vulpes sp.", "Vulpes", "Canidae", "Vulpes vulpes?",
        "Otocolobus manull", "Octocolobus manul", "Felis cat", "Otocolobus manul x Felis catus",
        "Vulpes vulpes Otocolobus manul", "Unknown species", "Felis manulensis", "?", "-",
    ],
)  # fmt: skip
def test_doubt_is_neither_a_cat_nor_none(tmp_path, name):
    found = read(package(tmp_path, event(name)))
    assert cats(found) == {}
    assert effort(found)["d2 (effort)"] == [30, -1]
    told = found.normalised.query("row == 'header'").set_index("field")["value_used"]
    assert told["not resolved"] == f"{name.strip(chr(34))} (1)"


@pytest.mark.parametrize(
    "name",
    ["Otocolobus manul", "Felis manul", "Felis (Otocolobus) manul", "otocolobus manul manul",
     '"Otocolobus manul (Pallas, 1776)"', "OTOCOLOBUS MANUL"],
)  # fmt: skip
def test_the_cat_by_its_names(tmp_path, name):
    assert cats(read(package(tmp_path, event(name)))) == {"x": (1, 0)}


def test_a_machine_does_not_tell_one_small_cat_from_another(tmp_path):
    found = read(package(tmp_path, event("Felis catus", "machine")))
    assert effort(found)["d2 (effort)"] == [30, -1]
    found = read(package(tmp_path, event("Vulpes vulpes", "machine")))
    assert effort(found)["d2 (effort)"] == [30, 0]


def test_a_cat_of_an_unknown_deployment_may_be_of_any(tmp_path):
    found = read(package(tmp_path, D1.replace("o4,d1", "o4,d9")))
    assert effort(found)["d2 (effort)"] == [30, -1]


# media --------------------------------------------------------------------------------------------

MEDIA = "mediaID,deploymentID,captureMethod,timestamp\n"


@pytest.mark.parametrize(
    ("media", "cats_seen"),
    [
        (["x1,d2,activityDetection,2024-05-02T01:00:05+0600"], 0),  # within the event
        (
            ["x1,d2,activityDetection,2024-05-02T01:00:05+0600", "x2,d2,,2024-05-09T01:00:00+0600"],
            -1,
        ),
        (["x1,d2,,2024-05-02T01:00:00+0600", "x2,d2,timeLapse,2024-05-09T01:00:00+0600"], 0),
        (["x1,d2,,", "x2,d1,,2024-05-09T01:00:00+0600"], -1),  # a time that is unknown
        (["x3,d2,,2024-05-20T01:00:00+0600"], 0),  # an observation names it
    ],
)
def test_media_that_nobody_looked_at_leave_it_open(tmp_path, media, cats_seen):
    header = HEADER.replace("eventID", "mediaID,eventID,eventEnd")
    rows = (
        "b,d2,,e,2024-05-02T01:00:10+0600,2024-05-02T01:00:00+0600,event,blank,,,,human,\n"
        "c,d2,x3,e2,,2024-05-20T01:00:00+0600,media,blank,,,,human,\n"
    )
    files = {"observations.csv": header + rows, "media.csv": MEDIA + "\n".join(media)}
    found = read(package(tmp_path, "", files=files, media="media.csv"))
    assert effort(found)["d2 (effort)"] == [30, cats_seen]


# clocks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "issue"),
    [
        ("1970-01-01T00:00:00Z", "2024-05-31T08:00:00Z", ""),
        ("2024-05-31T08:00:00Z", "2024-05-01T08:00:00Z", ""),
        ("2020-05-01T08:00:00Z", "2024-05-01T08:00:00Z", ""),
        ("2024-05-01T08:00:00Z", "2044-05-01T08:00:00Z", ""),  # after the day of the maps
        ("2024-05-01 08:00:00", "2024-05-31 08:00:00", "true"),
    ],
)
def test_a_clock_that_cannot_be_believed_gives_no_camera_days(tmp_path, start, end, issue):
    deployments = (
        "deploymentID,latitude,longitude,deploymentStart,deploymentEnd,timestampIssues\n"
        f"d2,41.2,76.3,{start},{end},{issue}\n"
    )
    found = read(package(tmp_path, BLANK.format("d2"), deployments))
    assert effort(found) == {}
    assert set(found.rejected["row"]) == {"deployments 2"}


def test_times_with_blanks_and_without_issues_count(tmp_path):
    deployments = (
        "deploymentID,latitude,longitude,deploymentStart,deploymentEnd,timestampIssues\n"
        "d2,41.2,76.3,2024-05-01 08:00:00,2024-05-31 08:00:00,false\n"
    )
    found = read(package(tmp_path, BLANK.format("d2"), deployments))
    assert effort(found) == {"d2 (effort)": [30, 0]}
    assert found.accepted["date"].tolist() == [dt.datetime(2024, 5, 31)]


def test_a_cat_of_a_camera_whose_clock_was_reset_has_no_day(tmp_path):
    found = read(package(tmp_path, event("Otocolobus manul").replace("2024-", "1970-")))
    assert found.rejected.set_index("row").loc["observations 2", "field"] == "date"


@pytest.mark.parametrize(("camera", "days"), [("A", [30, 10]), ("", [30, 10]), ("B", [30, 30])])
def test_deployments_of_one_camera_that_overlap_count_once(tmp_path, camera, days):
    deployments = (
        "deploymentID,cameraID,latitude,longitude,deploymentStart,deploymentEnd\n"
        f"d1,{camera and 'A'},41.2,76.3,2024-05-01T00:00:00Z,2024-05-31T00:00:00Z\n"
        f"d2,{camera},41.2,76.3,2024-05-11T00:00:00Z,2024-06-10T00:00:00Z\n"
    )
    rows = BLANK.format("d1") + BLANK.format("d2").replace("b,", "c,", 1)
    found = read(package(tmp_path, rows, deployments))
    assert [days for days, _ in effort(found).values()] == days


@pytest.mark.parametrize(
    ("camera", "start", "told"),
    [
        ("A", "2024-05-11", True), ("A", "2024-05-31", False), ("", "2024-05-11", False),
        ("A", "2004-05-11", False),  # its clock was reset
    ],
)  # fmt: skip
def test_a_camera_at_two_places_at_once_is_told(tmp_path, camera, start, told):
    deployments = (
        "deploymentID,cameraID,latitude,longitude,deploymentStart,deploymentEnd\n"
        f"d1,{camera},41.2,76.3,2024-05-01T00:00:00Z,2024-05-31T00:00:00Z\n"
        f"d2,{camera},41.9,76.3,{start}T00:00:00Z,2024-06-10T00:00:00Z\n"
    )
    found = read(package(tmp_path, BLANK.format("d1"), deployments))
    assert ("cameras at two places at once" in set(found.normalised["field"])) == told


def test_a_cat_on_one_of_two_that_overlap_is_a_cat_on_both(tmp_path):
    twice = DEPLOYMENTS + DEPLOYMENTS.splitlines()[2].replace("d2", "d5") + "\n"
    found = read(package(tmp_path, BLANK.format("d5") + event("Otocolobus manul"), twice))
    assert effort(found) == {
        "d1 (effort)": [40.5, -1],
        "d2 (effort)": [30, -1],
        "d5 (effort)": [0, -1],
    }


def test_a_whole_count_may_be_written_with_a_point(tmp_path):
    rows = event("Otocolobus manul").replace(",1,,human", ",2.0,,human")
    assert cats(read(package(tmp_path, rows))) == {"x": (2, 0)}


# how packages are put together --------------------------------------------------------------------

FOX, CAT = event("Vulpes vulpes"), event("Otocolobus manul").replace("x,", "y,", 1)


@pytest.mark.parametrize("head", [HEADER, ""], ids=["each with names", "the first with names"])
def test_a_table_in_parts_is_read_whole(tmp_path, head):
    files = {"o1.csv": HEADER + FOX, "o2.csv": head + CAT, "observations.csv": None}
    found = read(package(tmp_path, "", files=files, observations=["o1.csv", "o2.csv"]))
    assert cats(found) == {"y": (1, 0)}
    assert effort(found)["d2 (effort)"] == [30, -1]


def test_deployments_in_parts(tmp_path):
    lines = DEPLOYMENTS.splitlines(keepends=True)
    parts = [
        {"name": "deployments", "path": ["a.csv", "b.csv"]},
        {"name": "observations", "path": "observations.csv"},
    ]
    files = {"a.csv": "".join(lines[:2]), "b.csv": lines[0] + "".join(lines[2:])}
    files |= {"datapackage.json": json.dumps({"resources": parts})}
    found = read(package(tmp_path, D1, files=files))
    assert effort(found) == {"d1 (effort)": [40.5, -1], "d2 (effort)": [30, 0]}
    assert "deployments b.csv 2" in found.accepted.index


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["cat", "fox", "blank", "doubt"]), max_size=6), st.data())
def test_parts_make_the_same_records_as_the_whole(tmp_path_factory, kinds, data):
    lines = {"cat": event("Otocolobus manul"), "fox": event("Vulpes vulpes"),
             "doubt": event("Felis sp."), "blank": BLANK.format("d2")}  # fmt: skip
    rows = [lines[kind].replace(",ex,", f",e{i},", 1) for i, kind in enumerate(kinds)]
    rows = [f"r{i}" + row[row.index(",") :] for i, row in enumerate(rows)]
    cut = data.draw(st.integers(0, len(rows)))
    folder = tmp_path_factory.mktemp("parts")
    whole = read(package(folder, "".join(rows)))
    files = {"o1.csv": HEADER + "".join(rows[:cut]), "o2.csv": HEADER + "".join(rows[cut:])}
    files |= {"observations.csv": None}
    parts = read(package(folder, "", files=files, observations=["o1.csv", "o2.csv"]))
    assert effort(parts) == effort(whole)
    assert cats(parts) == cats(whole)
    assert len(cats(whole)) == kinds.count("cat")
    surely = "cat" not in kinds and "doubt" not in kinds and kinds != []
    assert effort(whole)["d2 (effort)"] == [30, 0 if surely else -1]


def test_packed_inline_and_foreign_dialects(tmp_path):
    semicolons = (HEADER + CAT).replace(",", ";").encode("utf-16")
    names, row = HEADER.strip().split(","), CAT.strip().split(",")
    for part, files in [
        ({"path": "o.csv.gz"}, {"o.csv.gz": gzip.compress((HEADER + CAT).encode())}),
        ({"data": [dict(zip(names, row, strict=True))]}, {}),
        ({"data": [names, row]}, {}),
        (
            {"path": "o.csv", "dialect": {"delimiter": ";"}, "encoding": "utf-16"},
            {"o.csv": semicolons},
        ),
    ]:
        files |= {"observations.csv": None}
        assert cats(read(package(tmp_path, "", files=files, observations=part))) == {"y": (1, 0)}


def test_an_unpacked_package_is_named_by_its_folder_or_datapackage(tmp_path):
    with zipfile.ZipFile(package(tmp_path, CAT)) as file:
        file.extractall(tmp_path / "unpacked")
    path = tmp_path / "unpacked" / "datapackage.json"
    assert cats(read(path)) == cats(read(path.parent)) == {"y": (1, 0)}
    assert packages.file_of(path.parent) == packages.file_of(path) == path
    assert [part.name for part in packages.parts_of(path)] == [
        "deployments.csv",
        "observations.csv",
    ]


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"path": "https://example.org/o.csv"}, "leads out of the package"),
        ({"path": "../o.csv"}, "leads out of the package"),
        ({"path": ["observations.csv", "o2.csv"]}, "no file o2.csv"),
        ({"path": "observations.csv", "dialect": {"escapeChar": "!"}}, "dialect with escapeChar"),
    ],
)
def test_parts_that_cannot_be_read_are_told(tmp_path, part, why):
    with pytest.raises(RecordsError, match=why):
        read_table(package(tmp_path, FOX, observations=part))


def test_an_old_version_is_told(tmp_path):
    profile = "https://raw.githubusercontent.com/tdwg/camtrap-dp/0.6/camtrap-dp-profile.json"
    parts = [{"name": n, "path": f"{n}.csv"} for n in ("deployments", "observations")]
    told = {"profile": profile, "resources": parts}
    old = DEPLOYMENTS.replace("deploymentStart", "start")
    files = {"datapackage.json": json.dumps(told)}
    with pytest.raises(
        RecordsError, match=r"deploymentStart; it is of version 0\.6 .*export it again"
    ):
        read_table(package(tmp_path, FOX, old, files=files))


def test_a_package_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "BYTES", 5000)
    assert read(package(tmp_path, FOX)).rejected.shape[0] == 2
    with pytest.raises(RecordsError, match="more than 5,000 bytes when unpacked"):
        read_table(package(tmp_path, FOX * 80))


def test_days_follow_the_clock_of_the_camera(tmp_path):
    mixed = DEPLOYMENTS.replace(
        "d2,b,41.20,76.30,30,2024-05-01T08:00:00+0600", "d2,b,41.20,76.30,30,2024-05-01T08:00:00"
    )
    assert effort(read(package(tmp_path, D1, mixed)))["d2 (effort)"] == [30, 0]


def test_an_observation_of_an_unknown_deployment_is_rejected(tmp_path):
    found = read(package(tmp_path, D1.replace("o4,d1", "o4,d9")))
    assert "observations 7" in set(found.rejected["row"])
    assert "observations 4" in found.accepted.index


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


def test_columns_are_known_in_any_capitals(tmp_path):
    deployments = DEPLOYMENTS.replace("deploymentID", "DeploymentId").replace("setupBy", "SETUPBY")
    plain, other = read(package(tmp_path, D1)), read(package(tmp_path, D1, deployments))
    assert cats(plain) == cats(other) and len(cats(plain)) == 2
    assert "Aida" in set(other.accepted["observer"])


@pytest.mark.parametrize("data", [{"a": 1}, "rows", [1, 2], [{"a": 1}, 2], [["a"], 2], 3])
def test_inline_data_must_be_a_list_of_rows(data):
    with pytest.raises(ValueError, match="no list of rows"):
        packages._inline(data)


@pytest.mark.parametrize("data", [[{"a": 1, "b": True}], [["a", "b"], [1, True]]])
def test_inline_data_are_read_as_text(data):
    assert packages._inline(data).to_dict("index") == {1: {"a": "1", "b": "true"}}
