# Check everything, then bring each layer into the region: clipped, filtered, in known units.


rule preflight:
    input:
        layers=lambda w: settings.layer_paths(CONFIGS[w.scenario]),
    output:
        table=FOLDER + "/{scenario}/preflight.csv",
    log:
        "logs/" + REGION + "/{scenario}/preflight.log",
    benchmark:
        "benchmarks/out/" + REGION + "/{scenario}/preflight.tsv"
    params:
        config=lambda w: CONFIGS[w.scenario],
        code=settings.code_digest("preflight"),
    resources:
        mem_mb=1000,
        runtime=10,
    threads: 1
    conda:
        "../../envs/manul.yaml"
    message:
        "Check every layer, table and number of scenario {wildcards.scenario} before any computing."
    script:
        "../scripts/preflight.py"


rule prepare_raster:
    input:
        layer=lambda w: layer_block(w)["path"],
        checked=ancient(FOLDER + "/{scenario}/preflight.csv"),
    output:
        layer=FOLDER + "/{scenario}/layers/{layer}.tif",
    log:
        "logs/" + REGION + "/{scenario}/prepare_{layer}.log",
    benchmark:
        "benchmarks/out/" + REGION + "/{scenario}/prepare_{layer}.tsv"
    params:
        block=layer_block,
        region=BASE["region"],
        margin_m=settings.margin_m(BASE),
        code=settings.code_digest("layers", "io"),
    resources:
        mem_mb=800,
        runtime=30,
    threads: 1
    conda:
        "../../envs/manul.yaml"
    message:
        "Clip raster layer {wildcards.layer} to the region and what lies within reach of it."
    script:
        "../scripts/prepare_raster.py"


rule prepare_vector:
    input:
        layer=lambda w: layer_block(w)["path"],
        checked=ancient(FOLDER + "/{scenario}/preflight.csv"),
    output:
        layer=FOLDER + "/{scenario}/layers/{layer}.gpkg",
    wildcard_constraints:
        layer="|".join(layers_of_kind("vector")),
    log:
        "logs/" + REGION + "/{scenario}/prepare_{layer}.log",
    benchmark:
        "benchmarks/out/" + REGION + "/{scenario}/prepare_{layer}.tsv"
    params:
        block=layer_block,
        region=BASE["region"],
        margin_m=settings.margin_m(BASE),
        code=settings.code_digest("layers", "io"),
    resources:
        mem_mb=800,
        runtime=30,
    threads: 1
    conda:
        "../../envs/manul.yaml"
    message:
        "Filter and clip layer {wildcards.layer}."
    script:
        "../scripts/prepare_vector.py"


rule prepare_records:
    input:
        layer=lambda w: layer_block(w)["path"],
        checked=ancient(FOLDER + "/{scenario}/preflight.csv"),
    output:
        layer=FOLDER + "/{scenario}/layers/{layer}.gpkg",
        rejected=FOLDER + "/{scenario}/records/{layer}_rejected.csv",
        normalised=FOLDER + "/{scenario}/records/{layer}_normalised.csv",
    wildcard_constraints:
        layer="|".join(layers_of_kind("records")),
    log:
        "logs/" + REGION + "/{scenario}/prepare_{layer}.log",
    benchmark:
        "benchmarks/out/" + REGION + "/{scenario}/prepare_{layer}.tsv"
    params:
        block=layer_block,
        region=BASE["region"],
        margin_m=settings.margin_m(BASE),
        code=settings.code_digest("field_data"),
    resources:
        mem_mb=800,
        runtime=30,
    threads: 1
    conda:
        "../../envs/manul.yaml"
    message:
        "Normalise and check field records {wildcards.layer} row by row."
    script:
        "../scripts/prepare_records.py"
