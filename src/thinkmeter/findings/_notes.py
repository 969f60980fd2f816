"""What is missing from the data, or odd in it, in words: shares of attempts that no measure could use."""

from __future__ import annotations

from typing import Final

import polars as pl

from thinkmeter.findings._types import Finding
from thinkmeter.findings._words import integer, percent
from thinkmeter.measures._evaluate import AGGREGATE_REASON, Evaluation
from thinkmeter.measures._prepare import ERRORED, Prepared
from thinkmeter.measures._settings import AnalysisSettings

__all__ = ["data_findings"]

_CONSEQUENCE: Final = {
    "accuracy": "are not scored and count nowhere that needs a score",
    "completion": "do not say why they stopped, so whether they were cut off is unknown",
    "tokens": "have no token count, so tokens and efficiency leave them out",
}


def data_findings(prepared: Prepared, evaluation: Evaluation, settings: AnalysisSettings) -> list[Finding]:
    """Say per pool what is unknown, what was truncated but correct, and that aggregates have no intervals."""
    out = []
    attempts = dict(prepared.groups.group_by("pool").agg(pl.col("n_attempts").sum()).rows())
    lost = prepared.exclusions.filter(pl.col("population").is_in(list(_CONSEQUENCE)))
    for pool, state in evaluation.pools.items():
        total = attempts[pool]
        here = lost.filter(pl.col("pool") == pool)
        for population, consequence in _CONSEQUENCE.items():
            part = here.filter((pl.col("population") == population) & (pl.col("reason") != ERRORED))
            count = float(part["attempts"].sum())
            if count > 0:
                claim = (
                    f"{integer(count)} of {integer(total)} attempts ({percent(count / total)}) {consequence}."
                )
                out.append(Finding("data", claim, pool, estimate=count / total))
        errored = float(
            here.filter((pl.col("reason") == ERRORED) & (pl.col("population") == "tokens"))["attempts"].sum()
        )
        if errored > 0:
            claim = f"{integer(errored)} of {integer(total)} attempts ended in an error and are left out of every measure."
            out.append(Finding("data", claim, pool, estimate=errored / total))
        cut_right = float(pl.Series(state.values["truncated_correct"]).fill_nan(0.0).sum())
        if cut_right > 0:
            verdict = "not correct" if settings.scoring == "budget" else "correct"
            claim = (
                f"{integer(cut_right)} attempts were cut off and still graded correct; they count as {verdict} under "
                f"the rule '{settings.scoring}'."
            )
            out.append(Finding("data", claim, pool, estimate=cut_right))
        if state.aggregate.any():
            out.append(Finding("data", f"Some groups come from a {AGGREGATE_REASON}, so no intervals.", pool))
    return out
