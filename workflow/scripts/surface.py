"""Make one surface from its layers, block by block."""

from functools import partial

from manul import job, map_files, settings, surfaces

with job.start(snakemake) as this:
    block, rules = snakemake.params.block, snakemake.params.rules
    grid = settings.grid(snakemake.params.region)
    made = this.map_file(snakemake.output.surface, grid, surfaces.bands(block))
    work = partial(surfaces.on_block, block, this.layers(), grid, rules)
    this.run(work, [made], map_files.blocks(grid, surfaces.block_size(block, grid)))
