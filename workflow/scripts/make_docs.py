"""Write what is made from the schemas: README.md, schema.json and field_tables.md in config.

Run it as `uv run python workflow/scripts/make_docs.py` after a change of a schema; a test compares.
"""

import json
from pathlib import Path

from manul.config import schema
from manul.grid import plain_files
from manul.records import check, field_tables

CONFIG = Path(__file__).parents[2] / "config"


def pages() -> dict[Path, str]:
    """Path and text of each generated page."""
    head = (CONFIG / "head.md").read_text(encoding="utf-8")
    return {
        CONFIG / "README.md": head + schema.document(),
        CONFIG / "schema.json": json.dumps(schema.for_editors(), indent=1) + "\n",
        CONFIG / "field_tables.md": check.document(field_tables.schemas()),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        plain_files.write_text(path, text)
