"""The whole analysis of a table, in one call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import polars as pl

from thinkmeter.errors import UsageError
from thinkmeter.findings._disclosure import disclosure
from thinkmeter.findings._gap import GAPS_SCHEMA, check_reference, choose_reference, pool_gaps
from thinkmeter.findings._notes import data_findings
from thinkmeter.findings._profile import (
    PROFILES_SCHEMA,
    opposite_findings,
    pool_profiles,
    profile_findings,
)
from thinkmeter.findings._ranking import (
    AGREEMENT_SCHEMA,
    RANKS_SCHEMA,
    pool_agreement,
    pool_ranks,
    ranking_findings,
)
from thinkmeter.findings._sweep import SWEEPS_SCHEMA, pool_sweeps, sweep_findings
from thinkmeter.findings._types import Analysis, Finding
from thinkmeter.measures._evaluate import evaluate
from thinkmeter.measures._prepare import Prepared, prepare
from thinkmeter.measures._settings import AnalysisSettings
from thinkmeter.table import SampleTable

__all__ = ["analyse"]

_ORDER: Final = ("opposite", "ranking", "profile", "sweep", "data")
"""Kinds of finding, most telling first."""

_ITEMS_COLUMNS: Final = (
    "pool",
    "group",
    "item_id",
    "workload",
    "overhead",
    "mean_tokens",
    "score",
    "attempts",
)


def analyse(table: SampleTable, settings: AnalysisSettings | None = None, **overrides: Any) -> Analysis:
    """Measure, compare and explain: everything this program says about a table.

    A level that the table does not have (tokens, stop reasons, workload, several models) is said to be missing,
    with the reason, and everything else is computed.

    Parameters
    ----------
    table : SampleTable
        One row per attempt.
    settings : AnalysisSettings, optional
        Defaults otherwise.
    **overrides
        Single settings, such as ``scoring="as_graded"`` or ``by=("model",)``.

    Returns
    -------
    Analysis

    Raises
    ------
    UsageError
        If the table is empty, a setting is not known, or a column or reference it names does not exist.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({
    ...     "benchmark": "demo", "model": ["a"] * 4 + ["b"] * 4, "item_id": list("1234") * 2,
    ...     "correct": [True, True, False, True, True, False, False, True],
    ...     "stop_reason": ["finished"] * 7 + ["output_limit"],
    ...     "output_tokens": [100, 120, 300, 80, 400, 900, 700, 1000]})
    >>> found = analyse(SampleTable.from_dataframe(rows), replicates=200)
    >>> found.estimates.filter(measure="accuracy").select("group", "value").rows()
    [('a', 0.75), ('b', 0.25)]
    """
    settings = _settings(settings, overrides)
    prepared = prepare(table, settings)
    groups = prepared.groups
    names = set(groups["group"]) | set(groups["model"].drop_nulls())
    check_reference(names, settings)
    evaluation = evaluate(prepared, settings)
    frames: dict[str, list[pl.DataFrame]] = {
        "gaps": [pl.DataFrame(schema=GAPS_SCHEMA)],
        "profiles": [pl.DataFrame(schema=PROFILES_SCHEMA)],
        "ranks": [pl.DataFrame(schema=RANKS_SCHEMA)],
        "rank_agreement": [pl.DataFrame(schema=AGREEMENT_SCHEMA)],
        "sweeps": [pl.DataFrame(schema=SWEEPS_SCHEMA)],
    }
    findings: list[Finding] = []
    for pool, state in evaluation.pools.items():
        here = groups.filter(pl.col("pool") == pool)
        models: dict[str, str | None] = dict(here.select("group", "model").rows())
        reference, remark = choose_reference(state, models, settings)
        gaps = pool_gaps(state, reference, remark, settings)
        profiles = pool_profiles(state, gaps)
        ranks, agreement = pool_ranks(state, settings), pool_agreement(state, settings)
        sweeps = pool_sweeps(state, here, settings)
        for name, frame in (
            ("gaps", gaps.frame),
            ("profiles", profiles),
            ("ranks", ranks),
            ("rank_agreement", agreement),
            ("sweeps", sweeps),
        ):
            frames[name].append(frame)
        findings += opposite_findings(state, profiles, models)
        findings += ranking_findings(state, ranks, agreement)
        findings += profile_findings(state, gaps, profiles)
        findings += sweep_findings(pool, sweeps)
    findings += data_findings(prepared, evaluation, settings)
    return Analysis(
        settings=settings,
        groups=groups,
        estimates=evaluation.estimates,
        exclusions=prepared.exclusions,
        items=_items(prepared),
        disclosure=disclosure(table, prepared, settings),
        findings=tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.kind))),
        sources=table.sources,
        problems=table.problems,
        **{name: pl.concat(parts) for name, parts in frames.items()},
    )


def _settings(settings: AnalysisSettings | None, overrides: dict[str, Any]) -> AnalysisSettings:
    base = settings or AnalysisSettings()
    try:
        return replace(base, **overrides)
    except TypeError as error:
        known = ", ".join(base.as_dict())
        raise UsageError(f"unknown setting among {', '.join(overrides)}. Settings: {known}.") from error


def _items(prepared: Prepared) -> pl.DataFrame:
    """One row per group and item, for figures."""
    w = pl.col("w")

    def mean(name: str, value: pl.Expr) -> pl.Expr:
        weight = w.filter(value.is_not_null()).sum()
        return pl.when(weight > 0).then((value * w).sum() / weight).alias(name)

    rows = prepared.rows.filter(~pl.col("aggregate") & ~pl.col("errored"))
    found = rows.group_by("pool", "group", "item").agg(
        pl.col("item_id").first(),
        pl.col("W").first().alias("workload"),
        mean("overhead", pl.col("T") / pl.col("W")),
        mean("mean_tokens", pl.col("T")),
        mean("score", pl.col("S")),
        w.sum().alias("attempts"),
    )
    known = pl.any_horizontal(pl.col(c).is_not_null() for c in ("workload", "mean_tokens", "score"))
    return found.filter(known).sort("pool", "group", "item").select(_ITEMS_COLUMNS)
