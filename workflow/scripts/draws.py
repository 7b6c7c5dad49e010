"""Evaluate the model in every draw, in one pass over the surfaces."""

from functools import partial

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import block_maps, plain_files
from manul.grid.region import grid_of
from manul.products import stamp
from manul.uncertainty import passes, tables
from manul.uncertainty.measure import Behind

with job.start(snakemake) as this:
    told, grid = this.told, grid_of(this.told.region)
    key = words.key_rules(told.key, this.thresholds())
    of_draws, draws = tables.of_job(this.named, vars(told), key)
    this.log.info("%d draws of %d inputs", draws.number, len(draws.table().columns))
    of = of_draws(draws)
    mask, units = this.inputs("mask"), this.inputs("units")
    threats = bool(told.model["threats"])
    top = passes.top_tenth(of, mask, grid) if threats else None
    made = [
        this.map_file(name, this.output(name), grid, dict.fromkeys(bands, "0..1"))
        for name, bands in passes.maps(threats).items()
    ]
    behind = Behind(draws, told.groups)
    measured = dict.fromkeys(passes.to_measure(threats), "")
    path = this.output("what_to_measure")
    made.append(this.map_file("what_to_measure", path, grid, measured, None, behind.codes))
    bits = dict.fromkeys(passes.bits(draws.number), "")
    made.append(this.map_file("good", this.output("good"), grid, bits, None, passes.BITS))
    sums = tables.Sums(this.output("draws"), this.digest)
    work = partial(passes.on_block, of, top, mask, units, sums.keep, grid, behind)
    blocks = block_maps.blocks(grid, passes.BLOCK)
    this.run(work, made, blocks)
    found = sums.total(blocks)
    names = tables.unit_names(units)
    stamped = stamp.stamp(this.provenance(), this.scenario)
    of_each, by_unit = tables.of_draws(draws, found, grid), tables.of_units(names, found, grid)
    plain_files.write_table(this.output("draws"), of_each.assign(**stamped))
    plain_files.write_table(this.output("units"), by_unit.assign(**stamped))
    of_both = tables.units_of_draws(names, found, grid)
    plain_files.write_table(this.output("units_of_draws"), of_both.assign(**stamped))
    sums.remove()
