# What the rules share: the effective configs, and where a scenario's layers and surfaces lie.
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from manul import io, plan, preflight, settings
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

try:
    CONFIGS = settings.load(config)
except settings.ConfigError as fault:
    raise WorkflowError(str(fault)) from None

SCENARIOS = list(CONFIGS)
BASE = CONFIGS[SCENARIOS[0]]
REGION = BASE["region"]["name"]
SHEETS = settings.read_schema("sheets")
PRODUCTS = expand(
    "results/{region}/{scenario}/{product}",
    region=REGION,
    scenario=SCENARIOS,
    product=[
        "habitat.tif",
        "recommendations.csv",
        "units.csv",
        *[f"maps/{sheet}.png" for sheet in SHEETS],
        *[f"invest/{case}/quality_c.tif" for case in BASE["invest"]],
    ],
)


def layer_file(scenario, layer):
    """Where a scenario's prepared layer lies: with the first scenario that has the same one."""
    home = settings.owner(CONFIGS, scenario, "layers", layer)
    kind = CONFIGS[scenario]["layers"][layer]["kind"]
    return f"results/{REGION}/{home}/layers/{layer}.{'gpkg' if kind in ('vector', 'records') else 'tif'}"


def surface_file(scenario, surface):
    """Where a scenario's surface lies: with the first scenario that has the same one."""
    return f"results/{REGION}/{settings.owner(CONFIGS, scenario, 'surfaces', surface)}/surfaces/{surface}.tif"


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
    return settings.layers_of(CONFIGS[wildcards.scenario]["surfaces"][wildcards.surface])


def context_layers(wildcards):
    """The layers that are drawn around a map, and the mask of the region."""
    context = CONFIGS[wildcards.scenario]["maps"]["context"].values()
    return list(dict.fromkeys([*context, *filter(None, [BASE["region"]["mask"]])]))


def sheet_files(wildcards):
    """The finished maps and polygons that a sheet shows, by name."""
    home = f"results/{REGION}/{wildcards.scenario}"
    files = {name: f"{home}/{path}" for name, path in SHEETS[wildcards.sheet]["files"].items()}
    if "threats" in files:
        files["threats"] = [f"{home}/threats/{t}.tif" for t in settings.assessed(BASE)]
    return files


def check_everything():
    """Check all layers, tables and numbers before any job; stop with the whole list of errors.

    Not a rule: as an input of every other rule it would rerun them all when any layer changes.
    """
    found = {name: preflight.check(config) for name, config in CONFIGS.items()}
    for name, problems in found.items():
        path = f"results/{REGION}/{name}/preflight.csv"
        io.write_table(path, preflight.as_table(problems))
    every = list(dict.fromkeys(problem for problems in found.values() for problem in problems))
    for problem in every:
        if problem.severity == "warning":
            logger.warning(str(problem))
    try:
        preflight.stop_on_errors(every)
    except preflight.PreflightError as fault:
        raise WorkflowError(str(fault)) from None
