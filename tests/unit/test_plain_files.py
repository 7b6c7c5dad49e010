"""Tables as files: nothing in them runs when they are opened, and they come back as they were."""

import csv
import os

import numpy as np
import pandas as pd
import pytest

from manul.grid import plain_files
from manul.grid.atomic import atomic

TEXTS = [
    "=HYPERLINK(\"http://h\",\"x\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\n=1",
    " =1", "＝1", "'=1", "''=1", "-", "=",
]  # fmt: skip
PLAIN = ["Naryn", "", "R1a", "a=b", "'quoted'", "-5", "+3.25", "-1e-3", "1,5", "5-6 km", "<5 %"]


def cells(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_would_run_as_a_formula_does_not(text, tmp_path):
    path = tmp_path / "a.csv"
    plain_files.write_table(path, pd.DataFrame({"unit": [text, "b"], "n": [1, 2]}))
    assert cells(path)[1] == [f"'{text}", "1"]
    assert plain_files.read_table(path)["unit"].tolist() == [text, "b"]


def test_plain_texts_and_numbers_stay_as_they_are(tmp_path):
    path = tmp_path / "a.csv"
    table = pd.DataFrame({"text": PLAIN, "number": np.linspace(-1, 0, len(PLAIN))})
    mixed = [-0.5, "-2+3", None, True, *["a"] * (len(PLAIN) - 4)]
    plain_files.write_table(path, table.assign(mixed=pd.Series(mixed, dtype=object)))
    rows = cells(path)[1:]
    assert [row[0] for row in rows] == PLAIN
    assert [row[1] for row in rows][:2] == ["-1.0", "-0.9"]
    assert [row[2] for row in rows][:4] == ["-0.5", "'-2+3", "", "True"]


def test_a_bare_line_break_begins_no_row(tmp_path):
    path = tmp_path / "a.csv"
    plain_files.write_table(path, pd.DataFrame({"a": ["b\r=1", "c\r\nd"]}))
    assert cells(path) == [["a"], ["b\n=1"], ["c\nd"]]


def test_the_name_of_a_column_does_not_run_either(tmp_path):
    path = tmp_path / "a.csv"
    plain_files.write_table(path, pd.DataFrame({"=1+1": [1]}))
    assert cells(path)[0] == ["'=1+1"]
    assert list(plain_files.read_table(path)) == ["=1+1"]


def test_the_table_that_was_written_is_unchanged(tmp_path):
    table = pd.DataFrame({"a": ["=1"], "b": pd.to_datetime(["2025-01-01"])})
    before = table.copy()
    plain_files.write_table(tmp_path / "a.csv", table)
    pd.testing.assert_frame_equal(table, before)
    assert cells(tmp_path / "a.csv")[1] == ["'=1", "2025-01-01"]


def test_a_missing_file_is_no_input(tmp_path):
    there = tmp_path / "a.csv"
    there.write_bytes(b"1")
    assert plain_files.existing(str(there)) == str(there)
    assert plain_files.existing(str(tmp_path / "b.csv")) == []
    assert plain_files.existing(None) == []
    assert plain_files.file_bytes(there) == b"1"


def test_a_file_appears_whole_with_the_rights_of_any_new_file_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "a.csv"
    before = os.umask(0o027)
    try:
        with atomic(path) as partial:
            partial.write_text("one")
            assert partial.parent == path.parent and not path.exists()
    finally:
        os.umask(before)
    assert path.read_text() == "one" and path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(ValueError, match="stop"), atomic(path) as partial:
        partial.write_text("two")
        raise ValueError("stop")
    assert path.read_text() == "one" and [p.name for p in path.parent.iterdir()] == ["a.csv"]
