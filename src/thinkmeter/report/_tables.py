"""Tables as data: cells with text, interval, sort value and note; Markdown, LaTeX and plain text from one form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from thinkmeter.report._board import BOARD
from thinkmeter.report._format import DASH, format_parts, format_rank, known, label, unit_words
from thinkmeter.report._spec_gap import FACTORS, ratio_text

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = [
    "Cell",
    "Column",
    "Table",
    "board_table",
    "gap_table",
    "latex",
    "letters",
    "markdown",
    "profile_words",
]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes
    ----------
    text : str
    interval : str
        ``[low, high]``, or empty.
    value : float or None
        What a sorted table sorts by; None sorts last. For text cells the text is.
    note : str
        Letter of the footnote that says why something is undefined; empty when nothing is.
    why : str
        That footnote itself.
    """

    text: str
    interval: str = ""
    value: float | None = None
    note: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a column: name, unit under it, which direction is better, and how the rows already stand by it."""

    name: str
    unit: str = ""
    numeric: bool = True
    better: str = "higher"
    order: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table before it is written in any format. The first cell of a row names it."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[tuple[str, str], ...] = ()
    hints: tuple[dict[str, Any], ...] = field(default=())


class _Notes:
    """Hands out one letter per reason."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def __call__(self, reason: str | None) -> str:
        if not reason:
            return ""
        return self._letters.setdefault(reason, letters(len(self._letters)))

    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple((letter, reason) for reason, letter in self._letters.items())


def letters(number: int) -> str:
    """Return a, b, ... z, aa, ab, ...

    Examples
    --------
    >>> letters(0), letters(25), letters(26)
    ('a', 'z', 'aa')
    """
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(97 + rest) + text
    return text


def board_table(board: pl.DataFrame) -> Table:
    """Return the leaderboard of one pool; measures that no group has are left out.

    Parameters
    ----------
    board : polars.DataFrame
        Rows of one pool, from `leaderboard`.
    """
    measures = [m for m in BOARD if board[m].is_not_null().any() or m in ("accuracy", "token_efficiency")]
    ranks = [r for r in ("rank_accuracy", "rank_efficiency") if board[r].is_not_null().any()]
    columns = [Column("Group", numeric=False)]
    first = "token_efficiency" if board["token_efficiency"].is_not_null().any() else "accuracy"
    columns += [
        Column(
            label(m),
            unit_words(m),
            better="lower" if m in _LOWER else "higher",
            order="descending" if m == first else "",
        )
        for m in measures
    ]
    columns += [Column("Rank", f"by {rank.removeprefix('rank_')}", better="lower") for rank in ranks]
    if len(ranks) > 1:
        columns.append(Column("Shift", "in rank"))
    columns.append(Column("Items", "attempts"))
    notes = _Notes()
    rows = []
    hints = []
    for row in board.iter_rows(named=True):
        cells = [Cell(row["group"])]
        cells += [_measure_cell(row, m, notes) for m in measures]
        cells += _rank_cells(row, ranks)
        cells.append(_size_cell(row))
        rows.append(tuple(cells))
        hints.append({"profile": row["profile"], "reference": row["reference"], "place": row["place"]})
    return Table(tuple(columns), tuple(rows), notes.pairs(), tuple(hints))


_LOWER: Final = ("mean_output_tokens", "overhead", "coupling")


_PART: Final = (
    "on part of the group's attempts: for the others something it needs is unknown (see what was left out)"
)


def _measure_cell(row: dict[str, Any], measure: str, notes: _Notes) -> Cell:
    parts = format_parts(measure, row[measure], row[f"{measure}_low"], row[f"{measure}_high"])
    reason = row[f"{measure}_reason"]
    if parts.value == DASH:
        reason = reason or "not measured"
    elif not parts.low:
        reason = reason or "no interval"
    elif not reason and (row[f"{measure}_attempts"] or 0.0) < row["n_attempts"]:
        reason = _PART
    interval = f"[{parts.low}, {parts.high}]" if parts.low else ""
    return Cell(parts.value, interval, row[measure], notes(reason), reason or "")


def _rank_cells(row: dict[str, Any], ranks: list[str]) -> list[Cell]:
    cells = []
    for key in ranks:
        rank, low, high = row[key], row[f"{key}_low"], row[f"{key}_high"]
        text = format_rank(rank)
        spread = format_rank(rank, low, high).partition(" ")[2]
        cells.append(Cell(text, spread, rank))
    if len(ranks) < 2:
        return cells
    shift = row["rank_shift"]
    text = DASH if not known(shift) else "0" if shift == 0 else f"{'▲' if shift > 0 else '▼'} {abs(shift):g}"
    return [*cells, Cell(text, "", shift)]


def _size_cell(row: dict[str, Any]) -> Cell:
    items = "unknown" if row["aggregate"] else f"{row['n_items']:,}"
    return Cell(items, f"{row['n_attempts']:,.0f}", float(row["n_items"] or 0))


def profile_words(row: dict[str, Any]) -> str:
    """Return a profile with how sure it is: ``context-limited (98 %)``."""
    if row["probability"] is None or row["profile"] in ("reference", "undefined", "balanced"):
        return str(row["profile"])
    return f"{row['profile']} ({format_parts('accuracy', row['probability']).value}\u00a0%)"


