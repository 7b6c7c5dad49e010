"""What an evidence page is made from, read from the files of its job."""

from pathlib import Path

from manul.analyses import suitability_words as words
from manul.grid import plain_files, rasters, vectors
from manul.grid.fields import Fields, Source
from manul.grid.region import grid_of
from manul.products import evidence
from manul.products.key_habitat import cell_km2
from manul.records import field_tables

SENTENCES = ("note", "fit", "words")  # columns of text, also where all of it is blank


def read(this, name: str) -> evidence.Evidence:
    """The layer `name` with its logs, and the maps, layers and tables made from it.

    `this` is the `job.Job` of the page.
    """
    told, mask = this.told, this.inputs("mask")
    grid = grid_of(told.region)
    logs = {
        what: plain_files.read_table(*this.inputs(what))
        for what in ("summary", "rejected", "normalised")
    }
    return evidence.Evidence(
        name=name,
        block=told.block,
        schema=field_tables.schemas()["tables"][told.block["table"]],
        rows=vectors.read_rows(*this.inputs("layer")),
        outline=vectors.read_vector(mask[0]) if mask else None,
        as_of=told.as_of,
        box=grid.boundingbox,
        privacy=told.privacy,
        cell_km2=cell_km2(grid),
        surfaces=told.surfaces,
        maps={surface: _bands(path, grid) for surface, path in this.named("surfaces").items()},
        layers={layer: vectors.read_rows(path) for layer, path in this.named("layers").items()},
        rules=told.rules,
        analyses=_tables(this.inputs("tables")),
        kinds={name: block["kind"] for name, block in told.analyses.items()},
        habitat=this.fields() if told.maps else None,
        suitable=words.key_rules(told.key, this.thresholds())["suitable"],
        **logs,
    )


def _bands(path, grid) -> Fields:
    names = rasters.descriptions(path)
    return Fields({band: Source(path, i) for i, band in enumerate(names, 1)}, grid)


def _tables(files) -> dict[str, dict]:
    """The tables of each analysis, which lie in a folder of its name; a blank text is ""."""
    out: dict[str, dict] = {}
    for path in map(Path, files):
        table = plain_files.read_table(path)
        for name in {*table.select_dtypes(exclude="number").columns, *SENTENCES} & {*table.columns}:
            table[name] = table[name].astype(object).fillna("")
        out.setdefault(path.parent.name, {})[path.stem] = table
    return out
