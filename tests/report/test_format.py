"""Numbers as text: digits fit the interval, and rounding makes nothing certain."""

from __future__ import annotations

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from thinkmeter.report._format import DASH, format_interval, format_parts, format_rank, format_value


def read(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


shares = st.floats(0.0, 1.0).filter(lambda v: v == 0 or v > 1e-4).filter(lambda v: v == 1 or 1 - v > 1e-4)
positive = st.floats(1e-3, 1e9)


@given(shares, shares, shares)
def test_a_share_is_shown_to_a_twentieth_of_its_interval(a: float, b: float, c: float) -> None:
    low, value, high = sorted((a, b, c))
    assume(high > low)
    parts = format_parts("accuracy", value, low, high)
    for text, number in zip(parts, (value, low, high), strict=True):
        # Half a unit of the last place kept, and two digits of the half-width are kept.
        assert abs(read(text) - 100 * number) <= max(50 * (high - low) * 0.05, 5.1e-7) + 1e-9
        assert (read(text) == 0) == (number == 0)
        assert (read(text) == 100) == (number == 1)


@given(positive, st.floats(0.01, 0.9))
def test_value_and_bounds_end_at_the_same_place(value: float, spread: float) -> None:
    parts = format_parts("mean_output_tokens", value, value * (1 - spread), value * (1 + spread))
    places = {len(text.partition(".")[2]) for text in parts}
    assert len(places) == 1


@given(positive)
def test_without_an_interval_three_digits_are_kept(value: float) -> None:
    text = format_value("mean_output_tokens", value)
    assert math.isclose(read(text), value, rel_tol=5.1e-3)


def test_undefined_is_a_dash_and_never_a_number() -> None:
    for value in (None, math.nan):
        assert format_value("accuracy", value) == DASH
        assert format_interval("accuracy", value, 0.1, 0.2) == DASH
        assert format_rank(value) == DASH


def test_rounding_makes_nothing_certain() -> None:
    assert format_interval("accuracy", 0.9996, 0.5, 1.0) == "99.96 % [50, 100]"
    assert format_interval("accuracy", 0.0004, 0.0, 0.5) == "0.04 % [0, 50]"
    assert format_value("accuracy", 1.0) == "100 %"
    assert format_value("accuracy", 0.0) == "0 %"


def test_negative_numbers_have_a_minus_sign_and_zero_has_none() -> None:
    assert format_interval("", -0.19, -0.5, 0.1) == "−0.19 [−0.50, 0.10]"
    assert format_value("", -0.0) == "0"


def test_no_interval_is_not_an_interval_of_width_zero() -> None:
    assert "[" not in format_interval("accuracy", 0.5, None, None)
    assert "[" not in format_interval("accuracy", 0.5, math.nan, 0.7)
