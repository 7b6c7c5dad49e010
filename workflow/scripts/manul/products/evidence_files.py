"""What an evidence page is made from, read from its files."""

from manul.config import settings
from manul.grid import io
from manul.products import evidence
from manul.records import field_tables


def read(inputs, params, name: str) -> evidence.Evidence:
    """The layer `name` with its logs, and the maps, layers and tables made from it."""
    grid = settings.grid(params.region)
    layers = dict(zip(params.layers, inputs.layers, strict=True))
    maps = dict(zip(params.surfaces, inputs.surfaces, strict=True))
    return evidence.Evidence(
        name=name,
        block=params.block,
        schema=field_tables.schemas()["tables"][params.block["table"]],
        rows=io.read_rows(inputs.layer),
        summary=io.read_table(inputs.summary),
        rejected=io.read_table(inputs.rejected),
        normalised=io.read_table(inputs.normalised),
        outline=io.read_vector(inputs.mask[0]) if inputs.mask else None,
        as_of=params.as_of,
        cell_km2=grid.resolution.x**2 / evidence.M2_PER_KM2,
        surfaces=params.surfaces,
        maps={surface: _bands(path) for surface, path in maps.items()},
        layers={layer: io.read_rows(path) for layer, path in layers.items()},
        rules=params.rules,
        fit={key: io.read_table(path) for key, path in zip(params.fit, inputs.fit, strict=True)},
    )


def _bands(path) -> dict:
    return {band: io.read_map(path, i) for i, band in enumerate(io.descriptions(path), 1)}
