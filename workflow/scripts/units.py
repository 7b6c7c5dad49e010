"""Sum up habitat, threats, cats and recommendations by administrative unit."""

from manul import job
from manul.grid import plain_files, vectors
from manul.grid.region import grid_of
from manul.products import cell_maps, units

with job.start(snakemake) as this:
    params = snakemake.params
    grid = grid_of(params.region)
    fields, _ = cell_maps.read_fields(snakemake.input, params, grid)
    places, key = vectors.read_vector(snakemake.input.units), params.key
    table = units.units(
        places, fields, cell_maps.effects(fields), params.titles, grid,
        cell_maps.key_rules(snakemake.input, key),
    )  # fmt: skip
    found = vectors.read_layers(snakemake.input.recommendations)
    plain_files.write_table(snakemake.output.table, units.with_rules(table, found))
