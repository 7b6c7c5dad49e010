# Before Snakemake reads the demo's config: a file that is a template would be run as a program. What
# `--configfile` names Snakemake has read by now, so such a file is refused, but has been run.
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from manul.config import documents
from snakemake.exceptions import WorkflowError


def refuse_templates(*files):
    """Stop with a plain sentence where a config file is a template."""
    try:
        faults = documents.templates(files)
    except documents.DocumentError as fault:
        faults = fault.faults
    if faults:
        raise WorkflowError("\n".join(faults))


refuse_templates("config/config.yaml", *workflow.configfiles)
