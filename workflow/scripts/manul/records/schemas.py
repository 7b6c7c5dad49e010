"""The schemas of all field tables, as `workflow/schemas/records.yaml` has them."""

from functools import cache

from manul.grid import plain_files


@cache
def schemas() -> dict:
    """Tables, lists, headers, units and names of animals."""
    return plain_files.read_yaml(plain_files.SCHEMAS / "records.yaml")


def date_field(table: str) -> str:
    """The field of a table that says when a row was seen; empty for a table without one."""
    fields = schemas()["tables"][table]["fields"]
    return next((name for name, field in fields.items() if field["type"] == "date"), "")
