"""Logs of lm-evaluation-harness: real ones, and small ones in every layout."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from thinkmeter.errors import InputError
from thinkmeter.readers import detect, read
from thinkmeter.readers.lm_eval._map import run_facts
from thinkmeter.table import SampleTable

DATE = "2026-01-02T03-04-05.678"
SETTINGS = {"until": ["\n"], "max_gen_toks": 64}


def sample(doc_id: int, answers: list[Any], **fields: Any) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "doc": {"question": f"{doc_id}+1?", "level": doc_id, "text_of_all": "x" * 100},
        "target": str(doc_id + 1),
        "arguments": {"gen_args_0": {"arg_0": f"{doc_id}+1?", "arg_1": SETTINGS}},
        "resps": [answers],
        "filtered_resps": [answers[0]],
        "filter": "strict",
        "metrics": ["exact_match"],
        "exact_match": 1.0,
        **fields,
    }


def write(folder: Path, rows: list[dict[str, Any]], results: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"samples_sums_{DATE}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if results is not None:
        (folder / f"results_{DATE}.json").write_text(json.dumps(results))
    return path


def results(**changes: Any) -> dict[str, Any]:
    return {
        "results": {"sums": {"exact_match,strict": 1.0}},
        "configs": {"sums": {"task": "sums", "output_type": "generate_until", **changes.pop("config", {})}},
        "higher_is_better": {"sums": {"exact_match": True, "errors": False}},
        "config": {"model": "vllm", "model_args": changes.pop("model_args", {"pretrained": "org/m"})},
        "lm_eval_version": "0.4.13",
        "date": 1_700_000_000.0,
        "model_name": "org/m",
        **changes,
    }


def said(table: SampleTable) -> str:
    return "\n".join(str(p) for p in table.problems)


def test_real_chat_log_is_read_once_per_document(shared_data: Path) -> None:
    folder = shared_data / "logs" / "lm-eval" / "chat"
    table = read(folder)
    frame = table.frame
    # Three documents, two filters, two repeats: six attempts, not twelve.
    assert frame.select("item_id", "attempt").rows() == [(d, a) for d in "012" for a in (1, 2)]
    assert frame["score"].to_list() == [1.0, None, 0.0, None, 1.0, None]
    assert frame["correct"].to_list() == [True, None, False, None, True, None]
    first = frame.row(0, named=True)
    assert (first["prompt"], first["output"], first["answer"], first["target"]) == (
        "What is 2+2?",
        "ANSWER: 4",
        "4",
        "4",
    )
    assert (first["model"], first["benchmark"], first["token_limit"]) == ("mock", "mixed", 100)
    assert (first["harness"], first["scorer"]) == ("lm_eval 0.4.13", "exact_match,strict")
    # Nothing came back: an empty text, and no word on why. No count is made up for it.
    assert frame["output"][2] == ""
    for column in ("stop_reason", "completed", "output_tokens", "output_tokens_how", "latency_s"):
        assert frame[column].null_count() == 6
    assert frame["facet.id"].to_list()[::2] == ["plain", "trunc", "tag"]
    assert "facet.question" not in frame.columns
    text = said(table)
    assert "filter 'strict', not 'flexible'" in text
    assert "scores one answer per document" in text
    assert "neither output tokens nor stop reasons" in text
    assert "results, read together with the samples" in text
    assert [p for p in table.problems if p.severity in {"dropped", "field"}] == []


def test_scores_equal_the_aggregate_of_the_harness(shared_data: Path) -> None:
    logs = [*(shared_data / "logs" / "lm-eval").rglob("samples_*.jsonl")]
    assert len(logs) == 2
    for log in logs:
        stated = json.loads(next(log.parent.glob("results_*.json")).read_text())["results"]["mixed"]
        for name in ("strict", "flexible"):
            table = read(log, filter_name=name)
            assert table.frame["score"].mean() == pytest.approx(stated[f"exact_match,{name}"])
            assert set(table.frame["scorer"]) == {f"exact_match,{name}"}


def test_real_log_of_an_older_version_without_a_date(shared_data: Path) -> None:
    table = read(shared_data / "logs" / "eee-lm-eval")
    frame = table.frame
    assert frame.height == 10
    assert set(frame["model"]) == {"RylanSchaeffer/mem_Qwen3-93M_minerva_math_rep_0_sbst_1.0000_epch_1_ot_1"}
    assert set(frame["benchmark"]) == {"math_perturbed_full"}
    assert set(frame["harness"]) == {"lm_eval 0.4.9.2"}
    assert set(frame["token_limit"]) == {512}
    assert frame["facet.level"][0] == "Level 3"
    assert "facet.solution" not in frame.columns
    assert frame["started_at"][0].replace(microsecond=0) == datetime(2026, 1, 21, 2, 59, 43, tzinfo=UTC)


def test_detection_and_companions(tmp_path: Path) -> None:
    log = write(tmp_path, [sample(0, ["1"])], results())
    claims = detect(log)
    assert (claims[0].reader, claims[0].companion) == ("lm_eval", False)
    assert {c.reader for c in claims} >= {"generic"}
    beside = detect(tmp_path / f"results_{DATE}.json")[0]
    assert (beside.reader, beside.companion) == ("lm_eval", True)
    with pytest.raises(InputError, match="read together with the samples"):
        read(tmp_path / f"results_{DATE}.json")


def test_run_facts_of_old_and_new_forms() -> None:
    new = results(
        model_args={"model": "m", "max_gen_toks": 9, "enable_thinking": True},
        config={"generation_kwargs": {"max_gen_toks": 512}},
    )
    new["config"]["gen_kwargs"] = {"max_gen_toks": 1024, "reasoning_effort": "high"}
    run = run_facts(new, "sums")
    assert (run.model, run.token_limit) == ("org/m", 1024)
    assert run.setting == "enable_thinking=true, reasoning_effort=high"
    old = {"config": {"model_args": "pretrained=a/b,enable_thinking=False", "gen_kwargs": "max_gen_toks=77"}}
    run = run_facts(old, "sums")
    assert (run.model, run.token_limit, run.setting) == ("a/b", 77, "enable_thinking=false")
    assert run_facts({}, "sums").model is None


def test_old_layout_with_lists_and_its_own_file_names(tmp_path: Path) -> None:
    rows = []
    for i in range(2):
        row = sample(i, [f"{i + 1}"], arguments=[[f"{i}+1?", {"until": [], "max_gen_toks": 32}]])
        for name in ("metrics", "filter"):
            del row[name]
        rows.append(row)
    path = tmp_path / "pretrained__a__b_sums.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "results.json").write_text(
        json.dumps(
            {"results": {"sums": {}}, "configs": {"sums": {}}, "config": {"model_args": "pretrained=a/b"}}
        )
    )
    frame = read(path).frame
    assert frame["benchmark"].to_list() == ["sums", "sums"]
    assert frame["model"].to_list() == ["a/b", "a/b"]
    assert frame["prompt"].to_list() == ["0+1?", "1+1?"]
    assert frame["token_limit"].to_list() == [32, 32]
    assert frame["score"].to_list() == [1.0, 1.0]


def test_chat_prompts_become_readable(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]
    row = sample(0, ["4"], arguments={"gen_args_0": {"arg_0": [json.dumps(messages)], "arg_1": {}}})
    table = read(write(tmp_path, [row], results()))
    assert table.frame["prompt"].to_list() == ["system: Be brief.\n\nuser: 2+2?"]
    assert table.frame["token_limit"].to_list() == [None]


def test_the_model_without_results_is_the_folder_or_what_the_user_says(tmp_path: Path) -> None:
    path = write(tmp_path / "org__model", [sample(0, ["1"])])
    table = read(path)
    assert table.frame["model"].to_list() == ["org/model"]
    assert "the folder's name 'org/model' is used" in said(table)
    named = read(path, defaults={"model": "mine"})
    assert named.frame["model"].to_list() == ["mine"]
    assert "folder's name" not in said(named)


def test_the_results_of_the_same_date_win_over_newer_ones(tmp_path: Path) -> None:
    path = write(tmp_path, [sample(0, ["1"])], results(model_name="right"))
    (tmp_path / "results_2027-01-01T00-00-00.json").write_text(json.dumps(results(model_name="newer")))
    assert read(path).frame["model"].to_list() == ["right"]
    (tmp_path / f"results_{DATE}.json").write_text("{broken")
    assert read(path).frame["model"].to_list() == ["newer"]


def test_scorer_and_direction(tmp_path: Path) -> None:
    row = sample(0, ["1"], metrics=["errors", "exact_match", "f1"], errors=0.25, f1=0.5)
    path = write(tmp_path, [row], results())
    # An error rate is first in the list, but no credit: the first that is one is read.
    assert read(path).frame["scorer"].to_list() == ["exact_match,strict"]
    assert read(path, scorer="f1").frame["score"].to_list() == [0.5]
    assert read(path, scorer="f1").frame["correct"].to_list() == [None]
    worse = read(path, scorer="errors")
    assert worse.frame["score"].to_list() == [None]
    assert worse.frame["facet.score_raw"].to_list() == [0.25]
    assert "lower is better" in said(worse)
    with pytest.raises(InputError, match=r"no metric 'x'.*exact_match"):
        read(path, scorer="x")
    with pytest.raises(InputError, match=r"no filter 'x' in it. Filters: strict"):
        read(path, filter_name="x")


def test_metrics_that_are_no_number_per_document_leave_it_unscored(tmp_path: Path) -> None:
    rows = [sample(0, ["1"], exact_match=[1, 0]), sample(1, ["1"], exact_match=999)]
    table = read(write(tmp_path, rows, results()))
    assert table.frame["score"].to_list() == [None, None]
    assert table.frame["facet.score_raw"].to_list() == [None, 999.0]


def test_a_vote_over_repeats_is_one_row_that_stands_for_all(tmp_path: Path) -> None:
    filters = [{"name": "strict", "filter": [{"function": "majority_vote"}, {"function": "take_first"}]}]
    rows = [sample(i, ["4", "5", "5"], filtered_resps=["5"], exact_match=0.0) for i in range(2)]
    table = read(write(tmp_path, rows, results(config={"filter_list": filters})))
    assert (
        table.frame.select("attempt", "generations", "answer", "score", "output").rows()
        == [(1, 3, "5", 0.0, None)] * 2
    )
    assert "of all repeats together" in said(table)
    # The same answers under the harness's default filter: the score is the first answer's alone.
    default = read(write(tmp_path / "b", rows, results()))
    assert default.frame["score"].to_list() == [0.0, None, None] * 2
    assert default.frame["output"].to_list() == ["4", "5", "5"] * 2
    assert default.frame["generations"].null_count() == 6


def test_likelihood_tasks_have_scores_but_no_text(tmp_path: Path) -> None:
    row = sample(0, [["-1.5", "False"]], metrics=["acc", "acc_norm"], acc=1.0, acc_norm=0.0)
    row["resps"] = [[["-1.5", "True"]], [["-2.5", "False"]]]
    row["filtered_resps"] = [["-1.5", "True"], ["-2.5", "False"]]
    row["arguments"] = {f"gen_args_{i}": {"arg_0": "0+1?", "arg_1": f" {i}"} for i in range(2)}
    table = read(write(tmp_path, [row], results(config={"output_type": "multiple_choice"})))
    first = table.frame.row(0, named=True)
    assert (first["score"], first["correct"], first["scorer"]) == (1.0, True, "acc,strict")
    assert (first["output"], first["output_tokens"], first["token_limit"]) == (None, None, None)
    assert first["prompt"] == "0+1?"
    assert "nothing was generated" in said(table)


def test_broken_lines_and_mapped_fields(tmp_path: Path) -> None:
    path = write(tmp_path, [sample(i, [str(i)]) for i in range(1, 3)], results())
    path.write_text(path.read_text() + '{"doc_id": 3, "doc"\n{"x": 1}\n')
    table = read(path, mapping={"workload": "doc.level"})
    assert table.frame["workload"].to_list() == [1.0, 2.0]
    dropped = [p.record for p in table.problems if p.severity == "dropped"]
    assert dropped == ["line 3", "line 4"]
    assert table.sources[0].records == 4
    assert table.sources[0].settings["filter"] == "strict"
    with pytest.raises(InputError, match=r"doc\.nothing: no record has a value there.*doc\.level"):
        read(path, mapping={"workload": "doc.nothing"})
    with pytest.raises(InputError, match="line 3"):
        read(path, strict=True)
