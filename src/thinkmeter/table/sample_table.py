"""The immutable table every other part works on: one row per attempt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl

from thinkmeter.errors import InputError, Problem, UsageError
from thinkmeter.table.columns import FACET_PREFIX, column_names, polars_schema
from thinkmeter.table.validate import conform

__all__ = ["SampleTable", "Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows came from: enough to find the input again and to see that it is the same.

    Attributes
    ----------
    file : str
        Name as the user gave it.
    reader : str
        Reader that took it, or ``"dataframe"``.
    why : str
        What the reader recognised it by.
    sha256 : str
        Digest of the file's bytes; empty for data frames.
    size : int
        Bytes.
    records : int
        Records found, used or not.
    rows : int
        Rows that came of them.
    settings : dict
        Reader settings that differ from the defaults, and facts about the run (harness, version, limits, ...).
    """

    file: str
    reader: str
    why: str = ""
    sha256: str = ""
    size: int = 0
    records: int = 0
    rows: int = 0
    settings: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SampleTable:
    """One row per attempt, in the columns of `thinkmeter.table.columns.COLUMNS`.

    Make one with `thinkmeter.read`, `SampleTable.from_dataframe` or `SampleTable.load`; every method returns a
    new table. Any library that speaks the Arrow C stream interface can take it.

    Attributes
    ----------
    frame : polars.DataFrame
        The rows. Null is data: see each column's ``null_means``.
    sources : tuple of Source
        Files the rows came from.
    problems : tuple of Problem
        What was lost, repaired or noted on the way in.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"task": ["b", "b"], "id": [1, 2], "llm": ["m", "m"], "ok": [True, False]})
    >>> table = SampleTable.from_dataframe(
    ...     rows, mapping={"benchmark": "task", "item_id": "id", "model": "llm", "correct": "ok"})
    >>> len(table), table.frame["correct"].to_list()
    (2, [True, False])
    """

    frame: pl.DataFrame
    sources: tuple[Source, ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def from_dataframe(
        cls,
        data: Any,
        mapping: Mapping[str, str] | None = None,
        *,
        defaults: Mapping[str, Any] | None = None,
        strict: bool = False,
        source: Source | None = None,
    ) -> SampleTable:
        """Make a table of any data frame that speaks Arrow (polars, pandas, pyarrow, DuckDB, ...).

        Parameters
        ----------
        data : object with ``__arrow_c_stream__``, or polars.DataFrame
        mapping : mapping of str to str, optional
            Our column -> your column. Columns of yours that already bear our names need no entry.
        defaults : mapping of str to value, optional
            Value for a column your frame does not have, such as ``{"benchmark": "my-set"}``.
        strict : bool, optional
            Raise at the first problem instead of collecting it.
        source : Source, optional
            Origin to record.

        Returns
        -------
        SampleTable

        Raises
        ------
        UsageError
            If the mapping names a column that is not there, or `data` does not speak Arrow.
        InputError
            If `strict` and a value was lost.
        """
        frame = data if isinstance(data, pl.DataFrame) else _arrow_to_polars(data)
        schema = polars_schema()
        for ours, theirs in (mapping or {}).items():
            if theirs not in frame.columns:
                raise UsageError(
                    f"mapping[{ours!r}] names column {theirs!r}, which is not there. Columns: {', '.join(frame.columns)}."
                )
            if ours not in schema and not ours.startswith(FACET_PREFIX):
                raise UsageError(
                    f"{ours!r} is not a column of the schema. Columns: {', '.join(schema)}, or {FACET_PREFIX}<name>."
                )
            frame = frame.with_columns(pl.col(theirs).alias(ours))
        extra = [n for n in (mapping or {}).values() if n not in schema and not n.startswith(FACET_PREFIX)]
        frame = frame.drop(dict.fromkeys(extra))
        for name, value in {"attempt": 1, **(defaults or {})}.items():
            if name not in frame.columns:
                frame = frame.with_columns(pl.lit(value).alias(name))
        label = source.file if source else "data frame"
        return cls.from_frame(
            frame, sources=(source or Source(label, "dataframe", records=frame.height),), strict=strict
        )

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame,
        *,
        sources: Iterable[Source] = (),
        problems: Iterable[Problem] = (),
        strict: bool = False,
    ) -> SampleTable:
        """Conform a frame whose columns already bear our names; see `from_dataframe` for the friendly way."""
        sources = tuple(sources)
        conformed, found = conform(frame, source=sources[0].file if len(sources) == 1 else "")
        losses = [p for p in found if p.severity in {"dropped", "field"}]
        if strict and losses:
            raise InputError(str(losses[0]))
        if len(sources) == 1:
            sources = (replace(sources[0], rows=conformed.height),)
        return cls(conformed, sources, (*problems, *found))

    @classmethod
    def empty(cls) -> SampleTable:
        """Return a table of no rows with every column.

        Examples
        --------
        >>> len(SampleTable.empty())
        0
        """
        return cls(pl.DataFrame(schema=polars_schema()))

    @classmethod
    def concat(cls, tables: Iterable[SampleTable]) -> SampleTable:
        """Put tables together; facets that only some have become null in the others.

        Rows with a key that an earlier table already had are left out and reported, as within one table.
        """
        parts = list(tables)
        if not parts:
            return cls.empty()
        frames = [table.frame for table in parts]
        frame = pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]
        conformed, found = conform(frame)
        sources = tuple(s for t in parts for s in t.sources)
        return cls(conformed, sources, (*(p for t in parts for p in t.problems), *found))

    def __len__(self) -> int:
        """Return the number of attempts."""
        return self.frame.height

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand the rows to any library that speaks Arrow."""
        return self.frame.__arrow_c_stream__(requested_schema)

    @property
    def facets(self) -> tuple[str, ...]:
        """Names of the free columns, prefix included."""
        return tuple(name for name in self.frame.columns if name.startswith(FACET_PREFIX))

    def column(self, name: str) -> str:
        """Return the full name of a column, finding facets by their short name.

        Raises
        ------
        UsageError
            If there is none, with the names that exist.
        """
        for candidate in (name, FACET_PREFIX + name):
            if candidate in self.frame.columns:
                return candidate
        facets = ", ".join(f.removeprefix(FACET_PREFIX) for f in self.facets) or "none"
        raise UsageError(f"no column {name!r}. Columns: {', '.join(column_names())}. Facets: {facets}.")

    def where(self, condition: str) -> SampleTable:
        """Keep the rows that a SQL condition holds for, such as ``"model = 'a' AND rho < 50"``.

        Facets go by their short names. Raises `UsageError` when the condition cannot be understood.
        """
        short = {
            f: f.removeprefix(FACET_PREFIX)
            for f in self.facets
            if f.removeprefix(FACET_PREFIX) not in column_names()
        }
        try:
            rows = self.frame.with_row_index("__row").rename(short)
            context = pl.SQLContext(frames={"self": rows}, eager=True)
            kept = context.execute(f"SELECT __row FROM self WHERE {condition}")
        except Exception as error:  # polars raises many types here; all mean that the condition is wrong
            raise UsageError(f"cannot use condition {condition!r}: {error}") from error
        return replace(self, frame=self.frame[kept["__row"]])

    def with_frame(self, frame: pl.DataFrame) -> SampleTable:
        """Return a table of the same origin with other rows; the frame must already conform."""
        return replace(self, frame=frame)


def _arrow_to_polars(data: Any) -> pl.DataFrame:
    if not hasattr(data, "__arrow_c_stream__"):
        raise UsageError(
            f"expected a data frame that speaks Arrow (polars, pandas, pyarrow ...), got {type(data).__name__}."
        )
    return pl.DataFrame(data)
