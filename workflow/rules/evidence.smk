# Field evidence: suitability fitted to records, and a page for each layer of records.


rule suitability:
    input:
        records=lambda w: layer_file(w.scenario, fit_spec(w)["records"]),
        effort=lambda w: [
            layer_file(w.scenario, i) for i in selection.effort_layers(CONFIGS[w.scenario])
        ],
        predictors=lambda w: [surface_file(w.scenario, s) for s in fit_spec(w)["predictors"]],
        habitat="results/{region}/{scenario}/habitat.tif",
        mask=lambda w: [layer_file(w.scenario, m) for m in [BASE["region"]["mask"]] if m],
    output:
        fitted="results/{region}/{scenario}/suitability/fitted.tif",
        disagreement="results/{region}/{scenario}/suitability/disagreement.tif",
        evaluation="results/{region}/{scenario}/suitability/evaluation.csv",
        response_curves="results/{region}/{scenario}/suitability/response_curves.csv",
        importance="results/{region}/{scenario}/suitability/importance.csv",
        odmap="results/{region}/{scenario}/suitability/odmap.csv",
        thresholds="results/{region}/{scenario}/suitability/thresholds.csv",
    log:
        "logs/{region}/{scenario}/suitability.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/suitability.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 8
    resources:
        mem_mb=lambda w, threads: plan.fit_mb(threads),
        runtime=120,
    params:
        spec=fit_spec,
        key=lambda w: CONFIGS[w.scenario]["key_habitat"],
        as_of=lambda w: CONFIGS[w.scenario]["as_of"],
        region=BASE["region"],
        code=digests.of_script("suitability"),
    message:
        "Fit suitability to the records of scenario {wildcards.scenario} and validate it in blocks."
    script:
        "../scripts/suitability.py"


rule evidence:
    input:
        layer=lambda w: layer_file(w.scenario, w.layer),
        summary=lambda w: record_file(w, "records/{}_summary.csv"),
        rejected=lambda w: record_file(w, "restricted/records/{}_rejected.csv"),
        normalised=lambda w: record_file(w, "restricted/records/{}_normalised.csv"),
        surfaces=lambda w: [surface_file(w.scenario, s) for s in evidence_of(w)["surfaces"]],
        layers=lambda w: [layer_file(w.scenario, i) for i in evidence_of(w)["layers"]],
        fit=lambda w: [fit_file(w.scenario, f"{t}.csv") for t in evidence_of(w)["fit"]],
        mask=lambda w: [layer_file(w.scenario, m) for m in [BASE["region"]["mask"]] if m],
    output:
        page=report(
            "results/{region}/{scenario}/evidence/{layer}.html",
            caption="../report/evidence.rst",
            category="Evidence",
            labels={"records": "{layer}"},
        ),
        table="results/{region}/{scenario}/evidence/{layer}.csv",
    log:
        "logs/{region}/{scenario}/evidence_{layer}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/evidence_{layer}.tsv"
    wildcard_constraints:
        layer="|".join(layers_of_kind("records")),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=lambda w: plan.sheet_mb(CONFIGS[w.scenario]),
        runtime=30,
    params:
        block=layer_block,
        surfaces=lambda w: evidence_of(w)["surfaces"],
        layers=lambda w: evidence_of(w)["layers"],
        rules=lambda w: evidence_of(w)["rules"],
        fit=lambda w: evidence_of(w)["fit"],
        as_of=lambda w: CONFIGS[w.scenario]["as_of"],
        region=BASE["region"],
        code=digests.of_script("evidence"),
    message:
        "Write the evidence page of {wildcards.layer} for scenario {wildcards.scenario}."
    script:
        "../scripts/evidence.py"
