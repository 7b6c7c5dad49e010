"""Evaluate the habitat in blocks: each surface is read once, each result written once."""

from functools import partial

from manul import job
from manul.grid import block_maps
from manul.grid.region import grid_of
from manul.model import outputs

with job.start(snakemake) as this:
    told, files = this.told, this.named("surfaces")
    grid, maps = grid_of(told.region), outputs.habitat_maps(told.habitat)
    made = this.map_files(maps, grid)
    mask = this.inputs("mask")
    work = partial(outputs.habitat_on_block, told.habitat, maps, files, mask, grid)
    this.run(work, made, block_maps.blocks(grid, outputs.BLOCK))
