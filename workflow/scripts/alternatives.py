"""Make one surface at nodes of the parameters inside it, and with its layers displaced."""

from functools import partial

from manul import job, surfaces
from manul.grid import block_maps, plain_files
from manul.grid.region import grid_of
from manul.uncertainty import alternatives

with job.start(snakemake) as this:
    told, name = this.told, snakemake.wildcards.surface
    grid, layers, spec = grid_of(told.region), this.layers(), told.spec
    every, made = alternatives.alternatives(spec), []
    for one in every:
        block, rules = alternatives.changed(told.block, told.rules, name, one)
        sources = alternatives.sources_of(
            layers, rules, spec["errors_m"], one.place, this.folder("surface")
        )
        made.append((one.name, block, sources))
    bands = dict.fromkeys((one.name for one in every), "0..1")
    file = this.map_file(name, this.output("surface"), grid, bands)
    blocks = block_maps.blocks(grid, surfaces.block_size(told.block, grid))
    if surfaces.KINDS[told.block["kind"]].whole:
        this.run_here(alternatives.windows(name, made, grid), [file])
    else:
        this.run(partial(alternatives.on_block, name, made, grid), [file], blocks)
    changes = alternatives.largest_changes(this.output("surface"), spec, blocks)
    plain_files.write_table(this.output("changes"), changes)
