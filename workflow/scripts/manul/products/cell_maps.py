"""What scripts of products share: the maps of a scenario, read by the names that rules use."""

import numpy as np

from manul.analyses import fit_words
from manul.grid import map_tags, plain_files, rasters
from manul.products import key_habitat, recommendations


def read_fields(inputs, params, grid) -> tuple[dict, dict]:
    """(fields, records): every map that expressions may name, and the layers behind each."""
    paths = {
        "habitat": inputs.habitat,
        "habitat_reference": inputs.reference,
        "threat": inputs.threat,
        "value_at_risk": inputs.value,
    }
    made = {name: rasters.read_map(path) for name, path in paths.items()}
    records = {name: map_tags.read_provenance(path) for name, path in paths.items()}
    for name, path in zip(params.surfaces, inputs.surfaces, strict=True):
        made[name], records[name] = rasters.read_map(path), map_tags.read_provenance(path)
    for name, path in zip(params.threats, inputs.threats, strict=True):
        made[f"effect_{name}"] = rasters.read_map(path, 1)
        records[f"effect_{name}"] = map_tags.read_provenance(path)
    for band, name in enumerate(rasters.descriptions(inputs.components), 1):
        made[f"component_{name}"] = rasters.read_map(inputs.components, band)
        records[f"component_{name}"] = map_tags.read_provenance(inputs.components)
    cell_km2 = grid.resolution.x**2 / key_habitat.KM2
    for band, name in enumerate(fit_words.FIELDS, 1):  # unknown everywhere if nothing was fitted
        fit = inputs.get("fit") or []
        made[name] = (
            rasters.read_map(fit[0], band) if fit else np.full(grid.shape, np.nan, "float32")
        )
        records[name] = map_tags.read_provenance(fit[0]) if fit else {}
    rules = key_rules(inputs, params.key)
    key = key_habitat.classify(made["habitat"], made["habitat_reference"], rules, cell_km2)
    fields = recommendations.cell_fields(made, key, grid)
    fields["key_area"] = key_habitat.key_areas(key["key"], grid, rules)
    for name in fields.keys() - records.keys():
        records[name] = records["habitat"]
    return {n: np.asarray(a) for n, a in fields.items()}, records


def key_rules(inputs, key: dict) -> dict:
    """The rules of key habitat; thresholds come from the records if there is a table of them."""
    found = inputs.get("key_thresholds") or []
    return fit_words.key_rules(key, plain_files.read_table(found[0]) if found else None)


def effects(fields: dict) -> dict:
    """The threats' effects among the fields, by threat."""
    return {n.removeprefix("effect_"): a for n, a in fields.items() if n.startswith("effect_")}
