"""Read lm-evaluation-harness files: sample lines one by one, and the results file that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thinkmeter.errors import Problem
from thinkmeter.readers._lines import decode_line
from thinkmeter.readers.lm_eval._sniff import task_and_date

__all__ = ["find_results", "read_samples"]


def read_samples(path: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, record); a line that is no sample is one problem, the others are read."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            text = line.strip()
            if not text:
                continue
            try:
                record = decode_line(text)
            except ValueError as error:
                message = f"expected a JSON object, got a line that is not JSON ({error})"
                problems.append(_bad(path, number, message))
                continue
            if not isinstance(record, dict) or "doc_id" not in record or "resps" not in record:
                problems.append(_bad(path, number, "expected an object with doc_id and resps"))
                continue
            yield number, record


def _bad(path: Path, number: int, message: str) -> Problem:
    return Problem(
        "dropped", str(path), f"line {number}", "", message, "Left out; the other records are read."
    )


def find_results(path: Path) -> tuple[dict[str, Any], str | None, Path | None]:
    """Return the results that belong to a samples file, the task's name, and the results file.

    Of several results files the one of the same date is taken, else the newest by name that knows the task.
    Without any, the results are empty.
    """
    task, date = task_and_date(path.stem)
    candidates = sorted(path.parent.glob("results*.json"), reverse=True)
    if date is not None:
        candidates.sort(key=lambda one: date not in one.name)
    for candidate in candidates:
        try:
            results = decode_line(candidate.read_bytes())
        except (OSError, ValueError):
            continue  # a broken results file is as good as none; the note about it follows
        if not isinstance(results, dict):
            continue
        tasks = _tasks(results)
        if task is None:
            # Before 0.4.3 files were named <model arguments>_<task>.jsonl.
            ending = [name for name in tasks if path.stem.endswith(f"_{name}") or path.stem == name]
            if ending:
                return results, max(ending, key=len), candidate
        elif task in tasks:
            return results, task, candidate
    return {}, task, None


def _tasks(results: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for part in ("configs", "results", "versions"):
        if isinstance(results.get(part), dict):
            found |= set(results[part])
    return found
