# How sure: surfaces at nodes of what is uncertain inside them, and the model in every draw.


rule alternatives:
    input:
        unpack(reads("alternatives", "surface")),
        parts=parts("alternatives", "surface"),
    output:
        **files("alternatives", "surface"),
    log:
        "logs/{region}/{scenario}/alternatives_{surface}.log",
    wildcard_constraints:
        surface=choices("alternatives"),
    priority: 10
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
    wildcard_constraints:
        surface=choices("generalise_alternatives"),
    priority: 10
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
            parts=parts("draws"),
        output:
            **files("draws", scenario=_first),
        log:
            "logs/{region}/{scenario}/draws.log",
        wildcard_constraints:
            scenario="|".join(_scenarios),
        priority: 10
        conda:
            "../../envs/manul.yaml"
        threads: cores()
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


rule key_draws:
    input:
        unpack(reads("key_draws")),
    output:
        **files("key_draws"),
    log:
        "logs/{region}/{scenario}/key_draws.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("key_draws"),
        runtime=240,
    params:
        told=told("key_draws"),
        code=digests.of_script("key_draws"),
    message:
        "Find key habitat of scenario {wildcards.scenario} in every draw."
    script:
        "../scripts/key_draws.py"


rule sensitivity:
    input:
        unpack(reads("sensitivity")),
    output:
        table=files("sensitivity")["table"],
        page=report(
            files("sensitivity")["page"],
            caption="../report/sensitivity.rst",
            category="Evidence",
            labels={"records": "which number matters"},
        ),
    log:
        "logs/{region}/{scenario}/sensitivity.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("sensitivity"),
        runtime=240,
    params:
        told=told("sensitivity"),
        code=digests.of_script("sensitivity"),
    message:
        "Find which numbers are behind the doubt about scenario {wildcards.scenario}."
    script:
        "../scripts/sensitivity.py"


# What a scenario changes against the first one: a job as wide as the draws of both.
for _first, _scenarios in variants("change"):

    rule:
        name:
            f"change_{_first}"
        input:
            unpack(reads("change")),
            parts=parts("change"),
        output:
            **files("change", scenario=_first),
        log:
            "logs/{region}/{scenario}/change.log",
        wildcard_constraints:
            scenario="|".join(_scenarios),
        conda:
            "../../envs/manul.yaml"
        threads: cores()
        resources:
            mem_mb=memory("change"),
            runtime=600,
        params:
            told=told("change"),
            code=digests.of_script("change"),
        message:
            "Hold scenario {wildcards.scenario} against the first one in every draw."
        script:
            "../scripts/change.py"


for _first, _scenarios in variants("scenario_page"):

    rule:
        name:
            f"scenario_page_{_first}"
        input:
            unpack(reads("scenario_page")),
        output:
            **files("scenario_page", scenario=_first),
        log:
            "logs/{region}/{scenario}/scenario_page.log",
        wildcard_constraints:
            scenario="|".join(_scenarios),
        conda:
            "../../envs/manul.yaml"
        threads: 1
        resources:
            mem_mb=memory("scenario_page"),
            runtime=30,
        params:
            told=told("scenario_page"),
            code=digests.of_script("scenario_page"),
        message:
            "Write what scenario {wildcards.scenario} changes."
        script:
            "../scripts/scenario_page.py"


rule without_threats:
    input:
        unpack(reads("without_threats")),
    output:
        table=files("without_threats")["table"],
        page=report(
            files("without_threats")["page"],
            caption="../report/without_threats.rst",
            category="Evidence",
            labels={"records": "without a threat"},
        ),
    log:
        "logs/{region}/{scenario}/without_threats.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("without_threats"),
        runtime=240,
    params:
        told=told("without_threats"),
        code=digests.of_script("without_threats"),
    message:
        "Find what would come back without each threat of scenario {wildcards.scenario}."
    script:
        "../scripts/without_threats.py"


rule series:
    input:
        unpack(reads("series")),
    output:
        **{name: path for name, path in files("series").items() if name != "page"},
        page=report(
            files("series")["page"],
            caption="../report/series.rst",
            category="Evidence",
            labels={"records": "from date to date"},
        ),
    log:
        "logs/{region}/{scenario}/series.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("series"),
        runtime=60,
    params:
        told=told("series"),
        code=digests.of_script("series"),
    message:
        "Hold the states of several dates against each other."
    script:
        "../scripts/series.py"
