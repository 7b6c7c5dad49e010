# What the rules share: the effective configs, and where a scenario's layers and surfaces lie.
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

# Never `from manul import config`: it would hide Snakemake's own `config`.
from manul import digests, plan, preflight
from manul.config import load, schema, selection, sharing
from manul.grid import plain_files
from manul.model import invest_csv
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

try:
    CONFIGS = load.load(config)
except load.ConfigError as fault:
    raise WorkflowError(str(fault)) from None

SCENARIOS = list(CONFIGS)
BASE = CONFIGS[SCENARIOS[0]]
REGION = BASE["region"]["name"]
SHEETS = schema.read_schema("sheets")
FITS = [n for n, c in CONFIGS.items() if selection.fit_spec(c)]  # scenarios with a fit of their own
FITS = [n for n in FITS if sharing.fit_owner(CONFIGS, n) == n]
PRODUCTS = expand(
    "results/{region}/{scenario}/{product}",
    region=REGION,
    scenario=SCENARIOS,
    product=[
        "habitat.tif",
        "recommendations.csv",
        "units.csv",
        *[f"maps/{sheet}.png" for sheet, block in SHEETS.items() if "needs" not in block],
        *[f"invest/{case}/quality_c.tif" for case in BASE["invest"]],
    ],
)
PRODUCTS += [
    f"results/{REGION}/{scenario}/evidence/{layer}.html"
    for scenario, block in CONFIGS.items()
    for layer in selection.evidence_layers(block)
    if sharing.page_owner(CONFIGS, scenario, layer) == scenario
]
PRODUCTS += expand(
    "results/{region}/{scenario}/maps/{sheet}.png",
    region=REGION,
    scenario=FITS,
    sheet=[sheet for sheet, block in SHEETS.items() if block.get("needs") == "suitability"],
)


def layer_file(scenario, layer):
    """Where a scenario's prepared layer lies: with the first scenario that has the same one."""
    home = sharing.owner(CONFIGS, scenario, "layers", layer)
    kind = CONFIGS[scenario]["layers"][layer]["kind"]
    return f"results/{REGION}/{home}/layers/{layer}.{'gpkg' if kind in ('vector', 'records') else 'tif'}"


def surface_file(scenario, surface):
    """Where a scenario's surface lies: with the first scenario that has the same one."""
    return f"results/{REGION}/{sharing.owner(CONFIGS, scenario, 'surfaces', surface)}/surfaces/{surface}.tif"


def invest_case(wildcards):
    """The config of an InVEST case."""
    return CONFIGS[wildcards.scenario]["invest"][wildcards.case]


def layers_of_kind(kind):
    """Names of the layers of one kind; a name that no layer has if there is none."""
    return [n for n, b in BASE["layers"].items() if b["kind"] == kind] or ["-"]


def layer_block(wildcards):
    """The config of a layer."""
    return CONFIGS[wildcards.scenario]["layers"][wildcards.layer]


def surface_layers(wildcards):
    """The layers of a surface."""
    return selection.layers_of(CONFIGS[wildcards.scenario]["surfaces"][wildcards.surface])


def context_layers(wildcards):
    """The layers that are drawn around a map, and the mask of the region."""
    context = CONFIGS[wildcards.scenario]["maps"]["context"].values()
    return list(dict.fromkeys([*context, *filter(None, [BASE["region"]["mask"]])]))


def sheet_files(wildcards):
    """The finished maps and polygons that a sheet shows, by name."""
    home = f"results/{REGION}/{wildcards.scenario}"
    files = {name: f"{home}/{path}" for name, path in SHEETS[wildcards.sheet]["files"].items()}
    if "threats" in files:
        files["threats"] = [f"{home}/threats/{t}.tif" for t in selection.assessed(BASE)]
    return files


def fit_spec(wildcards):
    """The block `suitability` of a scenario with the predictors that can be made."""
    return selection.fit_spec(CONFIGS[wildcards.scenario])


def fit_file(scenario, name):
    """Where a file of a scenario's fit lies: with the first scenario that has the same fit."""
    return f"results/{REGION}/{sharing.fit_owner(CONFIGS, scenario)}/suitability/{name}"


def evidence_of(wildcards):
    """What the evidence page of a layer shows."""
    return selection.evidence_of(CONFIGS[wildcards.scenario], wildcards.layer)


def record_file(wildcards, name):
    """A log of the reader of a records layer; it lies beside the prepared layer."""
    home = sharing.owner(CONFIGS, wildcards.scenario, "layers", wildcards.layer)
    return f"results/{REGION}/{home}/{name.format(wildcards.layer)}"


def fit_map(wildcards):
    """The map of the fit, if there is one."""
    return [fit_file(wildcards.scenario, "fitted.tif")] if fit_spec(wildcards) else []


def threshold_file(wildcards):
    """The table with the thresholds of key habitat, if they come from the records."""
    if selection.fitted_thresholds(CONFIGS[wildcards.scenario]):
        return [fit_file(wildcards.scenario, "thresholds.csv")]
    return []


def check_everything():
    """Check all layers, tables and numbers before any job; stop with the whole list of errors.

    Not a rule: as an input of every other rule it would rerun them all when any layer changes.
    """
    found = {name: preflight.check(config) for name, config in CONFIGS.items()}
    for name, problems in found.items():
        path = f"results/{REGION}/{name}/preflight.csv"
        private = selection.private_layers(CONFIGS[name])
        plain_files.write_table(path, preflight.as_table(problems, private))
    every = list(dict.fromkeys(problem for problems in found.values() for problem in problems))
    for problem in every:
        if problem.severity == "warning":
            logger.warning(str(problem))
    try:
        preflight.stop_on_errors(every)
    except preflight.PreflightError as fault:
        raise WorkflowError(str(fault)) from None
