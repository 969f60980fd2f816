"""Comparisons are paired, on common items, and agree with the analysis."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import polars as pl
import pytest

from thinkmeter.errors import UsageError
from thinkmeter.findings import analyse, compare, compare_tables
from thinkmeter.table import SampleTable

Made = Callable[..., SampleTable]


def test_changes_are_those_of_the_estimates(made: Made) -> None:
    table = made(old={}, new={"tokens": 1500, "correctness": 0.7})
    found = compare(table, "old", "new", replicates=200)
    value = {
        (g, m): v
        for g, m, v in analyse(table, replicates=100).estimates.select("group", "measure", "value").rows()
    }
    for row in found.measures.iter_rows(named=True):
        if row["value_a"] is None:
            continue
        a, b = value["old", row["measure"]], value["new", row["measure"]]
        assert row["value_a"] == pytest.approx(a, rel=1e-12)
        assert row["difference"] == pytest.approx(b - a, rel=1e-9, abs=1e-12)
        if a:
            assert row["relative"] == pytest.approx(b / a - 1, rel=1e-9, abs=1e-12)
        if row["relative_low"] is not None:
            assert row["relative_low"] < row["relative_high"]
    total = found.gaps.filter(pl.col("factor") == "total")["log_contribution"].item()
    efficiency = found.measures.filter(measure="token_efficiency")["relative"].item()
    assert total == pytest.approx(math.log1p(efficiency), rel=1e-9)


def test_pairing_makes_intervals_narrow(made: Made) -> None:
    old = made(old={"items": 80}).frame
    new = old.with_columns(
        model=pl.lit("new"), output_tokens=pl.col("output_tokens") * 2 + pl.Series(range(80)) % 7
    )
    table = SampleTable.from_frame(pl.concat([old, new]))
    tokens = (
        compare(table, "old", "new", replicates=300)
        .measures.filter(measure="mean_output_tokens")
        .row(0, named=True)
    )
    alone = (
        analyse(table, replicates=300)
        .estimates.filter(measure="mean_output_tokens", group="old")
        .row(0, named=True)
    )
    width = (alone["high"] - alone["low"]) / alone["value"]
    assert tokens["relative_high"] - tokens["relative_low"] < width / 10
    assert tokens["relative_low"] < 1.005 < tokens["relative_high"] + 0.005


def test_only_common_items_count(made: Made) -> None:
    found = compare(made(old={"items": 30}, new={"items": 60}), "old", "new", replicates=200)
    assert set(found.measures["n_items"]) == {30}


def test_names_are_groups_or_models(made: Made) -> None:
    table = made(old={"setting": "effort=low"}, new={})
    assert compare(table, "old", "new", replicates=100).measures.height > 0
    both = SampleTable.concat([table, made(old={"setting": "effort=high"})])
    with pytest.raises(UsageError, match="several groups"):
        compare(both, "old", "new")
    found = compare(both, "old · effort=low", "old · effort=high", replicates=100)
    assert found.measures.filter(measure="accuracy")["difference"].item() == 0
    with pytest.raises(UsageError, match="share no benchmark"):
        compare(table, "old", "nobody")
    with pytest.raises(UsageError, match="two different groups"):
        compare(table, "old", "old")


def test_two_runs_of_one_model(made: Made) -> None:
    before, after = made(m={}), made(m={"tokens": 1200, "seed": 4})
    found = compare_tables(before, after, replicates=200)
    row = found.measures.filter(measure="mean_output_tokens").row(0, named=True)
    assert row["pool"] == "made"
    assert row["relative_low"] > 0
    assert set(found.gaps["reference"]) == {"before"}
    several = compare_tables(made(m={}, k={}), made(m={}, k={"tokens": 2000}), replicates=200)
    assert set(several.measures["pool"]) == {"made · k", "made · m"}
    renamed = compare_tables(made(m={}), made(other={}), replicates=100)
    assert renamed.measures.height > 0


def test_aggregates_compare_without_intervals(made: Made) -> None:
    frame = made(old={}, new={"correctness": 0.5}).frame.with_columns(aggregate=pl.lit(True))
    apart = frame.with_columns(item_id=pl.col("model") + pl.col("item_id"))
    found = compare(SampleTable.from_frame(apart), "old", "new", replicates=100)
    row = found.measures.filter(measure="accuracy").row(0, named=True)
    assert row["difference"] is not None
    assert row["difference_low"] is None
    assert "items unknown" in row["reason"]


def test_comparison_is_json_ready(made: Made) -> None:
    found = compare(made(old={}, new={}), "old", "new", replicates=100)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["a"] == "old"
    assert found.findings[0].claim.startswith("new against old: token efficiency changes by")
