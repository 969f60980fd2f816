"""Rankings by accuracy, by efficiency and by each factor; how far they agree, and who moves most."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any, Final

import numpy as np
import polars as pl

from thinkmeter.findings._types import Finding
from thinkmeter.findings._words import integer, number, percent
from thinkmeter.measures._evaluate import AGGREGATE_REASON, MEASURES, PoolState
from thinkmeter.measures._settings import AnalysisSettings
from thinkmeter.stats.rank import rank_correlation_interval, rank_intervals

__all__ = [
    "AGREEMENT_SCHEMA",
    "RANKED",
    "RANKS_SCHEMA",
    "pool_agreement",
    "pool_ranks",
    "ranking_findings",
]

RANKED: Final = (
    "accuracy",
    "token_efficiency",
    "completion",
    "conditional_correctness",
    "mean_output_tokens",
    "overhead",
    "coupling",
)
"""Measures that groups are ranked by; rank 1 is best."""

RANKS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "pool": pl.String(),
    "group": pl.String(),
    "measure": pl.String(),
    "value": pl.Float64(),
    "rank": pl.Float64(),
    "rank_low": pl.Float64(),
    "rank_high": pl.Float64(),
}

AGREEMENT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "pool": pl.String(),
    "measure_a": pl.String(),
    "measure_b": pl.String(),
    "spearman": pl.Float64(),
    "spearman_low": pl.Float64(),
    "spearman_high": pl.Float64(),
    "kendall": pl.Float64(),
    "kendall_low": pl.Float64(),
    "kendall_high": pl.Float64(),
    "n_groups": pl.Int64(),
    "reason": pl.String(),
}


def pool_ranks(state: PoolState, settings: AnalysisSettings) -> pl.DataFrame:
    """Rank the groups of a pool by every measure, best first; ties share the better rank.

    Returns
    -------
    polars.DataFrame
        Per `RANKS_SCHEMA`; null bounds where there are no replicates. Undefined values have no rank.
    """
    parts = []
    for name in RANKED:
        if name not in state.values or len(state.groups) < 2:
            continue
        value = state.values[name]
        defined = np.isfinite(value)
        if not defined.any():
            continue
        higher = MEASURES[name].better == "higher"
        found = rank_intervals(value, state.draws[name], higher_is_better=higher, level=settings.level)
        columns = {"value": value, "rank": found.rank, "rank_low": found.low, "rank_high": found.high}
        frame = pl.DataFrame({"group": state.groups, **columns}).filter(defined)
        parts.append(frame.with_columns(pool=pl.lit(state.pool), measure=pl.lit(name)))
    if not parts:
        return pl.DataFrame(schema=RANKS_SCHEMA)
    ends = [pl.col(c).fill_nan(None) for c in ("rank_low", "rank_high")]
    return pl.concat(parts).with_columns(ends).select(list(RANKS_SCHEMA)).sort("measure", "rank", "group")


def pool_agreement(state: PoolState, settings: AnalysisSettings) -> pl.DataFrame:
    """Correlate the rankings of a pool, each oriented so that more is better.

    Returns
    -------
    polars.DataFrame
        Per `AGREEMENT_SCHEMA`.
    """
    names = [n for n in RANKED if n in state.values and np.isfinite(state.values[n]).sum() >= 2]
    rows: list[dict[str, Any]] = []
    for a, b in combinations(names, 2):
        defined = np.isfinite(state.values[a]) & np.isfinite(state.values[b])
        row: dict[str, Any] = {
            "pool": state.pool,
            "measure_a": a,
            "measure_b": b,
            "n_groups": int(defined.sum()),
        }
        rows.append(row)
        row |= _correlate(state, a, b, settings)
    return pl.DataFrame(rows, schema=AGREEMENT_SCHEMA)


def _correlate(state: PoolState, a: str, b: str, settings: AnalysisSettings) -> dict[str, Any]:
    sign = {name: 1.0 if MEASURES[name].better == "higher" else -1.0 for name in (a, b)}
    values = {name: sign[name] * state.values[name] for name in (a, b)}
    draws = {name: sign[name] * state.draws[name] for name in (a, b)}
    found = rank_correlation_interval(values[a], draws[a], values[b], draws[b], level=settings.level)
    names = ("spearman", "spearman_low", "spearman_high", "kendall", "kendall_low", "kendall_high")
    row: dict[str, Any] = {name: _known(getattr(found, name)) for name in names}
    both = np.isfinite(values[a]) & np.isfinite(values[b])
    row["reason"] = found.reason
    if found.reason and row["spearman"] is not None and state.aggregate[both].any():
        row["reason"] = AGGREGATE_REASON
    return row


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def ranking_findings(state: PoolState, ranks: pl.DataFrame, agreement: pl.DataFrame) -> list[Finding]:
    """Say how far accuracy and efficiency rank alike, and whose rank changes by more than chance explains."""
    pair = agreement.filter((pl.col("measure_a") == "accuracy") & (pl.col("measure_b") == "token_efficiency"))
    if pair.is_empty():
        return _leaders(state, ranks)
    row = pair.row(0, named=True)
    if row["spearman"] is None:
        return []
    low, high = row["spearman_low"], row["spearman_high"]
    ends = f" (interval {number(low)} to {number(high)})" if low is not None else ""
    claim = (
        f"The rankings by accuracy and by token efficiency agree with Spearman {number(row['spearman'])}{ends} over "
        f"{row['n_groups']} groups."
    )
    movers, clear = _movers(state, ranks)
    if clear:
        claim += " " + " ".join(clear)
    elif movers:
        claim += " " + movers
    caveats = _caveats(state)
    return [
        Finding(
            kind="ranking",
            claim=claim,
            pool=state.pool,
            estimate=row["spearman"],
            low=math.nan if low is None else low,
            high=math.nan if high is None else high,
            n_items=_items(state),
            caveats=caveats,
        )
    ]


def _items(state: PoolState) -> int:
    counts = state.sums.item_counts("n|S")[~state.aggregate]
    return int(counts.max()) if len(counts) else 0


def _caveats(state: PoolState) -> tuple[str, ...]:
    found = [AGGREGATE_REASON] if state.aggregate.any() else []
    counts = state.sums.item_counts("n|S")[~state.aggregate]
    if len(set(counts.tolist())) > 1:
        found.append("the groups were not all asked the same items; ranks use each group's own")
    if np.isin(state.values["accuracy"], (0.0, 1.0)).any():
        found.append(
            "a group that never fails, or always, varies in no replicate: its rank looks surer than it is"
        )
    return tuple(found)


def _movers(state: PoolState, ranks: pl.DataFrame) -> tuple[str, list[str]]:
    """Return a remark when nobody's move is clear, and a sentence for the clearest rise and fall."""
    a = ranks.filter(pl.col("measure") == "accuracy").select("group", "rank", "rank_low", "rank_high")
    e = ranks.filter(pl.col("measure") == "token_efficiency").select("group", "rank", "rank_low", "rank_high")
    both = a.join(e, on="group", suffix="_e").with_columns(move=pl.col("rank") - pl.col("rank_e"))
    if both["rank_low"].null_count() == both.height:
        return "", []
    apart = (pl.col("rank_low") > pl.col("rank_high_e")) | (pl.col("rank_high") < pl.col("rank_low_e"))
    certain = both.filter(apart).sort("move", "group")
    if certain.is_empty():
        return "No group's rank differs between the two by more than the choice of items could explain.", []
    picked = [certain.row(0, named=True), certain.row(-1, named=True)]
    sentences = []
    for row in picked:
        text = (
            f"{row['group']} is number {_rank(row, '')} by accuracy and number {_rank(row, '_e')} by token "
            "efficiency."
        )
        if text not in sentences:
            sentences.append(text)
    return "", sentences


def _rank(row: dict[str, Any], suffix: str) -> str:
    rank, low, high = (row[f"{name}{suffix}"] for name in ("rank", "rank_low", "rank_high"))
    return integer(rank) if low == high else f"{integer(rank)} ({integer(low)} to {integer(high)})"


def _leaders(state: PoolState, ranks: pl.DataFrame) -> list[Finding]:
    """Without tokens: who is ahead in accuracy, and who cannot be told apart from the best."""
    rows = ranks.filter(pl.col("measure") == "accuracy")
    if rows.height < 2:
        return []
    best = rows.row(0, named=True)
    claim = f"{best['group']} has the highest accuracy, {percent(best['value'])}"
    tied = rows.filter((pl.col("rank_low") <= 1) & (pl.col("group") != best["group"]))
    if rows["rank_low"].null_count() == rows.height:
        claim += "."
    elif tied.is_empty():
        claim += ", and other items would hardly change that."
    else:
        claim += (
            f"; with other items {tied.height} of the other {rows.height - 1} groups could be first as well."
        )
    return [
        Finding(
            "ranking",
            claim,
            state.pool,
            best["group"],
            best["value"],
            n_items=_items(state),
            caveats=_caveats(state),
        )
    ]
