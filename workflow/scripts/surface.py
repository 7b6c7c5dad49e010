"""Make one surface from its layers, block by block."""

from functools import partial

from manul import job, surfaces
from manul.grid import block_maps
from manul.grid.region import grid_of

with job.start(snakemake) as this:
    told, name = this.told, snakemake.wildcards.surface
    grid, sources = grid_of(told.region), surfaces.Sources(this.layers(), told.rules)
    made = this.map_file(name, this.output("surface"), grid, surfaces.bands(told.block))
    work = partial(surfaces.on_block, name, told.block, grid, sources)
    this.run(work, [made], block_maps.blocks(grid, surfaces.block_size(told.block, grid)))
