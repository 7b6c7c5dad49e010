# Bring each layer into the region: clipped, filtered, in known units.


rule prepare_raster:
    input:
        layer=lambda w: plain_files.existing(layer_block(w)["path"]),
    output:
        layer="results/{region}/{scenario}/layers/{layer}.tif",
    log:
        "logs/{region}/{scenario}/prepare_{layer}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/prepare_{layer}.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=800,
        runtime=30,
    params:
        block=layer_block,
        region=BASE["region"],
        margin_m=selection.margin_m(BASE),
        code=digests.of_script("prepare_raster"),
    message:
        "Clip raster layer {wildcards.layer} to the region and what lies within reach of it."
    script:
        "../scripts/prepare_raster.py"


rule prepare_vector:
    input:
        layer=lambda w: plain_files.existing(layer_block(w)["path"]),
    output:
        layer="results/{region}/{scenario}/layers/{layer}.gpkg",
    log:
        "logs/{region}/{scenario}/prepare_{layer}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/prepare_{layer}.tsv"
    wildcard_constraints:
        layer="|".join(layers_of_kind("vector")),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=800,
        runtime=30,
    params:
        block=layer_block,
        region=BASE["region"],
        margin_m=selection.margin_m(BASE),
        code=digests.of_script("prepare_vector"),
    message:
        "Filter and clip layer {wildcards.layer}."
    script:
        "../scripts/prepare_vector.py"


rule prepare_records:
    input:
        layer=lambda w: plain_files.existing(layer_block(w)["path"]),
    output:
        layer="results/{region}/{scenario}/layers/{layer}.gpkg",
        summary="results/{region}/{scenario}/records/{layer}_summary.csv",
        rejected="results/{region}/{scenario}/restricted/records/{layer}_rejected.csv",
        normalised="results/{region}/{scenario}/restricted/records/{layer}_normalised.csv",
    log:
        "logs/{region}/{scenario}/prepare_{layer}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/prepare_{layer}.tsv"
    wildcard_constraints:
        layer="|".join(layers_of_kind("records")),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=800,
        runtime=30,
    params:
        block=layer_block,
        region=BASE["region"],
        margin_m=selection.margin_m(BASE),
        code=digests.of_script("prepare_records"),
    message:
        "Normalise and check field records {wildcards.layer} row by row."
    script:
        "../scripts/prepare_records.py"
