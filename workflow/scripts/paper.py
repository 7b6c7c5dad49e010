"""Write a page as PDF, to be printed or sent."""

from pathlib import Path

from manul import job
from manul.pages import paper

with job.start(snakemake) as this:
    html = Path(this.inputs("page")[0]).read_text(encoding="utf-8")
    number = paper.write_pdf(this.output("pdf"), html, this.told.title, str(this.told.as_of))
    this.log.info("%d sheets", number)
