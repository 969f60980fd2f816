"""Dots with intervals: the parts side by side, and the measure that heads the leaderboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from thinkmeter.report._board import short_names
from thinkmeter.report._format import format_interval, label, unit, unit_words
from thinkmeter.report._palette import colour
from thinkmeter.report._spec import DATA, Figure, row_axis, shown, step, within

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = ["headline_figure", "headline_measure", "interval_words", "panel", "parts_figure"]

_COLOURS: Final = {
    "completion": "completion",
    "conditional_correctness": "correctness",
    "mean_output_tokens": "tokens",
    "accuracy": "accuracy",
    "token_efficiency": "dot",
}
_LOG_FROM: Final = 8.0
"""Positive quantities that differ by more than this factor are shown on a logarithmic axis."""


# Expressions, as a plain format would be rounded to the spacing the axis would have chosen itself.
_PERCENT: Final = "format(100 * datum.value, '.3~f')"
_LARGE: Final = "format(datum.value, '.3~s')"
_SMALL: Final = "format(datum.value, '.3~g')"


def headline_measure(board: pl.DataFrame) -> str:
    """Return what the leaderboard of a pool is ordered by."""
    return "token_efficiency" if board["token_efficiency"].is_not_null().any() else "accuracy"


def interval_words(analysis: Analysis) -> str:
    """Return how intervals were made, for captions."""
    return f"{100 * analysis.settings.level:g} % intervals, resampling items"


def parts_figure(analysis: Analysis, board: pl.DataFrame, stem: str) -> Figure | None:
    """Return completion, conditional correctness and tokens side by side; accuracy stands in for the first two."""
    measures = [m for m in ("completion", "conditional_correctness") if board[m].is_not_null().any()]
    measures = measures or [m for m in ("accuracy",) if board[m].is_not_null().any()]
    if board["mean_output_tokens"].is_not_null().any():
        measures.append("mean_output_tokens")
    if not measures or measures == ["accuracy"]:
        return None
    rows, cut = shown(board)
    data = _long(rows, measures)
    labels = data["label"].unique(maintain_order=True).to_list()
    width = 620 // len(measures)
    panels = [panel(data, m, labels, width=width, names=at == 0) for at, m in enumerate(measures)]
    names = [label(m).lower() for m in measures]
    words = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    caption = f"{words.capitalize()} of each group, in the order of the leaderboard. {_dots(analysis, data)}{_scale_words(data, measures)}{cut}"
    return Figure(
        name=f"{stem}parts",
        kind="parts",
        pool=board["pool"][0],
        title="The parts, side by side",
        caption=caption,
        alt=_alt(data, measures, len(labels)),
        data=data,
        spec={"hconcat": panels},
    )


def headline_figure(analysis: Analysis, board: pl.DataFrame, stem: str) -> Figure | None:
    """Return the measure that orders the leaderboard, with its numbers written beside the dots."""
    measure = headline_measure(board)
    if not board[measure].is_not_null().any():
        return None
    rows, cut = shown(board)
    data = _long(rows, [measure])
    labels = data["label"].to_list()
    kind = "efficiency" if measure == "token_efficiency" else "accuracy"
    title = label(measure)
    per = (
        "correct answers per 1,000 output tokens"
        if kind == "efficiency"
        else "share of attempts that are correct"
    )
    caption = f"{title}: {per}. {_dots(analysis, data)}{_scale_words(data, [measure])}{cut}"
    width = 470
    drawn = panel(data, measure, labels, width=width, names=True)
    written = {
        "mark": {"type": "text", "align": "left", "color": colour("muted"), "aria": False},
        "encoding": {"y": row_axis(labels), "x": {"value": width + 12}, "text": {"field": "text"}},
    }
    drawn["layer"].append(written)
    return Figure(
        name=f"{stem}{kind}",
        kind=kind,
        pool=board["pool"][0],
        title="Who gets most from a token" if kind == "efficiency" else "Who is right most often",
        caption=caption,
        alt=_alt(data, [measure], len(labels)),
        data=data,
        spec=drawn,
    )


def _dots(analysis: Analysis, data: pl.DataFrame) -> str:
    """Say what dots and lines are, as far as there are any."""
    if data["low"].null_count() == data.height:
        return "There are no intervals, hence hollow dots; the table says why."
    text = (
        f"Dots are values, lines {interval_words(analysis)}. Overlapping lines do not yet mean a tie: comparisons are "
        "paired, and the ranks in the table admit ties."
    )
    if data["low"].null_count():
        text += " A hollow dot has no interval, a dash no value: the table says why."
    return text


def _long(board: pl.DataFrame, measures: list[str]) -> pl.DataFrame:
    names = short_names(board["group"])
    parts = []
    for measure in measures:
        part = board.select(
            "pool",
            "group",
            pl.col("group").replace_strict(names, return_dtype=pl.String).alias("label"),
            "reference",
            pl.lit(measure).alias("measure"),
            pl.col(measure).alias("value"),
            pl.col(f"{measure}_low").alias("low"),
            pl.col(f"{measure}_high").alias("high"),
            pl.col(f"{measure}_reason").alias("reason"),
        )
        cells = part.select("value", "low", "high").rows()
        texts = pl.Series("text", [format_interval(measure, *cell) for cell in cells], dtype=pl.String)
        hints = [f"{g}: {label(measure).lower()} {t}" for g, t in zip(part["group"], texts, strict=True)]
        parts.append(part.with_columns(texts, pl.Series("hint", hints, dtype=pl.String)))
    return pl.concat(parts)


def _is_log(data: pl.DataFrame, measure: str) -> bool:
    values = data.filter(pl.col("measure") == measure)["value"].drop_nulls().to_list()
    if unit(measure) == "%" or not values or min(values) <= 0:
        return False
    return bool(max(values) / min(values) > _LOG_FROM)


def _scale_words(data: pl.DataFrame, measures: list[str]) -> str:
    logs = [label(m) for m in measures if _is_log(data, m)]
    return f" {' and '.join(logs)}: logarithmic axis." if logs else ""


def panel(data: pl.DataFrame, measure: str, labels: list[str], *, width: int, names: bool) -> dict[str, Any]:
    """Return one column of dots with intervals over the rows of `labels`."""
    part = data.filter(pl.col("measure") == measure)
    scale, axis, mark = _scale(part, measure)
    where = [{"filter": f"datum.measure === '{measure}'"}]
    y = row_axis(labels, names=names)
    x = {"field": "value", "type": "quantitative", "scale": scale, "axis": axis, "title": None}
    tint = colour(_COLOURS.get(measure, "dot"))
    dot = {
        "shape": "circle",
        "size": 52,
        "stroke": tint,
        "strokeWidth": 1.5,
        "clip": True,
        "type": "point",
    }
    fill = {"condition": {"test": "datum.low === null", "value": "transparent"}, "value": tint}
    layer: list[dict[str, Any]] = [
        {
            "transform": [{"filter": "datum.low !== null && datum.high !== null"}],
            "mark": {
                "type": "rule",
                "color": tint,
                "strokeWidth": 2,
                "opacity": 0.55,
                "clip": True,
                "aria": False,
            },
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
        {
            "transform": [{"filter": "datum.value !== null"}],
            "mark": dot,
            "encoding": {"y": y, "x": x, "fill": fill, "description": {"field": "hint"}},
        },
    ]
    if part["value"].null_count():
        layer.append(
            {
                "transform": [{"filter": "datum.value === null"}],
                "mark": {
                    "type": "text",
                    "align": "left",
                    "text": "—",
                    "color": colour("muted"),
                    "aria": False,
                },
                "encoding": {"y": y, "x": {"value": 4}},
            }
        )
    layer = [mark, *layer] if mark else layer
    return {
        "data": {"name": DATA},
        "transform": where,
        "width": width,
        "height": {"step": step(len(labels))},
        "title": _heading(measure),
        "layer": layer,
    }


def _heading(measure: str) -> dict[str, Any]:
    return {
        "text": label(measure),
        "subtitle": f"{words} of attempts" if (words := unit_words(measure)) == "%" else words,
        "subtitleColor": colour("muted"),
        "subtitleFontSize": 11,
    }


def _scale(part: pl.DataFrame, measure: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """Scale, axis, and a line at the reference."""
    values, lows, highs = (part[c].to_list() for c in ("value", "low", "high"))
    axis: dict[str, Any] = {"orient": "top", "tickCount": 4, "aria": False, "grid": True, "labelFlush": False}
    share = unit(measure) == "%"
    if _is_log(part, measure):
        least = min(v for v in values if v is not None)
        most = max(v for v in values if v is not None)
        low = min([least, *(max(v, least / 2) for v in lows if v is not None)])
        high = max([most, *(min(v, most * 2) for v in highs if v is not None)])
        scale: dict[str, Any] = {"type": "log", "domain": [low / 1.15, high * 1.15], "nice": False}
        axis |= {"values": _powers(low / 1.15, high * 1.15), "labelExpr": _LARGE if least >= 1 else _SMALL}
    else:
        low, high = within(values, lows, highs)
        pad = 0.05 * (high - low)
        domain = [low - pad, high + pad]
        if not share and low >= 0:
            domain[0] = max(domain[0], -pad)
        scale = {"domain": domain, "nice": False, "zero": False}
        ticks = [t for t in _ticks(*domain) if not share or 0 <= t <= 1]
        axis["values"] = ticks if share or low < 0 else [t for t in ticks if t >= 0]
        axis["labelExpr"] = _PERCENT if share else _LARGE if high >= 1000 else _SMALL
    reference = part.filter(pl.col("reference") & pl.col("value").is_not_null())
    if reference.is_empty():
        return scale, axis, None
    line = {
        "transform": [{"filter": "datum.reference"}],
        "mark": {
            "type": "rule",
            "color": colour("axis"),
            "strokeDash": [3, 3],
            "strokeWidth": 1,
            "aria": False,
        },
        "encoding": {
            "x": {"field": "value", "type": "quantitative", "scale": scale, "axis": axis, "title": None}
        },
    }
    return scale, axis, line


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers in a range: about four."""
    from math import ceil, floor, log10

    raw = (high - low) / 4
    power = 10.0 ** floor(log10(raw))
    width = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    return [round(k * width, 12) for k in range(ceil(low / width), floor(high / width) + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Round numbers in a range on a logarithmic axis: at most six."""
    from math import floor, log10

    for steps in ((1, 2, 5), (1, 3), (1,)):
        exponents = range(floor(log10(low)), floor(log10(high)) + 1)
        found = [float(f"{m}e{e}") for e in exponents for m in steps if low <= float(f"{m}e{e}") <= high]
        if len(found) <= 6:
            break
    return found or [low, high]


def _alt(data: pl.DataFrame, measures: list[str], groups: int) -> str:
    """Say what is seen: the best and the worst of every measure."""
    words = []
    for measure in measures:
        part = data.filter((pl.col("measure") == measure) & pl.col("value").is_not_null()).sort("value")
        if part.is_empty():
            continue
        most, least = part.row(-1, named=True), part.row(0, named=True)
        text = f"{label(measure)} runs from {least['text']} ({least['group']}) to {most['text']} ({most['group']})"
        words.append(text if part.height > 1 else f"{label(measure)} is {most['text']} ({most['group']})")
    return f"Dot plot with intervals for {groups} group{'s' if groups != 1 else ''}. {'. '.join(words)}."
