"""The nine traps of Inspect logs, each under its own name; where Inspect can be made to fall in, on a real log."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from literal_logs import Writer, model_event, output, sample

import thinkmeter
from thinkmeter.table import SampleTable, infer_completion

Log = Callable[[str], Path]
TEXT = "output, reasoning, output_tokens, reasoning_tokens"


def row(table: SampleTable, item: str | int, attempt: int = 1) -> dict[str, Any]:
    rows = table.frame.to_dicts()
    return next(one for one in rows if one["item_id"] == str(item) and one["attempt"] == attempt)


def members(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: info.compress_type for info in archive.infolist()}


def messages(table: SampleTable, severity: str = "note") -> str:
    return "\n".join(str(p) for p in table.problems if p.severity == severity)


@pytest.mark.engine
def test_trap_0_members_are_zstd_which_the_standard_library_cannot_unpack(engine_log: Log) -> None:
    path = engine_log("mixed")
    assert set(members(path).values()) == {93}
    assert len(thinkmeter.read(path)) == 22


@pytest.mark.engine
def test_trap_1_token_limit_discards_the_output(engine_log: Log) -> None:
    path = engine_log("token-limit")
    with_text = row(thinkmeter.read(path), "think")
    assert with_text["output"] == "ANSWER: 4"
    assert (with_text["output_tokens"], with_text["reasoning_tokens"]) == (22, 20)
    assert with_text["reasoning"] == " ".join(["step"] * 20)
    assert (with_text["stop_reason"], with_text["stop_reason_raw"]) == ("output_limit", "limit:token")
    assert with_text["correct"] is False, "the log's own verdict stands: it was scored without the text"
    assert "discarded by its token limit" in messages(thinkmeter.read(path))


@pytest.mark.engine
def test_trap_1_token_limit_is_no_cap_on_output_unless_it_meters_output(engine_log: Log) -> None:
    assert thinkmeter.read(engine_log("token-limit")).frame["token_limit"].null_count() == 3
    assert thinkmeter.read(engine_log("output-limit")).frame["token_limit"].to_list() == [15, 15, 15]


@pytest.mark.engine
def test_trap_2_a_grader_that_is_the_same_model_is_not_counted(engine_log: Log) -> None:
    path = engine_log("graded")
    summaries = json.loads(_unpacked(path, "summaries.json"))
    theirs = {s["id"]: s["model_usage"]["openai-api/mock/mock"]["output_tokens"] for s in summaries}
    table = thinkmeter.read(path)
    assert theirs == {"think": 31, "wrong": 11}
    assert {r["item_id"]: r["output_tokens"] for r in table.frame.to_dicts()} == {"think": 22, "wrong": 2}
    assert table.frame["generations"].to_list() == [1, 1]


def test_trap_2_graders_in_nested_spans_and_old_steps_are_not_counted(logs: Writer) -> None:
    spans = [
        {"event": "span_begin", "id": "s", "type": "solvers", "name": "solvers"},
        model_event(span_id="s"),
        {"event": "span_end", "id": "s"},
        {"event": "span_begin", "id": "g", "type": "scorers", "name": "scorers"},
        {"event": "span_begin", "id": "inner", "parent_id": "g", "type": "tool", "name": "tool"},
        model_event(span_id="inner"),
    ]
    steps = [
        model_event(),
        {"event": "step", "action": "begin", "type": "scorer", "name": "grade"},
        model_event(),
        {"event": "step", "action": "end", "type": "scorer", "name": "grade"},
    ]
    roles = [model_event(), model_event(role="grader")]
    other = [model_event(), model_event(model="p/other")]
    table = logs.read(*(sample(i, events=e) for i, e in enumerate([spans, steps, roles, other])))
    assert table.frame["output_tokens"].to_list() == [20, 20, 20, 20]
    assert "the solver also called p/other" in messages(table)


@pytest.mark.engine
def test_trap_3_cache_hits_have_no_model_usage(engine_log: Log) -> None:
    path = engine_log("cache-read")
    assert json.loads(_unpacked(path, "summaries.json"))[0]["model_usage"] == {}
    table = thinkmeter.read(path)
    assert row(table, "think")["output_tokens"] == 22
    first = thinkmeter.read(engine_log("cache-write"))
    assert table.frame["latency_s"].to_list() == first.frame["latency_s"].to_list(), (
        "the original call's latency"
    )
    assert "answers came from Inspect's cache" in messages(table)
    assert "cache" not in messages(first)


def test_trap_4_totals_of_the_run_are_not_used(logs: Writer) -> None:
    stats = {"model_usage": {"p/m": {"input_tokens": 9999, "output_tokens": 3780, "total_tokens": 13779}}}
    retried = sample(error_retries=[{"message": "boom", "events": [model_event()]}])
    table = logs.read(retried, stats=stats)
    assert row(table, 1)["output_tokens"] == 20
    assert "tried again after an error" in messages(table)


@pytest.mark.engine
def test_trap_5_unclosed_and_bare_reasoning_stays_in_the_text(engine_log: Log) -> None:
    table = thinkmeter.read(engine_log("mixed"))
    closed, bare, unclosed = (row(table, item) for item in ("closed", "bare", "unclosed"))
    assert (closed["output"], closed["reasoning"]) == ("ANSWER: 4", "a b c")
    assert (bare["output"], bare["reasoning"]) == ("a b c</think> ANSWER: 4", None)
    assert unclosed["output"].startswith("<think>so on")
    assert unclosed["reasoning"] is None


def test_trap_5_the_completion_rule_finds_the_unclosed_block(logs: Writer) -> None:
    texts = ("<think>on and on", "<think>short</think> 4", "4")
    table = logs.read(*(sample(i, output=output(text, "unknown")) for i, text in enumerate(texts)))
    assert infer_completion(table.frame)["completed"].to_list() == [False, None, None]


@pytest.mark.engine
def test_trap_6_output_without_reasoning_is_repaired_on_a_real_log(engine_log: Log) -> None:
    table = thinkmeter.read(engine_log("mixed"))
    apart = row(table, "apart")
    assert (apart["output_tokens"], apart["output_tokens_how"]) == (32, "repaired:total_minus_input")
    repairs = [p for p in table.problems if p.severity == "repair"]
    assert [(p.field, p.count) for p in repairs] == [("output_tokens", 2)]


@pytest.mark.parametrize(
    ("usage", "model", "version", "expected", "how"),
    [
        ({"input_tokens": 10, "output_tokens": 5, "total_tokens": 45, "reasoning_tokens": 30}, "grok/g", "0.3.285", 35, "repaired:total_minus_input"),
        ({"input_tokens": 10, "output_tokens": 5, "total_tokens": 45, "reasoning_tokens": 30, "input_tokens_cache_read": 4}, "grok/g", "0.3.285", 31, "repaired:total_minus_input"),
        ({"input_tokens": 10, "output_tokens": 5, "total_tokens": 45, "reasoning_tokens": 30}, "google/g", "0.3.200", 35, "repaired:total_minus_input"),
        ({"input_tokens": 10, "output_tokens": 40, "total_tokens": 50, "reasoning_tokens": 30}, "google/g", "0.3.245", 40, "reported"),
        ({"input_tokens": 10, "output_tokens": 5, "total_tokens": 55, "input_tokens_cache_read": 40}, "anthropic/c", "0.3.285", 5, "reported"),
        ({"input_tokens": 10, "output_tokens": 5, "total_tokens": 95, "input_tokens_cache_read": 40}, "anthropic/c", "0.3.80", 5, "reported"),
        ({"input_tokens": 50, "output_tokens": 5, "total_tokens": 55, "input_tokens_cache_read": 40}, "openai/o", "0.3.100", 5, "reported"),
        ({"input_tokens": 50, "output_tokens": 5, "total_tokens": 85, "input_tokens_cache_read": 40, "reasoning_tokens": 30}, "grok/g", "0.3.100", 35, "repaired:total_minus_input"),
        ({"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "reasoning_tokens": 30}, "openai/o", "0.3.285", 5, "reported"),
    ],
    ids=["grok", "grok-cached", "google-old", "google-new", "anthropic", "anthropic-double-total", "cached-included", "grok-old-cached", "summary-counts"],
)  # fmt: skip
def test_trap_6_providers_count_differently(
    logs: Writer, usage: dict[str, int], model: str, version: str, expected: int, how: str
) -> None:
    spec = {"task": "t", "model": model, "packages": {"inspect_ai": version}}
    event = model_event(output(usage=usage), model=model)
    table = logs.read(sample(output=output(usage=usage), events=[event]), eval=spec)
    got = row(table, 1)
    assert (got["output_tokens"], got["output_tokens_how"]) == (expected, how)


def test_trap_6_reasoning_above_output_without_a_total_is_kept_and_noted(logs: Writer) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "reasoning_tokens": 30}
    table = logs.read(sample(events=[model_event(output(usage=usage))]))
    assert row(table, 1)["reasoning_tokens"] == 30
    assert "reasoning_tokens exceeds output_tokens" in messages(table)


def test_trap_6_input_has_the_cached_tokens_whatever_the_version_counted(logs: Writer) -> None:
    new = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 55, "input_tokens_cache_read": 40}
    old = {"input_tokens": 50, "output_tokens": 5, "total_tokens": 55, "input_tokens_cache_read": 40}
    for usage, version in ((new, "0.3.184"), (old, "0.3.183"), (old, "0.3.285")):
        spec = {"task": "t", "model": "p/m", "packages": {"inspect_ai": version}}
        got = row(logs.read(sample(events=[model_event(output(usage=usage))]), eval=spec), 1)
        assert (got["input_tokens"], got["cached_tokens"]) == (50, 40)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"stop_reason": "model_context_window_exceeded"}, "context_limit"),
        ({"candidates": [{"finish_reason": "MAX_TOKENS"}]}, "output_limit"),
        ({"stop_reason": "something_new"}, "unknown"),
        (None, "unknown"),
    ],
)
def test_trap_7_unknown_stop_reasons_are_looked_up_in_the_raw_response(
    logs: Writer, response: Any, expected: str
) -> None:
    result = output(stop="unknown")
    event = model_event(result, call={"request": {}, "response": response})
    assert row(logs.read(sample(output=result, events=[event])), 1)["stop_reason"] == expected


@pytest.mark.engine
def test_trap_8_events_are_condensed_into_pools_and_attachments(engine_log: Log) -> None:
    raw = _unpacked(engine_log("token-limit"), "samples/long_epoch_1.json")
    stored = json.loads(raw)
    event = next(e for e in stored["events"] if e["event"] == "model")
    assert event["input"] == []
    assert event["input_refs"]
    assert "attachment://" in json.dumps(event["output"])
    long = row(thinkmeter.read(engine_log("token-limit")), "long")
    assert long["reasoning"] == " ".join(["step"] * 200)
    assert long["prompt"] == "[think 200] What is 2+2?"


def test_trap_8_an_attachment_that_is_missing_stays_a_name(logs: Writer) -> None:
    name = "attachment://" + "0" * 32
    assert row(logs.read(sample(output=output(name))), 1)["output"] == name


@pytest.mark.engine
def test_trap_9_mockllm_with_usage_needs_no_network(engine_log: Log) -> None:
    table = thinkmeter.read(engine_log("mockllm"))
    assert table.frame.select("output_tokens", "input_tokens", "correct").row(0) == (2, 3, True)


def _unpacked(path: Path, member: str) -> bytes:
    from thinkmeter.readers.inspect._zip import Archive

    with Archive(path) as archive:
        return archive.read(member)
