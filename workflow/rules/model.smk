# Habitat, then threats, quality and value at risk: each surface is read once.


rule habitat:
    input:
        unpack(reads("habitat")),
        parts=parts("habitat"),
    output:
        **files("habitat"),
    log:
        "logs/{region}/{scenario}/habitat.log",
    conda:
        "../../envs/manul.yaml"
    threads: cores()
    resources:
        mem_mb=memory("habitat"),
        runtime=240,
    params:
        told=told("habitat"),
        code=digests.of_script("habitat"),
    message:
        "Evaluate the habitat of scenario {wildcards.scenario}, now and before the loss."
    script:
        "../scripts/habitat.py"


# Scenarios may differ in their threats, and so in the files of this rule: one rule for each set.
for _first, _scenarios in variants("threats"):

    rule:
        name:
            f"threats_{_first}"
        input:
            unpack(reads("threats")),
            parts=parts("threats"),
        output:
            **files("threats", scenario=_first),
        log:
            "logs/{region}/{scenario}/threats.log",
        wildcard_constraints:
            scenario="|".join(_scenarios),
        conda:
            "../../envs/manul.yaml"
        threads: cores()
        resources:
            mem_mb=memory("threats"),
            runtime=240,
        params:
            told=told("threats"),
            code=digests.of_script("threats"),
        message:
            "Evaluate threats, quality and value at risk of scenario {wildcards.scenario}."
        script:
            "../scripts/threats.py"


rule invest:
    input:
        unpack(reads("invest", "case")),
    output:
        **files("invest", "case"),
    log:
        "logs/{region}/{scenario}/invest_{case}.log",
    conda:
        "../../envs/manul.yaml"
    threads: 8
    resources:
        mem_mb=memory("invest", "case"),
        runtime=120,
    params:
        told=told("invest", "case"),
        code=digests.of_script("invest"),
    message:
        "Compute InVEST Habitat Quality of case {wildcards.case}."
    script:
        "../scripts/invest.py"
