"""What a reader is: it recognises a file, and turns it into rows that bear our column names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import polars as pl

from thinkmeter.errors import Problem
from thinkmeter.table import Source

__all__ = ["HEAD_BYTES", "Detection", "ReadOptions", "ReadResult", "Reader"]

HEAD_BYTES = 65_536
"""A reader decides by the name of a file and at most this many of its first bytes."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A reader's claim to a file.

    Attributes
    ----------
    reader : str
        Name of the reader.
    confidence : int
        0 to 100. A reader of one format claims about 90 by content, 60 by name alone; the generic reader never
        claims more than 50.
    why : str
        What it was recognised by, in words a user can check.
    companion : bool
        The file belongs to the format but holds no attempts (a summary beside a log, say): it is passed over,
        and the user is told so.
    """

    reader: str
    confidence: int
    why: str
    companion: bool = False


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user asked of the readers.

    Attributes
    ----------
    mapping : mapping of str to str
        Our column (or ``facet.<name>``) -> field of the record, with dots and ``[i]`` for what is nested. It wins
        over what the reader would take.
    defaults : mapping of str to str
        Our column (or facet) -> constant, for rows where the file has no value.
    strict : bool
        Raise `InputError` at the first record or value that is lost.
    filter_name : str or None
        lm-evaluation-harness: the filter whose answers are read; None: the first in the file.
    scorer : str or None
        Scorer or metric to take the score from; None: the first.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    filter_name: str | None = None
    scorer: str | None = None


@dataclass(slots=True)
class ReadResult:
    """What came of one file.

    Attributes
    ----------
    frame : polars.DataFrame
        Rows under our column names (any subset) and ``facet.*``; types may be wider than ours, `conform` casts.
    source : Source
        ``file`` is ``str(path)`` as the reader was given it; ``sha256``, ``size`` and ``rows`` may be left
        empty, the registry fills them.
    problems : list of Problem
        What was lost, repaired or noted.
    """

    frame: pl.DataFrame
    source: Source
    problems: list[Problem] = field(default_factory=list)


@runtime_checkable
class Reader(Protocol):
    """One log format. An object of this kind is published under the entry point group ``thinkmeter.readers``."""

    name: str

    def sniff(self, path: Path, head: bytes) -> Detection | None:
        """Say whether the file is of this format, by its name and its first `HEAD_BYTES` bytes; None: not mine."""
        ...

    def read(self, path: Path, options: ReadOptions) -> ReadResult:
        """Read one file. Raises `InputError` when nothing of it can be used."""
        ...
