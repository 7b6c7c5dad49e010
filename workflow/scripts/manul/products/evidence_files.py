"""What an evidence page is made from, read from its files."""

from manul.grid import plain_files, rasters, vectors
from manul.grid.region import grid_of
from manul.products import evidence
from manul.records import field_tables


def read(inputs, params, name: str) -> evidence.Evidence:
    """The layer `name` with its logs, and the maps, layers and tables made from it."""
    grid = grid_of(params.region)
    layers = dict(zip(params.layers, inputs.layers, strict=True))
    maps = dict(zip(params.surfaces, inputs.surfaces, strict=True))
    return evidence.Evidence(
        name=name,
        block=params.block,
        schema=field_tables.schemas()["tables"][params.block["table"]],
        rows=vectors.read_rows(inputs.layer),
        summary=plain_files.read_table(inputs.summary),
        rejected=plain_files.read_table(inputs.rejected),
        normalised=plain_files.read_table(inputs.normalised),
        outline=vectors.read_vector(inputs.mask[0]) if inputs.mask else None,
        as_of=params.as_of,
        cell_km2=grid.resolution.x**2 / evidence.M2_PER_KM2,
        surfaces=params.surfaces,
        maps={surface: _bands(path) for surface, path in maps.items()},
        layers={layer: vectors.read_rows(path) for layer, path in layers.items()},
        rules=params.rules,
        fit={
            key: plain_files.read_table(path)
            for key, path in zip(params.fit, inputs.fit, strict=True)
        },
    )


def _bands(path) -> dict:
    return {band: rasters.read_map(path, i) for i, band in enumerate(rasters.descriptions(path), 1)}
