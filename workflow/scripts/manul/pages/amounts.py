"""Amounts as people write them."""

from math import floor, isnan, log10


def with_ends(value: float, low: float, high: float) -> str:
    """An amount with its interval: 78 (40 to 117); empty where it is not known."""
    if isnan(value):
        return ""
    return f"{amount(value)} ({amount(low)} to {amount(high)})"


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
