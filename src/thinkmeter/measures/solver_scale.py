"""A workload scale for benchmarks that declare none, derived from how many tokens reference models needed.

An item's work is the median, over the reference models that finished it correctly, of the tokens each needed relative
to its own mean over the items that all of them solved; rescaled to mean 1. The idea is of Kaiser et al.
(arXiv 2602.09805, v2); the formula is ours. A scale made of the models it then judges is circular: audits show how far
the rankings hang on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from thinkmeter.errors import UsageError
from thinkmeter.measures._declare import Array
from thinkmeter.measures._prepare import SEPARATOR, Prepared, prepare
from thinkmeter.measures._settings import AnalysisSettings
from thinkmeter.measures._solver_audit import AUDIT_SCHEMA, AUDITS, Attempts, Scale, audit_pool, make_scale
from thinkmeter.table import SampleTable

__all__ = ["SCALE_SCHEMA", "SolverWorkload", "solver_workload"]

SCALE_SCHEMA: Final[dict[str, pl.DataType]] = {
    "pool": pl.String(),
    "benchmark": pl.String(),
    "item_id": pl.String(),
    "workload": pl.Float64(),
    "solvers": pl.Int64(),
    "reason": pl.String(),
}


@dataclass(frozen=True, slots=True)
class SolverWorkload:
    """A derived workload scale.

    Attributes
    ----------
    table : SampleTable
        The attempts, with ``workload`` and ``workload_name`` replaced by the derived scale.
    scale : polars.DataFrame
        pool, benchmark, item_id, workload (full-pool scale; null: unscored), solvers, reason.
    audits : polars.DataFrame
        pool, audit, detail, measure ("overhead" or "token_efficiency"), spearman, kendall (with the full-pool scale),
        n_groups, n_items, reason.
    references : dict of str to tuple of str
        Per pool, the reference groups that the full-pool scale rests on.
    dropped : dict of str to tuple of str
        Per pool, references left out, weakest first, because otherwise too few items were solved by all.
    unscored : dict of str to int
        Per pool, items with fewer than q solvers.
    leave_self_out : bool
        Whether a model's own answers are left out of the scale it is judged by.
    """

    table: SampleTable
    scale: pl.DataFrame
    audits: pl.DataFrame
    references: dict[str, tuple[str, ...]]
    dropped: dict[str, tuple[str, ...]]
    unscored: dict[str, int]
    leave_self_out: bool


def solver_workload(
    table: SampleTable,
    settings: AnalysisSettings | None = None,
    *,
    references: Sequence[str] = (),
    leave_self_out: bool = True,
    audit: Sequence[str] = AUDITS,
    q: int = 3,
    top_k: int = 1,
    min_common: int = 5,
    **overrides: Any,
) -> SolverWorkload:
    """Derive a workload for every item from the models that solved it.

    Parameters
    ----------
    table : SampleTable
    settings : AnalysisSettings, optional
        Grouping, scoring and completion rules.
    references : sequence of str, optional
        Groups or models that make the scale; all by default.
    leave_self_out : bool, optional
        Judge each model by a scale made without it (default). Models that are no references are not affected.
    audit : sequence of str, optional
        Of ``"leave_self_out"``, ``"leave_top_k"``, ``"held_out"``: what to compare with the full-pool scale.
    q : int, optional
        Items with fewer solvers stay without a workload.
    top_k : int, optional
        How many of the most accurate references ``"leave_top_k"`` leaves out, one after another.
    min_common : int, optional
        Items that all references must have solved, for their tokens to be put on one footing; the weakest references
        are left out until there are so many.
    **overrides
        Single settings.

    Returns
    -------
    SolverWorkload

    Raises
    ------
    UsageError
        If a reference or audit is unknown, or a number is below 1.

    Examples
    --------
    >>> import polars as pl
    >>> rows = [{"benchmark": "b", "model": m, "item_id": str(i), "correct": True, "stop_reason": "finished",
    ...     "output_tokens": size * (i + 1)} for m, size in (("x", 10), ("y", 20), ("z", 70)) for i in range(5)]
    >>> found = solver_workload(SampleTable.from_dataframe(pl.DataFrame(rows)), q=2)
    >>> found.scale["workload"].round(6).to_list()
    [0.333333, 0.666667, 1.0, 1.333333, 1.666667]
    """
    settings = replace(settings or AnalysisSettings(), **overrides)
    for name, value in (("q", q), ("top_k", top_k), ("min_common", min_common)):
        if value < 1:
            raise UsageError(f"{name}: expected 1 or more, got {value}.")
    for name in audit:
        if name not in AUDITS:
            raise UsageError(f"unknown audit {name!r}. Audits: {', '.join(AUDITS)}.")
    prepared = prepare(table, settings)
    _check(references, prepared)
    scales, audits, judged = [], [pl.DataFrame(schema=AUDIT_SCHEMA)], []
    used, dropped, unscored = {}, {}, {}
    for pool in prepared.pools:
        attempts = _attempts(prepared, pool)
        chosen = _chosen(references, attempts)
        full = make_scale(attempts, chosen, q, min_common)
        used[pool] = tuple(attempts.groups[at] for at in full.references)
        dropped[pool] = tuple(attempts.groups[at] for at in full.dropped)
        unscored[pool] = int(np.isnan(full.work).sum())
        scales.append(_scale_frame(pool, attempts, full, q))
        audits.append(
            audit_pool(pool, attempts, chosen, full, audit, q=q, top_k=top_k, min_common=min_common)
        )
        judged.append(_judged(attempts, chosen, full, leave_self_out, q, min_common, pool))
    name = f"solver-derived, q={q}" + (", leave-self-out" if leave_self_out else "")
    frame = _with_workload(table, prepared, pl.concat(judged), name)
    return SolverWorkload(
        frame, pl.concat(scales), pl.concat(audits), used, dropped, unscored, leave_self_out
    )


def _check(references: Sequence[str], prepared: Prepared) -> None:
    known = set(prepared.groups["group"]) | set(prepared.groups["model"].drop_nulls())
    for name in references:
        if name not in known:
            raise UsageError(f"reference {name!r} is not there. Groups: {', '.join(sorted(known))}.")


def _attempts(prepared: Prepared, pool: str) -> Attempts:
    """Dense tables of one pool: items by groups."""
    usable = (pl.col("pool") == pool) & ~pl.col("errored") & ~pl.col("aggregate")
    rows = prepared.rows.filter(usable)
    here = prepared.groups.filter(pl.col("pool") == pool)
    groups = here["group"].to_list()
    models = [model or group for group, model in here.select("group", "model").rows()]
    items = rows["item"].unique().sort().to_list()
    # An attempt whose stop reason is unknown but which is right did answer: it counts as finished.
    solved = (pl.col("S") == 1) & (pl.col("C").fill_null(1.0) == 1) & pl.col("T").is_not_null()
    both = pl.col("S").is_not_null() & pl.col("T").is_not_null()
    w = pl.col("w")
    cells = rows.group_by("item", "group").agg(
        (pl.col("T") * w).filter(solved).sum().alias("T_solved"),
        w.filter(solved).sum().alias("n_solved"),
        (pl.col("T") * w).filter(both).sum().alias("T"),
        (pl.col("S") * w).filter(both).sum().alias("S"),
        w.filter(both).sum().alias("n"),
    )
    at_item = {name: at for at, name in enumerate(items)}
    at_group = {name: at for at, name in enumerate(groups)}
    row = [at_item[name] for name in cells["item"]]
    column = [at_group[name] for name in cells["group"]]
    tables = {}
    for name in ("T_solved", "n_solved", "T", "S", "n"):
        table = np.zeros((len(items), len(groups)))
        table[row, column] = cells[name].to_numpy()
        tables[name] = table
    with np.errstate(invalid="ignore", divide="ignore"):
        tokens = np.where(tables["n_solved"] > 0, tables["T_solved"] / tables["n_solved"], np.nan)
    return Attempts(groups, models, items, tokens, tables["n"], tables["S"], tables["T"])


def _chosen(references: Sequence[str], attempts: Attempts) -> list[int]:
    if not references:
        return list(range(len(attempts.groups)))
    names = zip(attempts.groups, attempts.models, strict=True)
    return [at for at, (group, model) in enumerate(names) if group in references or model in references]


def _scale_frame(pool: str, attempts: Attempts, full: Scale, q: int) -> pl.DataFrame:
    keys = [item.split(SEPARATOR, 1) for item in attempts.items]
    few = full.why or f"fewer than {q} references solved it"
    scored = ~np.isnan(full.work)
    return pl.DataFrame(
        {
            "pool": [pool] * len(keys),
            "benchmark": [key[0] for key in keys],
            "item_id": [key[1] for key in keys],
            "workload": [float(x) if ok else None for x, ok in zip(full.work, scored, strict=True)],
            "solvers": full.solvers,
            "reason": [None if ok else few for ok in scored],
        },
        schema=SCALE_SCHEMA,
    )


def _judged(
    attempts: Attempts,
    chosen: list[int],
    full: Scale,
    leave_self_out: bool,
    q: int,
    min_common: int,
    pool: str,
) -> pl.DataFrame:
    """The workload each group is judged by, long."""
    parts = []
    for at, group in enumerate(attempts.groups):
        own = full
        if leave_self_out and attempts.models[at] in {attempts.models[r] for r in chosen}:
            others = attempts.without_model(chosen, at)
            own = make_scale(attempts, others, q, min_common)
        parts.append(
            pl.DataFrame(
                {
                    "pool": pool,
                    "group": group,
                    "item": attempts.items,
                    "derived": _nullable(own.work),
                },
                schema={"pool": pl.String, "group": pl.String, "item": pl.String, "derived": pl.Float64},
            )
        )
    return pl.concat(parts)


def _nullable(values: Array) -> list[float | None]:
    known: NDArray[np.bool_] = ~np.isnan(values)
    return [float(x) if ok else None for x, ok in zip(values, known, strict=True)]


def _with_workload(table: SampleTable, prepared: Prepared, judged: pl.DataFrame, name: str) -> SampleTable:
    # prepare keeps the order of the table's rows, so that labels can be laid beside them.
    labels = prepared.rows.select("pool", "group", "item")
    derived = labels.join(judged, on=["pool", "group", "item"], how="left", maintain_order="left")["derived"]
    frame = table.frame.with_columns(
        derived.alias("workload"),
        pl.when(derived.is_not_null()).then(pl.lit(name)).alias("workload_name"),
    )
    return table.with_frame(frame)
