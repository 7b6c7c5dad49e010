"""Normalise and check a table of field records; what cannot be used is listed, never dropped."""

from manul import field_data, io, job, layers, provenance, settings

with job.start(snakemake) as this:
    params, output, name = snakemake.params, snakemake.output, snakemake.wildcards.layer
    found = field_data.read(snakemake.input.layer, params.block)
    features = field_data.features(found, params.block)
    record = provenance.of_layer(name, params.block, io.file_bytes(snakemake.input.layer))
    table = layers.prepare_records(
        features, params.block, settings.grid(params.region), params.margin_m
    )
    job.log.info(
        "%s: %d rows accepted, %d findings on rejected rows, %d changes; %d rows in reach",
        name, len(found.accepted), len(found.rejected), len(found.normalised), len(table),
    )  # fmt: skip
    io.write_vector(output.layer, {name: table}, this.tags(record))
    io.write_table(output.summary, field_data.summary(found, table))
    io.write_table(output.rejected, found.rejected)
    io.write_table(output.normalised, found.normalised)
