"""The identities hold to rounding on any data: E = 1000 r_c r_l / Tbar and Tbar = mean(W) mean(VO) kappa."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkmeter.measures import AnalysisSettings, evaluate, prepare
from thinkmeter.table import SampleTable

attempt = st.fixed_dictionaries(
    {
        "item_id": st.sampled_from("abcdef"),
        "model": st.sampled_from(["m", "k"]),
        "score": st.integers(0, 1000).map(lambda x: x / 1000),
        "completed": st.booleans(),
        "output_tokens": st.integers(1, 10**6),
        "workload": st.integers(1, 10**5).map(lambda x: x / 100),
        "weight": st.sampled_from([1.0, 2.0, 0.5]),
    }
)


def values(rows: list[dict[str, object]], scoring: str) -> dict[str, dict[str, float | None]]:
    numbered = [{**row, "attempt": at, "benchmark": "b"} for at, row in enumerate(rows)]
    table = SampleTable.from_dataframe(pl.DataFrame(numbered))
    chosen = AnalysisSettings(scoring=scoring, replicates=100)  # type: ignore[arg-type]
    estimates = evaluate(prepare(table, chosen), chosen).estimates
    out: dict[str, dict[str, float | None]] = {}
    for group, measure, value in estimates.select("group", "measure", "value").rows():
        out.setdefault(group, {})[measure] = value
    return out


@settings(max_examples=40, deadline=None)
@given(st.lists(attempt, min_size=1, max_size=25), st.sampled_from(["budget", "as_graded"]))
def test_efficiency_and_token_identities(rows: list[dict[str, object]], scoring: str) -> None:
    for found in values(rows, scoring).values():
        tokens = found["mean_output_tokens"]
        assert tokens is not None
        product = found["mean_workload"] * found["overhead"] * found["coupling"]  # type: ignore[operator]
        assert product == pytest.approx(tokens, rel=1e-12)
        if found["conditional_correctness"] is None:
            assert found["completion"] == 0
            continue
        right = 1000 * found["completion"] * found["conditional_correctness"] / tokens  # type: ignore[operator]
        assert found["token_efficiency"] == pytest.approx(right, rel=1e-12, abs=1e-300)
        if found["token_efficiency"]:
            inverse = 1000 / found["token_efficiency"]
            assert found["tokens_per_correct"] == pytest.approx(inverse, rel=1e-12)
        shares = [found["tokens_wasted_wrong"], found["tokens_wasted_truncated"]]
        assert sum(shares) <= 1 + 1e-12  # type: ignore[arg-type]
        assert found["accuracy"] <= found["accuracy_upper_bound"] + 1e-12  # type: ignore[operator]


@settings(max_examples=20, deadline=None)
@given(st.lists(attempt, min_size=1, max_size=12))
def test_budget_rule_makes_truncated_attempts_wrong(rows: list[dict[str, object]]) -> None:
    for group, found in values(rows, "budget").items():
        mine = [r for r in rows if r["model"] == group]
        right = sum(r["score"] * r["weight"] for r in mine if r["completed"])  # type: ignore[operator]
        total = sum(r["weight"] for r in mine)  # type: ignore[misc]
        assert found["accuracy"] == pytest.approx(right / total, rel=1e-12, abs=1e-15)
