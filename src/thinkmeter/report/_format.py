"""How a number is written: one place, for every table, figure and page.

The digits fit the interval: its half-width is shown with two significant digits, and the value is rounded to the same
place. Without an interval there are three significant digits.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

__all__ = [
    "DASH",
    "Interval",
    "format_interval",
    "format_parts",
    "format_rank",
    "format_value",
    "known",
    "label",
    "plain",
    "unit",
    "unit_words",
]

DASH: Final = "—"
"""What stands where a number is undefined. Never 0."""

_MOST_DECIMALS: Final = 6
_SHORT: Final = {
    "accuracy": "Accuracy",
    "token_efficiency": "Token efficiency",
    "completion": "Completion",
    "conditional_correctness": "Conditional correctness",
    "mean_output_tokens": "Mean tokens",
    "overhead": "Overhead",
    "coupling": "Coupling κ",
}
_UNITS: Final = {
    "share": "%",
    "correct answers per 1,000 tokens": "correct / 1,000 tokens",
    "tokens per workload unit": "tokens / unit of work",
    "ratio": "",
    "index": "",
    "exponent": "",
}


_UNDER: Final = {"mean_output_tokens": "per attempt", "conditional_correctness": "% of completed"}


class Interval(NamedTuple):
    """A value and its bounds as text, without the unit; bounds are empty where there is no interval."""

    value: str
    low: str
    high: str


def known(value: float | None) -> bool:
    """Say whether there is a number.

    Examples
    --------
    >>> known(0.0), known(None), known(float("nan"))
    (True, False, False)
    """
    return value is not None and math.isfinite(value)


def label(measure: str) -> str:
    """Return a measure's short name for headings."""
    from thinkmeter.measures import MEASURES

    return _SHORT.get(measure) or (MEASURES[measure].label if measure in MEASURES else measure)


def unit(measure: str) -> str:
    """Return the unit as it is shown: ``%`` for shares, empty for plain ratios.

    Examples
    --------
    >>> unit("accuracy"), unit("mean_output_tokens")
    ('%', 'tokens')
    """
    from thinkmeter.measures import MEASURES

    found = MEASURES[measure].unit if measure in MEASURES else ""
    return _UNITS.get(found, found)


def unit_words(measure: str) -> str:
    """Return what stands under a measure's name in a heading: its unit, where the name does not say it already.

    Examples
    --------
    >>> unit_words("mean_output_tokens"), unit_words("conditional_correctness")
    ('per attempt', '% of completed')
    """
    return _UNDER.get(measure, unit(measure))


def format_parts(
    measure: str, value: float | None, low: float | None = None, high: float | None = None
) -> Interval:
    """Write a value and its bounds, rounded alike, without the unit.

    Parameters
    ----------
    measure : str
        Decides the scale: shares are written in percent.
    value, low, high : float or None
        None or NaN where undefined.

    Returns
    -------
    Interval
        The value is a dash where undefined.

    Examples
    --------
    >>> format_parts("accuracy", 0.67412, 0.6409, 0.7052)
    Interval(value='67.4', low='64.1', high='70.5')
    >>> format_parts("mean_output_tokens", 12345.0, 11022.0, 13890.0)
    Interval(value='12,300', low='11,000', high='13,900')
    >>> format_parts("accuracy", None)
    Interval(value='—', low='', high='')
    """
    if not known(value):
        return Interval(DASH, "", "")
    share = unit(measure) == "%"
    scale = 100.0 if share else 1.0
    assert value is not None
    shown = value * scale
    top = 100.0 if share else None
    if not (known(low) and known(high)):
        return Interval(_write(shown, _places(shown, None), top, trim=True), "", "")
    assert low is not None
    assert high is not None
    ends = low * scale, high * scale
    places = _places(shown, ends[1] - ends[0])
    return Interval(_write(shown, places, top), _write(ends[0], places, top), _write(ends[1], places, top))


def format_value(measure: str, value: float | None) -> str:
    """Write a value with its unit sign; a dash where undefined.

    Examples
    --------
    >>> format_value("accuracy", 0.5), format_value("mean_output_tokens", 1234.5)
    ('50 %', '1,230')
    """
    return format_interval(measure, value, None, None)


def format_interval(measure: str, value: float | None, low: float | None, high: float | None) -> str:
    """Write ``value [low, high]``; no bracket where there is no interval, a dash where undefined.

    Examples
    --------
    >>> format_interval("accuracy", 0.67412, 0.6409, 0.7052)
    '67.4 % [64.1, 70.5]'
    >>> format_interval("coupling", 0.912, 0.87, 0.96)
    '0.912 [0.870, 0.960]'
    """
    parts = format_parts(measure, value, low, high)
    if parts.value == DASH:
        return DASH
    text = f"{parts.value} %" if unit(measure) == "%" else parts.value
    return f"{text} [{parts.low}, {parts.high}]" if parts.low else text


def plain(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Write a number that belongs to no measure, such as a correlation.

    Examples
    --------
    >>> plain(0.632, 0.41, 0.8)
    '0.63 [0.41, 0.80]'
    """
    return format_interval("", value, low, high)


def format_rank(rank: float | None, low: float | None = None, high: float | None = None) -> str:
    """Write a rank, and the ranks that other items could have given.

    Examples
    --------
    >>> format_rank(3.0, 1.0, 5.0), format_rank(3.0, 3.0, 3.0), format_rank(None)
    ('3 [1–5]', '3', '—')
    """
    if not known(rank):
        return DASH
    if not (known(low) and known(high)) or low == high:
        return f"{rank:g}"
    return f"{rank:g} [{low:g}–{high:g}]"


def _places(value: float, width: float | None) -> int:
    """Decimal places; negative ones round to tens, hundreds and so on."""
    half = None if width is None else width / 2
    if half:
        return min(_MOST_DECIMALS, 1 - math.floor(math.log10(half)))
    if not value:
        return 0
    return min(_MOST_DECIMALS, 2 - math.floor(math.log10(abs(value))))


def _write(value: float, places: int, top: float | None, *, trim: bool = False) -> str:
    # 99.96 % is not 100 %, and 0.02 % is not 0: rounding must not make anything certain.
    while places < _MOST_DECIMALS and value not in (0.0, top) and round(value, places) in (0.0, top):
        places += 1
    rounded = round(value, places)
    if rounded == 0:
        return "0"
    text = f"{rounded:,.{max(places, 0)}f}"
    if "." in text and (trim or rounded == top):
        text = text.rstrip("0").rstrip(".") if float(rounded).is_integer() else text
    return text.replace("-", "−")
