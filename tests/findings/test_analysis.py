"""The whole analysis: nothing missing stops it, everything undefined says why, and it is reproducible."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest

from thinkmeter.errors import UsageError
from thinkmeter.findings import Analysis, analyse
from thinkmeter.table import SampleTable

Made = Callable[..., SampleTable]
LEVELS = ("correct", "stop_reason", "output_tokens")


def consistent(found: Analysis) -> None:
    """Hold for every analysis whatsoever."""
    keys = set(found.groups.select("pool", "group").rows())
    for name in ("estimates", "gaps", "profiles", "ranks"):
        assert set(getattr(found, name).select("pool", "group").rows()) <= keys
    assert set(found.profiles.select("pool", "group").rows()) == keys
    for row in found.estimates.iter_rows(named=True):
        assert row["value"] is not None or row["reason"]
        assert row["low"] is not None or row["reason"]
        assert (row["low"] is None) == (row["high"] is None)
        assert row["low"] is None or row["low"] < row["high"]
    for row in found.gaps.iter_rows(named=True):
        assert row["log_contribution"] is not None or row["reason"]
        assert row["share"] is not None or row["reason"]
    for row in found.profiles.iter_rows(named=True):
        assert row["sentence"]
        assert row["profile"] not in {"undefined", "balanced"} or row["reason"]
    for frame in found.frames().values():
        for column in frame.select(pl.selectors.float()):
            assert column.is_finite().fill_null(True).all(), column.name
    json.dumps(found.to_dict(), allow_nan=False, default=str)


@pytest.mark.parametrize(
    "absent", [c for n in range(4) for c in product(LEVELS, repeat=n) if len({*c}) == n == len(c)]
)
def test_any_level_may_be_missing(made: Made, absent: tuple[str, ...]) -> None:
    frame = made(a={"items": 12}, b={"items": 12, "tokens": 3000}).frame
    frame = frame.with_columns(pl.lit(None, dtype=frame.schema[name]).alias(name) for name in absent)
    found = analyse(SampleTable.from_frame(frame), replicates=100)
    consistent(found)
    said = " ".join(f.claim for f in found.findings)
    if "output_tokens" in absent:
        assert "no token count" in said
    if "correct" in absent and "stop_reason" in absent:
        assert "not scored" in said


@pytest.mark.parametrize(
    "options",
    [
        {"items": 1},
        {"items": 2},
        {"items": 5, "completion": -1.0},
        {"items": 5, "correctness": -1.0},
        {"items": 5, "correctness": 2.0, "completion": 2.0},
    ],
)
def test_degenerate_groups(made: Made, options: dict[str, Any]) -> None:
    for models in ({"a": options}, {"a": options, "b": {"items": 5}}, {"a": options, "b": options}):
        for reference in ("best", "geometric_mean"):
            consistent(analyse(made(**models), replicates=100, reference=reference))


def test_zero_tokens_and_zero_weights(made: Made) -> None:
    frame = made(a={"items": 6}, b={"items": 6}).frame
    zero = frame.with_columns(output_tokens=pl.lit(0, dtype=pl.Int64))
    consistent(analyse(SampleTable.from_frame(zero), replicates=100))
    weightless = frame.with_columns(weight=pl.lit(0.0))
    consistent(analyse(SampleTable.from_frame(weightless), replicates=100))


def test_single_model_is_its_own_reference(made: Made) -> None:
    found = analyse(made(a={}), replicates=100)
    assert found.profiles["profile"].to_list() == ["reference"]
    assert "nothing to compare it with" in found.profiles["reason"].item()
    assert found.gaps.is_empty()


def test_empty_table_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no attempts"):
        analyse(SampleTable.empty())


def test_unknown_setting_is_a_usage_error(made: Made) -> None:
    with pytest.raises(UsageError, match="unknown setting"):
        analyse(made(a={}), colour="red")


def test_pools_are_apart(made: Made) -> None:
    frame = made(a={}, b={}).frame
    other = frame.with_columns(benchmark=pl.lit("other"), output_tokens=pl.col("output_tokens") * 7)
    both = analyse(SampleTable.from_frame(pl.concat([frame, other])), replicates=200)
    alone = analyse(SampleTable.from_frame(frame), replicates=200)
    consistent(both)
    for name in ("estimates", "gaps", "profiles", "ranks"):
        mine = getattr(both, name).filter(pl.col("pool") == "made")
        assert mine.equals(getattr(alone, name)), name


def test_order_and_other_models_do_not_change_a_group(made: Made) -> None:
    frame = made(a={}, b={}).frame
    first = analyse(SampleTable.from_frame(frame), replicates=200)
    second = analyse(SampleTable.from_frame(frame.sample(fraction=1, shuffle=True, seed=3)), replicates=200)
    assert first.to_dict() == second.to_dict()
    more = analyse(SampleTable.concat([SampleTable.from_frame(frame), made(c={})]), replicates=200)
    mine = more.estimates.filter(pl.col("group") != "c")
    assert mine.equals(first.estimates)


def test_items_frame_feeds_figures(made: Made) -> None:
    found = analyse(made(a={"attempts": 3}), replicates=100)
    assert found.items.height == 60
    assert found.items["attempts"].to_list() == [3.0] * 60
    mean = float(np.average(found.items["mean_tokens"], weights=found.items["attempts"]))
    estimate = found.estimates.filter(measure="mean_output_tokens")["value"].item()
    assert mean == pytest.approx(estimate)


def test_aggregates_and_attempts_in_one_pool(made: Made) -> None:
    rows = made(a={}, b={"tokens": 2500}, c={"completion": 0.3}).frame
    mixed = rows.with_columns(aggregate=pl.col("model") == "c")
    for reference in ("best", "geometric_mean", "c"):
        found = analyse(SampleTable.from_frame(mixed), replicates=100, reference=reference)
        consistent(found)
        mine = found.estimates.filter((pl.col("group") == "c") & pl.col("low").is_not_null())
        assert mine.is_empty()


@pytest.mark.slow
def test_intervals_cover_the_truth_end_to_end(made: Made) -> None:
    """95 % intervals of the log gap, of efficiency and of conditional correctness cover in 91 to 98.5 % of 300 worlds."""
    truth = analyse(
        made(a={"items": 20_000}, b={"items": 20_000, "tokens": 1800, "correctness": 0.6}), replicates=100
    )
    true_gap = truth.gaps.filter(factor="total")["log_contribution"].item()
    true = {m: v for g, m, v in truth.estimates.select("group", "measure", "value").rows() if g == "b"}
    world = made(a={"items": 20_000}, b={"items": 20_000, "tokens": 1800, "correctness": 0.6}).frame
    rng = np.random.default_rng(8)
    hits = dict.fromkeys(("gap", "token_efficiency", "conditional_correctness"), 0)
    rounds = 300
    for _ in range(rounds):
        chosen = [f"i{at:03d}" for at in rng.choice(20_000, 60, replace=False)]
        found = analyse(
            SampleTable.from_frame(world.filter(pl.col("item_id").is_in(chosen))),
            replicates=500,
            reference="a",
        )
        gap = found.gaps.filter(factor="total").row(0, named=True)
        hits["gap"] += gap["low"] <= true_gap <= gap["high"]
        for name in ("token_efficiency", "conditional_correctness"):
            row = found.estimates.filter(measure=name, group="b").row(0, named=True)
            hits[name] += row["low"] <= true[name] <= row["high"]
    for name, count in hits.items():
        assert 0.91 <= count / rounds <= 0.985, (name, count / rounds)
