"""Read files of records into a frame of raw fields: nested names become ``a.b``, list elements ``a[0].b``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from thinkmeter.errors import InputError, Problem
from thinkmeter.readers._columns import as_series
from thinkmeter.readers._fields import chat_text, normalise, parse_path, pick, scalar_text
from thinkmeter.readers._lines import decode_line
from thinkmeter.readers.generic._names import ALIASES

__all__ = ["RECORD", "Raw", "flatten", "read_raw"]

RECORD = "__record"
"""Column of the raw frame that says where in the file a record lies."""

_CHUNK = 8_192
_DEPTH = 4
_OF_THE_RUN = {"model", "benchmark", "token_limit", "harness", "scorer", "started_at", "model_release_date"}


@dataclass(slots=True)
class Raw:
    """Raw fields of a file. ``ignored`` are fields of a form that has no place in a table (lists)."""

    frame: pl.DataFrame
    records: int
    problems: list[Problem] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)


def read_raw(path: Path, form: str, paths: Iterable[str] = ()) -> Raw:
    """Read a file of the given form. `paths` are fields the user named; they are fetched however deep they lie.

    Raises
    ------
    InputError
        If nothing can be read of it.
    """
    wanted = tuple(paths)
    match form:
        case "parquet":
            return _read_columns(path, wanted)
        case "csv" | "tsv":
            return _read_separated(path, "," if form == "csv" else "\t")
        case "jsonl":
            return _read_lines(path, wanted)
        case _:
            return _read_json(path, wanted)


def _read_columns(path: Path, wanted: tuple[str, ...]) -> Raw:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {error}") from error
    named = [
        _expression(one).alias(one) for one in wanted if one not in frame.columns and _present(frame, one)
    ]
    frame = frame.with_columns(named)
    while structs := [n for n, t in frame.schema.items() if isinstance(t, pl.Struct)]:
        for name in structs:
            parts = frame[name].struct.unnest()
            frame = frame.drop(name).hstack(
                [s.alias(f"{name}.{s.name}") for s in parts if f"{name}.{s.name}" not in frame.columns]
            )
    ignored = set()
    for name, dtype in frame.schema.items():
        if dtype.is_nested():
            text = _messages(frame[name])
            ignored.add(name)
            frame = frame.drop(name) if text is None else frame.with_columns(text)
    place = pl.format("row {}", pl.int_range(1, pl.len() + 1)).alias(RECORD)
    return Raw(frame.with_columns(place), frame.height, [], ignored)


def _messages(values: pl.Series) -> pl.Series | None:
    first = values.drop_nulls().head(1).to_list()
    if not first or chat_text(first[0]) is None:
        return None
    return pl.Series(values.name, [chat_text(v) for v in values.to_list()], dtype=pl.String)


def _expression(path: str) -> pl.Expr:
    first, *steps = parse_path(path)
    out = pl.col(str(first))
    for step in steps:
        out = out.list.get(step, null_on_oob=True) if isinstance(step, int) else out.struct.field(step)
    return out


def _present(frame: pl.DataFrame, path: str) -> bool:
    try:
        frame.head(0).select(_expression(path))
    except pl.exceptions.PolarsError:
        return False
    return True


def _read_separated(path: Path, separator: str) -> Raw:
    problems: list[Problem] = []
    try:
        frame = pl.read_csv(
            path,
            separator=separator,
            infer_schema_length=None,
            null_values=["", "NA", "N/A", "NaN", "nan", "null"],
        )
    except (OSError, pl.exceptions.PolarsError):
        frame = _read_ragged(path, separator, problems)
    if not frame.height:
        raise InputError(f"{path}: the table has a header but no rows.")
    frame = frame.rename({name: name.strip() for name in frame.columns if name.strip() != name})
    if RECORD not in frame.columns:
        # Quoted cells may hold line breaks, so rows are counted, not lines.
        frame = frame.with_columns(pl.format("row {}", pl.int_range(1, pl.len() + 1)).alias(RECORD))
    return Raw(frame, frame.height + len(problems), problems)


def _read_ragged(path: Path, separator: str, problems: list[Problem]) -> pl.DataFrame:
    """Read a table some of whose rows have too few or too many cells: those are left out, and said so."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table separated by {separator!r}: {error}") from error
    kept: list[str] = []
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for number, row in enumerate((row for row in rows if row), start=1):
        if len(row) == len(header):
            writer.writerow(row)
            kept.append(f"row {number}")
        else:
            message = f"expected {len(header)} cells, got {len(row)}"
            problems.append(_bad(path, f"row {number}", message))
    try:
        frame = pl.read_csv(buffer.getvalue().encode(), infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: cannot be read as a table: {str(error).splitlines()[0]}") from error
    return frame.with_columns(pl.Series(RECORD, kept, dtype=pl.String))


def _read_lines(path: Path, wanted: tuple[str, ...]) -> Raw:
    raw = Raw(pl.DataFrame(), 0)
    frames: list[pl.DataFrame] = []
    rows = _Rows(wanted, raw.ignored)
    for number, line in _lines(path):
        raw.records += 1
        place = f"line {number}"
        try:
            record = decode_line(line)
        except ValueError as error:
            raw.problems.append(
                _bad(path, place, f"expected a JSON object, got a line that is not JSON ({error})")
            )
            continue
        if not isinstance(record, dict):
            raw.problems.append(_bad(path, place, f"expected a JSON object, got {type(record).__name__}"))
            continue
        rows.add(record, place)
        if rows.height >= _CHUNK:
            frames.append(rows.take())
    if rows.height:
        frames.append(rows.take())
    if not frames:
        reason = str(raw.problems[0].message) if raw.problems else "the file is empty"
        raise InputError(f"{path}: no line of it is a JSON object: {reason}.")
    raw.frame = frames[0] if len(frames) == 1 else pl.concat(_alike(frames), how="diagonal_relaxed")
    raw.problems.extend(rows.problems(path))
    return raw


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if text:
                yield number, text


def _bad(path: Path, place: str, message: str) -> Problem:
    return Problem("dropped", str(path), place, "", message, "Left out; the other records are read.")


def _alike(frames: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """Make columns text in every chunk where some chunk has text: one odd value must not lose a column."""
    text = {n for f in frames for n, t in f.schema.items() if t == pl.String}
    return [
        f.with_columns(pl.col(n).cast(pl.String) for n, t in f.schema.items() if n in text and t != pl.String)
        for f in frames
    ]


def _read_json(path: Path, wanted: tuple[str, ...]) -> Raw:
    try:
        data = decode_line(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise InputError(f"{path}: expected JSON, got a file that is not: {error}.") from error
    shared: dict[str, Any] = {}
    if isinstance(data, dict):
        lists = [k for k, v in data.items() if isinstance(v, list) and v and isinstance(v[0], dict)]
        if len(lists) != 1:
            found = f"lists {', '.join(lists)}" if lists else "none"
            raise InputError(
                f"{path}: expected a JSON list of records or an object with one such list, found {found}."
            )
        shared = {key: value for key, value in data.items() if _holds_for_all(key, value)}
        data = data[lists[0]]
    if not isinstance(data, list) or not data:
        raise InputError(f"{path}: expected a JSON list of records, got {type(data).__name__} without any.")
    raw = Raw(pl.DataFrame(), len(data))
    rows = _Rows(wanted, raw.ignored)
    for number, record in enumerate(data, start=1):
        if isinstance(record, dict):
            rows.add({**shared, **record}, f"record {number}")
        else:
            raw.problems.append(
                _bad(path, f"record {number}", f"expected an object, got {type(record).__name__}")
            )
    if not rows.height:
        raise InputError(f"{path}: none of the {len(data)} entries of the list is an object.")
    raw.frame = rows.take()
    raw.problems.extend(rows.problems(path))
    return raw


def _holds_for_all(key: str, value: Any) -> bool:
    """Say whether a field beside the list of records is a fact about each of them.

    The model or the limit of a run is; its accuracy, cost or token total is not, and would pass for an attempt's.
    """
    name = normalise(key)
    own = [ours for ours, aliases in ALIASES.items() if name in aliases]
    return not isinstance(value, list) and name != "usage" and all(ours in _OF_THE_RUN for ours in own)


class _Rows:
    """Records on their way into columns."""

    def __init__(self, wanted: tuple[str, ...], ignored: set[str]) -> None:
        self._wanted = [(path, parse_path(path)) for path in wanted]
        self._ignored = ignored
        self._columns: dict[str, list[Any]] = {}
        self._more_choices = 0
        self.height = 0

    def add(self, record: Mapping[str, Any], place: str) -> None:
        flat = flatten(record, self._ignored)
        flat[RECORD] = place
        for path, steps in self._wanted:
            value = pick(record, steps)
            flat[path] = value if value is None or isinstance(value, str | int | float) else _text(value)
        choices = record.get("choices")
        self._more_choices += isinstance(choices, list) and len(choices) > 1
        for name, value in flat.items():
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = [None] * self.height
            column.append(value)
        self.height += 1
        if len(flat) < len(self._columns):
            for column in self._columns.values():
                if len(column) < self.height:
                    column.append(None)

    def take(self) -> pl.DataFrame:
        """Hand over the columns gathered so far and start again."""
        frame = pl.DataFrame([as_series(name, values) for name, values in self._columns.items()])
        self._columns, self.height = {}, 0
        return frame

    def problems(self, path: Path) -> list[Problem]:
        if not self._more_choices:
            return []
        message = "a record holds several choices; only the first is an attempt of its own"
        action = "Write one record per choice, with its own score, to count them all."
        return [Problem("dropped", str(path), "", "choices", message, action, self._more_choices)]


def _text(value: Any) -> str:
    return chat_text(value) or scalar_text(value)


def flatten(record: Mapping[str, Any], ignored: set[str], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Return scalars by path. Messages become text, ``choices`` its first entry; other lists are noted and left.

    Examples
    --------
    >>> flatten({"id": 1, "usage": {"completion_tokens": 5}, "choices": [{"finish_reason": "stop"}]}, set())
    {'id': 1, 'usage.completion_tokens': 5, 'choices[0].finish_reason': 'stop'}
    """
    out: dict[str, Any] = {}
    for key, value in record.items():
        name = prefix + key
        if isinstance(value, dict):
            if depth < _DEPTH:
                out.update(flatten(value, ignored, f"{name}.", depth + 1))
            else:
                ignored.add(name)
        elif isinstance(value, list):
            if key == "choices" and value and isinstance(value[0], dict):
                out.update(flatten(value[0], ignored, f"{name}[0].", depth + 1))
            elif (text := chat_text(value)) is not None:
                out[name] = text
            elif len(value) == 1 and isinstance(value[0], str):
                out[f"{name}[0]"] = value[0]
            elif value:
                ignored.add(name)
        else:
            out[name] = value
    return out
