"""Numbers with a range: `{value: 0.45, range: [0.25, 0.65], status: G}` may stand for 0.45."""


def plain(block):
    """The block with each number-with-a-range replaced by its value, at every depth."""
    if isinstance(block, dict):
        if is_parameter(block):
            return block["value"]
        return {key: plain(value) for key, value in block.items()}
    if isinstance(block, list):
        return [plain(value) for value in block]
    return block


def is_parameter(block) -> bool:
    """True for a mapping that holds `value` and nothing but range, status and source beside it."""
    return isinstance(block, dict) and "value" in block and block.keys() <= PARAMETER_KEYS


PARAMETER_KEYS = {"value", "range", "status", "source"}
