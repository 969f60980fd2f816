"""The solver-derived scale itself, and what happens to the rankings when its references change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from thinkmeter.measures._declare import Array, ratio
from thinkmeter.stats.rank import kendall, spearman

__all__ = ["AUDITS", "AUDIT_SCHEMA", "Attempts", "Scale", "audit_pool", "make_scale"]

AUDITS: Final = ("leave_self_out", "leave_top_k", "held_out")

AUDIT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "pool": pl.String(),
    "audit": pl.String(),
    "detail": pl.String(),
    "measure": pl.String(),
    "spearman": pl.Float64(),
    "kendall": pl.Float64(),
    "n_groups": pl.Int64(),
    "n_items": pl.Int64(),
    "reason": pl.String(),
}

_FEWEST: Final = 3


@dataclass(frozen=True, slots=True)
class Attempts:
    """One pool as dense tables, items by groups.

    Attributes
    ----------
    groups, models, items : list of str
    tokens : ndarray [items, groups]
        Mean tokens of the attempts that finished correctly; NaN where there is none.
    n, S, T : ndarray [items, groups]
        Attempts with score and tokens, and their sums.
    """

    groups: list[str]
    models: list[str]
    items: list[str]
    tokens: Array
    n: Array
    S: Array
    T: Array

    def without_model(self, chosen: Sequence[int], at: int) -> list[int]:
        """Return the chosen references less every setting of the model of a group."""
        return [r for r in chosen if self.models[r] != self.models[at]]

    def by_accuracy(self, chosen: Sequence[int]) -> list[int]:
        """Return the chosen references, most accurate first."""
        accuracy = np.nan_to_num(ratio(self.S.sum(axis=0), self.n.sum(axis=0)), nan=-1.0)
        return sorted(chosen, key=lambda r: (-float(accuracy[r]), self.groups[r]))


@dataclass(frozen=True, slots=True)
class Scale:
    """Work per item (NaN: unscored), solvers per item, references used and dropped, and why there is no scale."""

    work: Array
    solvers: NDArray[np.int64]
    references: list[int]
    dropped: list[int]
    why: str


def make_scale(attempts: Attempts, chosen: Sequence[int], q: int, min_common: int) -> Scale:
    """Derive the scale from some references.

    Each reference's tokens are divided by its mean over the items that all references solved. Where those are fewer
    than `min_common`, the reference that solved fewest items is dropped, again and again.
    """
    solved = ~np.isnan(attempts.tokens)
    used = list(chosen)
    dropped: list[int] = []
    common = solved[:, used].all(axis=1)
    while len(used) > max(q, 1) and common.sum() < min_common:
        weakest = min(used, key=lambda r: (int(solved[:, r].sum()), attempts.groups[r]))
        used.remove(weakest)
        dropped.append(weakest)
        common = solved[:, used].all(axis=1)
    work = np.full(len(attempts.items), np.nan)
    if len(used) < q or common.sum() < min_common:
        why = (
            f"{len(used)} references are fewer than q = {q}"
            if len(used) < q
            else f"no {q} references have {min_common} solved items in common"
        )
        return Scale(work, np.zeros(len(work), dtype=np.int64), used, dropped, why)
    solvers = solved[:, used].sum(axis=1).astype(np.int64)
    relative = attempts.tokens[:, used] / attempts.tokens[common][:, used].mean(axis=0)
    scored = solvers >= q
    work[scored] = np.nanmedian(relative[scored], axis=1)
    positive = work > 0
    work = np.where(positive, work, np.nan)
    if positive.any():
        work = work / np.nanmean(work)
    return Scale(work, solvers, used, dropped, "")


def audit_pool(
    pool: str,
    attempts: Attempts,
    chosen: Sequence[int],
    full: Scale,
    audits: Sequence[str],
    *,
    q: int,
    top_k: int,
    min_common: int,
) -> pl.DataFrame:
    """Compare the rankings by overhead and efficiency under other scales with those under the full-pool scale."""
    rows: list[dict[str, Any]] = []
    everyone = list(range(len(attempts.groups)))
    base = _measure(attempts, dict.fromkeys(everyone, full))

    def add(audit: str, detail: str, scales: dict[int, Scale]) -> None:
        other = _measure(attempts, scales)
        n_items = min((int((~np.isnan(scale.work)).sum()) for scale in scales.values()), default=0)
        for name in ("overhead", "token_efficiency"):
            row = {"pool": pool, "audit": audit, "detail": detail, "measure": name, "n_items": n_items}
            rows.append(row | _agreement(base[name], other[name], list(scales)))

    if "leave_self_out" in audits:
        own = {at: make_scale(attempts, attempts.without_model(chosen, at), q, min_common) for at in everyone}
        add("leave_self_out", "each model by a scale made without it", own)
    ranked = attempts.by_accuracy(chosen)
    if "leave_top_k" in audits:
        for k in range(1, min(top_k, len(ranked)) + 1):
            scale = make_scale(attempts, ranked[k:], q, min_common)
            add(
                "leave_top_k",
                f"without {', '.join(attempts.groups[r] for r in ranked[:k])}",
                dict.fromkeys(everyone, scale),
            )
    if "held_out" in audits:
        # Every other reference by accuracy, so that both halves are as strong; each judges the groups outside it.
        for name, half in (("odd", ranked[::2]), ("even", ranked[1::2])):
            scale = make_scale(attempts, half, q, min_common)
            models = {attempts.models[r] for r in half}
            outside = [at for at in everyone if attempts.models[at] not in models]
            add(
                "held_out",
                f"{name} accuracy ranks make the scale, the others are judged",
                dict.fromkeys(outside, scale),
            )
    return pl.DataFrame(rows, schema=AUDIT_SCHEMA)


def _measure(attempts: Attempts, scales: dict[int, Scale]) -> dict[str, Array]:
    overhead = np.full(len(attempts.groups), np.nan)
    efficiency = np.full(len(attempts.groups), np.nan)
    for at, scale in scales.items():
        scored = ~np.isnan(scale.work)
        n, S, T = (table[scored, at] for table in (attempts.n, attempts.S, attempts.T))
        overhead[at] = ratio(np.sum(T / scale.work[scored]), n.sum())
        efficiency[at] = 1000 * ratio(S.sum(), T.sum())
    return {"overhead": overhead, "token_efficiency": efficiency}


def _agreement(base: Array, other: Array, judged: list[int]) -> dict[str, Any]:
    both = [at for at in judged if np.isfinite(base[at]) and np.isfinite(other[at])]
    if len(both) < _FEWEST:
        return {"n_groups": len(both), "reason": f"fewer than {_FEWEST} groups can be compared"}
    values = [float(f(base[both], other[both])) for f in (spearman, kendall)]
    if not np.isfinite(values).all():
        return {"n_groups": len(both), "reason": "all groups are tied"}
    return {"n_groups": len(both), "spearman": values[0], "kendall": values[1]}
