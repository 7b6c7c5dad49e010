"""Generalise a surface that rests on places that are not public: its mean over areas with enough
of them."""

from manul import job
from manul.grid import vectors
from manul.products import generalised

with job.start(snakemake) as this:
    told, fields = this.told, this.fields()
    tables = [vectors.read_vector(path) for path in this.inputs("layers") if path.endswith(".gpkg")]
    found = generalised.find(fields, [table.geometry for table in tables], told.privacy)
    this.log.info("%d areas", len(found.areas))
    record = generalised.told_of(this.provenance(), told.hidden, told.privacy)
    made = this.map_file("surface", this.output("surface"), fields.grid, told.bands, record)
    this.run_here(found.maps, [made])
