"""Gates: three verdicts, and how many items would decide."""

from __future__ import annotations

import math
from collections.abc import Callable

import polars as pl
import pytest

from thinkmeter.errors import UsageError
from thinkmeter.findings import Comparison, Gate, compare
from thinkmeter.findings._compare import COMPARISON_SCHEMA
from thinkmeter.measures import AnalysisSettings
from thinkmeter.table import SampleTable

Made = Callable[..., SampleTable]


def comparison(change: float | None, low: float | None, high: float | None, n_items: int = 100) -> Comparison:
    """A comparison whose relative and absolute change are the given numbers."""
    row = dict.fromkeys(COMPARISON_SCHEMA) | {
        "pool": "p",
        "measure": "accuracy",
        "difference": change,
        "difference_low": low,
        "difference_high": high,
        "relative": change,
        "relative_low": low,
        "relative_high": high,
        "n_items": n_items,
    }
    frame = pl.DataFrame([row], schema=COMPARISON_SCHEMA)
    return Comparison("a", "b", AnalysisSettings(), frame, pl.DataFrame(), ())


@pytest.mark.parametrize(
    ("gate", "low", "high", "verdict"),
    [
        ("accuracy < -5%", -0.20, -0.06, "fails"),
        ("accuracy < -5%", -0.20, -0.04, "undecided"),
        ("accuracy < -5%", -0.04, 0.10, "passes"),
        ("accuracy < -5%", 0.01, 0.10, "passes"),
        ("accuracy > 5%", 0.06, 0.10, "fails"),
        ("accuracy > 5%", 0.04, 0.10, "undecided"),
        ("accuracy > 5%", -0.04, 0.03, "passes"),
        ("accuracy < -0.05", -0.20, -0.06, "fails"),
        ("accuracy > 0", 0.01, 0.06, "fails"),
    ],
)
def test_verdict_is_about_the_whole_interval(gate: str, low: float, high: float, verdict: str) -> None:
    (result,) = Gate.parse(gate).check(comparison((low + high) / 2, low, high))
    assert result.verdict == verdict
    assert result.failed == (verdict == "fails")
    assert (result.more_items == 0) == (verdict != "undecided")
    assert verdict in result.sentence


def test_undecided_can_be_made_to_fail() -> None:
    facts = comparison(-0.06, -0.2, 0.05)
    assert not Gate.parse("accuracy < -5%").check(facts)[0].failed
    assert Gate.parse("accuracy < -5%", undecided="fail").check(facts)[0].failed


def test_more_items_follow_the_root_law() -> None:
    # Half-width 0.08 must shrink to 0.04: four times the items.
    (result,) = Gate.parse("accuracy < -0.05").check(comparison(-0.09, -0.17, -0.01))
    assert result.more_items == 300
    assert "About 300 more items" in result.sentence
    (relative,) = Gate.parse("accuracy < -10%").check(
        comparison(math.expm1(-0.3), math.expm1(-0.7), math.expm1(0.1))
    )
    expected = 100 * ((0.4 / (0.3 + math.log(0.9))) ** 2 - 1)
    assert relative.more_items == math.ceil(expected)
    (never,) = Gate.parse("accuracy < -0.05").check(comparison(-0.05, -0.2, 0.1))
    assert never.more_items is None


def test_without_interval_nothing_is_decided() -> None:
    (result,) = Gate.parse("accuracy < -5%").check(comparison(0.0, None, None))
    assert (result.verdict, result.more_items) == ("undecided", None)
    assert result.as_dict()["low"] is None
    (absent,) = Gate.parse("overhead > 5%").check(comparison(0.0, 0.0, 0.1))
    assert absent.verdict == "undecided"
    assert "not known for both" in absent.sentence


@pytest.mark.parametrize(
    "text", ["", "accuracy", "accuracy <= -5%", "accuracy < five", "nothing < -5%", "a b < 1"]
)
def test_bad_gates_are_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(UsageError, match=r"Write a measure|unknown measure"):
        Gate.parse(text)


def test_gates_read_back_as_written() -> None:
    for text in ("token_efficiency < -5%", "mean_output_tokens > 200", "accuracy < -0.5%"):
        assert str(Gate.parse(text)) == text
    assert Gate.parse("accuracy<−5 %".replace(" ", "")) == Gate.parse("accuracy < -5%")


def test_a_real_regression_fails_and_its_absence_passes(made: Made) -> None:
    worse = compare(
        made(old={"items": 150}, new={"items": 150, "tokens": 1600}), "old", "new", replicates=300
    )
    (result,) = Gate.parse("token_efficiency < -5%").check(worse)
    assert result.verdict == "fails"
    assert result.high < -0.05
    better = compare(
        made(old={"items": 150}, new={"items": 150, "tokens": 600}), "old", "new", replicates=300
    )
    assert Gate.parse("token_efficiency < -5%").check(better)[0].verdict == "passes"
    assert Gate.parse("mean_output_tokens > 10%").check(worse)[0].verdict == "fails"
