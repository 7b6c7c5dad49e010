"""Write the file of a new region, and say what its layers would cost."""

from manul import job
from manul.config import documents, load
from manul.retrieval import addresses, fetch, new_region

with job.start(snakemake) as this:
    path = new_region.write(snakemake.params.asked)
    config = load.load(documents.read(path), [path])["current"]
    where = ", ".join(addresses.countries_in(config["region"]["bounds"])) or "no country: at sea?"
    this.log.info("the region lies in %s, on cells of %g m", where, config["region"]["cell_m"])
    this.log.info("wrote %s. What `retrieve` would fetch:\n%s", path, fetch.as_text(config))
    this.log.info("next: uv run snakemake --cores 1 retrieve --configfile %s", path)
