"""Make one surface from its layers, block by block."""

from functools import partial

from manul import job
from manul.config import settings
from manul.grid import block_maps
from manul.surfaces import make

with job.start(snakemake) as this:
    block, rules = snakemake.params.block, snakemake.params.rules
    grid = settings.grid(snakemake.params.region)
    made = this.map_file(snakemake.output.surface, grid, make.bands(block))
    work = partial(make.on_block, block, this.layers(), grid, rules)
    this.run(work, [made], block_maps.blocks(grid, make.block_size(block, grid)))
