"""Apply each recommendation rule; keep what must not be published apart."""

from manul import job
from manul.analyses import fit_words
from manul.grid import map_tags, plain_files, vectors
from manul.grid.region import grid_of
from manul.products import cell_maps, recommendations

with job.start(snakemake) as this:
    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    grid = grid_of(params.region)
    fields, records = cell_maps.read_fields(inputs, params, grid)
    files = dict(zip(params.layers, inputs.layers, strict=True))
    layers = {name: vectors.read_vector(path) for name, path in files.items()}
    records |= {name: map_tags.read_provenance(path) for name, path in files.items()}
    context = {
        "as_of": params.as_of,
        "units": layers[params.region["units"]] if params.region["units"] else [],
        "effects": cell_maps.effects(fields),
        "titles": params.titles,
        "records": records,
        "scenario": snakemake.wildcards.scenario,
        "private": params.private,
    }
    found = {
        name: recommendations.recommend(name, rule, fields, layers, grid, context)
        for name, rule in params.rules.items()
        if name not in params.not_assessed
    }
    recommendations.label_overlaps(found, params.priority)
    key = cell_maps.key_rules(inputs, params.key)
    tags = this.tags() | {"MANUL_THRESHOLDS": fit_words.threshold_words(key)}
    open_to_all = recommendations.public(found, params.rules, params.priority)
    vectors.write_vector(output.polygons, open_to_all, tags)
    plain_files.write_table(
        output.table, recommendations.listing(open_to_all, params.rules, params.not_assessed)
    )
    vectors.write_vector(output.restricted, found, tags)
