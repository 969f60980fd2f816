"""Inspect's own reader and data frames are the reference, over every real log there is and every log made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import thinkmeter
from thinkmeter.readers._api import ReadOptions
from thinkmeter.readers.inspect import READER

STOPS = {
    "stop": "finished",
    "max_tokens": "output_limit",
    "model_length": "context_limit",
    "tool_calls": "tool_call",
    "content_filter": "filtered",
    "unknown": "unknown",
}
CREDIT = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, True: 1.0, False: 0.0}
LIMITS = {"token": "output_limit", "context": "context_limit", "operator": "cancelled"}


@pytest.mark.engine
def test_real_logs_read_as_inspect_reads_them(real_logs: list[Path], reference: dict[str, Any]) -> None:
    assert len(real_logs) >= 10
    assert sum(compare(path, reference[str(path)]) for path in real_logs) >= 39


@pytest.mark.engine
def test_logs_made_here_read_as_inspect_reads_them(made_logs: list[Path], reference: dict[str, Any]) -> None:
    assert len(made_logs) == 16
    assert sum(compare(path, reference[str(path)]) for path in made_logs) == 58


@pytest.mark.engine
def test_chunked_samples_read_as_whole_ones_do(engine_log: Callable[[str], Path]) -> None:
    whole, chunked = (READER.read(engine_log(run), ReadOptions()).frame for run in ("mixed", "chunked"))
    keys = ["item_id", "attempt"]
    drop = ["source_record", "source_file"]
    assert whole.sort(keys).drop(drop).equals(chunked.select(whole.columns).sort(keys).drop(drop))


def compare(path: Path, theirs: dict[str, Any]) -> int:
    """Compare one log; return how many samples it has."""
    frame = READER.read(path, ReadOptions()).frame
    ours = {(row["item_id"], row["attempt"]): row for row in frame.to_dicts()}
    assert len(ours) == frame.height
    assert set(ours) == {(one["id"], one["epoch"]) for one in theirs["samples"]}
    table = {(str(one["id"]), one["epoch"]): one for one in theirs["frame"]}
    for one in theirs["samples"]:
        row = ours[one["id"], one["epoch"]]
        where = f"{path.name}, {one['id']}, epoch {one['epoch']}"
        assert (row["benchmark"], row["model"]) == (theirs["task"], theirs["model"]), where
        compare_text(row, one, table[one["id"], one["epoch"]], where)
        compare_score(row, one, where)
        compare_tokens(row, one, where)
    return len(ours)


def compare_text(row: dict[str, Any], one: dict[str, Any], cells: dict[str, Any], where: str) -> None:
    if one["output"] is not None:
        assert row["output"] == one["output"], where
        assert row["reasoning"] == one["reasoning"], where
        assert row["latency_s"] == one["time"] or one["calls"] != 1, where
    assert row["target"] == cells["target"], where
    # Inspect's frame puts the role before every message, ours only where there are several.
    assert "".join(row["prompt"].split()) in "".join(cells["input"].split()), where
    assert row["error"] == one["error"], where
    if one["error"] is not None:
        assert row["stop_reason"] == "error", where
    elif one["limit"] is not None:
        assert row["stop_reason"] == LIMITS.get(one["limit"], "other_limit"), where
    elif one["stop_reason"] is not None:
        assert row["stop_reason"] == STOPS[one["stop_reason"]], where


def compare_score(row: dict[str, Any], one: dict[str, Any], where: str) -> None:
    if not one["scores"]:
        assert (row["score"], row["correct"]) == (None, None), where
        return
    assert row["scorer"] in one["scores"], where
    value = one["scores"][row["scorer"]]
    if isinstance(value, float) and value != value:
        assert row["score"] is None, where
    else:
        assert row["score"] == CREDIT.get(value, value), where
    assert row["answer"] == one["answers"][row["scorer"]], where


def compare_tokens(row: dict[str, Any], one: dict[str, Any], where: str) -> None:
    graded = row["scorer"] is not None and row["scorer"].startswith("model_graded")
    usage = one["usage"] if one["calls"] == 1 or graded or one["cached"] else None
    usage = usage or (None if graded else next(iter(one["model_usage"].values()), None))
    if usage is None:
        assert row["output_tokens"] is None, where
        return
    if row["output_tokens_how"] != "repaired:total_minus_input":
        assert row["output_tokens"] == usage["output_tokens"], where
    assert row["reasoning_tokens"] == usage["reasoning_tokens"], where
    assert row["cached_tokens"] == usage["input_tokens_cache_read"], where
    assert usage["input_tokens"] <= row["input_tokens"] <= usage["total_tokens"] - usage["output_tokens"], (
        where
    )


@pytest.mark.engine
def test_a_budget_sweep_of_one_eval_set_keeps_its_limits_apart(engine_logs: Path) -> None:
    table = thinkmeter.read(engine_logs / "sweep")
    rows = table.frame.sort("item_id", "token_limit").select(
        "item_id", "token_limit", "stop_reason", "output_tokens"
    )
    assert rows.rows() == [
        ("plain", 16, "finished", 2),
        ("plain", 64, "finished", 2),
        ("think", 16, "output_limit", 16),
        ("think", 64, "finished", 22),
    ]
    assert [p for p in table.problems if p.severity in ("dropped", "field")] == []


@pytest.mark.engine
def test_rows_of_a_real_run_carry_everything_the_log_has(engine_log: Callable[[str], Path]) -> None:
    table = thinkmeter.read(engine_log("mixed"))
    row = next(r for r in table.frame.to_dicts() if (r["item_id"], r["attempt"]) == ("think", 2))
    assert row["setting"] == "reasoning_effort=high"
    assert (row["token_limit"], row["generations"], row["stop_reason_raw"]) == (100, 1, "stop")
    assert (row["workload"], row["workload_name"], row["facet.level"]) == (2.0, "additions", "hard")
    assert row["harness"].startswith("inspect_ai 0.3.")
    assert row["completed_at"] > row["started_at"]
    assert row["source_record"] == "samples/think_epoch_2.json"
    assert row["latency_s"] > 0
    assert "facet.tags" not in table.frame.columns, "only scalars become facets"
    assert table.sources[0].settings["max_tokens"] == "100"
    cached = next(r for r in table.frame.to_dicts() if r["item_id"] == "cached")
    silent = next(r for r in table.frame.to_dicts() if r["item_id"] == "no-usage")
    refused = next(r for r in table.frame.to_dicts() if r["item_id"] == "filtered")
    assert (cached["cached_tokens"], cached["input_tokens"]) == (2, 7)
    assert (silent["output_tokens"], silent["output_tokens_how"], silent["stop_reason"]) == (
        None,
        None,
        "finished",
    )
    assert refused["stop_reason"] == "filtered"


@pytest.mark.engine
def test_tool_loops_add_up_and_failed_calls_do_not_answer(engine_log: Callable[[str], Path]) -> None:
    tools = thinkmeter.read(engine_log("tools")).frame.to_dicts()[0]
    assert (tools["output_tokens"], tools["reasoning_tokens"], tools["generations"]) == (7, 2, 2)
    errors = {r["item_id"]: r for r in thinkmeter.read(engine_log("errors")).frame.to_dicts()}
    assert errors["good"]["stop_reason"] == "finished"
    for item in ("bad", "broken"):
        row = errors[item]
        assert (row["stop_reason"], row["output"], row["output_tokens"], row["score"]) == (
            "error",
            None,
            None,
            None,
        )
        assert "Error" in row["error"]
        assert row["token_limit"] == 100
