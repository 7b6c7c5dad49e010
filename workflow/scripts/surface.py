"""Make one surface from its layers, block by block; at once where a cell depends on far ones."""

from functools import partial

from manul import job, surfaces
from manul.grid import block_maps
from manul.grid.region import grid_of

with job.start(snakemake) as this:
    told, name = this.told, snakemake.wildcards.surface
    grid, folder = grid_of(told.region), this.folder("surface")
    sources = surfaces.Sources(this.layers(), told.rules, folder)
    made = this.map_file(name, this.output("surface"), grid, surfaces.bands(told.block))
    if surfaces.KINDS[told.block["kind"]].whole:
        window = surfaces.windows(told.block, grid, sources)
        this.run_here(lambda *at: {name: window(*at)}, [made])
    else:
        work = partial(surfaces.on_block, name, told.block, grid, sources)
        this.run(work, [made], block_maps.blocks(grid, surfaces.block_size(told.block, grid)))
