# Manul: threat, key-habitat and recommendation maps for the Pallas's cat. A table of contents; see README.md.
from snakemake.utils import min_version

min_version("9.3")


include: "workflow/rules/plain_config.smk"


# Another region brings its own complete file: snakemake --configfile config/my_region.yaml
if "region" not in config:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"


wildcard_constraints:
    region=REGION,
    scenario="|".join(SCENARIOS),
    case=choices("invest"),


onstart:
    before_all_jobs()


onsuccess:
    tell_what_to_open()


include: "workflow/rules/retrieval.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/surfaces.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/uncertainty.smk"
include: "workflow/rules/parts.smk"
include: "workflow/rules/evidence.smk"
include: "workflow/rules/elicitation.smk"
include: "workflow/rules/advice.smk"
include: "workflow/rules/products.smk"
include: "workflow/rules/comparison.smk"


rule all:
    default_target: True
    input:
        graph.products(GRAPH),
        f"results/{REGION}/ro-crate-metadata.json",


# Only the checks: snakemake --cores 1 preflight
rule preflight:
    message:
        "Every layer, table and number has been checked."
