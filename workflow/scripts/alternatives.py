"""Make one surface at nodes of the parameters inside it, and with its layers displaced."""

import json
from functools import partial

from manul import job, surfaces
from manul.grid import block_maps
from manul.grid.region import grid_of
from manul.uncertainty import alternatives

with job.start(snakemake) as this:
    told, name = this.told, snakemake.wildcards.surface
    grid, layers, spec = grid_of(told.region), this.layers(), told.spec

    def sources(block, rules, place):
        return alternatives.sources_of(layers, rules, spec["errors_m"], place)

    dead = alternatives.without_effect(name, told.block, told.rules, spec, sources, grid)
    for path in dead:
        this.log.info("%s changes nothing of %s", path, name)
    every = alternatives.alternatives(spec)
    made = []
    for one in every:
        if one.path in dead:
            made.append((one.name, None, alternatives.Alternative(one.place).name))
        else:
            block, rules = alternatives.changed(told.block, told.rules, name, one)
            made.append((one.name, block, sources(block, rules, one.place)))
    bands = dict.fromkeys((one.name for one in every), "0..1")
    file = this.map_file(name, this.output("surface"), grid, bands)
    file = file.told({alternatives.WITHOUT_EFFECT: json.dumps(dead)})
    work = partial(alternatives.on_block, name, made, grid)
    side = surfaces.block_size(told.block, grid)
    this.run(work, [file], block_maps.blocks(grid, side))
