"""The digest of code follows exactly what is imported: no more is made again, and no less."""

import pytest

from manul import digests
from manul.digests import PACKAGE, code_digest, of_functions

HOUSE = {
    "__init__.py": "__version__ = '1'\n",
    "job.py": "from house.grid import cog\nfrom house.maps.page import Page\n",
    "grid/__init__.py": "",
    "grid/cog.py": "import house.words.plain\nfrom . import atomic\n",
    "grid/atomic.py": "x = 1\n",
    "grid/rasters.py": "y = 1\n",
    "maps/__init__.py": "from .style import INK\n",
    "maps/page.py": "from ..grid.rasters import y\n",
    "maps/style.py": "INK = 0\n",
    "maps/sheets.py": "z = 1\n",
    "words/__init__.py": "",
    "words/plain.py": "w = 1\n",
}
BEHIND_JOB = {n for n in HOUSE if n not in ("__init__.py", "maps/sheets.py")}


@pytest.fixture
def house(tmp_path):
    for name, text in HOUSE.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "house"


def digest(house, *modules):
    code_digest.cache_clear()
    return code_digest(*modules, package=house)


@pytest.mark.parametrize("name", HOUSE)
def test_an_edit_counts_for_what_imports_it(house, name):
    before = digest(house, "job")
    path = house / name
    path.write_text(HOUSE[name] + "more = 2\n", encoding="utf-8")
    assert (digest(house, "job") != before) == (name in BEHIND_JOB)


@pytest.mark.parametrize("words", ["# a comment\n\n", '"""What it is."""\n'])
def test_comments_layout_and_docstrings_do_not_count(house, words):
    before = digest(house, "job")
    (house / "grid/cog.py").write_text(words + HOUSE["grid/cog.py"], encoding="utf-8")
    assert digest(house, "job") == before


def test_a_module_that_is_none_is_left_out_and_the_real_package_is_read():
    code_digest.cache_clear()
    assert code_digest("job", "no.such") == code_digest("job")
    assert code_digest("job") != code_digest("digests")
    assert PACKAGE.name == "manul"


@pytest.mark.parametrize(("first", "other"), [("f(1)", "f(2)"), ("x = 'a'", "x = 'b'")])
def test_what_is_done_first_is_no_docstring(house, first, other):
    told = []
    for line in (first, other):
        (house / "grid/atomic.py").write_text(f"{line}\n", encoding="utf-8")
        told.append(digest(house, "job"))
    assert told[0] != told[1]


def test_an_edit_of_a_function_changes_its_own_digest_alone(house):
    def told(text):
        of_functions.cache_clear()
        (house / "grid/atomic.py").write_text(text, encoding="utf-8")
        return of_functions("grid.cog", package=house)["grid.atomic"]

    text = "x = 1\n\ndef f():\n    return 1\n\nclass A:\n    y = 1\n"
    before = told(text)
    assert set(before) == {"", "f", "A"}
    for old, new, name in (
        ("x = 1", "x = 2", ""),
        ("return 1", "return 2", "f"),
        ("y = 1", "y = 2", "A"),
    ):
        after = told(text.replace(old, new))
        assert {part for part in after if after[part] != before[part]} == {name}
    assert told(text + "# words\n") == before


def test_a_script_counts_with_all_that_it_imports(house, monkeypatch):
    (house.parent / "make.py").write_text("import os\nfrom house.grid import cog\n", "utf-8")
    monkeypatch.setattr(digests, "PACKAGE", house)
    assert digests.modules_of("make") == ["grid", "grid.cog"]


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digests.digest({"a": 1, "b": 2}) == digests.digest({"b": 2, "a": 1})
    assert digests.digest("a", "b") != digests.digest("b", "a")
    assert len(digests.digest()) == 16
