"""Make one surface from its layers, block by block."""

from functools import partial

from manul import io, job, settings, surfaces

with job.start(snakemake) as this:
    block, rules = snakemake.params.block, snakemake.params.rules
    grid = settings.grid(snakemake.params.region)
    writer = io.MapWriter(
        snakemake.output.surface, grid, surfaces.bands(block), this.tags(), product=False
    )
    with io.map_writers(writer):
        job.run_blocks(
            partial(surfaces.on_window, block, this.layers(), grid, rules),
            io.windows(grid, surfaces.block_size(block, grid)),
            lambda window, bands: writer.write(window, *bands),
            this.threads,
        )
