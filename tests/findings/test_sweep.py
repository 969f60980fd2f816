"""Settings without effect: 'no effect' is not 'no effect shown'."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from thinkmeter.findings import analyse
from thinkmeter.table import SampleTable

Made = Callable[..., SampleTable]


def two_efforts(made: Made, factor: float, items: int, jitter: int = 0) -> SampleTable:
    low = made(m={"items": items, "setting": "effort=low, temperature=0.6"}).frame
    spread = pl.col("item_id").str.slice(1).cast(pl.Int64) % 2 * jitter
    high = low.with_columns(
        setting=pl.lit("effort=high, temperature=0.6"),
        output_tokens=(pl.col("output_tokens") * factor + spread).cast(pl.Int64),
    )
    return SampleTable.from_frame(pl.concat([low, high]))


def test_equal_tokens_have_no_effect(made: Made) -> None:
    found = analyse(two_efforts(made, 1.0, 100, jitter=6), replicates=200)
    row = found.sweeps.row(0, named=True)
    assert (row["verdict"], row["what"]) == ("no effect", "effort")
    assert row["settings"] == "effort=low | effort=high"
    assert 0.95 < row["low"] <= row["ratio"] <= row["high"] < 1.05
    assert any(f.kind == "sweep" and "has no effect on tokens" in f.claim for f in found.findings)


def test_identical_tokens_need_no_interval(made: Made) -> None:
    row = analyse(two_efforts(made, 1.0, 20), replicates=200).sweeps.row(0, named=True)
    assert (row["verdict"], row["ratio"], row["low"]) == ("no effect", 1.0, None)


def test_a_real_effect_is_no_finding(made: Made) -> None:
    found = analyse(two_efforts(made, 2.0, 60, jitter=3), replicates=200)
    row = found.sweeps.row(0, named=True)
    assert row["verdict"] == "effect"
    assert row["ratio"] == pytest.approx(2, rel=0.01)
    assert not [f for f in found.findings if f.kind == "sweep"]


def test_wide_intervals_show_nothing(made: Made) -> None:
    found = analyse(two_efforts(made, 0.8, 12, jitter=400), replicates=200)
    row = found.sweeps.row(0, named=True)
    assert row["verdict"] == "no effect shown"
    assert row["low"] < 1 < row["high"]
    claim = next(f.claim for f in found.findings if f.kind == "sweep")
    assert "not the same as none" in claim


def test_token_limits_are_compared_in_order(made: Made) -> None:
    low, high = (
        made(m={"limit": limit, "tokens": tokens}).frame for limit, tokens in ((800, 500), (9000, 2000))
    )
    found = analyse(SampleTable.from_frame(pl.concat([high, low])), replicates=200)
    row = found.sweeps.row(0, named=True)
    assert row["what"] == "token_limit"
    assert row["settings"] == "token_limit=800 | token_limit=9000"
    assert row["ratio"] > 3


def test_different_models_are_no_sweep(made: Made) -> None:
    assert analyse(made(a={}, b={}), replicates=100).sweeps.is_empty()