def gap_table(analysis: Analysis, pool: str, order: list[str]) -> Table | None:
    """Return every group's gap by factor, as factors relative to the reference; None where there is no gap."""
    gaps = analysis.gaps.filter((pl.col("pool") == pool) & pl.col("factor").is_not_null())
    if gaps.is_empty():
        return None
    factors = [f for f in (*FACTORS, "total") if f in set(gaps["factor"])]
    columns = [Column("Group", numeric=False), Column("Limited by", numeric=False)]
    columns += [Column(FACTORS.get(f, "Total"), "× reference") for f in factors]
    columns.append(Column("Items", "in common"))
    cells = {(r["group"], r["factor"]): r for r in gaps.iter_rows(named=True)}
    profiles = {r["group"]: r for r in analysis.profiles.filter(pl.col("pool") == pool).iter_rows(named=True)}
    notes = _Notes()
    rows = []
    for group in order:
        if (group, "total") not in cells:
            continue
        row = [Cell(group), Cell(profile_words(profiles[group]) if group in profiles else DASH)]
        row += [_gap_cell(cells.get((group, f)), notes) for f in factors]
        items = cells[group, "total"]["n_items"]
        row.append(Cell(DASH if items is None else f"{items:,}", "", items))
        rows.append(tuple(row))
    return Table(tuple(columns), tuple(rows), notes.pairs())


def _gap_cell(row: dict[str, Any] | None, notes: _Notes) -> Cell:
    if row is None:
        return Cell("")
    if not known(row["log_contribution"]):
        why = row["reason"] or "undefined"
        return Cell(DASH, "", None, notes(why), why)
    sure = known(row["low"]) and known(row["high"])
    interval = f"[{ratio_text(row['low'])}, {ratio_text(row['high'])}]" if sure else ""
    # Of a defined number the reason can speak of its share (not shown), its interval, or of another measure.
    other = row["factor"] == "total" and "gap is that of" in (row["reason"] or "")
    parts = [part for part in (row["reason"] or "").split("; ") if part and "share" not in part]
    why = "" if sure and not other else "; ".join(parts) or "no interval"
    return Cell(ratio_text(row["log_contribution"]), interval, row["log_contribution"], notes(why), why)


def _beside(cell: Cell) -> str:
    """What stands below the value on the page, for one line: in brackets of some kind."""
    return cell.interval if cell.interval.startswith("[") or not cell.interval else f"({cell.interval})"


def _flat(cell: Cell) -> str:
    text = f"{cell.text} {_beside(cell)}".strip()
    return f"{text} ({cell.note})" if cell.note else text


def markdown(table: Table) -> str:
    """Write a table in Markdown, footnotes under it.

    Examples
    --------
    >>> print(markdown(Table((Column("A", numeric=False), Column("B", "%")), ((Cell("x|y"), Cell("1")),))))
    | A | B, % |
    |:--|--:|
    | x\\|y | 1 |
    """
    heads = [f"{c.name}, {c.unit}" if c.unit else c.name for c in table.columns]
    lines = [_line(heads), "|" + "|".join("--:" if c.numeric else ":--" for c in table.columns) + "|"]
    lines += [_line([_flat(cell) for cell in row]) for row in table.rows]
    if table.notes:
        lines += ["", *(f"({letter}) {escape_markdown(reason)}  " for letter, reason in table.notes)]
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"


def escape_markdown(text: str) -> str:
    """No name may end a cell, start a tag or a link, or become emphasis."""
    text = " ".join(text.split())
    for mark in "\\|`*_<>":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("](", "]\\(")


_TEX: Final = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "—": "---",
    "–": "--",
    "−": r"$-$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "κ": r"$\kappa$",
    "…": r"\ldots{}",
    "▲": r"$\uparrow$",
    "▼": r"$\downarrow$",
}


def escape_latex(text: str) -> str:
    """Escape what LaTeX would act on.

    Examples
    --------
    >>> escape_latex("a_b 50 % — κ")
    'a\\\\_b 50 \\\\% --- $\\\\kappa$'
    """
    # [ after \\ would be read as its option.
    text = "".join(_TEX.get(character, character) for character in " ".join(text.split()))
    return f"{{}}{text}" if text.startswith("[") else text


def latex(table: Table, *, caption: str, key: str) -> str:
    """Write a table in LaTeX with booktabs rules; footnotes under it.

    Examples
    --------
    >>> text = latex(Table((Column("A", numeric=False),), ((Cell("50 %"),),)), caption="C", key="tab:c")
    >>> "\\\\toprule" in text and "50 \\\\%" in text
    True
    """
    align = "".join("r" if c.numeric else "l" for c in table.columns)
    names = " & ".join(escape_latex(c.name) for c in table.columns)
    units = " & ".join(rf"\footnotesize {escape_latex(c.unit)}" if c.unit else "" for c in table.columns)
    lines = [
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{escape_latex(caption)}}}\label{{{key}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        rf"{names} \\",
        rf"{units} \\",
        r"\midrule",
        *(" & ".join(_tex_cell(cell) for cell in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    for letter, reason in table.notes:
        lines.append(rf"\par\footnotesize\textsuperscript{{{letter}}}~{escape_latex(reason)}")
    return "\n".join([*lines, r"\end{table}"])


def _tex_cell(cell: Cell) -> str:
    text = escape_latex(cell.text)
    if cell.interval:
        text += rf" {{\footnotesize {escape_latex(_beside(cell))}}}"
    return text + (rf"\textsuperscript{{{cell.note}}}" if cell.note else "")
