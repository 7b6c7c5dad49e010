"""Filter and clip one vector layer to the region and what lies within reach of it."""

from manul import job
from manul.grid import features, provenance, vectors
from manul.grid.region import grid_of

with job.start(snakemake) as this:
    told, source, name = this.told, this.inputs("layer")[0], snakemake.wildcards.layer
    record = provenance.of_layer(name, told.block, told.content)
    rows = features.with_fields(vectors.read_rows(source), told.block.get("fields", {}))
    table = features.prepare_vector(rows, told.block, grid_of(told.region), told.margin_m)
    vectors.write_vector(this.output("layer"), {name: table}, this.tags(record))
