"""Logs made by the installed lm-evaluation-harness: our figures are those of its own results file."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest

from thinkmeter.readers import read

QUESTIONS = ["2+2?", "2+2? [wrong]", "2+2? [closed]", "2+2? [unclosed]", "2+2? [think 90]"]
TASK = """
task: sums
dataset_path: json
dataset_kwargs: {data_files: {test: DATA}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: [], max_gen_toks: 40}
repeats: 3
filter_list:
  - name: marked
    filter: [{function: regex, regex_pattern: "ANSWER: (\\\\d+)"}, {function: take_first}]
  - name: any
    filter: [{function: regex, regex_pattern: "(\\\\d+)"}, {function: take_first}]
  - name: vote
    filter: [{function: regex, regex_pattern: "(\\\\d+)"}, {function: majority_vote}, {function: take_first}]
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
metadata: {version: 1.0}
"""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("lm_eval")
    folder = tmp_path_factory.mktemp("lm_eval")
    data = folder / "sums.jsonl"
    rows = [{"question": q, "answer": "4", "steps": i + 1} for i, q in enumerate(QUESTIONS)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tasks = folder / "tasks"
    tasks.mkdir()
    (tasks / "sums.yaml").write_text(TASK.replace("DATA", str(data)))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "engines"))
        return import_module("launch").run_lm_eval(tasks, "sums", folder / "out")


@pytest.mark.engine
@pytest.mark.parametrize("name", ["marked", "any", "vote"])
def test_accuracy_is_that_of_the_results_file(logs: Path, name: str) -> None:
    stated = json.loads(next(logs.rglob("results_*.json")).read_text())["results"]["sums"]
    frame = read(logs, filter_name=name).frame
    scored = frame.filter(pl.col("score").is_not_null())
    assert scored.height == len(QUESTIONS)
    assert scored["score"].mean() == pytest.approx(stated[f"exact_match,{name}"])
    assert frame.height == len(QUESTIONS) * (1 if name == "vote" else 3)


@pytest.mark.engine
def test_rows_hold_what_was_asked_and_answered_and_nothing_made_up(logs: Path) -> None:
    frame = read(logs, mapping={"workload": "doc.steps"}).frame.filter(pl.col("attempt") == 1)
    assert frame["prompt"].to_list() == QUESTIONS
    assert frame["output"][0] == "ANSWER: 4"
    # The reasoning was longer than the cap: the harness keeps an empty answer and does not say why.
    assert frame["output"][4] == ""
    assert frame["score"].to_list() == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert set(frame["token_limit"]) == {40}
    assert set(frame["model"]) == {"mock"}
    assert frame["workload"].to_list() == [1, 2, 3, 4, 5]
    for column in ("stop_reason", "output_tokens", "reasoning_tokens", "latency_s"):
        assert frame[column].null_count() == frame.height
