"""Generated pages and lists stay in step with what they are made from."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_generated_pages_are_up_to_date():
    spec = importlib.util.spec_from_file_location(
        "make_docs", ROOT / "workflow/scripts/make_docs.py"
    )
    make_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_docs)
    for path, text in make_docs.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"run make_docs.py: {path.name} is old"
