"""Which sheets a scenario has, and what each shows: workflow/schemas/sheets.yaml for a config."""

from collections.abc import Collection

from manul.config import schema, selection
from manul.config.types import Config
from manul.uncertainty import specs

TABLES = {
    "key_polygons": "polygons",
    "recommend": "polygons",
    "change": "units",
}  # rule: its file that sheets show


def drawn(config: Config) -> dict[str, dict]:
    """The sheets of a scenario by the name of their file: which `sheet`, its maps and tables.

    Maps, and those `beside` them that only words are made from, are names of the index; tables are
    (rule or analysis, key, file).
    """
    out = {}
    for name, spec in schema.read_schema("sheets").items():
        if "analysis" in spec:
            for analysis in selection.analyses(config, spec["analysis"]):
                if spec.get("lines") and not selection.barriers(config, analysis):
                    continue
                called = name if analysis == spec["analysis"] else f"{analysis}_{name}"
                out[called] = _of_analysis(name, spec, analysis)
        elif _possible(spec, config):
            tables = [(rule, "", TABLES[rule]) for rule in spec.get("tables", [])]
            maps = {key: spec.get(key, []) for key in ("maps", "beside")}
            out[name] = {"sheet": name, "tables": tables, **maps}
    return out


def named(name: str, index: Collection[str]) -> list[str]:
    """The maps of the index that a name of a sheet's `maps` stands for."""
    if name == "effects":
        return [called for called in index if called.startswith("effect_")]
    return [name]


def about(sheet: str, config: Config) -> str:
    """The caption of a sheet in the report."""
    words = {"species": config["species"]["title"], "loss": config["habitat"]["loss"]}
    return schema.read_schema("sheets")[drawn(config)[sheet]["sheet"]]["about"].format(**words)


def _of_analysis(name, spec, analysis) -> dict:
    maps = [f"{analysis}_{part}" if part else analysis for part in spec["maps"]]
    tables = [(f"analysis_{spec['analysis']}", analysis, table) for table in spec["tables"]]
    return {"sheet": name, "maps": maps, "beside": spec.get("beside", []), "tables": tables}


def _possible(spec, config) -> bool:
    """False where there is no threat or loss to show, no rule, or no rule that is shown."""
    lost = set(config["habitat"]["reference"]) & set(selection.available(config))
    if "habitat_reference" in spec.get("maps", []) and not lost:  # it would be that of today
        return False
    if spec.get("draws") and not specs.explained(config):
        return False
    if spec.get("later") and not specs.later(config):
        return False
    of_threats = ("effects", "threat", "dominant_threat", "value_at_risk", "p_top_tenth",
                  "measure_threat", "change_value_at_risk_mean")  # fmt: skip
    if set(of_threats) & set(spec.get("maps", [])) and not selection.assessed(config):
        return False
    if "recommend" not in spec.get("tables", []):
        return True
    return bool(config["rules"] if spec.get("maps") else _shown_rules(config))


def _shown_rules(config) -> list[str]:
    """The rules that can be assessed and may be published."""
    skipped = selection.not_assessed(config)
    return [
        name for name, rule in config["rules"].items() if rule["public"] and name not in skipped
    ]
