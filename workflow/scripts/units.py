"""Sum up habitat, threats, cats and recommendations by administrative unit."""

from manul import job
from manul.config import settings
from manul.grid import io
from manul.products import cell_maps, units

with job.start(snakemake) as this:
    params = snakemake.params
    grid = settings.grid(params.region)
    fields, _ = cell_maps.read_fields(snakemake.input, params, grid)
    table = units.units(
        io.read_vector(snakemake.input.units), fields, cell_maps.effects(fields), params.titles,
        grid, cell_maps.key_rules(snakemake.input, params.key),
    )  # fmt: skip
    found = io.read_layers(snakemake.input.recommendations)
    io.write_table(snakemake.output.table, units.with_rules(table, found))
