"""Checks of a loss's settings: each returns the value, or raises ValueError with a sentence."""

import math
from collections.abc import Collection


def number(name: str, value: object, *, low: float, high: float = math.inf) -> float:
    """A finite number from low to high, both allowed."""
    result = _finite(value)
    if result is None or not low <= result <= high:
        raise ValueError(f"{name} must be a number {_span(low, high)}, not {value!r}.")
    return result


def positive(name: str, value: object) -> float:
    """A finite number above 0."""
    result = _finite(value)
    if result is None or result <= 0:
        raise ValueError(f"{name} must be a number above 0, not {value!r}.")
    return result


def whole(name: str, value: object, *, low: int, high: float = math.inf) -> int:
    """A whole number from low to high, both allowed."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number {_span(low, high)}, not {value!r}.")
    return value


def one_of(name: str, value: object, choices: Collection[str]) -> str:
    """One of the given words."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def switch(name: str, value: object) -> bool:
    """True or false."""
    if value is not True and value is not False:
        raise ValueError(f"{name} must be true or false, not {value!r}.")
    return value is True


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _span(low: float, high: float) -> str:
    return f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
