# Bring each layer into the region: clipped, filtered, in known units.


rule prepare_raster:
    input:
        unpack(reads("prepare_raster", "layer")),
    output:
        **files("prepare_raster", "layer"),
    log:
        "logs/{region}/{scenario}/prepare_{layer}.log",
    wildcard_constraints:
        layer=choices("prepare_raster"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare_raster", "layer"),
        runtime=30,
    params:
        told=told("prepare_raster", "layer"),
        code=digests.of_script("prepare_raster"),
    message:
        "Clip raster layer {wildcards.layer} to the region and what lies within reach of it."
    script:
        "../scripts/prepare_raster.py"


rule prepare_vector:
    input:
        unpack(reads("prepare_vector", "layer")),
    output:
        **files("prepare_vector", "layer"),
    log:
        "logs/{region}/{scenario}/prepare_{layer}.log",
    wildcard_constraints:
        layer=choices("prepare_vector"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare_vector", "layer"),
        runtime=30,
    params:
        told=told("prepare_vector", "layer"),
        code=digests.of_script("prepare_vector"),
    message:
        "Filter and clip layer {wildcards.layer}."
    script:
        "../scripts/prepare_vector.py"


rule prepare_records:
    input:
        unpack(reads("prepare_records", "layer")),
    output:
        **files("prepare_records", "layer"),
    log:
        "logs/{region}/{scenario}/prepare_{layer}.log",
    wildcard_constraints:
        layer=choices("prepare_records"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare_records", "layer"),
        runtime=30,
    params:
        told=told("prepare_records", "layer"),
        code=digests.of_script("prepare_records"),
    message:
        "Normalise and check field records {wildcards.layer} row by row."
    script:
        "../scripts/prepare_records.py"
