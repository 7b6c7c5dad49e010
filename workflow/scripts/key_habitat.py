"""Find suitable and key habitat, breeding patches, key areas and degraded key habitat."""

from manul import fit_words, io, job, map_files, patches, products, settings

with job.start(snakemake) as this:
    params = snakemake.params
    grid = settings.grid(params.region)
    fields, _ = products.read_fields(snakemake.input, params, grid)
    key = products.key_rules(snakemake.input, params.key)
    tags = this.tags() | {"MANUL_THRESHOLDS": fit_words.threshold_words(key)}
    names = ("habitat", "habitat_reference", "threat", "value_at_risk")
    maps = {name: fields[name] for name in names}
    tables = patches.tables(maps, products.effects(fields), params.titles, grid, key)
    io.write_vector(snakemake.output.polygons, tables, tags)
    found = patches.classify(
        maps["habitat"], maps["habitat_reference"], key, grid.resolution.x**2 / patches.KM2
    )
    made = this.map_file(
        snakemake.output.classes, grid, {"key habitat class": ""}, None, patches.CLASSES
    ).told(tags)
    this.run(lambda _: [[found["class"]]], [made], map_files.blocks(grid, max(grid.shape)))
