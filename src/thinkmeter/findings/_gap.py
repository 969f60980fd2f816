"""Why one group gets more correct answers per token than another: a gap in logs, and the factors that add up to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from thinkmeter.errors import UsageError
from thinkmeter.findings._factors import (
    DECOMPOSITIONS,
    FACTOR_LABELS,
    Decomposition,
    choose_decomposition,
    coverage,
)
from thinkmeter.findings._sides import Results, against_mean, against_one
from thinkmeter.measures._declare import Array
from thinkmeter.measures._evaluate import AGGREGATE_REASON, PoolState, quantity
from thinkmeter.measures._settings import AnalysisSettings

__all__ = [
    "GAPS_SCHEMA",
    "GEOMETRIC_MEAN",
    "MIN_GAP",
    "GroupGap",
    "PoolGaps",
    "choose_reference",
    "pool_gaps",
]

GEOMETRIC_MEAN: Final = "geometric mean of the pool"

MIN_GAP: Final = 0.01
"""A gap of less than this (in logs: about 1 %) has no meaningful shares."""

MIN_ITEMS_SHARE: Final = 0.5
"""A group can be the best of its pool when it has at least this share of the items of the largest group."""

GAPS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "pool": pl.String(),
    "group": pl.String(),
    "reference": pl.String(),
    "factor": pl.String(),
    "log_contribution": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "share": pl.Float64(),
    "share_low": pl.Float64(),
    "share_high": pl.Float64(),
    "n_items": pl.Int64(),
    "reason": pl.String(),
}

_NO_WORKLOAD_DRIFT: Final = 1e-9


@dataclass(frozen=True, slots=True)
class GroupGap:
    """One group against the reference.

    Attributes
    ----------
    of : str
        What is decomposed: ``"token_efficiency"``, or ``"accuracy"`` without tokens.
    factors : dict of str to float
        Log contributions; they add up to the total.
    draws : dict of str to ndarray [R], or empty where there are none
    n_items : int
        Items both attempted; 0 where unknown.
    numbers : dict of str to (float, float)
        Each factor itself, of the group and of the reference, on those items.
    """

    of: str
    factors: dict[str, float]
    draws: dict[str, Array]
    n_items: int
    numbers: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolGaps:
    """Gaps of one pool: the frame, and what profiles need."""

    reference: str
    reason: str
    frame: pl.DataFrame
    groups: dict[str, GroupGap]


def choose_reference(
    state: PoolState, models: Mapping[str, str | None], settings: AnalysisSettings
) -> tuple[str, str]:
    """Return the reference group of a pool (or `GEOMETRIC_MEAN`, or empty), and a remark or reason.

    Raises
    ------
    UsageError
        Never; whether a named reference exists anywhere is checked by the caller, see `check_reference`.
    """
    if settings.reference == "geometric_mean":
        return GEOMETRIC_MEAN, ""
    efficiency, accuracy = state.values["token_efficiency"], state.values["accuracy"]
    if settings.reference != "best":
        if settings.reference in state.groups:
            return settings.reference, ""
        chosen = [at for at, name in enumerate(state.groups) if models.get(name) == settings.reference]
        if not chosen:
            return "", f"the reference {settings.reference!r} is not in this pool"
    else:
        chosen = list(range(len(state.groups)))
    covered = coverage(state.sums)
    finest = {at: _finest(covered, at) for at in chosen}
    # A reference without known completion would leave the whole pool without its finer factors.
    best_level = min(finest.values())
    if best_level >= len(DECOMPOSITIONS):
        return "", "no attempt is scored"
    chosen = [at for at in chosen if finest[at] == best_level]
    chosen = _with_enough_items(state, chosen)
    values = efficiency if np.isfinite(efficiency[chosen]).any() else accuracy
    best = max(chosen, key=lambda at: values[at] if np.isfinite(values[at]) else -1.0)
    if len(state.groups) == 1:
        return state.groups[best], "the pool has one group: there is nothing to compare it with"
    return state.groups[best], ""


def _with_enough_items(state: PoolState, chosen: list[int]) -> list[int]:
    # Two easy items solved in ten tokens make nobody the best of the pool.
    if state.aggregate.any():
        return chosen
    counts = state.sums.item_counts(quantity("n", "S"))
    most = max(counts[at] for at in chosen)
    return [at for at in chosen if counts[at] >= MIN_ITEMS_SHARE * most]


def _finest(covered: Mapping[str, Array], at: int) -> int:
    found = choose_decomposition(covered, [at])
    return DECOMPOSITIONS.index(found) if found else len(DECOMPOSITIONS)


def check_reference(names: set[str], settings: AnalysisSettings) -> None:
    """Refuse a reference that no pool knows."""
    if settings.reference in {"best", "geometric_mean"} or settings.reference in names:
        return
    known = ", ".join(sorted(names))
    raise UsageError(
        f"reference {settings.reference!r} is not there. Use best, geometric_mean or one of: {known}."
    )


def pool_gaps(state: PoolState, reference: str, remark: str, settings: AnalysisSettings) -> PoolGaps:
    """Attribute every group's gap to the reference.

    Parameters
    ----------
    state : PoolState
    reference, remark : str
        From `choose_reference`.
    settings : AnalysisSettings

    Returns
    -------
    PoolGaps
        Frame per `GAPS_SCHEMA`; no rows for the reference itself.
    """
    rows: list[dict[str, Any]] = []
    groups: dict[str, GroupGap] = {}
    others = [at for at, name in enumerate(state.groups) if name != reference]
    if not reference:
        rows = [_row(state, at, reference, "total", reason=remark) for at in others]
        return PoolGaps(reference, remark, pl.DataFrame(rows, schema=GAPS_SCHEMA), groups)
    base = None if reference == GEOMETRIC_MEAN else state.groups.index(reference)
    for decomposition, members in _by_decomposition(state, others, base).items():
        if decomposition is None:
            rows += [_row(state, at, reference, "total", reason=_outside(state, at)) for at in members]
            continue
        if base is None:
            items, points = against_mean(state, decomposition, members, settings)
        else:
            items, points = against_one(state, decomposition, base, settings)
        for at in members:
            results = points if state.aggregate[at] or _aggregate(state, base) else items
            found, more = _group_rows(state, at, reference, decomposition, results)
            rows += more
            if found is not None:
                groups[state.groups[at]] = found
    frame = pl.DataFrame(rows, schema=GAPS_SCHEMA).sort("group", maintain_order=True)
    return PoolGaps(reference, remark, frame, groups)


def _by_decomposition(
    state: PoolState, others: list[int], base: int | None
) -> dict[Decomposition | None, list[int]]:
    found: dict[Decomposition | None, list[int]] = {}
    covered = coverage(state.sums)
    if base is not None:
        for at in others:
            found.setdefault(choose_decomposition(covered, [at, base]), []).append(at)
        return found
    # One mean for the whole pool: the finest that at least half of the groups can take part in.
    finest = {at: choose_decomposition(covered, [at]) for at in others}
    levels = {at: DECOMPOSITIONS.index(d) for at, d in finest.items() if d is not None}
    if not levels:
        return {None: others}
    level = sorted(levels.values())[(len(levels) - 1) // 2]
    members = [at for at in others if levels.get(at, len(DECOMPOSITIONS)) <= level]
    found[DECOMPOSITIONS[level]] = members
    if len(members) < len(others):
        found[None] = [at for at in others if at not in members]
    return found


def _outside(state: PoolState, at: int) -> str:
    if state.sums.totals(quantity("n", "S"))[at] > 0:
        return (
            "tokens or completion are known for less than half of its attempts, unlike for most of the pool"
        )
    return "no attempt is scored"


def _aggregate(state: PoolState, base: int | None) -> bool:
    return bool(state.aggregate.any() if base is None else state.aggregate[base])


_LOWER_IS_BETTER: Final = ("output_tokens", "overhead", "coupling", "mean_workload")


def _group_rows(
    state: PoolState, at: int, reference: str, decomposition: Decomposition, results: Results
) -> tuple[GroupGap | None, list[dict[str, Any]]]:
    factors = [name for name in decomposition.factors if not _is_idle(name, results, at)]
    known = results.estimates is not None
    if known and results.n_items[at] == 0:
        reason = "no item that both attempted, with all it needs known"
        return None, [_row(state, at, reference, "total", reason=reason)]
    why_no_share = _no_share(results, at)
    rows = []
    for name in (*factors, "total"):
        value = float(results.values[f"c.{name}"][at])
        row = _row(state, at, reference, name, n_items=int(results.n_items[at]) if known else None)
        rows.append(row)
        if not np.isfinite(value):
            row["reason"] = _zero(name, decomposition, results, at)
            continue
        row["log_contribution"] = value
        row |= _ends(results, f"c.{name}", at, ("low", "high"))
        if name == "total":
            row["share"] = None if why_no_share else 1.0
        elif not why_no_share:
            row["share"] = float(results.values[f"s.{name}"][at])
            row |= _ends(results, f"s.{name}", at, ("share_low", "share_high"))
        row["reason"] = _remark(state, results, name, decomposition, at, why_no_share)
    return _gap(decomposition, results, factors, at), rows


def _gap(decomposition: Decomposition, results: Results, factors: list[str], at: int) -> GroupGap | None:
    values = {name: float(results.values[f"c.{name}"][at]) for name in (*factors, "total")}
    draws: dict[str, Array] = {}
    if results.estimates is not None:
        for name in values:
            drawn = results.estimates[f"c.{name}"].draws
            if drawn is not None:
                draws[name] = drawn[:, at]
    numbers = {}
    for name in values:
        sign = -1 if name in _LOWER_IS_BETTER else 1
        with np.errstate(all="ignore"):
            pair = np.exp([sign * results.own[name][at], sign * results.theirs[name][at]])
        numbers[name] = (float(pair[0]), float(pair[1]))
    return GroupGap(decomposition.of, values, draws, int(results.n_items[at]), numbers)


def _is_idle(name: str, results: Results, at: int) -> bool:
    """Mean workload is a factor only where unequal repeats keep it from cancelling."""
    return name == "mean_workload" and not abs(results.values[f"c.{name}"][at]) > _NO_WORKLOAD_DRIFT


def _ends(results: Results, name: str, at: int, keys: tuple[str, str]) -> dict[str, float | None]:
    if results.estimates is None:
        return {}
    found = results.estimates[name]
    ends = (float(found.low[at]), float(found.high[at]))
    return {key: end if np.isfinite(end) else None for key, end in zip(keys, ends, strict=True)}


def _no_share(results: Results, at: int) -> str:
    total = results.values["c.total"][at]
    if not np.isfinite(total):
        return "the gap itself is undefined"
    if abs(total) < MIN_GAP:
        return f"the gap is {total:+.4f} in logs, about 0: shares of it are undefined"
    if results.estimates is not None:
        low, high = (float(getattr(results.estimates["c.total"], end)[at]) for end in ("low", "high"))
        if low <= 0 <= high:
            return f"the gap's interval ({low:+.3f} to {high:+.3f} in logs) includes 0: shares are undefined"
    return ""


def _zero(name: str, decomposition: Decomposition, results: Results, at: int) -> str:
    """Name the factor that is 0 (or undefined), and whose."""
    for factor in decomposition.factors if name == "total" else (name,):
        for whose, logs in (("the group", results.own), ("the reference", results.theirs)):
            value = logs[factor][at]
            if not np.isfinite(value):
                what = "0" if value == -np.inf else "undefined"
                return f"{FACTOR_LABELS[factor]} of {whose} is {what}: its log is undefined"
    return f"{FACTOR_LABELS.get(decomposition.of, 'the measure')} is 0"


def _remark(
    state: PoolState, results: Results, name: str, decomposition: Decomposition, at: int, no_share: str
) -> str | None:
    parts = []
    if decomposition.of == "accuracy" and name == "total":
        why = "tokens unknown" if decomposition.factors else "tokens and completion unknown"
        parts.append(f"{why}: the gap is that of accuracy")
    if decomposition.population == "ST" and name == "accuracy":
        parts.append("completion unknown: only its product with conditional correctness is known")
    if name == "mean_workload":
        parts.append(
            "does not cancel: items were repeated unequally often, or each group has a scale of its own"
        )
    if results.estimates is None:
        parts.append(AGGREGATE_REASON)
    else:
        found = results.estimates[f"c.{name}"].reason[at]
        parts += [found] if found else []
    parts += [no_share] if no_share else []
    return "; ".join(parts) or None


def _row(
    state: PoolState, at: int, reference: str, factor: str, *, n_items: int | None = None, reason: str = ""
) -> dict[str, Any]:
    return {
        "pool": state.pool,
        "group": state.groups[at],
        "reference": reference or None,
        "factor": factor,
        "n_items": n_items,
        "reason": reason or None,
    }
