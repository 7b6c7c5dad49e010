"""Filter and clip one vector layer to the region and what lies within reach of it."""

from manul import job
from manul.grid import features, plain_files, provenance, vectors
from manul.grid.region import grid_of

with job.start(snakemake) as this:
    params, name = snakemake.params, snakemake.wildcards.layer
    record = provenance.of_layer(name, params.block, plain_files.file_bytes(snakemake.input.layer))
    rows = vectors.read_rows(snakemake.input.layer)
    rows = features.with_fields(rows, params.block.get("fields", {}))
    table = features.prepare_vector(rows, params.block, grid_of(params.region), params.margin_m)
    vectors.write_vector(snakemake.output.layer, {name: table}, this.tags(record))
