# Key habitat, recommendations and unit tables, all from the maps of the model.
# Long jobs have a priority, so that none of them is left alone at the end of a run.


rule key_habitat:
    input:
        unpack(reads("key_habitat")),
    output:
        **files("key_habitat"),
    log:
        "logs/{region}/{scenario}/key_habitat.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("key_habitat"),
        runtime=60,
    params:
        told=told("key_habitat"),
        code=digests.of_script("key_habitat"),
    message:
        "Find key habitat, breeding patches and key areas of scenario {wildcards.scenario}."
    script:
        "../scripts/key_habitat.py"


rule key_polygons:
    input:
        unpack(reads("key_polygons")),
    output:
        **files("key_polygons"),
    log:
        "logs/{region}/{scenario}/key_polygons.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("key_polygons"),
        runtime=60,
    params:
        told=told("key_polygons"),
        code=digests.of_script("key_polygons"),
    message:
        "Outline key habitat of scenario {wildcards.scenario} with its numbers."
    script:
        "../scripts/key_polygons.py"


rule recommend:
    input:
        unpack(reads("recommend")),
    output:
        **files("recommend"),
    log:
        "logs/{region}/{scenario}/recommend.log",
    priority: 30
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("recommend"),
        runtime=60,
    params:
        told=told("recommend"),
        code=digests.of_script("recommend"),
    message:
        "Apply the recommendation rules to scenario {wildcards.scenario}."
    script:
        "../scripts/recommend.py"


rule actions:
    input:
        unpack(reads("actions")),
    output:
        **{name: path for name, path in files("actions").items() if name not in ("page", "table")},
        table=report(
            files("actions")["table"],
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "actions"},
        ),
        page=report(
            files("actions")["page"],
            caption="../report/actions.rst",
            category="Evidence",
            labels={"records": "what to do first"},
        ),
    log:
        "logs/{region}/{scenario}/actions.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("actions"),
        runtime=60,
    params:
        told=told("actions"),
        code=digests.of_script("actions"),
    message:
        "Make places of the recommendations of scenario {wildcards.scenario}, and rank them."
    script:
        "../scripts/actions.py"


rule units:
    input:
        unpack(reads("units")),
    output:
        table=report(
            files("units")["table"],
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "units"},
        ),
    log:
        "logs/{region}/{scenario}/units.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("units"),
        runtime=60,
    params:
        told=told("units"),
        code=digests.of_script("units"),
    message:
        "Sum up scenario {wildcards.scenario} by administrative unit."
    script:
        "../scripts/units.py"


rule around:
    input:
        unpack(reads("around", "features")),
    output:
        **files("around", "features"),
    log:
        "logs/{region}/{scenario}/around_{features}.log",
    wildcard_constraints:
        features=choices("around"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("around", "features"),
        runtime=60,
    params:
        told=told("around", "features"),
        code=digests.of_script("around"),
    message:
        "Sum up what lies in and around {wildcards.features} of scenario {wildcards.scenario}."
    script:
        "../scripts/around.py"


rule workbook:
    input:
        unpack(reads("workbook")),
    output:
        **files("workbook"),
    log:
        "logs/{region}/{scenario}/workbook.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("workbook"),
        runtime=30,
    params:
        told=told("workbook"),
        code=digests.of_script("workbook"),
    message:
        "Write the tables of scenario {wildcards.scenario} as a workbook."
    script:
        "../scripts/workbook.py"


rule briefs:
    input:
        unpack(reads("briefs")),
    output:
        lines=files("briefs")["lines"],
        page=report(
            files("briefs")["page"],
            caption="../report/briefs.rst",
            category="Evidence",
            labels={"records": "briefs of units"},
        ),
    log:
        "logs/{region}/{scenario}/briefs.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("briefs"),
        runtime=60,
    params:
        told=told("briefs"),
        code=digests.of_script("briefs"),
    message:
        "Write the briefs of the units of scenario {wildcards.scenario}."
    script:
        "../scripts/briefs.py"


rule report:
    input:
        unpack(reads("report")),
    output:
        page=report(
            files("report")["page"],
            caption="../report/report.rst",
            category="Evidence",
            labels={"records": "report of the region"},
        ),
    log:
        "logs/{region}/{scenario}/report.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("report"),
        runtime=30,
    params:
        told=told("report"),
        code=digests.of_script("report"),
    message:
        "Write the report of scenario {wildcards.scenario}."
    script:
        "../scripts/report.py"


rule paper:
    input:
        unpack(reads("paper", "page")),
    output:
        **files("paper", "page"),
    log:
        "logs/{region}/{scenario}/paper_{page}.log",
    wildcard_constraints:
        page=choices("paper"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("paper", "page"),
        runtime=30,
    params:
        told=told("paper", "page"),
        code=digests.of_script("paper"),
    message:
        "Print {wildcards.page} of scenario {wildcards.scenario}."
    script:
        "../scripts/paper.py"


rule handover:
    input:
        unpack(reads("handover")),
    output:
        **files("handover"),
    log:
        "logs/{region}/{scenario}/handover.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("handover"),
        runtime=60,
    params:
        told=told("handover"),
        code=digests.of_script("handover"),
    message:
        "Write the actions of scenario {wildcards.scenario} for phones, receivers and GIS."
    script:
        "../scripts/handover.py"
