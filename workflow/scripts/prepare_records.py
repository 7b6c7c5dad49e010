"""Normalise and check a table of field records; what cannot be used is listed, never dropped."""

from manul import job
from manul.config import settings
from manul.grid import io, layers, provenance
from manul.records import field_tables

with job.start(snakemake) as this:
    params, output, name = snakemake.params, snakemake.output, snakemake.wildcards.layer
    found = field_tables.read(snakemake.input.layer, params.block)
    features = field_tables.features(found, params.block)
    record = provenance.of_layer(name, params.block, io.file_bytes(snakemake.input.layer))
    table = layers.prepare_records(
        features, params.block, settings.grid(params.region), params.margin_m
    )
    job.log.info(
        "%s: %d rows accepted, %d findings on rejected rows, %d changes; %d rows in reach",
        name, len(found.accepted), len(found.rejected), len(found.normalised), len(table),
    )  # fmt: skip
    io.write_vector(output.layer, {name: table}, this.tags(record))
    io.write_table(output.summary, field_tables.summary(found, table))
    io.write_table(output.rejected, found.rejected)
    io.write_table(output.normalised, found.normalised)
