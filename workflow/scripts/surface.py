"""Make one surface from its layers, block by block."""

from functools import partial

from manul import job, surfaces
from manul.grid import block_maps
from manul.grid.region import grid_of

with job.start(snakemake) as this:
    block, rules = snakemake.params.block, snakemake.params.rules
    grid = grid_of(snakemake.params.region)
    made = this.map_file(snakemake.output.surface, grid, surfaces.bands(block))
    work = partial(surfaces.on_block, block, grid, surfaces.Sources(this.layers(), rules))
    this.run(work, [made], block_maps.blocks(grid, surfaces.block_size(block, grid)))
