"""Profiles: the made truth comes back, with a probability; weak evidence stays balanced."""

from __future__ import annotations

import json
from collections.abc import Callable

import polars as pl
import pytest

from thinkmeter.findings import analyse
from thinkmeter.table import SampleTable

Made = Callable[..., SampleTable]


@pytest.mark.parametrize(
    ("options", "profile"),
    [
        ({"completion": 0.4}, "context-limited"),
        ({"correctness": 0.35}, "logic-limited"),
        ({"tokens": 4000}, "verbosity-limited"),
        ({}, "balanced"),
    ],
)
def test_made_truth_is_named(made: Made, options: dict[str, float], profile: str) -> None:
    found = analyse(made(ref={"items": 150}, x={"items": 150, **options}), replicates=400, reference="ref")
    row = found.profiles.filter(pl.col("group") == "x").row(0, named=True)
    assert row["profile"] == profile
    shares = json.loads(row["probabilities"])
    assert sum(shares.values()) == pytest.approx(1)
    assert row["probability"] == shares[row["largest_factor"]]
    if profile != "balanced":
        assert row["probability"] > 0.95
        assert f"x is {profile}" in row["sentence"]
        assert any(f.kind == "profile" and f.group == "x" for f in found.findings)


def test_coupling_limited(made: Made) -> None:
    table = made(ref={"items": 150}, x={"items": 150})
    work = 1.0 + pl.col("item_id").str.slice(1).cast(pl.Float64)
    tokens = pl.when(pl.col("model") == "ref").then(100 * work**0.5).otherwise(5 * work**1.2).cast(pl.Int64)
    frame = table.frame.with_columns(workload=work, output_tokens=tokens)
    found = analyse(table.with_frame(frame), replicates=400, reference="ref")
    row = found.profiles.filter(pl.col("group") == "x").row(0, named=True)
    assert row["profile"] == "coupling-limited"
    assert "coupling of" in row["sentence"]


def test_accuracy_without_completion_has_no_profile(made: Made) -> None:
    table = made(ref={"items": 150}, x={"items": 150, "correctness": 0.3})
    bare = table.with_frame(table.frame.with_columns(stop_reason=pl.lit(None, dtype=pl.String)))
    row = (
        analyse(bare, replicates=200, reference="ref")
        .profiles.filter(pl.col("group") == "x")
        .row(0, named=True)
    )
    assert (row["profile"], row["largest_factor"]) == ("undefined", "accuracy")
    assert "cause cannot be told" in row["reason"]


def test_two_equal_losses_are_balanced(made: Made) -> None:
    options = {"items": 30, "completion": 0.65, "correctness": 0.52}
    found = analyse(made(ref={"items": 30, "completion": 1.5}, x=options), replicates=400, reference="ref")
    row = found.profiles.filter(pl.col("group") == "x").row(0, named=True)
    if row["probability"] < 0.6:
        assert row["profile"] == "balanced"
        assert "only" in row["reason"]
    else:
        assert row["profile"] in {"context-limited", "logic-limited"}
