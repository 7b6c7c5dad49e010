"""What is worked out from a config that changes no more is worked out once."""

from manul.config.settled import once, settled

calls = []


@once
def names(config, kind=""):
    calls.append(kind)
    return [name for name in config if name.startswith(kind)]


def test_a_settled_config_is_asked_once_for_each_name():
    calls.clear()
    config = settled({"roads": 1, "rails": 2, "mines": 3})
    assert names(config, "r") == names(config, "r") == ["roads", "rails"]
    assert names(config, "m") == ["mines"] and calls == ["r", "m"]


def test_another_config_is_asked_anew():
    calls.clear()
    one, other = settled({"roads": 1}), settled({"mines": 1})
    assert (names(one), names(other)) == (["roads"], ["mines"])
    changed = one | {"rails": 2}
    assert names(changed) == ["roads", "rails"]
    changed["mines"] = 3
    assert names(changed) == ["roads", "rails", "mines"]
