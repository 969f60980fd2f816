"""The leaderboard, and tables in Markdown and LaTeX: every row whole, whatever the names are."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from thinkmeter.findings import Analysis
from thinkmeter.report import leaderboard, to_latex, to_markdown, write_latex, write_markdown
from thinkmeter.report._tables import Cell, Column, Table, letters, markdown


def test_the_leaderboard_has_every_group_once_best_first(hostile: Analysis) -> None:
    board = leaderboard(hostile)
    assert board.height == hostile.groups.height
    for part in board.partition_by("pool"):
        assert part["place"].to_list() == list(range(1, part.height + 1))
        assert part["token_efficiency"].drop_nulls().is_sorted(descending=True)
        # What has no value stands below what has one, and is null, not 0.
        assert part["token_efficiency"].tail(2).null_count() == 2
        known = part.filter(pl.col("rank_shift").is_not_null())
        assert (known["rank_accuracy"] - known["rank_efficiency"]).to_list() == known["rank_shift"].to_list()


def test_the_leaderboard_holds_the_estimates(hostile: Analysis) -> None:
    cells = {(r["pool"], r["group"], r["measure"]): r for r in hostile.estimates.iter_rows(named=True)}
    for row in leaderboard(hostile).iter_rows(named=True):
        for measure in ("accuracy", "completion", "overhead", "coupling"):
            cell = cells[row["pool"], row["group"], measure]
            assert (row[measure], row[f"{measure}_low"]) == (cell["value"], cell["low"])
            assert row[f"{measure}_reason"] == cell["reason"]


def cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_markdown_rows_are_whole_whatever_is_in_them(names: list[str]) -> None:
    table = Table((Column("Name", numeric=False), Column("N")), tuple((Cell(n), Cell("1")) for n in names))
    lines = markdown(table).split("\n")
    assert len(lines) == 2 + len(names)
    assert {len(cells(line.replace("\\\\", ""))) for line in lines} == {2}


def test_markdown_report_is_whole(hostile: Analysis, tmp_path: Path) -> None:
    write_markdown(hostile, tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert text == to_markdown(hostile)
    assert "<script>" not in text.replace("\\<", "")
    for finding in hostile.findings:
        assert finding.claim.split(" ")[-1].rstrip(".").replace("_", "\\_") in text
    assert "## Disclosure" in text
    assert text.count("### The gap to the reference") == 2


def test_latex_tables_are_balanced_and_escaped(hostile: Analysis, tmp_path: Path) -> None:
    write_latex(hostile, tmp_path / "r.tex")
    text = (tmp_path / "r.tex").read_text(encoding="utf-8")
    assert text == to_latex(hostile)
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 4
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 4
    body = "\n".join(line for line in text.split("\n") if not line.startswith("%"))
    assert not re.search(r"(?<!\\)[%#]", body)
    assert r"\textbf{x}" not in body
    depth = re.sub(r"\\[{}]", "", body)
    assert depth.count("{") == depth.count("}")
    for block in re.findall(r"\\begin\{tabular\}\{([rl]+)\}(.*?)\\end\{tabular\}", body, re.DOTALL):
        rows = [line for line in block[1].split("\n") if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(block[0])}


def test_letters_are_all_different() -> None:
    assert len({letters(n) for n in range(2000)}) == 2000
