"""A report can be held against a new analysis of the same inputs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl
import pytest

from thinkmeter.errors import InputError
from thinkmeter.findings import Analysis
from thinkmeter.report import check, write_html
from thinkmeter.report._embed import DATA_ID, compare, payload, script_text
from thinkmeter.table import Source


@pytest.fixture
def report(plain: Analysis, tmp_path: Path) -> Path:
    write_html(plain, tmp_path / "r.html")
    return tmp_path / "r.html"


def test_the_same_analysis_is_reproduced(report: Path, plain: Analysis) -> None:
    assert check(report, plain) == []


def test_hostile_names_are_read_back(hostile: Analysis, tmp_path: Path) -> None:
    write_html(hostile, tmp_path / "r.html")
    assert check(tmp_path / "r.html", hostile) == []


def test_another_setting_is_named(report: Path, plain: Analysis) -> None:
    other = dataclasses.replace(plain, settings=dataclasses.replace(plain.settings, seed=1))
    assert check(report, other) == ["setting seed: the report has 0, this analysis 1"]


def test_another_number_is_named_with_its_place(report: Path, plain: Analysis) -> None:
    first = pl.int_range(pl.len()) == 0
    moved = plain.estimates.with_columns(
        pl.when(first).then(pl.col("value") * 1.001).otherwise(pl.col("value")).alias("value")
    )
    (line,) = check(report, dataclasses.replace(plain, estimates=moved))
    group, measure = plain.estimates.select("group", "measure").row(0)
    assert line.startswith(f"estimates: puzzles, {group}, {measure}, value: the report has ")


def test_last_digits_do_not_matter_and_nulls_do(report: Path, plain: Analysis) -> None:
    same = plain.estimates.with_columns(pl.col("value") * (1 + 1e-12))
    assert check(report, dataclasses.replace(plain, estimates=same)) == []
    gone = plain.estimates.with_columns(pl.lit(None, dtype=pl.Float64).alias("low"))
    assert len(check(report, dataclasses.replace(plain, estimates=gone))) == 21  # twenty, and how many more


def test_a_missing_and_a_new_group_are_named(report: Path, plain: Analysis) -> None:
    fewer = dataclasses.replace(plain, groups=plain.groups.filter(pl.col("group") != "model-0"))
    assert check(report, fewer) == ["groups: puzzles, model-0 is only in the report"]
    renamed = dataclasses.replace(
        plain, groups=plain.groups.with_columns(pl.col("group").str.replace("model-0", "x"))
    )
    assert "groups: puzzles, x is not in the report" in check(report, renamed)


def test_inputs_are_compared_by_digest_not_by_name(plain: Analysis) -> None:
    def with_source(file: str, digest: str) -> dict[str, object]:
        return payload(dataclasses.replace(plain, sources=(Source(file, "generic", sha256=digest * 64),)))

    assert compare(with_source("a.jsonl", "1"), with_source("elsewhere/b.jsonl", "1")) == []
    gone, new = compare(with_source("a.jsonl", "1"), with_source("a.jsonl", "2"))
    assert "not among these: a.jsonl" in gone
    assert "not in the report" in new


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>hello</html>", "got a file without its data"),
        (f'<script id="{DATA_ID}">{{"form</script>'.encode(), "damaged"),
        (f'<script id="{DATA_ID}">[1]</script>'.encode(), "not that of a report"),
        (
            f'<script id="{DATA_ID}">{{"format":99,"settings":{{}},"frames":{{}},"sources":[]}}</script>'.encode(),
            "newer",
        ),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(
    content: bytes, words: str, plain: Analysis, tmp_path: Path
) -> None:
    path = tmp_path / "x.html"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        check(path, plain)


def test_a_missing_file_is_refused(plain: Analysis, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        check(tmp_path / "none.html", plain)


def test_nothing_in_the_data_can_end_its_element() -> None:
    text = script_text({"a": "</script><!-- & \u2028"})
    assert not set(text) & set("<>&\u2028")
