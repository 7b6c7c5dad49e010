"""Sum up habitat, threats, cats and recommendations by administrative unit."""

from manul import io, job, products, settings, tables

with job.start(snakemake) as this:
    params = snakemake.params
    grid = settings.grid(params.region)
    fields, _ = products.read_fields(snakemake.input, params, grid)
    table = tables.units(
        io.read_vector(snakemake.input.units), fields, products.effects(fields), params.titles,
        grid, products.key_rules(snakemake.input, params.key),
    )  # fmt: skip
    found = io.read_layers(snakemake.input.recommendations)
    io.write_table(snakemake.output.table, tables.with_rules(table, found))
