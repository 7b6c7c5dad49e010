"""Draw one map sheet as PNG and PDF."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid.region import grid_of
from manul.maps import layouts, printed, sheets

with job.start(snakemake) as this:
    told = this.told
    context = layouts.base_map_of(this.named("layers"), told.context, told.region["mask"])
    key = words.key_rules(told.config["key_habitat"], this.thresholds())
    scenario = sheets.Scenario(
        maps=job.sources_of(told.maps),
        tables=this.named("tables"),
        grid=grid_of(told.region),
        config=told.config | {"key_habitat": key},
        context=context,
        digest=this.digest,
        extrapolated=told.extrapolated,
    )
    pages = sheets.SHEETS[told.sheet](scenario)
    printed.save(
        pages, this.output("pdf"), [this.output("png")], told.dpi, snakemake.wildcards.sheet,
        scenario.grid.crs.to_wkt(),
    )  # fmt: skip
