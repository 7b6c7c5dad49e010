"""Normalise and check a table of field records; what cannot be used is listed, never dropped."""

from manul import job
from manul.grid import features, plain_files, provenance, vectors
from manul.grid.region import grid_of
from manul.records import field_tables

with job.start(snakemake) as this:
    params, output, name = snakemake.params, snakemake.output, snakemake.wildcards.layer
    found = field_tables.read(snakemake.input.layer, params.block)
    rows = field_tables.features(found, params.block)
    record = provenance.of_layer(name, params.block, plain_files.file_bytes(snakemake.input.layer))
    table = features.prepare_records(rows, params.block, grid_of(params.region), params.margin_m)
    job.log.info(
        "%s: %d rows accepted, %d findings on rejected rows, %d changes; %d rows in reach",
        name, len(found.accepted), len(found.rejected), len(found.normalised), len(table),
    )  # fmt: skip
    vectors.write_vector(output.layer, {name: table}, this.tags(record))
    plain_files.write_table(output.summary, field_tables.summary(found, table))
    plain_files.write_table(output.rejected, found.rejected)
    plain_files.write_table(output.normalised, found.normalised)
