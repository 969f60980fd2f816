"""The solver-derived workload: exact on made data, and honest where it cannot be made."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from thinkmeter.errors import UsageError
from thinkmeter.measures import AnalysisSettings, evaluate, prepare
from thinkmeter.measures.solver_scale import solver_workload
from thinkmeter.table import SampleTable

WORK = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0])


def table(unsolved: dict[str, list[int]] | None = None, models: int = 4) -> SampleTable:
    """Models whose tokens are proportional to WORK, each with its own overhead; some items failed."""
    failed = unsolved or {}
    rows = [
        {
            "benchmark": "b",
            "model": f"m{model}",
            "item_id": f"i{item}",
            "correct": item not in failed.get(f"m{model}", []),
            "stop_reason": "finished",
            "output_tokens": int(100 * (model + 1) * work),
        }
        for model in range(models)
        for item, work in enumerate(WORK)
    ]
    return SampleTable.from_dataframe(pl.DataFrame(rows))


def test_proportional_work_is_recovered_up_to_scale() -> None:
    found = solver_workload(table())
    assert found.scale["workload"].to_list() == pytest.approx((WORK / WORK.mean()).tolist())
    assert found.scale["workload"].mean() == pytest.approx(1)
    assert found.unscored == {"b": 0}
    assert set(found.table.frame["workload_name"]) == {"solver-derived, q=3, leave-self-out"}
    settings = AnalysisSettings(replicates=100)
    overhead = evaluate(prepare(found.table, settings), settings).estimates.filter(measure="overhead")
    assert overhead["value"].to_list() == pytest.approx([400.0, 800.0, 1200.0, 1600.0])
    coupling = evaluate(prepare(found.table, settings), settings).estimates.filter(measure="coupling")
    assert coupling["value"].to_list() == pytest.approx([1.0] * 4)


def test_items_with_few_solvers_are_unscored_and_counted() -> None:
    found = solver_workload(table({"m0": [5], "m1": [5]}), min_common=3)
    assert found.unscored == {"b": 1}
    row = found.scale.filter(pl.col("item_id") == "i5").row(0, named=True)
    assert row["workload"] is None
    assert row["solvers"] == 2
    assert row["reason"] == "fewer than 3 references solved it"


def test_a_model_is_not_judged_by_its_own_answers() -> None:
    rows = table().frame.with_columns(
        output_tokens=pl.when(pl.col("model").is_in(["m0", "m1"]) & (pl.col("item_id") == "i0"))
        .then(pl.lit(1_000_000))
        .otherwise(pl.col("output_tokens"))
    )
    odd = SampleTable.from_frame(rows)
    own = solver_workload(odd).table.frame.filter(pl.col("model") == "m0")["workload"].to_list()
    assert own == pytest.approx((WORK / WORK.mean()).tolist())
    shared = solver_workload(odd, leave_self_out=False).table.frame
    assert shared.filter(pl.col("model") == "m0")["workload"].to_list() != pytest.approx(own)


def test_weakest_references_are_dropped_and_named() -> None:
    found = solver_workload(table({"m3": [0, 1, 2, 3, 4]}), min_common=4)
    assert found.dropped == {"b": ("m3",)}
    assert found.references == {"b": ("m0", "m1", "m2")}


def test_no_scale_says_why() -> None:
    found = solver_workload(table(models=2))
    assert found.unscored == {"b": len(WORK)}
    assert "fewer than q = 3" in found.scale["reason"][0]
    assert found.table.frame["workload"].null_count() == len(found.table)


def test_audits_compare_rankings_with_the_full_scale() -> None:
    found = solver_workload(table(models=8), top_k=2)
    assert set(found.audits["audit"]) == {"leave_self_out", "leave_top_k", "held_out"}
    assert found.audits.filter(pl.col("audit") == "leave_top_k").height == 4
    assert found.audits["spearman"].to_list() == pytest.approx([1.0] * found.audits.height)
    held = found.audits.filter(pl.col("audit") == "held_out")
    assert set(held["n_groups"]) == {4}
    few = solver_workload(table(), audit=("held_out",)).audits
    assert few["spearman"].null_count() == few.height
    assert few["reason"].null_count() == 0


def test_held_out_references_may_be_named() -> None:
    found = solver_workload(table(models=6), references=["m0", "m1", "m2"])
    assert found.references == {"b": ("m0", "m1", "m2")}
    with pytest.raises(UsageError, match="nobody"):
        solver_workload(table(), references=["nobody"])
    with pytest.raises(UsageError, match="unknown audit"):
        solver_workload(table(), audit=("other",))
    with pytest.raises(UsageError, match="q: expected"):
        solver_workload(table(), q=0)
