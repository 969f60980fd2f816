"""The published CogniLoad table, as rows of aggregates: the example a reader should meet first."""

from __future__ import annotations

import polars as pl
import pytest

from thinkmeter.findings import Analysis, analyse
from thinkmeter.table import SampleTable

# Accuracy % and overflow % as published on the benchmark's result page; overflow counts as wrong.
PUBLISHED = {
    "gpt-5": (92.5, 2.3),
    "o3": (89.5, 1.7),
    "gemini-2.5-pro": (75.1, 22.6),
    "gpt-oss-120b-medium": (67.4, 0.4),
    "DeepSeek-R1-0528": (67.0, 4.4),
    "gpt-oss-120b-high": (65.9, 23.5),
    "gpt-oss-20b-medium": (54.9, 1.1),
    "Qwen3-32B": (50.3, 0.0),
    "gpt-oss-20b-high": (49.1, 39.6),
}
N = 14_000


def aggregates() -> SampleTable:
    """Each model as three weighted rows: right, finished and wrong, overflowed."""
    rows = []
    for model, (accuracy, overflow) in PUBLISHED.items():
        parts = ((accuracy, True, True), (100 - accuracy - overflow, False, True), (overflow, False, False))
        rows += [
            {
                "benchmark": "CogniLoad",
                "model": model,
                "item_id": f"aggregate {at}",
                "weight": N * share / 100,
                "aggregate": True,
                "correct": correct,
                "completed": completed,
            }
            for at, (share, correct, completed) in enumerate(parts)
            if share > 0
        ]
    return SampleTable.from_dataframe(pl.DataFrame(rows))


@pytest.fixture(scope="module")
def found() -> Analysis:
    return analyse(aggregates(), replicates=200)


def test_opposite_bottlenecks_are_named(found: Analysis) -> None:
    profiles = dict(found.profiles.select("group", "profile").rows())
    assert profiles["gpt-oss-20b-high"] == "context-limited"
    assert profiles["gpt-oss-20b-medium"] == "logic-limited"
    assert profiles["gpt-5"] == "reference"


def test_the_pair_is_singled_out_first(found: Analysis) -> None:
    first = found.findings[0]
    assert first.kind == "opposite"
    assert "gpt-oss-20b-high and gpt-oss-20b-medium" in first.claim
    assert "49 % and 55 %" in first.claim
    assert "60 %" in first.claim
    assert "81 %" in first.claim
    assert sum(f.kind == "opposite" for f in found.findings) <= 3


def test_factors_are_those_of_the_published_numbers(found: Analysis) -> None:
    value = {(g, m): v for g, m, v in found.estimates.select("group", "measure", "value").rows()}
    assert value["gpt-oss-20b-high", "conditional_correctness"] == pytest.approx(0.491 / 0.604, rel=1e-9)
    assert value["gpt-oss-20b-medium", "conditional_correctness"] == pytest.approx(0.549 / 0.989, rel=1e-9)
    assert value["gpt-oss-20b-high", "completion"] == pytest.approx(0.604, rel=1e-9)


def test_aggregates_have_values_but_no_intervals(found: Analysis) -> None:
    rows = found.estimates.filter(pl.col("measure") == "accuracy")
    assert rows["value"].null_count() == 0
    assert rows["low"].null_count() == rows.height
    assert set(rows["reason"]) == {"table of aggregates: items unknown"}
    assert not [name for name in found.estimates["measure"] if name.startswith("pass_at")]
    assert found.gaps["low"].null_count() == found.gaps.height
    assert found.profiles["probability"].null_count() == found.profiles.height
    assert found.ranks["rank_low"].null_count() == found.ranks.height


def test_gap_is_that_of_accuracy_and_adds_up(found: Analysis) -> None:
    gaps = found.gaps.filter(pl.col("group") == "gpt-oss-20b-high")
    parts = dict(gaps.select("factor", "log_contribution").rows())
    assert parts["completion"] + parts["conditional_correctness"] == pytest.approx(parts["total"], abs=1e-12)
    total = gaps.filter(pl.col("factor") == "total")["reason"].item()
    assert "the gap is that of accuracy" in total
    shares = dict(gaps.select("factor", "share").rows())
    assert shares["completion"] + shares["conditional_correctness"] == pytest.approx(1)


def test_sentence_has_the_numbers(found: Analysis) -> None:
    row = found.profiles.filter(pl.col("group") == "gpt-oss-20b-high")
    sentence = row["sentence"].item()
    assert sentence == (
        "gpt-oss-20b-high is context-limited: it finishes 60 % of its attempts, against 98 % for gpt-5; it is right "
        "in 81 % of the attempts that finish, against 95 %."
    )
