"""Gap attribution: factors add up, on common items only, and it says when it cannot be done."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkmeter.errors import UsageError
from thinkmeter.findings import analyse
from thinkmeter.table import SampleTable

Made = Callable[..., SampleTable]

attempt = st.fixed_dictionaries(
    {
        "item_id": st.sampled_from("abcd"),
        "model": st.sampled_from(["m", "k", "r"]),
        "score": st.sampled_from([0.0, 0.3, 1.0]),
        "completed": st.booleans(),
        "output_tokens": st.integers(1, 10**6),
        "workload": st.sampled_from([None, 1.0, 2.5, 40.0]),
    }
)


def parts(gaps: pl.DataFrame, group: str) -> dict[str, dict[str, Any]]:
    return {row["factor"]: row for row in gaps.filter(pl.col("group") == group).iter_rows(named=True)}


@settings(max_examples=40, deadline=None)
@given(st.lists(attempt, min_size=2, max_size=20), st.sampled_from(["best", "geometric_mean"]))
def test_factors_add_up_or_the_reason_is_there(rows: list[dict[str, Any]], reference: str) -> None:
    numbered = [{**row, "attempt": at, "benchmark": "b"} for at, row in enumerate(rows)]
    table = SampleTable.from_dataframe(pl.DataFrame(numbered, infer_schema_length=None))
    found = analyse(table, replicates=100, reference=reference)
    for group in found.groups["group"]:
        factors = parts(found.gaps, group)
        if not factors:
            assert found.profiles.filter(pl.col("group") == group)["profile"].item() == "reference"
            continue
        total = factors.pop("total")
        if total["log_contribution"] is None:
            assert total["reason"]
            continue
        summed = sum(row["log_contribution"] for row in factors.values())
        if factors:
            assert summed == pytest.approx(total["log_contribution"], abs=1e-12)
        if total["share"] is not None and factors:
            assert sum(row["share"] for row in factors.values()) == pytest.approx(1)
        else:
            assert total["reason"] or not factors


def test_total_is_the_log_ratio_of_efficiencies(made: Made) -> None:
    found = analyse(made(a={"tokens": 500}, b={"correctness": 0.6}), replicates=200, reference="a")
    value = {(g, m): v for g, m, v in found.estimates.select("group", "measure", "value").rows()}
    expected = math.log(value["b", "token_efficiency"] / value["a", "token_efficiency"])
    factors = parts(found.gaps, "b")
    assert factors["total"]["log_contribution"] == pytest.approx(expected, rel=1e-12)
    assert list(factors) == ["completion", "conditional_correctness", "output_tokens", "total"]
    tokens = math.log(value["a", "mean_output_tokens"] / value["b", "mean_output_tokens"])
    assert factors["output_tokens"]["log_contribution"] == pytest.approx(tokens, rel=1e-12)
    assert factors["output_tokens"]["low"] < tokens < factors["output_tokens"]["high"]


def test_only_items_both_attempted_count(made: Made) -> None:
    table = made(a={"items": 40}, b={"items": 60, "tokens": 2000})
    extra = table.frame.with_columns(
        output_tokens=pl.when((pl.col("model") == "b") & (pl.col("item_id") >= "i040"))
        .then(pl.lit(10**9))
        .otherwise(pl.col("output_tokens"))
    )
    plain = parts(analyse(table, replicates=200, reference="a").gaps, "b")
    spoilt = parts(analyse(table.with_frame(extra), replicates=200, reference="a").gaps, "b")
    assert plain == spoilt
    assert plain["total"]["n_items"] == 40


def test_workload_splits_tokens_into_overhead_and_coupling(made: Made) -> None:
    table = made(a={}, b={"tokens": 3000})
    work = 1.0 + pl.col("item_id").str.slice(1).cast(pl.Float64)
    declared = table.with_frame(table.frame.with_columns(workload=work, workload_name=pl.lit("steps")))
    with_work = parts(analyse(declared, replicates=200, reference="a").gaps, "b")
    without = parts(analyse(table, replicates=200, reference="a").gaps, "b")
    assert set(with_work) == {"completion", "conditional_correctness", "overhead", "coupling", "total"}
    split = with_work["overhead"]["log_contribution"] + with_work["coupling"]["log_contribution"]
    assert split == pytest.approx(without["output_tokens"]["log_contribution"], abs=1e-12)


def test_unequal_repeats_leave_a_workload_remainder(made: Made) -> None:
    table = made(a={}, b={"attempts": 2})
    work = 1.0 + pl.col("item_id").str.slice(1).cast(pl.Float64)
    frame = table.frame.with_columns(workload=work).filter(
        ~((pl.col("model") == "b") & (pl.col("attempt") == 2) & (pl.col("item_id") > "i020"))
    )
    factors = parts(analyse(table.with_frame(frame), replicates=200, reference="a").gaps, "b")
    assert "does not cancel" in factors["mean_workload"]["reason"]
    total = factors.pop("total")["log_contribution"]
    assert sum(row["log_contribution"] for row in factors.values()) == pytest.approx(total, abs=1e-12)


def test_without_stop_reasons_accuracy_stays_whole(made: Made) -> None:
    table = made(a={}, b={"tokens": 3000})
    bare = table.with_frame(table.frame.with_columns(stop_reason=pl.lit(None, dtype=pl.String)))
    found = analyse(bare, replicates=200, reference="a")
    factors = parts(found.gaps, "b")
    assert set(factors) == {"accuracy", "output_tokens", "total"}
    assert "completion unknown" in factors["accuracy"]["reason"]
    assert found.profiles.filter(pl.col("group") == "b")["profile"].item() == "verbosity-limited"


def test_without_tokens_the_gap_is_that_of_accuracy(made: Made) -> None:
    table = made(a={}, b={"completion": 0.4})
    bare = table.with_frame(table.frame.with_columns(output_tokens=pl.lit(None, dtype=pl.Int64)))
    found = analyse(bare, replicates=200, reference="a")
    factors = parts(found.gaps, "b")
    assert set(factors) == {"completion", "conditional_correctness", "total"}
    assert "the gap is that of accuracy" in factors["total"]["reason"]
    assert found.profiles.filter(pl.col("group") == "b")["profile"].item() == "context-limited"


def test_gap_near_zero_has_no_shares(made: Made) -> None:
    rows = made(a={}).frame
    twin = pl.concat([rows, rows.with_columns(model=pl.lit("b"))])
    factors = parts(analyse(SampleTable.from_frame(twin), replicates=200, reference="a").gaps, "b")
    assert factors["total"]["log_contribution"] == 0
    assert factors["total"]["share"] is None
    assert "about 0" in factors["total"]["reason"]
    noisy = parts(
        analyse(SampleTable.from_frame(twin).with_frame(_shift(twin)), replicates=200, reference="a").gaps,
        "b",
    )
    assert noisy["output_tokens"]["share"] is None
    assert "includes 0" in noisy["output_tokens"]["reason"]


def _shift(frame: pl.DataFrame) -> pl.DataFrame:
    """b takes 1.6 times the tokens on even items and half on odd ones: a gap that its own noise swallows."""
    even = pl.col("item_id").str.slice(3).cast(pl.Int64) % 2 == 0
    factor = pl.when(pl.col("model") == "b").then(pl.when(even).then(1.6).otherwise(0.5)).otherwise(1.0)
    return frame.with_columns(output_tokens=(pl.col("output_tokens") * factor).cast(pl.Int64))


def test_a_zero_factor_is_named(made: Made) -> None:
    found = analyse(made(a={}, b={"correctness": -1.0}), replicates=200, reference="a")
    factors = parts(found.gaps, "b")
    assert factors["total"]["log_contribution"] is None
    assert factors["total"]["reason"] == "conditional correctness of the group is 0: its log is undefined"
    assert factors["output_tokens"]["log_contribution"] is not None
    profile = found.profiles.filter(pl.col("group") == "b").row(0, named=True)
    assert (profile["profile"], profile["probability"]) == ("undefined", None)


def test_geometric_mean_contributions_sum_to_zero_over_the_pool(made: Made) -> None:
    found = analyse(
        made(a={}, b={"tokens": 2000}, c={"correctness": 0.5}), replicates=200, reference="geometric_mean"
    )
    sums = found.gaps.group_by("factor").agg(pl.col("log_contribution").sum())
    assert sums["log_contribution"].to_list() == pytest.approx([0.0] * sums.height, abs=1e-12)
    assert set(found.gaps["group"]) == {"a", "b", "c"}


def test_reference_by_model_name_or_not_there(made: Made) -> None:
    table = made(a={"setting": "effort=low"}, b={})
    assert set(analyse(table, replicates=100, reference="a").gaps["reference"]) == {"a"}
    with pytest.raises(UsageError, match="nobody"):
        analyse(table, reference="nobody")


def test_no_common_items_is_said(made: Made) -> None:
    table = made(a={}, b={})
    apart = table.frame.with_columns(
        item_id=pl.when(pl.col("model") == "b").then("x" + pl.col("item_id")).otherwise(pl.col("item_id"))
    )
    found = analyse(table.with_frame(apart), replicates=100, reference="a")
    total = parts(found.gaps, "b")["total"]
    assert total["log_contribution"] is None
    assert "no item that both attempted" in total["reason"]


def test_a_handful_of_easy_items_makes_nobody_the_best(made: Made) -> None:
    found = analyse(made(a={}, b={"tokens": 1500}, tiny={"items": 3, "tokens": 10}), replicates=100)
    assert set(found.gaps["reference"]) == {"a"}
