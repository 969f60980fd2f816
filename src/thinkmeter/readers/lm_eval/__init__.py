"""lm-evaluation-harness: ``samples_*.jsonl``, with the ``results_*.json`` beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from thinkmeter.errors import InputError, Problem
from thinkmeter.readers._api import Detection, ReadOptions, ReadResult
from thinkmeter.readers._columns import as_series
from thinkmeter.readers._fields import parse_path, pick
from thinkmeter.readers.lm_eval._map import Run, doc_facets, metric_of, run_facts, sample_rows
from thinkmeter.readers.lm_eval._records import find_results, read_samples
from thinkmeter.readers.lm_eval._sniff import sniff
from thinkmeter.table import Source

__all__ = ["READER", "LmEvalReader"]


class LmEvalReader:
    """Reads sample logs of lm-evaluation-harness; see docs/readers/lm_eval.md."""

    name = "lm_eval"

    def sniff(self, path: Path, head: bytes) -> Detection | None:
        """Claim sample logs, and the results beside them as companions."""
        return sniff(path, head)

    def read(self, path: Path, options: ReadOptions) -> ReadResult:
        """Read one samples file and what the results beside it say about its run.

        Raises
        ------
        InputError
            If no line is a sample, the filter or metric asked for is not there, or nothing names the model.
        """
        problems: list[Problem] = []
        chosen, kept, read = _of_filter(path, options.filter_name, problems)
        results, task, results_file = find_results(path)
        run = run_facts(results, task or options.defaults.get("benchmark") or path.stem)
        _name_model(run, path, results_file, options, problems)
        metric = _choose_metric(kept, run, options.scorer, path)
        frame = _frame(kept, run, metric, options, path)
        _notes(frame, run, metric, path, problems)
        settings = {
            "filter": chosen,
            "metric": metric or "",
            "results_file": results_file.name if results_file else "",
            "harness": run.harness,
            "token_limit": str(run.token_limit or ""),
        }
        settings = {key: value for key, value in settings.items() if value}
        return ReadResult(frame, Source(str(path), self.name, records=read, settings=settings), problems)


def _name_model(
    run: Run, path: Path, results_file: Path | None, options: ReadOptions, problems: list[Problem]
) -> None:
    if run.model or "model" in options.defaults or "model" in options.mapping:
        return
    folder = path.resolve().parent.name
    if not folder:
        raise InputError(
            f"{path}: no results_*.json beside it names the model. Give it with --set model=<name>."
        )
    # lm-eval writes into <output path>/<model name>, with every / of the name written as __.
    run.model = folder.replace("__", "/")
    why = "no results_*.json beside it" if results_file is None else f"{results_file.name} does not say"
    message = f"the model is not named ({why}): the folder's name {run.model!r} is used"
    problems.append(Problem("note", str(path), "", "model", message, "Give it with --set model=<name>."))


def _of_filter(
    path: Path, asked: str | None, problems: list[Problem]
) -> tuple[str, list[tuple[int, dict[str, Any]]], int]:
    """Return the filter, its lines and the number of lines in all; lines of other filters are not kept."""
    names: dict[str, None] = {}
    kept: list[tuple[int, dict[str, Any]]] = []
    chosen, read = asked, 0
    for number, record in read_samples(path, problems):
        read += 1
        name = str(record.get("filter", "none"))
        names.setdefault(name)
        chosen = chosen or name
        if name == chosen:
            kept.append((number, record))
    if not read:
        reason = problems[0].message if problems else "the file is empty"
        raise InputError(f"{path}: no line of it is a sample: {reason}.")
    if chosen is None or not kept:
        raise InputError(f"{path}: no filter {asked!r} in it. Filters: {', '.join(names)}.")
    if len(names) > 1 and asked is None:
        # Every document is there once per filter: reading all would count each answer several times.
        others = ", ".join(repr(name) for name in names if name != chosen)
        message = f"each document is logged once per filter: read with filter {chosen!r}, not {others}"
        problems.append(
            Problem("note", str(path), "", "scorer", message, "Choose another with --filter <name>.")
        )
    return chosen, kept, read + len([p for p in problems if p.severity == "dropped"])


def _choose_metric(
    lines: list[tuple[int, dict[str, Any]]], run: Run, asked: str | None, path: Path
) -> str | None:
    for _, record in lines:
        metric = metric_of(record, run, asked)
        if metric is not None:
            return metric
    if asked is not None:
        there = lines[0][1].get("metrics") or "none"
        raise InputError(f"{path}: no metric {asked!r} in it. Metrics: {there}.")
    return None


def _frame(
    lines: list[tuple[int, dict[str, Any]]], run: Run, metric: str | None, options: ReadOptions, path: Path
) -> pl.DataFrame:
    facets = doc_facets([record.get("doc") for _, record in lines])
    mapped = {ours: parse_path(path) for ours, path in options.mapping.items()}
    rows: list[dict[str, Any]] = []
    for number, record in lines:
        doc = record.get("doc")
        extra = {facet: doc.get(key) for facet, key in facets.items()} if isinstance(doc, dict) else {}
        extra |= {ours: pick(record, steps) for ours, steps in mapped.items()}
        extra["source_record"] = f"line {number}"
        rows.extend({**row, **extra} for row in sample_rows(record, run, metric))
    missing = [o for o in mapped if all(row[o] is None for row in rows)]
    if missing:
        wanted = options.mapping[missing[0]]
        fields = ", ".join([*lines[0][1], *(f"doc.{key}" for key in facets.values())])
        raise InputError(
            f"{path}: --map {missing[0]}={wanted}: no record has a value there. Fields: {fields}."
        )
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame([as_series(name, [row.get(name) for row in rows]) for name in names])
    if frame["facet.score_raw"].null_count() == frame.height:
        frame = frame.drop("facet.score_raw")
    scores = frame["score"].drop_nulls()
    if scores.len() and scores.is_in([0.0, 1.0]).all() and "correct" not in frame.columns:
        frame = frame.with_columns((pl.col("score") == 1).alias("correct"))
    if run.started_at is not None:
        start = pl.lit(int(run.started_at * 1e6)).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        frame = frame.with_columns(start.alias("started_at"))
    return frame


def _notes(frame: pl.DataFrame, run: Run, metric: str | None, path: Path, problems: list[Problem]) -> None:
    def note(field: str, message: str, action: str, count: int = 1) -> None:
        problems.append(Problem("note", str(path), "", field, message, action, count))

    if "facet.score_raw" in frame.columns:
        count = frame.height - int(frame["facet.score_raw"].null_count())
        way = "lower is better" if metric in run.lower_is_better else "its values are not from 0 to 1"
        message = f"metric {metric!r} is no credit ({way}): kept as facet.score_raw, attempts unscored"
        note("score", message, "Choose another metric with --scorer <name>.", count)
    repeats = frame.filter(pl.col("attempt") > 1).height
    if repeats:
        message = "lm-eval scores one answer per document, the first: the other repeats are kept unscored"
        note("score", message, "Use a task whose metric scores every repeat to have them all.", repeats)
    if "generations" in frame.columns and frame["generations"].dtype != pl.Null:
        message = "the score is of all repeats together (a vote, or the first k): one row per document stands for them"
        note("generations", message, "Choose another filter with --filter <name>.", frame.height)
    likelihood = run.output_type not in (None, "generate_until") or frame["output"].dtype == pl.Null
    if likelihood and "generations" not in frame.columns:
        message = (
            "the task compares likelihoods of given answers: nothing was generated, so there are no tokens"
        )
        note("output_tokens", message, "Only accuracy can be measured.", frame.height)
    else:
        message = "lm-eval logs neither output tokens nor stop reasons"
        action = "Token measures need a log that has them, such as one of Inspect."
        note("output_tokens", message, action, frame.height)


READER = LmEvalReader()
