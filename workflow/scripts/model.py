"""Evaluate the model in blocks: each surface is read once, each result written once."""

from functools import partial

from manul import io, job, passes, provenance, settings

with job.start(snakemake) as this:
    params, inputs = snakemake.params, snakemake.input
    grid = settings.grid(params.region)
    files = dict(zip(params.surfaces, inputs.surfaces, strict=True))
    behind = {name: io.read_provenance(path) for name, path in files.items()}
    outputs = passes.outputs(params.model, snakemake.output)

    def writer(output):
        record = provenance.merge(*(behind[s] for s in output.surfaces if s in behind))
        return io.MapWriter(output.path, grid, output.units, this.tags(record), output.categories)

    with io.map_writers(*map(writer, outputs)) as writers:
        job.run_blocks(
            partial(passes.evaluate_window, files, list(inputs.mask), grid, params.model),
            io.windows(grid, passes.BLOCK),
            lambda window, made: [
                w.write(window, *o.pick(made)) for w, o in zip(writers, outputs, strict=True)
            ],
            this.threads,
        )
