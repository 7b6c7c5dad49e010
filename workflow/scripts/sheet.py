"""Draw one map sheet as PNG and PDF."""

from manul import job
from manul.grid import plain_files, vectors
from manul.grid.region import grid_of
from manul.maps import layouts, sheets
from manul.products import cell_maps

with job.start(snakemake) as this:
    inputs, params = snakemake.input, snakemake.params
    layers = dict(zip(params.layers, inputs.layers, strict=True))
    context = {role: vectors.read_vector(layers[name]) for role, name in params.context.items()}
    if params.region["mask"]:
        context["region"] = vectors.read_vector(layers[params.region["mask"]])
    key = cell_maps.key_rules(inputs, params.config["key_habitat"])
    scenario = sheets.Scenario(
        files=dict(inputs.items()),
        grid=grid_of(params.region),
        config=params.config | {"key_habitat": key},
        context=layouts.Context(**context),
        digest=this.digest,
    )
    figure = sheets.SHEETS[snakemake.wildcards.sheet](scenario)
    plain_files.save_figure(figure, *snakemake.output, params.dpi, snakemake.wildcards.sheet)
