"""The gap to the reference, in factors that add up: stacked bars, and every factor with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from thinkmeter.report._board import short_names
from thinkmeter.report._palette import FACTOR_COLOURS, colour
from thinkmeter.report._spec import DATA, Figure, row_axis, shown, step, within
from thinkmeter.report._spec_parts import headline_measure, interval_words

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = ["FACTORS", "gap_figures", "ratio_text", "ratio_ticks"]

FACTORS: Final = {
    "completion": "Completion",
    "conditional_correctness": "Conditional correctness",
    "accuracy": "Accuracy",
    "output_tokens": "Output tokens",
    "overhead": "Overhead",
    "coupling": "Coupling κ",
    "mean_workload": "Mean workload",
}
"""Factors in the order in which they are stacked, and what they are called."""

_FINE: Final = (
    *(tuple(1 + width * k for k in range(1, 6)) for width in (0.01, 0.02, 0.05, 0.1, 0.2)),
    (1.5, 2.0, 3.0, 4.0, 6.0),
)
_TICK_WORDS: Final = (
    "abs(datum.value) < 1e-9 ? 'same' : datum.value < 0 ? '÷' + format(exp(-datum.value), '.3~g') "
    ": '×' + format(exp(datum.value), '.3~g')"
)


def ratio_text(log: float) -> str:
    """Write a log contribution as the factor it stands for.

    Examples
    --------
    >>> ratio_text(0.0), ratio_text(0.6931472), ratio_text(-2.3025851)
    ('same', '×2.00', '÷10.0')
    """
    # 'same' only where three digits would show 1.00.
    ratio = math.exp(min(abs(log), 50.0))
    text = f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"
    return "same" if text == "1.00" else f"{'÷' if log < 0 else '×'}{text}"


def ratio_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Return the logs of round factors in a range.

    Examples
    --------
    >>> [round(math.exp(t), 3) for t in ratio_ticks(-1.5, 0.8)]
    [0.25, 0.333, 0.5, 0.667, 1.0, 1.5, 2.0]
    """
    reach = max(-low, high)
    for series in _series(reach):
        ticks = [
            t for t in (0.0, *(sign * math.log(v) for v in series for sign in (-1, 1))) if low <= t <= high
        ]
        if len(ticks) <= most:
            break
    return sorted(ticks)


def _series(reach: float) -> Iterator[Sequence[float]]:
    """Round factors above 1, finest series first; each goes as far as `reach`, or nearly."""
    for series in _FINE:
        if math.log(series[-1]) >= 0.7 * reach:
            yield series
    for base in (2.0, 4.0, 10.0, 100.0, 1e4, 1e8, 1e16):
        yield [base**k for k in range(1, math.floor(reach / math.log(base) + 1e-9) + 1)]


def gap_figures(analysis: Analysis, board: pl.DataFrame, stem: str) -> list[Figure]:
    """Return the stacked bars and the factors side by side; nothing where no gap has two factors or more."""
    pool = board["pool"][0] if board.height else ""
    gaps = analysis.gaps.filter(
        (pl.col("pool") == pool)
        & pl.col("log_contribution").is_not_null()
        & pl.col("log_contribution").is_finite()
    )
    # Half a sum is no gap: a group with a factor of 0 has no total, and no bars.
    summed = gaps.filter(pl.col("factor") == "total")["group"]
    split = gaps.filter((pl.col("factor") != "total") & pl.col("group").is_in(summed.implode()))
    # Where tokens are known, a group without them has another gap, that of accuracy: it is in the table alone.
    with_tokens = split.filter(pl.col("factor").is_in(["output_tokens", "overhead"]))["group"].unique()
    if len(with_tokens):
        split = split.filter(pl.col("group").is_in(with_tokens.implode()))
    if split["factor"].n_unique() < 2:
        return []
    # A total without factors is the gap of something else (accuracy, where tokens are unknown): it has no bar.
    gaps = gaps.filter(pl.col("group").is_in(split["group"].unique().implode()))
    compared = board.filter(~pl.col("reference") & pl.col("group").is_in(gaps["group"].unique().implode()))
    rows, cut = shown(compared)
    data = _rows(gaps, rows)
    reference = gaps["reference"][0]
    against = "the geometric mean of the pool" if reference.startswith("geometric mean") else reference
    of = "Token efficiency" if headline_measure(board) == "token_efficiency" else "Accuracy"
    missing = board.height - compared.height - int(board["reference"].sum())
    left = (
        f" {missing} group{'s have' if missing > 1 else ' has'} no such gap and "
        f"{'are' if missing > 1 else 'is'} not shown; the table of gaps says why."
        if missing
        else ""
    )
    words = _Words(of, against, left + cut, interval_words(analysis).replace("intervals", "interval"))
    return [_stacked(data, pool, stem, words), _factors(data, pool, stem, words)]


