"""The typed shapes of a config are those of its schema."""

import pytest

from manul.config import schema, types

WHOLE = schema.schema()
DEFS = WHOLE["$defs"]
LOADED = {"scenario", "scenario_title", "ranges", "taken_away", "exact", "withheld"}


def keys(block):
    return set(block["properties"])


def below(*path):
    block = WHOLE
    for key in path:
        block = block["properties"][key]
    return block


@pytest.mark.parametrize(
    ("shape", "block"),
    [
        (types.Species, below("species")),
        (types.Region, below("region")),
        (types.Layer, DEFS["layer"]),
        (types.Node, DEFS["node"]),
        (types.Habitat, below("habitat")),
        (types.Group, below("groups")["additionalProperties"]),
        (types.KeyHabitat, below("key_habitat")),
        (types.Zones, DEFS["zones"]),
        (types.Nearest, DEFS["rule"]["properties"]["nearest"]["additionalProperties"]),
        (types.Rule, DEFS["rule"]),
        (types.Elicitation, below("elicitation")),
        (types.Scenario, below("scenarios")["additionalProperties"]),
    ],
)
def test_shapes_have_the_keys_of_the_schema(shape, block):
    assert set(shape.__annotations__) == keys(block)
    sure = set(block.get("required", [])) | {
        k for k, v in block["properties"].items() if "default" in v
    }
    total = shape not in (types.Node, types.Layer, types.Zones)  # there defaults come with loading
    assert not total or shape.__required_keys__ == sure


def test_a_surface_may_have_the_keys_of_every_kind():
    kinds = DEFS["surfaces"].values()
    assert set(types.Surface.__annotations__) == set().union(*map(keys, kinds))


def test_a_config_has_the_keys_of_the_schema():
    assert set(types.Config.__annotations__) == (keys(WHOLE) | LOADED) - {"model"}
