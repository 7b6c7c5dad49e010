"""The schemas of all field tables, as `workflow/schemas/records.yaml` has them."""

from functools import cache

from manul.grid import plain_files


@cache
def schemas() -> dict:
    """Tables, lists, headers, units and names of animals."""
    return plain_files.read_yaml(plain_files.SCHEMAS / "records.yaml")
