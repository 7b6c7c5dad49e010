# What the records say of the region: one rule for each kind of analysis and each set of its files.
for _kind in ANALYSES:

    for _first, _scenarios in variants(f"analysis_{_kind}"):

        rule:
            name:
                re.sub(r"\W", "_", f"analysis_{_kind}_{_first}")
            input:
                unpack(reads(f"analysis_{_kind}", "analysis")),
            output:
                **files(f"analysis_{_kind}", "analysis", _first),
            log:
                "logs/{region}/{scenario}/analysis_{analysis}.log",
            wildcard_constraints:
                scenario="|".join(_scenarios),
                analysis=choices(f"analysis_{_kind}"),
            conda:
                "../../envs/manul.yaml"
            threads: cores(f"analysis_{_kind}")
            resources:
                mem_mb=memory(f"analysis_{_kind}", "analysis"),
                runtime=120,
            params:
                told=told(f"analysis_{_kind}", "analysis"),
                code=digests.code_digest(f"analyses.{_kind}", "job"),
            message:
                "Analyse the records of scenario {wildcards.scenario}: {wildcards.analysis}."
            script:
                "../scripts/analysis.py"


# A page for each layer of records.
rule evidence:
    input:
        unpack(reads("evidence", "layer")),
    output:
        page=report(
            files("evidence", "layer")["page"],
            caption="../report/evidence.rst",
            category="Evidence",
            labels={"records": "{layer}"},
        ),
        table=files("evidence", "layer")["table"],
    log:
        "logs/{region}/{scenario}/evidence_{layer}.log",
    wildcard_constraints:
        layer=choices("evidence"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("evidence", "layer"),
        runtime=30,
    params:
        told=told("evidence", "layer"),
        code=digests.of_script("evidence"),
    message:
        "Write the evidence page of {wildcards.layer} for scenario {wildcards.scenario}."
    script:
        "../scripts/evidence.py"
