"""Write the record of the run: the workflow, its config and layers, and all that came out."""

import json
from pathlib import Path

from manul import contents, job
from manul.grid import plain_files
from manul.products import crate

with job.start(snakemake) as this:
    told, folder = dict(vars(this.told)), Path(this.output("metadata")).resolve().parent
    layers = {
        name: block | {"content": [contents.of(path) for path in block["files"]]}
        for name, block in told["layers"].items()
    }
    plain_files.write_yaml(this.output("config"), told.pop("configs"))
    snakefile = Path(snakemake.scriptdir).resolve().parents[1] / "Snakefile"
    plain_files.write_bytes(this.output("workflow"), plain_files.file_bytes(snakefile))
    names = (Path(this.output(name)).name for name in ("workflow", "config"))
    made = [Path(path) for path in this.inputs("made")]
    found = crate.record(folder, *names, made, told | {"layers": layers})
    text = json.dumps(found, indent=2, ensure_ascii=False, sort_keys=True)
    plain_files.write_text(this.output("metadata"), text)
    this.log.info("%d files in the record of the run", len(found["@graph"]))
