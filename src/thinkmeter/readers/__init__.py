"""Logs -> table. Each format is a reader; `read` gives every file to the one that knows it best."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from thinkmeter.errors import InputError, Problem, ThinkmeterError, UsageError
from thinkmeter.readers._api import Detection, Reader, ReadOptions, ReadResult
from thinkmeter.readers._fields import parse_path
from thinkmeter.readers._merge import merge_problems
from thinkmeter.readers._paths import Found, expand, known_companion
from thinkmeter.readers._registry import STORED, detect, find_reader, load_readers
from thinkmeter.table import FACET_PREFIX, SampleTable, load, polars_schema

__all__ = ["Detection", "ReadOptions", "ReadResult", "Reader", "detect", "read"]

_WAY_OUT = (
    "If it is one record per attempt, save it as JSON lines, CSV or Parquet, or force a reader with --reader; "
    "docs/readers/ lists what is recognised."
)


@dataclass(slots=True)
class _Outcome:
    """What came of one file: a table, or a companion's description, and the problems either way."""

    table: SampleTable | None = None
    companion: str = ""
    problems: list[Problem] = field(default_factory=list)


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    mapping: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    strict: bool = False,
    reader: str | None = None,
    filter_name: str | None = None,
    scorer: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> SampleTable:
    """Read logs of any known format into one table.

    Parameters
    ----------
    paths : path, or iterable of paths
        Files, folders (walked) and glob patterns. Tables written by `SampleTable` are inputs like any other.
    mapping : mapping of str to str, optional
        Our column (or ``facet.<name>``) -> field of the record, with dots and ``[i]``: wins over what a reader
        would take by itself.
    defaults : mapping of str to str, optional
        Our column (or facet) -> value for the rows where the file has none, such as ``{"model": "my-model"}``.
    strict : bool, optional
        Raise at the first record or value that is lost, instead of collecting a `Problem`.
    reader : str, optional
        Name of the reader to use for every file, instead of detecting one per file.
    filter_name : str, optional
        lm-evaluation-harness: the filter whose scores are read; the first in each file otherwise.
    scorer : str, optional
        Scorer or metric to take the score from; the first in each file otherwise.
    progress : callable, optional
        Called with (files done, files in all, name of the file just done).

    Returns
    -------
    SampleTable
        Rows in the order of the files as named (inside a folder, sorted). ``problems`` says what was lost,
        repaired or passed over; a file that cannot be read is one of them.

    Raises
    ------
    InputError
        If nothing could be read at all, a named file is missing, or `strict` and something was lost.
    UsageError
        If an option names a column or reader that does not exist.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "arith.jsonl")
    ...     _ = file.write_text('{"model": "m", "id": 1, "correct": true, "usage": {"completion_tokens": 9}}')
    ...     read(file).frame.select("benchmark", "item_id", "correct", "output_tokens").row(0)
    ('arith', '1', True, 9)
    """
    options = ReadOptions(
        _checked(mapping, "mapping"), _checked(defaults, "defaults"), strict, filter_name, scorer
    )
    for path in options.mapping.values():
        parse_path(path)
    forced = find_reader(reader) if reader else None
    found = expand(paths)
    outcomes = _read_all(found, options, forced, progress)
    _, broken = load_readers()
    problems = [*broken, *_companions(found, outcomes), *(p for o in outcomes for p in o.problems)]
    tables = [outcome.table for outcome in outcomes if outcome.table is not None]
    if not tables:
        raise InputError(_nothing(found, problems))
    table = SampleTable.concat(tables) if len(tables) > 1 else tables[0]
    lost = [p for p in (*problems, *table.problems) if p.severity in {"dropped", "field"}]
    if strict and lost:
        raise InputError(str(lost[0]))
    return replace(table, problems=merge_problems([*problems, *table.problems]))


def _checked(names: Mapping[str, str] | None, what: str) -> dict[str, str]:
    schema = polars_schema()
    for name in names or {}:
        if name not in schema and not name.startswith(FACET_PREFIX):
            raise UsageError(
                f"{what}: {name!r} is not a column. Columns: {', '.join(schema)}; free ones are {FACET_PREFIX}<name>."
            )
    return dict(names or {})


