"""Evaluate the model in blocks: each surface is read once, each result written once."""

from functools import partial

from manul import io, job, map_files, passes, provenance, settings

with job.start(snakemake) as this:
    params, inputs = snakemake.params, snakemake.input
    grid = settings.grid(params.region)
    files = dict(zip(params.surfaces, inputs.surfaces, strict=True))
    behind = {name: io.read_provenance(path) for name, path in files.items()}
    outputs = passes.outputs(params.model, snakemake.output)
    made = [
        this.map_file(
            output.path,
            grid,
            output.units,
            provenance.merge(*(behind[s] for s in output.surfaces if s in behind)),
            output.categories,
        )
        for output in outputs
    ]
    work = partial(passes.on_block, outputs, files, list(inputs.mask), grid, params.model)
    this.run(work, made, map_files.blocks(grid, passes.BLOCK))
