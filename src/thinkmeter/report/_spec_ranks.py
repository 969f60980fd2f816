"""Rank by accuracy beside rank by token efficiency: who moves once tokens count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from thinkmeter.report._board import short_names
from thinkmeter.report._format import format_rank, plain
from thinkmeter.report._palette import colour
from thinkmeter.report._spec import DATA, Figure, shown, step

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = ["ranks_figure"]

_WIDTH: Final = 260
_MOVES: Final = {"rise": "better once tokens count", "fall": "worse once tokens count", "muted": "same rank"}
_SIDES: Final = ("Accuracy", "Token efficiency")


def ranks_figure(analysis: Analysis, board: pl.DataFrame, stem: str) -> Figure | None:
    """Return the slope figure; None where fewer than two groups have both ranks."""
    both = board.filter(pl.col("rank_accuracy").is_not_null() & pl.col("rank_efficiency").is_not_null())
    if both.height < 2:
        return None
    pool = board["pool"][0]
    rows, cut = shown(both)
    data = _rows(rows)
    left = board.height - both.height
    unranked = f" {left} without both ranks {'are' if left > 1 else 'is'} not shown." if left else ""
    agreement = analysis.rank_agreement.filter(
        (pl.col("pool") == pool)
        & (pl.col("measure_a") == "accuracy")
        & (pl.col("measure_b") == "token_efficiency")
    )
    told = ""
    if agreement.height and agreement["spearman"][0] is not None:
        row = agreement.row(0, named=True)
        words = plain(row["spearman"], row["spearman_low"], row["spearman_high"])
        told = f" Spearman's correlation of the two is {words} over {row['n_groups']} groups."
    caption = (
        "Every group's rank by accuracy and by token efficiency, 1 is best; tied groups share the better rank. Bold lines move by more than "
        f"other items could explain (the rank intervals do not overlap).{told}{unranked}{cut}"
    )
    return Figure(
        name=f"{stem}ranks",
        kind="ranks",
        pool=pool,
        title="What changes once tokens count",
        caption=caption,
        alt=_alt(rows),
        data=data,
        spec=_spec(rows.height),
    )


def _rows(board: pl.DataFrame) -> pl.DataFrame:
    """Two rows per group. ``position`` counts lines, so that tied groups do not lie on each other."""
    names = short_names(board["group"])
    order = {
        "Accuracy": board.sort("rank_accuracy", "rank_efficiency", "group")["group"].to_list(),
        "Token efficiency": board.sort("rank_efficiency", "rank_accuracy", "group")["group"].to_list(),
    }
    found: list[dict[str, Any]] = []
    for row in board.iter_rows(named=True):
        shift = row["rank_shift"]
        a_low, a_high, e_low, e_high = (
            row[f"rank_{m}_{end}"] for m in ("accuracy", "efficiency") for end in ("low", "high")
        )
        clear = None not in (a_low, a_high, e_low, e_high) and (a_low > e_high or a_high < e_low)
        for side, key in zip(_SIDES, ("rank_accuracy", "rank_efficiency"), strict=True):
            rank = row[key]
            full = format_rank(rank, row[f"{key}_low"], row[f"{key}_high"])
            found.append(
                {
                    "pool": row["pool"],
                    "group": row["group"],
                    "measure": "accuracy" if side == "Accuracy" else "token_efficiency",
                    "side": 0 if side == "Accuracy" else 1,
                    "rank": rank,
                    "rank_low": row[f"{key}_low"],
                    "rank_high": row[f"{key}_high"],
                    "position": order[side].index(row["group"]) + 1,
                    "move": _MOVES["rise" if shift > 0 else "fall" if shift < 0 else "muted"],
                    "clear": bool(clear),
                    "label": names[row["group"]],
                    "hint": f"{row['group']}: rank {full} by {side.lower()}",
                }
            )
    return pl.DataFrame(found, infer_schema_length=None)


def _spec(groups: int) -> dict[str, Any]:
    x = {"field": "side", "type": "quantitative", "axis": None, "scale": {"domain": [0, 1], "nice": False}}
    y = {
        "field": "position",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0.5, groups + 0.5], "reverse": True, "nice": False},
    }
    tint = {
        "field": "move",
        "type": "nominal",
        "scale": {"domain": [*_MOVES.values()], "range": [colour(name) for name in _MOVES]},
        "legend": {"symbolType": "stroke", "symbolStrokeWidth": 3, "symbolSize": 180, "orient": "bottom"},
    }
    weight = {"condition": {"test": "datum.clear", "value": 2.6}, "value": 1.2}
    strength = {"condition": {"test": "datum.clear", "value": 1}, "value": 0.55}
    line = {
        "mark": {"type": "line", "aria": False},
        "encoding": {
            "x": x,
            "y": y,
            "color": tint,
            "detail": {"field": "group"},
            "strokeWidth": weight,
            "opacity": strength,
        },
    }
    dot = {
        "mark": {"type": "point", "filled": True, "size": 30, "opacity": 1},
        "encoding": {"x": x, "y": y, "color": tint, "description": {"field": "hint"}},
    }
    layer = [line, dot, *_words(0, "right", -1, x, y), *_words(1, "left", 1, x, y)]
    height = max(groups, 2) * step(groups)
    return {"data": {"name": DATA}, "width": _WIDTH, "height": height, "layer": layer}


def _words(side: int, align: str, sign: int, x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    """Heading, ranks and names of one side."""
    here = [{"filter": f"datum.side === {side}"}]
    text = {"type": "text", "align": align, "aria": False}
    heading = {**text, "fontWeight": "bold", "dx": sign * 10, "dy": -14}
    return [
        {
            "transform": here,
            "mark": {**text, "dx": sign * 10, "color": colour("muted")},
            "encoding": {"x": x, "y": y, "text": {"field": "rank", "format": "~g"}},
        },
        {
            "transform": here,
            "mark": {**text, "dx": sign * 32, "color": colour("ink")},
            "encoding": {"x": x, "y": y, "text": {"field": "label"}},
        },
        {
            "data": {"values": [{"side": side, "text": f"by {_SIDES[side].lower()}"}]},
            "mark": heading,
            "encoding": {"x": x, "y": {"value": 0}, "text": {"field": "text"}},
        },
    ]


def _alt(board: pl.DataFrame) -> str:
    moved = board.sort("rank_shift", "group", descending=[True, False])
    best, worst = moved.row(0, named=True), moved.row(-1, named=True)
    words = [
        f"{row['group']} is number {row['rank_accuracy']:g} by accuracy and {row['rank_efficiency']:g} by token efficiency"
        for row in (best, worst)
        if row["rank_shift"]
    ]
    text = "; ".join(dict.fromkeys(words)) or "no group changes its rank"
    return f"Slope figure of the ranks of {board.height} groups by accuracy and by token efficiency: {text}."
