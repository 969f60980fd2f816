"""Values by hand, reasons where undefined, and intervals that know what an item is."""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np
import polars as pl
import pytest

from thinkmeter.measures import MEASURES, AnalysisSettings, evaluate, prepare
from thinkmeter.measures._repeats import pass_at_k
from thinkmeter.measures._shape import gini
from thinkmeter.table import SampleTable


def estimates(rows: list[dict[str, Any]] | pl.DataFrame, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """Estimates of the only group, by measure."""
    settings = AnalysisSettings(**{"replicates": 200, **kwargs})
    frame = pl.DataFrame(rows, infer_schema_length=None)
    if "benchmark" not in frame.columns:
        frame = frame.with_columns(benchmark=pl.lit("b"))
    if "model" not in frame.columns:
        frame = frame.with_columns(model=pl.lit("m"))
    found = evaluate(prepare(SampleTable.from_dataframe(frame), settings), settings).estimates
    assert found["group"].n_unique() == 1
    return {row["measure"]: row for row in found.iter_rows(named=True)}


HAND = [
    {"item_id": "1", "correct": True, "completed": True, "output_tokens": 100, "token_limit": 400},
    {"item_id": "2", "correct": False, "completed": True, "output_tokens": 200, "token_limit": 400},
    {"item_id": "3", "correct": True, "completed": False, "output_tokens": 400, "token_limit": 400},
    {"item_id": "4", "correct": True, "completed": True, "output_tokens": 300, "token_limit": 400},
]


def test_values_by_hand() -> None:
    found = {name: row["value"] for name, row in estimates(HAND).items()}
    assert found["accuracy"] == 0.5
    assert found["completion"] == 0.75
    assert found["conditional_correctness"] == pytest.approx(2 / 3)
    assert found["mean_output_tokens"] == 250
    assert found["token_efficiency"] == 2
    assert found["tokens_per_correct"] == 500
    assert found["tokens_wasted_wrong"] == 0.2
    assert found["tokens_wasted_truncated"] == 0.4
    assert found["wrong_to_right_tokens"] == 1.5
    assert found["failures_cut_off"] == 0.5
    assert found["accuracy_upper_bound"] == 0.75
    assert found["truncated_correct"] == 1
    assert found["budget_use"] == 0.625
    graded = {name: row["value"] for name, row in estimates(HAND, scoring="as_graded").items()}
    assert graded["accuracy"] == 0.75
    assert graded["conditional_correctness"] == 1.0
    assert graded["tokens_wasted_truncated"] == 0
    assert graded["truncated_correct"] == 1


def test_workload_cost_and_latency_by_hand() -> None:
    rows = [
        {**row, "workload": w, "cost_usd": c, "latency_s": s}
        for row, w, c, s in zip(
            HAND, (1.0, 2.0, 8.0, 4.0), (0.1, 0.2, 0.3, 0.4), (1.0, 2.0, 3.0, 2.0), strict=True
        )
    ]
    found = {name: row["value"] for name, row in estimates(rows).items()}
    assert found["mean_workload"] == 3.75
    assert found["overhead"] == pytest.approx((100 + 100 + 50 + 75) / 4)
    assert found["coupling"] == pytest.approx(250 / (3.75 * 81.25))
    assert found["mean_cost"] == pytest.approx(0.25)
    assert found["cost_of_pass"] == pytest.approx(0.5)
    assert found["mean_latency"] == 2


def test_each_measure_has_its_own_population() -> None:
    rows = [
        {"item_id": "1", "correct": True, "stop_reason": "finished", "output_tokens": 10},
        {"item_id": "2", "correct": False, "stop_reason": None, "output_tokens": 30},
        {"item_id": "3", "correct": True, "stop_reason": "finished", "output_tokens": None},
        {"item_id": "4", "correct": None, "stop_reason": "finished", "output_tokens": 50},
    ]
    found = estimates(rows)
    n = {name: (row["n_items"], row["n_attempts"]) for name, row in found.items()}
    assert n["accuracy"] == (3, 3)
    assert n["completion"] == (3, 3)
    assert n["conditional_correctness"] == (2, 2)
    assert n["mean_output_tokens"] == (3, 3)
    assert n["token_efficiency"] == (2, 2)
    assert found["mean_output_tokens"]["value"] == 30


def test_undefined_is_null_with_a_reason() -> None:
    found = estimates([{"item_id": str(i), "correct": False, "output_tokens": 5} for i in range(3)])
    assert found["tokens_per_correct"]["value"] is None
    assert found["tokens_per_correct"]["reason"] == "no attempt is correct"
    assert found["completion"]["value"] is None
    assert found["completion"]["reason"] == "completion is unknown for every attempt"
    for row in found.values():
        assert row["value"] is not None or row["reason"]
        assert (row["low"] is None) == (row["high"] is None)
        assert row["low"] is not None or row["reason"]
        assert row["low"] is None or row["low"] < row["high"]


def test_single_item_has_a_value_and_no_interval() -> None:
    found = estimates([{"item_id": "1", "correct": True, "output_tokens": 5, "stop_reason": "finished"}])
    assert found["accuracy"]["value"] == 1
    assert found["accuracy"]["low"] is None
    assert "two items" in found["accuracy"]["reason"]


def test_all_correct_gets_an_exact_one_sided_interval() -> None:
    found = estimates([{"item_id": str(i), "correct": True, "output_tokens": 5} for i in range(20)])
    row = found["accuracy"]
    assert (row["method"], row["high"]) == ("exact", 1.0)
    assert row["low"] == pytest.approx(0.025 ** (1 / 20))
    assert found["mean_output_tokens"]["low"] is None
    assert found["mean_output_tokens"]["reason"] == "no variation between items"


def test_repeats_are_no_new_items() -> None:
    """Repeats of an item are alike: taking them for items makes the interval too narrow."""
    rng = np.random.default_rng(3)
    rows = []
    for item in range(19):
        right = rng.random(5) < (0.25 if item < 3 else 1.0)
        rows += [{"item_id": str(item), "attempt": a, "correct": bool(x)} for a, x in enumerate(right)]
    clustered = estimates(rows)["accuracy"]
    naive = estimates([{**row, "item_id": f"{row['item_id']}/{row['attempt']}"} for row in rows])["accuracy"]
    assert clustered["value"] == naive["value"]
    assert (clustered["n_items"], naive["n_items"]) == (19, 95)
    assert clustered["low"] < naive["low"] < naive["high"] < clustered["high"]
    assert clustered["high"] - clustered["low"] > 1.5 * (naive["high"] - naive["low"])


def test_repeats_are_no_new_items_in_real_data(sample_table: Callable[[str], SampleTable]) -> None:
    frame = sample_table("lrm_token_economy").frame.filter(pl.col("model") == "claude-opus-4")
    frame = frame.with_columns(setting=pl.lit(None, dtype=pl.String))
    item = pl.format("{}/{}", "item_id", "attempt").alias("item_id")
    clustered = estimates(frame)["accuracy"]
    naive = estimates(frame.with_columns(item))["accuracy"]
    assert clustered["value"] == naive["value"] == pytest.approx(0.947368, abs=1e-6)
    assert clustered["low"] < naive["low"] < naive["high"] < clustered["high"]


def test_pass_at_k_against_enumeration() -> None:
    for n in range(1, 9):
        for c in range(n + 1):
            for k in range(1, n + 1):
                expected = 1 - comb(n - c, k) / comb(n, k)
                assert pass_at_k(np.array([float(n)]), np.array([float(c)]), k)[0] == pytest.approx(expected)
    assert np.isnan(pass_at_k(np.array([2.0]), np.array([1.0]), 4)[0])


def test_pass_at_k_appears_with_repeats_only() -> None:
    rows = [
        {"item_id": str(i), "attempt": a, "correct": a < 1 + i, "output_tokens": 5}
        for i in range(4)
        for a in range(4)
    ]
    found = estimates(rows)
    assert [name for name in found if name.startswith("pass")] == ["pass_at_1", "pass_at_2", "pass_at_4"]
    assert found["pass_at_1"]["value"] == found["accuracy"]["value"] == 0.625
    assert found["pass_at_2"]["value"] == pytest.approx(np.mean([0.5, 1 - 1 / 6, 1, 1]))
    assert found["pass_at_4"]["value"] == 1
    once = estimates([{"item_id": str(i), "correct": True} for i in range(4)])
    assert not [name for name in once if name.startswith("pass")]


def test_fractional_credit_has_no_pass_at_k() -> None:
    rows = [{"item_id": str(i), "attempt": a, "score": 0.5} for i in range(4) for a in range(4)]
    assert not [name for name in estimates(rows) if name.startswith("pass")]


def test_gini_and_its_leave_one_out() -> None:
    rng = np.random.default_rng(0)
    x = np.sort(rng.lognormal(size=12))
    value, without = gini(x)
    slow = np.abs(x[:, None] - x[None, :]).sum() / (2 * len(x) ** 2 * x.mean())
    assert value == pytest.approx(slow)
    for at in range(len(x)):
        assert without[at] == pytest.approx(gini(np.delete(x, at))[0])


def test_elasticity_recovers_the_exponent() -> None:
    rng = np.random.default_rng(1)
    rows = []
    for item in range(80):
        work = float(rng.uniform(1, 100))
        tokens = int(50 * work**0.7 * np.exp(rng.normal(0, 0.1)))
        rows.append({"item_id": str(item), "correct": True, "output_tokens": tokens, "workload": work})
    row = estimates(rows)["elasticity"]
    assert row["value"] == pytest.approx(0.7, abs=0.05)
    assert row["low"] < 0.7 < row["high"]
    flat = estimates([{**row, "workload": 2.0} for row in rows])["elasticity"]
    assert flat["value"] is None
    assert flat["reason"]


def test_same_seed_same_numbers_and_shards_do_not_matter() -> None:
    rng = np.random.default_rng(5)
    rows = [
        {"item_id": str(i), "correct": bool(rng.random() < 0.6), "output_tokens": int(rng.integers(10, 900))}
        for i in range(60)
    ]
    first, second = estimates(rows), estimates(rows[::-1])
    assert first == second
    plain, other = (estimates(rows, seed=seed, method="percentile")["token_efficiency"] for seed in (0, 1))
    assert plain["value"] == other["value"]
    assert plain["low"] != other["low"]


def test_declarations_are_rich_and_consistent() -> None:
    for name, measure in MEASURES.items():
        assert measure.name == name
        for words in (measure.label, measure.unit, measure.formula, measure.meaning, measure.misleads):
            assert words
        assert measure.null_when
        assert measure.reference
        assert measure.better in {"higher", "lower", "neither"}
        assert measure.bounds[0] < measure.bounds[1]
        assert measure.as_dict()["population"]


def test_shares_of_tokens_get_no_interval_from_counting_items() -> None:
    rows = [{"item_id": str(i), "correct": True, "completed": True, "output_tokens": i + 1} for i in range(9)]
    row = estimates(rows)["tokens_wasted_wrong"]
    assert (row["value"], row["low"], row["reason"]) == (0.0, None, "no variation between items")


def test_conditional_correctness_above_one_keeps_its_interval() -> None:
    rng = np.random.default_rng(2)
    rows = [
        {"item_id": str(i), "correct": bool(rng.random() < 0.9), "completed": i % 2 == 0, "output_tokens": 9}
        for i in range(40)
    ]
    row = estimates(rows, scoring="as_graded")["conditional_correctness"]
    assert row["value"] > 1
    assert row["low"] < row["value"] < row["high"]
