# A new region's file, and its layers from open catalogues.
# snakemake --cores 1 new_region --config name=khentii box=107,47,111,50
# snakemake --cores 1 what_to_retrieve --configfile config/khentii.yaml
# snakemake --cores 1 retrieve --configfile config/khentii.yaml


rule new_region:
    log:
        "logs/new_region.log",
    localrule: True
    conda:
        "../../envs/manul.yaml"
    params:
        asked={key: ASKED[key] for key in FOR_A_REGION},
    message:
        "Write the file of a new region."
    script:
        "../scripts/new_region.py"


rule what_to_retrieve:
    log:
        "logs/what_to_retrieve.log",
    localrule: True
    conda:
        "../../envs/manul.yaml"
    params:
        config=CONFIGS[SCENARIOS[0]],
    message:
        "List what would be fetched for {REGION}; nothing is."
    script:
        "../scripts/what_to_retrieve.py"


rule retrieve:
    log:
        "logs/retrieve.log",
    localrule: True
    conda:
        "../../envs/manul.yaml"
    params:
        config=CONFIGS[SCENARIOS[0]],
        files=[os.path.relpath(path) for path in workflow.configfiles],
        fresh=ASKED["fresh"],
        offline=ASKED["offline"],
    message:
        "Fetch the layers of {REGION} that are not there."
    script:
        "../scripts/retrieve.py"