class _Words:
    def __init__(self, of: str, against: str, left: str, interval: str) -> None:
        self.of, self.against, self.left, self.interval = of, against, left, interval


def _rows(gaps: pl.DataFrame, board: pl.DataFrame) -> pl.DataFrame:
    """One row per group and factor, with where its bar starts and ends."""
    names = short_names(board["group"])
    by_group = {key[0]: part for key, part in gaps.partition_by("group", as_dict=True).items()}
    order = {name: at for at, name in enumerate([*FACTORS, "total"])}
    found: list[dict[str, Any]] = []
    for group in board["group"]:
        ends = {True: 0.0, False: 0.0}
        part = sorted(by_group[group].iter_rows(named=True), key=lambda row: order.get(row["factor"], 99))
        for row in part:
            value, factor = row["log_contribution"], row["factor"]
            start = 0.0 if factor == "total" else ends[value > 0]
            if factor != "total":
                ends[value > 0] += value
            word = FACTORS.get(factor, "Total")
            sure = row["low"] is not None and row["high"] is not None
            between = f" [{ratio_text(row['low'])}, {ratio_text(row['high'])}]" if sure else ""
            found.append(
                {
                    "pool": row["pool"],
                    "group": group,
                    "label": names[group],
                    "reference": row["reference"],
                    "factor": factor,
                    "factor_label": word,
                    "log_contribution": value,
                    "low": row["low"],
                    "high": row["high"],
                    "share": row["share"],
                    "start": start,
                    "end": start + value,
                    "n_items": row["n_items"],
                    "reason": row["reason"],
                    "hint": f"{group}: {word.lower()} {ratio_text(value)}{between}",
                }
            )
    return pl.DataFrame(found, infer_schema_length=None)


def _stacked(data: pl.DataFrame, pool: str, stem: str, words: _Words) -> Figure:
    labels = data["label"].unique(maintain_order=True).to_list()
    totals = data.filter(pl.col("factor") == "total")
    ends = [*data["start"].to_list(), *data["end"].to_list(), 0.0]
    low, high = within(ends, *_spread(totals, len(ends)))
    pad = 0.03 * (high - low)
    scale = {"domain": [low - pad, high + pad], "nice": False}
    axis = {
        "orient": "top",
        "values": ratio_ticks(low - pad, high + pad),
        "labelExpr": _TICK_WORDS,
        "aria": False,
    }
    x = {"type": "quantitative", "scale": scale, "axis": axis, "title": None}
    y = row_axis(labels)
    used = [name for name in FACTORS if name in set(data["factor"])]
    legend = {"symbolType": "square", "symbolSize": 110, "values": [FACTORS[n] for n in used]}
    tint = {
        "field": "factor_label",
        "type": "nominal",
        "scale": {"domain": [FACTORS[n] for n in used], "range": [colour(FACTOR_COLOURS[n]) for n in used]},
        "legend": legend,
    }
    height = step(len(labels))
    layer = _gap_layers(x, y, tint, height)
    caption = (
        f"{words.of} of each group relative to {words.against}, split into factors that add up. Bars to the left lose against the "
        f"reference, bars to the right gain; the diamond is their sum, its line its {words.interval}. "
        f"÷2 is half of the reference, ×2 twice; computed on the items both attempted.{words.left}"
    )
    return Figure(
        name=f"{stem}gap",
        kind="gap",
        pool=pool,
        title="Where the gap comes from",
        caption=caption,
        alt=_gap_alt(data, words),
        data=data,
        spec={"data": {"name": DATA}, "width": 620, "height": {"step": height}, "layer": layer},
    )


