"""Hold a scenario against the first one in every draw, with the same draws on both sides."""

from functools import partial

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import block_maps, plain_files
from manul.grid.region import grid_of
from manul.products import stamp
from manul.uncertainty import changes, passes, tables

with job.start(snakemake) as this:
    told, grid = this.told, grid_of(this.told.region)
    key, of = {}, {}
    dead = tables.without_effect(*(this.named(f"{side}_changes") for side in ("before", "after")))
    for side in ("before", "after"):
        mine = getattr(told, side)
        key[side] = words.key_rules(mine["key"], this.thresholds(f"{side}_thresholds"))
        named = partial(lambda side, role: this.named(f"{side}_{role}"), side)
        of_draws, draws = tables.of_job(named, mine, key[side], dead)
        of[side] = of_draws(draws)
    alike = told.before == told.after and key["before"] == key["after"]
    sides = changes.Sides(of["before"], of["after"], alike)
    threats = bool(told.before["model"]["threats"]) and bool(told.after["model"]["threats"])
    names = list(passes.maps(threats))
    files = [{n: this.inputs(f"{side}_{n}")[0] for n in names} for side in of]
    known = changes.known_on_both(files, names)
    mask, units = this.inputs("mask"), this.inputs("units")
    bands = dict.fromkeys(changes.SPREAD, "-1..1")
    outputs = {f"change_{n}": this.output(f"change_{n}") for n in names}
    made = [this.map_file(name, path, grid, bands) for name, path in outputs.items()]
    sums = tables.Sums(this.output("units"), this.digest)
    work = partial(changes.on_block, sides, known, mask, units, sums.keep, grid, threats)
    blocks = block_maps.blocks(grid, passes.BLOCK)
    this.run(work, made, blocks)
    good = [this.inputs(f"{side}_good")[0] for side in of]
    least = [rules["core_km2"] for rules in key.values()]

    def on_rows(rows):
        return known((rows.start, rows.stop, 0, grid.width))["habitat"]

    gained = changes.key_change(
        good, least, told.number, on_rows, grid, units, this.folder("change_key")
    )
    path = this.output("change_key")
    made = [this.map_file("change_key", path, grid, dict.fromkeys(changes.KEY, "0..1"))]
    this.run_here(gained.maps, made)
    table = changes.of_units(tables.unit_names(units), sums.total(blocks), gained, grid)
    stamped = stamp.stamp(this.provenance(), this.scenario)
    plain_files.write_table(this.output("units"), table.assign(**stamped))
    sums.remove()
