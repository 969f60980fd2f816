"""What a report carries inside: every number, settings, digests of the inputs; and how it is read back and compared."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from thinkmeter.errors import InputError

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = ["DATA_ID", "MOST_ITEMS", "compare", "payload", "read_payload", "script_text"]

DATA_ID: Final = "thinkmeter-data"
MOST_ITEMS: Final = 5_000
"""Rows of per-item numbers up to which they travel in the page; estimates rest on them but do not need them."""

_FORMAT: Final = 1
_RELATIVE: Final = 1e-9
"""Numbers that differ by less are the same: libraries of linear algebra differ in the last digits."""
_ABSOLUTE: Final = 1e-12
_MOST_TOLD: Final = 20
_KEYS: Final = {
    "groups": ("pool", "group"),
    "estimates": ("pool", "group", "measure"),
    "exclusions": ("pool", "group", "population", "reason"),
    "gaps": ("pool", "group", "factor"),
    "profiles": ("pool", "group"),
    "ranks": ("pool", "group", "measure"),
    "rank_agreement": ("pool", "measure_a", "measure_b"),
    "sweeps": ("pool", "model", "what", "settings"),
}
"""Frames that a report is held to, and what names a row in each."""


def payload(analysis: Analysis) -> dict[str, Any]:
    """Return everything a report carries, ready for JSON: frames as columns, undefined numbers as None."""
    from thinkmeter._version import __version__

    frames: dict[str, dict[str, list[Any]]] = {}
    left_out: dict[str, int] = {}
    for name, frame in analysis.frames().items():
        if name == "items" and frame.height > MOST_ITEMS:
            left_out[name] = frame.height
            continue
        clean = frame.with_columns(pl.col(pl.Float32, pl.Float64).fill_nan(None))
        frames[name] = {column: _plain(clean[column].to_list()) for column in clean.columns}
    return {
        "format": _FORMAT,
        "thinkmeter": __version__,
        "settings": _plain(analysis.settings.as_dict()),
        "sources": _plain([asdict(source) for source in analysis.sources]),
        "frames": frames,
        "left_out": left_out,
        "findings": _plain([asdict(finding) for finding in analysis.findings]),
        "disclosure": _plain([asdict(item) for item in analysis.disclosure]),
        "problems": _plain([asdict(problem) for problem in analysis.problems]),
    }


def _plain(value: Any) -> Any:
    """Tuples become lists and numbers without a value None, as JSON will have them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def script_text(data: dict[str, Any]) -> str:
    """Write JSON that can stand inside a script element: nothing in it can end the element or open a comment.

    Examples
    --------
    >>> script_text({"name": "</script>"})
    '{"name":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


class _Finder(HTMLParser):
    """Collects the text of the one script element that holds the data."""

    def __init__(self) -> None:
        super().__init__()
        self.text: str | None = None
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", DATA_ID) in attrs and self.text is None

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text = (self.text or "") + data


def read_payload(path: str | Path) -> dict[str, Any]:
    """Read what a report carries.

    Raises
    ------
    InputError
        If the file cannot be read, is no report of this program, or was written by a newer version.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    finder = _Finder()
    finder.feed(text)
    finder.close()
    if finder.text is None:
        raise InputError(
            f"{path}: expected a report made by `thinkmeter report -o FILE.html`, got a file without its data."
        )
    try:
        data = json.loads(finder.text)
    except ValueError as error:
        raise InputError(f"{path}: its data is damaged: {error}. Make the report again.") from error
    if not isinstance(data, dict) or not {"format", "settings", "frames", "sources"} <= data.keys():
        raise InputError(f"{path}: its data is not that of a report. Make the report again.")
    if data["format"] > _FORMAT:
        raise InputError(
            f"{path}: written by a newer thinkmeter ({data.get('thinkmeter')}). Upgrade this one."
        )
    return data


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return how two payloads differ, settings first, then inputs, then numbers; empty when they agree."""
    found = list(_settings(old["settings"], new["settings"]))
    found += _inputs(old["sources"], new["sources"])
    for name, keys in _KEYS.items():
        found += _limited(_frame(name, keys, old["frames"].get(name, {}), new["frames"].get(name, {})))
    return found


def _settings(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield f"setting {name}: the report has {old.get(name)!r}, this analysis {new.get(name)!r}"


def _inputs(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """Files are the same when their digests are, wherever they lie now."""
    ours, theirs = ({s["sha256"]: s["file"] for s in side if s["sha256"]} for side in (old, new))
    found = [
        f"input of the report is not among these: {ours[d]} (sha256 {d[:12]}…)"
        for d in ours
        if d not in theirs
    ]
    found += [f"input is not in the report: {theirs[d]} (sha256 {d[:12]}…)" for d in theirs if d not in ours]
    return found


def _limited(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_TOLD:
        return lines
    return [*lines[:_MOST_TOLD], f"... and {len(lines) - _MOST_TOLD} more of this kind"]


def _frame(name: str, keys: tuple[str, ...], old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    before, after = _by_key(keys, old), _by_key(keys, new)
    found = [f"{name}: {_name(key)} is only in the report" for key in before if key not in after]
    found += [f"{name}: {_name(key)} is not in the report" for key in after if key not in before]
    for key, row in before.items():
        for column, value in row.items():
            now = after.get(key, row).get(column)
            if not _same(value, now):
                found.append(
                    f"{name}: {_name(key)}, {column}: the report has {value!r}, this analysis {now!r}"
                )
    return found


def _by_key(keys: tuple[str, ...], columns: dict[str, list[Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    if not columns:
        return {}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {tuple(row.get(key) for key in keys): row for row in rows}


def _name(key: tuple[Any, ...]) -> str:
    return ", ".join(str(part) for part in key if part is not None)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return bool(a == b)
