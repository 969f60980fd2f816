"""Colours by what they mean. Safe for colour-blind readers (after Okabe and Ito), in light and in dark."""

from __future__ import annotations

from typing import Final

__all__ = ["COLOURS", "FACTOR_COLOURS", "colour", "dark_rules"]

COLOURS: Final[dict[str, tuple[str, str]]] = {
    "ink": ("#1f2429", "#e8eaed"),
    "muted": ("#5b646e", "#a5afba"),
    "grid": ("#e4e7eb", "#2f363e"),
    "axis": ("#9aa3ad", "#65707c"),
    "faint": ("#c3c9d0", "#4a545f"),
    "band": ("#f3f5f7", "#1d232a"),
    "completion": ("#0072b2", "#56b4e9"),
    "correctness": ("#d55e00", "#ff9248"),
    "tokens": ("#009e73", "#2fcc9f"),
    "coupling": ("#b8639a", "#e59cca"),
    "accuracy": ("#996b00", "#e0b040"),
    "other": ("#7a828b", "#97a1ac"),
    "dot": ("#33506e", "#9fc0e3"),
    "rise": ("#0071b1", "#57b5ea"),
    "fall": ("#d45d00", "#fe9147"),
}
"""Name -> colour in light, colour in dark. Every light colour is unique: the page finds a mark's role by it."""

FACTOR_COLOURS: Final[dict[str, str]] = {
    "completion": "completion",
    "conditional_correctness": "correctness",
    "output_tokens": "tokens",
    "overhead": "tokens",
    "coupling": "coupling",
    "accuracy": "accuracy",
    "mean_workload": "other",
}


def colour(name: str) -> str:
    """Return a colour as it stands in drawings: the light one.

    Examples
    --------
    >>> colour("completion")
    '#0072b2'
    """
    return COLOURS[name][0]


def dark_rules(scope: str) -> str:
    """Return CSS that turns the colours of inline drawings into those for dark pages.

    A drawing keeps its light colours as plain attributes, so that it is a valid picture wherever it is copied to; the
    page overrides them by attribute.
    """
    rules = []
    for light, dark in COLOURS.values():
        rules.append(f'{scope} svg [fill="{light}"]{{fill:{dark}}}')
        rules.append(f'{scope} svg [stroke="{light}"]{{stroke:{dark}}}')
    return "\n".join(rules)
