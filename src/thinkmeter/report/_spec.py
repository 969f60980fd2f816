"""Figures as data: a frame, a Vega-Lite dictionary that names it, and words. Nothing here draws."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from thinkmeter.report._palette import colour

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = [
    "BEHIND",
    "DATA",
    "MOST_ROWS",
    "Figure",
    "config",
    "figures",
    "row_axis",
    "shown",
    "step",
    "within",
]

DATA: Final = "data"
"""Name of the one data set every specification refers to."""

BEHIND: Final = "behind"
"""The same rows once more, for the lines of all groups behind each panel."""

MOST_ROWS: Final = 60
"""Groups in one figure; a larger pool shows its first ones, and the caption says so."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One figure, before it is drawn.

    Attributes
    ----------
    name : str
        Unique in the report; the stem of the files written from it.
    kind : str
        What it shows: ``"efficiency"``, ``"accuracy"``, ``"parts"``, ``"gap"``, ``"gap_factors"``, ``"ranks"`` or
        ``"workload"``.
    pool : str
        Pool it is about.
    title, caption : str
        The caption says how to read it, which interval it shows and what is left out.
    alt : str
        The figure in words, with its main numbers.
    data : polars.DataFrame
        Every number in the figure; null where undefined.
    spec : dict
        Vega-Lite; refers to the data as ``{"name": "data"}``.
    """

    name: str
    kind: str
    pool: str
    title: str
    caption: str
    alt: str
    data: pl.DataFrame
    spec: dict[str, Any]

    def vega_lite(self) -> dict[str, Any]:
        """Return the specification with its data inside: what any Vega-Lite tool takes."""
        rows = self.data.with_columns(pl.col(pl.Float32, pl.Float64).fill_nan(None)).to_dicts()
        return {
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "description": self.alt,
            "config": config(),
            **self.spec,
            "datasets": {DATA: rows, BEHIND: rows} if self.kind == "workload" else {DATA: rows},
        }


def figures(analysis: Analysis) -> list[Figure]:
    """Return every figure the analysis has numbers for, pool by pool.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    list of Figure
        Names are unique. A figure that would show nothing (no tokens, one group, no workload) is absent.

    Examples
    --------
    >>> import polars as pl
    >>> from thinkmeter import SampleTable, analyse
    >>> rows = pl.DataFrame({
    ...     "benchmark": "demo", "model": ["a"] * 4 + ["b"] * 4, "item_id": list("1234") * 2,
    ...     "correct": [True, True, False, True, True, False, False, True],
    ...     "output_tokens": [100, 120, 300, 80, 400, 900, 700, 1000]})
    >>> [figure.kind for figure in figures(analyse(SampleTable.from_dataframe(rows), replicates=200))]
    ['parts', 'efficiency', 'gap', 'gap_factors', 'ranks']
    """
    from thinkmeter.report._board import leaderboard, pools
    from thinkmeter.report._spec_gap import gap_figures
    from thinkmeter.report._spec_parts import headline_figure, parts_figure
    from thinkmeter.report._spec_ranks import ranks_figure
    from thinkmeter.report._spec_workload import workload_figure

    board = leaderboard(analysis)
    names = pools(analysis)
    stems = _stems(names)
    found: list[Figure] = []
    for pool in names:
        here = board.filter(pl.col("pool") == pool)
        stem = stems[pool]
        made = [
            parts_figure(analysis, here, stem),
            headline_figure(analysis, here, stem),
            *gap_figures(analysis, here, stem),
            ranks_figure(analysis, here, stem),
            workload_figure(analysis, here, stem),
        ]
        found += [figure for figure in made if figure is not None]
    return found


def _stems(names: list[str]) -> dict[str, str]:
    """Pool -> prefix of its figures' names: letters, digits and dashes, unique; empty for a single pool."""
    if len(names) == 1:
        return {names[0]: ""}
    stems = {}
    for number, name in enumerate(names, 1):
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
        stems[name] = f"{number:02d}-{slug}-" if slug else f"{number:02d}-"
    return stems


def config() -> dict[str, Any]:
    """Return what all figures look like."""
    return {
        "background": "transparent",
        "font": "sans-serif",
        "padding": 4,
        "view": {"stroke": None},
        "concat": {"spacing": 18},
        "axis": {
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "labelColor": colour("muted"),
            "titleColor": colour("muted"),
            "gridColor": colour("grid"),
            "tickColor": colour("grid"),
            "domain": False,
            "ticks": False,
            "labelPadding": 6,
            "labelOverlap": False,
        },
        "header": {
            "labelColor": colour("ink"),
            "labelFontSize": 11,
            "labelFontWeight": "bold",
            "title": None,
        },
        "legend": {
            "labelColor": colour("ink"),
            "labelFontSize": 11,
            "labelLimit": 0,
            "symbolStrokeWidth": 0,
            "title": None,
            "orient": "top",
            "direction": "horizontal",
            "columnPadding": 16,
            "offset": 10,
        },
        "title": {
            "color": colour("ink"),
            "fontSize": 12,
            "fontWeight": "bold",
            "anchor": "start",
            "frame": "group",
            "offset": 8,
        },
        "text": {"color": colour("ink"), "fontSize": 11},
        "axisDiscrete": {"grid": True},
    }


def shown(board: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Return the rows a figure has room for, and the sentence that says what is left out."""
    if board.height <= MOST_ROWS:
        return board, ""
    return board.head(MOST_ROWS), (
        f" The first {MOST_ROWS} of {board.height} groups are shown; the table and the data have all."
    )


def step(rows: int) -> int:
    """Return the height of one row in pixels."""
    return 24 if rows <= 12 else 19 if rows <= 30 else 16


def row_axis(labels: list[str], *, names: bool = True) -> dict[str, Any]:
    """Return the encoding of one row per group, in the given order."""
    axis: dict[str, Any] = (
        {"labels": False} if not names else {"labelColor": colour("ink"), "labelLimit": 330}
    )
    return {
        "field": "label",
        "type": "nominal",
        "sort": labels,
        "scale": {"domain": labels},
        "title": None,
        "axis": {"aria": False, "grid": True, "tickBand": "center", **axis},
    }


def within(
    values: Iterable[float | None], lows: Iterable[float | None], highs: Iterable[float | None]
) -> list[float]:
    """Return an axis range that shows every value, and intervals as far as they do not drown the values.

    Examples
    --------
    >>> within([1.0, 2.0], [0.5, 1.9], [1.5, 50.0])
    [0.5, 3.0]
    """
    points = [v for v in values if v is not None]
    if not points:
        return [0.0, 1.0]
    bottom, top = min(points), max(points)
    lows, highs = list(lows), list(highs)
    ends = zip(lows, highs, strict=True)
    widths = sorted(high - low for low, high in ends if low is not None and high is not None)
    span = max(top - bottom, widths[(len(widths) - 1) // 2] if widths else 0.0) or abs(top) * 0.1 or 1.0
    least = min([bottom, *(max(v, bottom - span) for v in lows if v is not None)])
    most = max([top, *(min(v, top + span) for v in highs if v is not None)])
    return [least, most] if most > least else [least - span / 2, most + span / 2]
