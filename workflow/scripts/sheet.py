"""Draw one map sheet as PNG and PDF."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import plain_files, vectors
from manul.grid.region import grid_of
from manul.maps import layouts, sheets

with job.start(snakemake) as this:
    told, layers = this.told, this.named("layers")
    context = {role: vectors.read_vector(layers[n]) for role, n in told.context.items()}
    if told.region["mask"]:
        context["region"] = vectors.read_vector(layers[told.region["mask"]])
    key = words.key_rules(told.config["key_habitat"], this.thresholds())
    scenario = sheets.Scenario(
        maps=job.sources_of(told.maps),
        tables=this.named("tables"),
        grid=grid_of(told.region),
        config=told.config | {"key_habitat": key},
        context=layouts.Context(**context),
        digest=this.digest,
        extrapolated=told.extrapolated,
    )
    pages = sheets.SHEETS[told.sheet](scenario)
    plain_files.save_figures(
        pages, this.output("png"), this.output("pdf"), told.dpi, snakemake.wildcards.sheet
    )