def _read_all(
    found: list[Found],
    options: ReadOptions,
    forced: Reader | None,
    progress: Callable[[int, int, str], None] | None,
) -> list[_Outcome]:
    outcomes = [_Outcome() for _ in found]
    workers = max(1, min(4, os.cpu_count() or 2, len(found)))
    with ThreadPoolExecutor(workers, thread_name_prefix="thinkmeter-read") as pool:
        futures = {pool.submit(_read_one, one, options, forced): index for index, one in enumerate(found)}
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                index = futures[future]
                outcomes[index] = future.result()
                if progress is not None:
                    progress(done, len(found), str(found[index].path))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return outcomes


def _read_one(found: Found, options: ReadOptions, forced: Reader | None) -> _Outcome:
    name = str(found.path)
    try:
        companion = None if found.named and forced else known_companion(found.path)
        claims = [] if companion == "a hidden file" else detect(found.path)
        claims = [c for c in claims if forced is None or c.reader == forced.name]
        if claims and claims[0].companion:
            return _Outcome(companion=claims[0].why)
        if claims and claims[0].reader == STORED:
            return _Outcome(_stored(found.path, options))
        if not claims and companion:
            return _Outcome(companion=companion)
        if not claims and not (forced and found.named):
            return _Outcome(problems=[_unclaimed(found.path, forced)])
        reader = forced or find_reader(claims[0].reader)
        return _Outcome(
            _table(found.path, reader, claims[0].why if claims else "named with --reader", options)
        )
    except InputError as error:
        if options.strict:
            raise
        text = str(error).removeprefix(f"{name}: ")
        return _Outcome(
            problems=[Problem("dropped", name, "", "", text.rstrip("."), "The file was left out.")]
        )


def _stored(path: Path, options: ReadOptions) -> SampleTable:
    table = load(path)
    if not options.defaults:
        return table
    frame = fill_defaults(table.frame, options.defaults)
    return SampleTable.from_frame(
        frame, sources=table.sources, problems=table.problems, strict=options.strict
    )


def _table(path: Path, reader: Reader, why: str, options: ReadOptions) -> SampleTable:
    try:
        result = reader.read(path, options)
    except ThinkmeterError:
        raise
    except Exception as error:
        # A fault of one reader on one file must not take the other files with it; strict shows it whole.
        raise InputError(
            f"{path}: the reader {reader.name!r} failed on it, which is a fault of the reader: {error!r}"
        ) from error
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    source = replace(
        result.source,
        sha256=result.source.sha256 or digest,
        size=result.source.size or path.stat().st_size,
        why=result.source.why or why,
    )
    frame = fill_defaults(result.frame, options.defaults)
    if "source_file" not in frame.columns:
        frame = frame.with_columns(pl.lit(source.file).alias("source_file"))
    return SampleTable.from_frame(frame, sources=[source], problems=result.problems, strict=options.strict)


def fill_defaults(frame: pl.DataFrame, defaults: Mapping[str, str]) -> pl.DataFrame:
    """Return the frame with the user's constants where it has no value."""
    for name, value in defaults.items():
        constant = pl.lit(value)
        if name in frame.columns and frame[name].dtype != pl.Null:
            constant = constant.cast(frame[name].dtype, strict=False)
            frame = frame.with_columns(pl.col(name).fill_null(constant))
        else:
            frame = frame.with_columns(constant.alias(name))
    return frame


def _unclaimed(path: Path, forced: Reader | None) -> Problem:
    if path.stat().st_size == 0:
        return Problem(
            "dropped", str(path), "", "", "the file is empty", "Remove it, or run the evaluation again."
        )
    tried = forced.name if forced else ", ".join(load_readers()[0])
    return Problem("dropped", str(path), "", "", f"no reader knows this file (tried: {tried})", _WAY_OUT)


def _companions(found: list[Found], outcomes: list[_Outcome]) -> list[Problem]:
    """One note per folder and kind of companion."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one, outcome in zip(found, outcomes, strict=True):
        if outcome.companion:
            groups.setdefault((str(one.path.parent), outcome.companion), []).append(one.path.name)
    notes = []
    for (folder, why), names in groups.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        message = f"{shown}: {why}; no attempts in it"
        notes.append(Problem("note", folder, "", "", message, "Passed over.", len(names)))
    return notes


def _nothing(found: list[Found], problems: list[Problem]) -> str:
    reasons = [str(p) for p in problems if p.source]
    shown = reasons[:5] + ([f"... and {len(reasons) - 5} more"] if len(reasons) > 5 else [])
    return f"nothing could be read from {len(found)} file(s):\n" + "\n".join(
        f"  {reason}" for reason in shown
    )
