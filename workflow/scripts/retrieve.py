"""Fetch the layers of a region that name their source."""

from manul import job
from manul.pages.amounts import amount
from manul.retrieval import fetch

with job.start(snakemake) as this:
    told = snakemake.params
    this.log.info("%s", fetch.as_text(told.config))
    link = fetch.link_of(told.config)
    lines = fetch.fetch_all(fetch.orders(told.config), link, bool(told.offline), bool(told.fresh))
    this.log.info("%d layers; %s MB came over the network", len(lines), amount(link.received / 1e6))
    this.log.info("next: uv run snakemake --cores all --configfile %s", " ".join(told.files))
