"""Errors and problems: what was expected, what came, where, and what to do.

An *error* stops the call. A *problem* is one thing wrong with one record; by default
problems are collected and reported while everything else is read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["InputError", "Problem", "ThinkmeterError", "UsageError"]


class ThinkmeterError(Exception):
    """Base of every error this package raises on purpose.

    Attributes
    ----------
    exit_code : int
        Exit status of the command line when this error ends it.
    """

    exit_code = 2


class UsageError(ThinkmeterError):
    """The call itself is wrong: an unknown column, measure, option or model name (exit code 2)."""

    exit_code = 2


class InputError(ThinkmeterError):
    """An input cannot be read, or ``strict=True`` met a problem in it (exit code 3)."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one record, or a repair made to it.

    Attributes
    ----------
    severity : str
        ``"dropped"``: the record (or the whole file) could not be used; ``"field"``: one value could not be
        used and is null; ``"repair"``: a value was corrected by a certain rule; ``"note"``: used as it is,
        but a reader of the numbers should know.
    source : str
        File as the user named it.
    record : str
        Where in the file: ``"line 12"``, ``"samples/3_epoch_1.json"``, ``"row 7"``; empty for the whole file.
    field : str
        Column concerned; empty when the whole record is.
    message : str
        What was expected and what came.
    action : str
        What to do about it, or what was done.
    count : int
        How many records this stands for (equal problems are merged).

    Examples
    --------
    >>> print(Problem("field", "a.jsonl", "line 3", "score", "expected a number, got 'n/a'", "Map another field."))
    a.jsonl, line 3, score: expected a number, got 'n/a'. Map another field.
    """

    severity: str
    source: str
    record: str
    field: str
    message: str
    action: str
    count: int = 1

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.source, self.record, self.field) if part)
        times = f" ({self.count} records)" if self.count > 1 else ""
        return f"{place}: {self.message}{times}. {self.action}".rstrip()

    def as_dict(self) -> dict[str, str | int]:
        """Return the fields as a plain dictionary, ready for JSON."""
        return asdict(self)
