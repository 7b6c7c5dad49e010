# How sure: surfaces at nodes of what is uncertain inside them, and the model in every draw.


rule alternatives:
    input:
        unpack(reads("alternatives", "surface")),
    output:
        **files("alternatives", "surface"),
    log:
        "logs/{region}/{scenario}/alternatives_{surface}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/alternatives_{surface}.tsv"
    wildcard_constraints:
        surface=choices("alternatives"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("alternatives", "surface"),
        runtime=240,
    params:
        told=told("alternatives", "surface"),
        code=digests.of_script("alternatives"),
    message:
        "Make surface {wildcards.surface} of scenario {wildcards.scenario} as it might be."
    script:
        "../scripts/alternatives.py"


rule generalise_alternatives:
    input:
        unpack(reads("generalise_alternatives", "surface")),
    output:
        **files("generalise_alternatives", "surface"),
    log:
        "logs/{region}/{scenario}/generalise_alternatives_{surface}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/generalise_alternatives_{surface}.tsv"
    wildcard_constraints:
        surface=choices("generalise_alternatives"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("generalise_alternatives", "surface"),
        runtime=60,
    params:
        told=told("generalise_alternatives", "surface"),
        code=digests.of_script("generalise"),
    message:
        "Generalise the alternatives of surface {wildcards.surface} of scenario {wildcards.scenario}: its places are not public."
    script:
        "../scripts/generalise.py"


# Scenarios may differ in whether they have threats, and so in the files of this rule.
for _first, _scenarios in variants("draws"):

    rule:
        name:
            f"draws_{_first}"
        input:
            unpack(reads("draws")),
        output:
            **files("draws", scenario=_first),
        log:
            "logs/{region}/{scenario}/draws.log",
        benchmark:
            "benchmarks/out/{region}/{scenario}/draws.tsv"
        wildcard_constraints:
            scenario="|".join(_scenarios),
        conda:
            "../../envs/manul.yaml"
        threads: 8
        resources:
            mem_mb=memory("draws"),
            runtime=600,
        params:
            told=told("draws"),
            code=digests.of_script("draws"),
        message:
            "Evaluate the model of scenario {wildcards.scenario} in every draw."
        script:
            "../scripts/draws.py"
