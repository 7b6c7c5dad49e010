"""Evaluate the model in blocks: each surface is read once, each result written once."""

from functools import partial

from manul import job
from manul.grid import block_maps, map_tags, provenance
from manul.grid.region import grid_of
from manul.model import outputs as model_outputs

with job.start(snakemake) as this:
    params, inputs = snakemake.params, snakemake.input
    grid = grid_of(params.region)
    files = dict(zip(params.surfaces, inputs.surfaces, strict=True))
    behind = {name: map_tags.read_provenance(path) for name, path in files.items()}
    outputs = model_outputs.outputs(params.model, snakemake.output)
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
    work = partial(model_outputs.on_block, outputs, files, list(inputs.mask), grid, params.model)
    this.run(work, made, block_maps.blocks(grid, model_outputs.BLOCK))
