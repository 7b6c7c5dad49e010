"""Evaluate threats, quality and value at risk in blocks, from surfaces and the habitat's maps."""

from functools import partial

from manul import job
from manul.grid import block_maps
from manul.grid.region import grid_of
from manul.model import outputs

with job.start(snakemake) as this:
    told, files = this.told, this.named("surfaces")
    grid, maps = grid_of(told.region), outputs.threat_maps(told.model)
    found = outputs.bands_of(outputs.habitat_maps(told.model["habitat"]), this.named("habitat"))
    made = this.map_files(maps, grid)
    mask = this.inputs("mask")
    work = partial(outputs.threats_on_block, told.model, maps, files, found, mask, grid)
    this.run(work, made, block_maps.blocks(grid, outputs.BLOCK))
