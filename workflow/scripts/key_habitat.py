"""Find suitable and key habitat, breeding patches, key areas and degraded key habitat."""

from manul import job
from manul.analyses import fit_words
from manul.grid import block_maps, vectors
from manul.grid.region import grid_of
from manul.products import cell_maps, key_habitat

with job.start(snakemake) as this:
    params = snakemake.params
    grid = grid_of(params.region)
    fields, _ = cell_maps.read_fields(snakemake.input, params, grid)
    key = cell_maps.key_rules(snakemake.input, params.key)
    tags = this.tags() | {"MANUL_THRESHOLDS": fit_words.threshold_words(key)}
    names = ("habitat", "habitat_reference", "threat", "value_at_risk")
    maps = {name: fields[name] for name in names}
    tables = key_habitat.tables(maps, cell_maps.effects(fields), params.titles, grid, key)
    vectors.write_vector(snakemake.output.polygons, tables, tags)
    found = key_habitat.classify(
        maps["habitat"], maps["habitat_reference"], key, grid.resolution.x**2 / key_habitat.KM2
    )
    made = this.map_file(
        snakemake.output.classes, grid, {"key habitat class": ""}, None, key_habitat.CLASSES
    ).told(tags)
    this.run(lambda _: [[found["class"]]], [made], block_maps.blocks(grid, max(grid.shape)))
