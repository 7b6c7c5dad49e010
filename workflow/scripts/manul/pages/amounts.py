"""Amounts as people write them."""

from collections.abc import Mapping
from math import floor, isnan, log10


def with_ends(value: float, low: float, high: float) -> str:
    """An amount with its interval: 78 (40 to 117); empty where it is not known."""
    if isnan(value):
        return ""
    return f"{amount(value)} ({amount(low)} to {amount(high)})"


def gained(row: Mapping, of: str) -> str:
    """What an action at a place gains: "78 (40 to 117) km2 of full quality without fire; ...".

    `row` has the columns of gains of recommendations; `of` are the words behind the first amount.
    """
    quality, key = (
        with_ends(*(row[f"{which}gain_{end}km2"] for end in ("", "p05_", "p95_")))
        for which in ("", "key_")
    )
    told = [f"{quality} {of}{row['gain_of']}{_part_of_it(row)}"] if quality else []
    return "; ".join(told + ([f"{key} km² of key habitat again"] if key else []))


def _part_of_it(row) -> str:
    """How much of a gain comes back, where the rest is kept from a threat that may never come."""
    if not (row["gain_of"].startswith("without") and "; kept from" in row["gain_of"]):
        return ""
    back = with_ends(*(row[f"back_{end}km2"] for end in ("", "p05_", "p95_")))
    return f" (of this {back} comes back; the rest is lost only if the threat comes)"


def signed(value: float, least: float = 0.0) -> str:
    """With a sign: whole numbers from 10 on, else two digits that count, never a power of ten.

    0 if it is no larger than `least`.
    """
    if isnan(value):
        return "not known"
    if abs(value) <= least:
        return "0"
    digits = 0 if abs(value) >= 10 else min(1 - floor(log10(abs(value))), 7)
    return f"{value:+,.{digits}f}".replace("-", "−")


def amount(value: float, least: float = 0.01) -> str:
    """Whole numbers from 10 on, else two digits that count; 0 for what is smaller than `least`."""
    if abs(value) < least:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def percent(part: float) -> str:
    """0.004 -> <1 %; only nothing is 0 %."""
    return "<1 %" if 0 < part <= 0.005 else f"{part * 100:.0f} %"
