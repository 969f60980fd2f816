"""Every model of every real file: our measures equal reference figures computed by plain aggregation."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from thinkmeter.measures import AnalysisSettings, evaluate, prepare
from thinkmeter.table import DEFAULT_COMPLETION_RULES, SampleTable

# How each source's completion rule in facts.csv is said in ours.
RULES = {
    "bullshit_bench": (*DEFAULT_COMPLETION_RULES, "error_is_failure"),
    "reasoning_gym_easy": ("nonempty_output",),
    "reasoning_gym_hard": ("nonempty_output",),
}
FILES = (
    "bullshit_bench",
    "concise_cot",
    "gsm8k_example_solutions",
    "lrm_token_economy",
    "metr_runs",
    "reasoning_gym_easy",
    "reasoning_gym_hard",
    "zeroeval_crux",
    "zeroeval_gsm",
    "zeroeval_math_l5",
)
# Ours -> (column of facts.csv, column that counts its population, scoring rule)
CHECKED = {
    "accuracy": ("accuracy", "n_scored", "as_graded"),
    "completion": ("completion", "n_completion_known", "as_graded"),
    "conditional_correctness": ("accuracy_given_completed", None, "budget"),
    "mean_output_tokens": ("mean_output_tokens", "n_tokens", "as_graded"),
}


@pytest.mark.parametrize("name", FILES)
def test_measures_equal_the_reference_figures(
    name: str, sample_table: Callable[[str], SampleTable], shared_data: Path
) -> None:
    table = sample_table(name)
    facts = pl.read_csv(shared_data / "facts.csv", infer_schema_length=None).filter(pl.col("file") == name)
    assert facts.height > 0
    found = {}
    for scoring in ("as_graded", "budget"):
        settings = AnalysisSettings(
            by=("benchmark", "model"),
            scoring=scoring,  # type: ignore[arg-type]
            replicates=100,
            completion_rules=RULES.get(name, ("stop_reason",)),
        )
        prepared = prepare(table, settings)
        rows = evaluate(prepared, settings).estimates.iter_rows(named=True)
        found[scoring] = {(r["pool"], r["group"], r["measure"]): r for r in rows}
        assert prepared.groups.height == facts.height
    for fact in facts.iter_rows(named=True):
        for measure, (column, counted, scoring) in CHECKED.items():
            row = found[scoring][fact["benchmark"], fact["model"], measure]
            expected = fact[column]
            if expected is None or (isinstance(expected, float) and math.isnan(expected)):
                assert row["value"] is None
                assert row["reason"]
            else:
                # facts.csv is rounded to six decimals
                assert row["value"] == pytest.approx(expected, abs=6e-7)
            if counted and fact[counted]:
                assert row["n_attempts"] == fact[counted]
        tokens = found["as_graded"][fact["benchmark"], fact["model"], "mean_output_tokens"]
        if fact["total_output_tokens"]:
            total = tokens["value"] * tokens["n_attempts"]
            assert total == pytest.approx(fact["total_output_tokens"], rel=1e-12)
        if name == "lrm_token_economy" and fact["mean_tokens_when_wrong"] is not None:
            row = found["as_graded"][fact["benchmark"], fact["model"], "wrong_to_right_tokens"]
            ratio = fact["mean_tokens_when_wrong"] / fact["mean_tokens_when_correct"]
            assert row["value"] == pytest.approx(ratio, rel=1e-6)
        assert tokens["n_items"] <= fact["n_samples"]


def test_cut_and_correct_attempts_under_both_rules(sample_table: Callable[[str], SampleTable]) -> None:
    table = sample_table("metr_runs")
    accuracy = {}
    for scoring in ("budget", "as_graded"):
        settings = AnalysisSettings(scoring=scoring, replicates=100)  # type: ignore[arg-type]
        found = evaluate(prepare(table, settings), settings).estimates
        cut = found.filter(measure="truncated_correct")
        assert cut["value"].sum() == 51  # the same count whatever the rule
        assert cut["low"].null_count() == cut.height
        rows = found.filter(measure="accuracy")
        accuracy[scoring] = float((rows["value"] * rows["n_attempts"]).sum())
    assert accuracy["as_graded"] - accuracy["budget"] == pytest.approx(51)
