"""Small words of messages: the name that a misspelt one may have meant, numbers of things."""

import difflib


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: 1 place, 3 places."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def hint(word, choices) -> str:
    """The choice that is nearest to a misspelt word, or all of them if none is near."""
    near = nearest(word, choices)
    if near:
        return f"; did you mean {near!r}?"
    return f" (choices: {', '.join(sorted(map(str, choices)))})" if choices else ""


def nearest(word, choices) -> str | None:
    """The choice that a misspelt word most likely stands for, if any."""
    return next(iter(difflib.get_close_matches(str(word), sorted(map(str, choices)), 1, 0.6)), None)
