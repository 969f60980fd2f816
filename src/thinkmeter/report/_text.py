"""The report in Markdown and in LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from thinkmeter.report._board import leaderboard, pools
from thinkmeter.report._page import leaders, lede
from thinkmeter.report._tables import board_table, escape_markdown, gap_table, latex, markdown

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = ["latex_report", "markdown_report"]


def markdown_report(analysis: Analysis, title: str | None = None) -> str:
    """Return findings, leaderboards, gaps, disclosure and settings."""
    s = analysis.settings
    board = leaderboard(analysis)
    how = (
        f"{lede(analysis)}. Brackets: {100 * s.level:g} % intervals, {s.replicates:,} resamplings of items, seed {s.seed}; "
        f"scoring: {escape_markdown(s.scoring)}. A dash is undefined; its note says why."
    )
    parts = [
        f"# {escape_markdown(title or 'Where the tokens go')}",
        how,
        "## Summary",
        *(
            f"- {_pool(finding.pool, analysis)}{escape_markdown(finding.claim)}"
            for finding in analysis.findings
        ),
    ]
    for pool in pools(analysis):
        here = board.filter(pl.col("pool") == pool)
        parts += [f"## {escape_markdown(pool)}", *(escape_markdown(text) for text in leaders(here))]
        parts.append(markdown(board_table(here)))
        gaps = gap_table(analysis, pool, here["group"].to_list())
        if gaps:
            parts += ["### The gap to the reference, by factor", markdown(gaps)]
    parts.append("## Disclosure")
    parts += [
        f"- **{escape_markdown(item.name)}** ({item.status}): {escape_markdown(f'{item.value} {item.detail}'.strip())}"
        for item in analysis.disclosure
    ]
    parts.append("## Inputs")
    parts += [
        f"- {escape_markdown(source.file)}: {source.rows:,} of {source.records:,} records, sha256 `{source.sha256 or 'none'}`"
        for source in analysis.sources
    ]
    return _joined(parts)


def _pool(name: str, analysis: Analysis) -> str:
    return f"**{escape_markdown(name)}**: " if name and analysis.groups["pool"].n_unique() > 1 else ""


def _joined(parts: list[str]) -> str:
    """Blocks apart by an empty line; the items of a list stay together."""
    out = ""
    for before, part in zip(["", *parts], parts, strict=False):
        together = before.startswith("- ") and part.startswith("- ")
        out += ("\n" if together else "\n\n") + part if out else part
    return out + "\n"


def latex_report(analysis: Analysis) -> str:
    """Return one table of parts and one of gaps per pool."""
    s = analysis.settings
    board = leaderboard(analysis)
    made = ["% Needs \\usepackage{booktabs}. Made by thinkmeter; numbers in brackets are intervals."]
    for number, pool in enumerate(pools(analysis), 1):
        here = board.filter(pl.col("pool") == pool)
        how = f"{100 * s.level:g} % intervals from {s.replicates:,} resamplings of items, seed {s.seed}"
        caption = f"{pool}: parts of token efficiency; {how}."
        made.append(latex(board_table(here), caption=caption, key=f"tab:parts-{number}"))
        gaps = gap_table(analysis, pool, here["group"].to_list())
        if gaps:
            caption = f"{pool}: gap to the reference by factor; {how}."
            made.append(latex(gaps, caption=caption, key=f"tab:gaps-{number}"))
    return "\n\n".join(made) + "\n"
