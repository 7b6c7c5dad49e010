"""Filter and clip one vector layer to the region and what lies within reach of it."""

from manul import job
from manul.config import settings
from manul.grid import io, layers, provenance

with job.start(snakemake) as this:
    params, name = snakemake.params, snakemake.wildcards.layer
    record = provenance.of_layer(name, params.block, io.file_bytes(snakemake.input.layer))
    table = layers.prepare_vector(
        io.read_rows(snakemake.input.layer),
        params.block,
        settings.grid(params.region),
        params.margin_m,
    )
    io.write_vector(snakemake.output.layer, {name: table}, this.tags(record))
