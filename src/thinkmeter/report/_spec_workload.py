"""Tokens per unit of work against the work an item needs, with the coupling of the two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from thinkmeter.report._board import short_names
from thinkmeter.report._format import format_parts
from thinkmeter.report._palette import colour
from thinkmeter.report._spec import BEHIND, DATA, Figure

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = ["workload_figure"]

_MOST: Final = 12
_BINS: Final = 8
_COLUMNS: Final = 4


def workload_figure(analysis: Analysis, board: pl.DataFrame, stem: str) -> Figure | None:
    """Return small multiples, one per group, each over the lines of all groups; None without declared workload."""
    pool = board["pool"][0]
    items = analysis.items.filter(
        (pl.col("pool") == pool) & (pl.col("workload") > 0) & (pl.col("overhead") > 0)
    )
    if items["workload"].n_unique() < 2:
        return None
    with_kappa = board.filter(pl.col("coupling").is_not_null())
    rows = with_kappa.head(_MOST)
    data = _bins(items, rows)
    if data.is_empty():
        return None
    cut = (
        f" The first {_MOST} of {with_kappa.height} groups are shown; the table has all."
        if with_kappa.height > _MOST
        else ""
    )
    bins = data["bin"].n_unique()
    caption = (
        "Output tokens per unit of declared work (up) against the work an item needs (right), both logarithmic; each dot is the mean over the "
        f"items of one of {bins} bins of workload, grey lines are the other groups. A falling line, coupling κ below 1: a fixed cost is "
        "spread over more work. A rising line, κ above 1: each unit of work costs more on large items. "
        f"{100 * analysis.settings.level:g} % intervals in brackets.{cut}"
    )
    low, high = rows.sort("coupling").row(0, named=True), rows.sort("coupling").row(-1, named=True)
    alt = (
        f"Overhead against workload for {rows.height} groups. Coupling runs from {low['coupling']:.2f} ({low['group']}) to "
        f"{high['coupling']:.2f} ({high['group']})."
    )
    return Figure(
        name=f"{stem}workload",
        kind="workload",
        pool=pool,
        title="Overhead against workload",
        caption=caption,
        alt=alt,
        data=data,
        spec=_spec(data),
    )


def _bins(items: pl.DataFrame, board: pl.DataFrame) -> pl.DataFrame:
    """Means of overhead over the items of each bin; bins hold about as many different items each."""
    values = items.select("item_id", "workload").unique("item_id").sort("workload")["workload"]
    distinct = values.unique().sort()
    if distinct.len() <= _BINS:
        cuts = distinct.to_list()[1:]
    else:
        found = [values.quantile(k / _BINS, "nearest") for k in range(1, _BINS)]
        cuts = sorted({float(v) for v in found if v is not None and v > values[0]})
    number = sum((pl.col("workload") >= cut).cast(pl.Int32) for cut in cuts)
    names = short_names(board["group"], 30)
    kappa = {row["group"]: _kappa(row) for row in board.iter_rows(named=True)}
    heading = {name: f"{names[name]}\n{kappa[name]}" for name in kappa}
    place = {name: at for at, name in enumerate(board["group"])}
    weight = pl.col("attempts")
    return (
        items.filter(pl.col("group").is_in(board["group"].implode()))
        .with_columns(bin=number)
        .group_by("pool", "group", "bin")
        .agg(
            ((pl.col("workload") * weight).sum() / weight.sum()).alias("workload"),
            ((pl.col("overhead") * weight).sum() / weight.sum()).alias("overhead"),
            pl.len().cast(pl.Int64).alias("n_items"),
        )
        .with_columns(
            label=pl.col("group").replace_strict(names, return_dtype=pl.String),
            kappa=pl.col("group").replace_strict(kappa, return_dtype=pl.String),
            heading=pl.col("group").replace_strict(heading, return_dtype=pl.String),
            place=pl.col("group").replace_strict(place, return_dtype=pl.Int64),
        )
        .sort("place", "bin")
    )


def _kappa(row: dict[str, Any]) -> str:
    parts = format_parts("coupling", row["coupling"], row["coupling_low"], row["coupling_high"])
    return f"κ = {parts.value}" + (f" [{parts.low}, {parts.high}]" if parts.low else "")


def _spec(data: pl.DataFrame) -> dict[str, Any]:
    labels = data["heading"].unique(maintain_order=True).to_list()

    def axis(field: str, title: str) -> dict[str, Any]:
        low, high = (float(v) for v in (data[field].min(), data[field].max()))  # type: ignore[arg-type]
        pad = (high / low) ** 0.08
        return {
            "field": field,
            "type": "quantitative",
            "title": title,
            "scale": {"type": "log", "domain": [low / pad, high * pad], "nice": False},
            "axis": {
                "values": _few(low / pad, high * pad),
                "labelExpr": f"format(datum.value, '{'.3~s' if low >= 1 else '.3~g'}')",
                "aria": False,
            },
        }

    x, y = axis("workload", "workload"), axis("overhead", "tokens per unit")
    line = {"type": "line", "color": colour("tokens"), "strokeWidth": 2, "aria": False}
    # The same rows under another name: a layer on the facet's own data would be split by the facet.
    behind = {
        "data": {"name": BEHIND},
        "mark": {"type": "line", "color": colour("faint"), "strokeWidth": 1, "opacity": 0.7, "aria": False},
        "encoding": {"x": x, "y": y, "detail": {"field": "group"}},
    }
    return {
        "data": {"name": DATA},
        "facet": {
            "field": "heading",
            "type": "nominal",
            "sort": labels,
            "header": {
                "labelAnchor": "start",
                "labelLimit": 200,
                "labelPadding": 4,
                "labelExpr": "split(datum.value, '\\n')",
            },
        },
        "columns": min(_COLUMNS, len(labels)),
        "spacing": {"row": 22, "column": 16},
        "spec": {
            "width": 186,
            "height": 120,
            "layer": [
                behind,
                {"mark": line, "encoding": {"x": x, "y": y}},
                {
                    "mark": {
                        "type": "point",
                        "filled": True,
                        "size": 28,
                        "opacity": 1,
                        "color": colour("tokens"),
                        "aria": False,
                    },
                    "encoding": {"x": x, "y": y},
                },
            ],
        },
    }


def _few(low: float, high: float) -> list[float]:
    """Round numbers in a range on a logarithmic axis: at most five."""
    exponents = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [v for e in exponents for m in steps if low <= (v := float(f"{m}e{e}")) <= high]
        if len(found) <= 5:
            break
    return found or [low, high]