def _gap_layers(
    x: dict[str, Any], y: dict[str, Any], tint: dict[str, Any], height: int
) -> list[dict[str, Any]]:
    """Bars of the factors, the line of no gap, and the sum with its interval."""
    total = [{"filter": "datum.factor === 'total'"}]
    return [
        {
            "transform": [{"filter": "datum.factor !== 'total'"}],
            "mark": {"type": "bar", "height": round(height * 0.55), "clip": True},
            "encoding": {
                "y": y,
                "x": {**x, "field": "start"},
                "x2": {"field": "end"},
                "color": tint,
                "description": {"field": "hint"},
            },
        },
        _zero(x),
        {
            "transform": [*total, {"filter": "datum.low !== null && datum.high !== null"}],
            "mark": {"type": "rule", "color": colour("ink"), "strokeWidth": 1.6, "clip": True, "aria": False},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
        {
            "transform": total,
            "mark": {
                "type": "point",
                "shape": "diamond",
                "filled": True,
                "size": 64,
                "opacity": 1,
                "color": colour("ink"),
            },
            "encoding": {"y": y, "x": {**x, "field": "log_contribution"}, "description": {"field": "hint"}},
        },
    ]


def _gap_alt(data: pl.DataFrame, words: _Words) -> str:
    totals = data.filter(pl.col("factor") == "total")
    worst = totals.sort("log_contribution").row(0, named=True)
    parts = data.filter((pl.col("group") == worst["group"]) & (pl.col("factor") != "total")).sort(
        "log_contribution"
    )
    return (
        f"Stacked bars for {totals.height} groups against {words.against}. The widest gap is that of {worst['group']}, "
        f"{ratio_text(worst['log_contribution'])} in total; its largest loss is {parts['factor_label'][0].lower()}, "
        f"{ratio_text(parts['log_contribution'][0])}."
    )


def _spread(totals: pl.DataFrame, length: int) -> tuple[list[float | None], list[float | None]]:
    """Bounds of the totals, padded with None to the length of the values beside them."""
    lows, highs = totals["low"].to_list()[:length], totals["high"].to_list()[:length]
    rest: list[float | None] = [None] * (length - len(lows))
    return [*lows, *rest], [*highs, *rest]


def _zero(x: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"values": [{"zero": 0}]},
        "mark": {"type": "rule", "color": colour("axis"), "strokeWidth": 1, "aria": False},
        "encoding": {"x": {**x, "field": "zero"}},
    }


def _factors(data: pl.DataFrame, pool: str, stem: str, words: _Words) -> Figure:
    labels = data["label"].unique(maintain_order=True).to_list()
    used = [name for name in (*FACTORS, "total") if name in set(data["factor"])]
    low, high = within(
        [*data["log_contribution"].to_list(), 0.0],
        [*data["low"].to_list(), None],
        [*data["high"].to_list(), None],
    )
    pad = 0.05 * (high - low)
    scale = {"domain": [low - pad, high + pad], "nice": False}
    width = 690 // len(used)
    ticks = ratio_ticks(low - pad, high + pad, most=max(3, width // 36))
    axis = {"orient": "top", "values": ticks, "labelExpr": _TICK_WORDS, "aria": False}
    x = {"type": "quantitative", "scale": scale, "axis": axis, "title": None}
    panels = [_factor_panel(name, x, labels, width=width, names=at == 0) for at, name in enumerate(used)]
    caption = (
        f"The same factors with an interval each ({words.interval}), on one scale. A line that crosses 'same' could be no "
        f"difference from {words.against} at all. Hollow dots have no interval.{words.left}"
    )
    words_of = ", ".join(FACTORS.get(name, "total").lower() for name in used)
    return Figure(
        name=f"{stem}gap-factors",
        kind="gap_factors",
        pool=pool,
        title="Every factor with its interval",
        caption=caption,
        alt=f"Dots with intervals for {len(labels)} groups, one column for each of: {words_of}; relative to {words.against}.",
        data=data.drop("start", "end"),
        spec={"hconcat": panels},
    )


def _factor_panel(
    name: str, x: dict[str, Any], labels: list[str], *, width: int, names: bool
) -> dict[str, Any]:
    y = row_axis(labels, names=names)
    tint = colour(FACTOR_COLOURS.get(name, "ink"))
    fill = {"condition": {"test": "datum.low === null", "value": "transparent"}, "value": tint}
    rule = {"type": "rule", "color": tint, "strokeWidth": 2, "opacity": 0.55, "clip": True, "aria": False}
    dot = {
        "type": "point",
        "shape": "diamond" if name == "total" else "circle",
        "size": 46,
        "stroke": tint,
        "strokeWidth": 1.5,
        "opacity": 1,
        "clip": True,
    }
    return {
        "data": {"name": DATA},
        "transform": [{"filter": f"datum.factor === '{name}'"}],
        "width": width,
        "height": {"step": step(len(labels))},
        "title": {"text": FACTORS.get(name, "Total"), "fontSize": 11},
        "layer": [
            _zero(x),
            {
                "transform": [{"filter": "datum.low !== null && datum.high !== null"}],
                "mark": rule,
                "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {
                "mark": dot,
                "encoding": {
                    "y": y,
                    "x": {**x, "field": "log_contribution"},
                    "fill": fill,
                    "description": {"field": "hint"},
                },
            },
        ],
    }
