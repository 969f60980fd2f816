"""Numbers as people write them."""

from __future__ import annotations

import math

__all__ = ["integer", "joined", "number", "percent", "times"]


def percent(value: float) -> str:
    """Write a share in percent, with a decimal only where rounding would hide the difference from 0 or 100.

    Examples
    --------
    >>> percent(0.604), percent(1.0), percent(0.9961)
    ('60 %', '100 %', '99.6 %')
    """
    if not math.isfinite(value):
        return "unknown"
    hundred = 100 * value
    close = min(abs(hundred), abs(100 - hundred))
    return f"{hundred:.1f} %" if 1e-9 < close < 1 else f"{hundred:.0f} %"


def integer(value: float) -> str:
    """Write a count with separators.

    Examples
    --------
    >>> integer(12345.4)
    '12,345'
    """
    return f"{value:,.0f}" if math.isfinite(value) else "unknown"


def number(value: float) -> str:
    """Write a number with three significant digits.

    Examples
    --------
    >>> number(0.42213), number(1234.5)
    ('0.422', '1,234')
    """
    if not math.isfinite(value):
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def times(value: float) -> str:
    """Write a ratio.

    Examples
    --------
    >>> times(2.813), times(12.2)
    ('2.8 times', '12 times')
    """
    return f"{value:.0f} times" if value >= 10 else f"{value:.2g} times"


def joined(parts: list[str]) -> str:
    """Join words with commas and a final 'and'.

    Examples
    --------
    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
