"""Intervals: against scipy and theory, and honest where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from thinkmeter.stats import ItemSums, Moments, estimate, interval

RATE = {"a": lambda q: q["S"] / q["n"]}
SHARE = {"a": (0.0, 1.0)}


def rate_state(scores: list[float]) -> ItemSums:
    items = [f"i{at}" for at in range(len(scores))]
    return ItemSums.from_rows(["g"] * len(scores), items, {"S": scores, "n": np.ones(len(scores))})


def data(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (rng.random(n) < 0.6).astype(float), np.round(rng.lognormal(7, 0.8, n))


@pytest.mark.parametrize(("method", "theirs"), [("percentile", "percentile"), ("bca", "BCa")])
def test_agrees_with_scipy_for_many_items(method, theirs):
    n = 1000
    S, T = data(n, 1)
    state = ItemSums.from_rows(["g"] * n, [f"i{at}" for at in range(n)], {"S": S, "T": T})
    ours = estimate(state, {"E": lambda q: 1000 * q["S"] / q["T"]}, replicates=9999, method=method)["E"]
    scipys = stats.bootstrap(
        (S, T),
        lambda s, t, axis: 1000 * s.sum(axis) / t.sum(axis),
        paired=True,
        axis=-1,
        n_resamples=9999,
        method=theirs,
        batch=100,
        rng=np.random.default_rng(1),
    )
    np.testing.assert_allclose(ours.value, 1000 * S.sum() / T.sum(), rtol=1e-13)
    # Two independent 2.5 % quantiles of 9,999 draws: standard error 2.67 sd sqrt(2 / 9999).
    error = 2.67 * scipys.standard_error * np.sqrt(2 / 9999)
    assert abs(ours.low[0] - scipys.confidence_interval.low) < 4 * error
    assert abs(ours.high[0] - scipys.confidence_interval.high) < 4 * error


def test_acceleration_and_standard_error_are_the_textbook_ones():
    x = np.random.default_rng(4).lognormal(0, 1, 40)
    left = (x.sum() - x) / 39
    change = x.mean() - left
    moments = Moments(*(np.array([(change**power).sum()]) for power in (1, 2, 3)), np.zeros(1))
    centred = left.mean() - left
    n = np.array([40.0])
    np.testing.assert_allclose(
        moments.acceleration(n), (centred**3).sum() / (6 * (centred**2).sum() ** 1.5), rtol=1e-9
    )
    np.testing.assert_allclose(moments.standard_error(n), x.std(ddof=1) / np.sqrt(40), rtol=1e-12)


def test_expansion_uses_students_t():
    draws = np.random.default_rng(0).normal(size=(200_000, 2))
    found = interval([0.0, 0.0], draws, n_items=[5, 10**6], method="percentile")
    np.testing.assert_allclose(found.high, [stats.t(4).ppf(0.975), stats.norm.ppf(0.975)], rtol=0.02)


def test_positive_measure_respects_its_transformation():
    S, T = data(20, 2)
    state = ItemSums.from_rows(["g"] * 20, [f"i{at}" for at in range(20)], {"S": S, "T": T})
    functions = {"E": lambda q: q["S"] / q["T"], "1/E": lambda q: q["T"] / q["S"]}
    found = estimate(state, functions, bounds=dict.fromkeys(functions, (0.0, np.inf)))
    assert found["E"].method == ("bca+t",)
    np.testing.assert_allclose(found["1/E"].high, 1 / found["E"].low, rtol=0.05)
    np.testing.assert_allclose(found["1/E"].low, 1 / found["E"].high, rtol=0.05)


def test_rate_with_one_attempt_per_item_is_wilsons_interval():
    scores = [1.0] * 130 + [0.0] * 70
    found = estimate(rate_state(scores), RATE, bounds=SHARE)["a"]
    assert found.method == ("score",)
    wilson = stats.binomtest(130, 200).proportion_ci(0.95, method="wilson")
    # Student's t and the factor n - 1 of the jackknife make ours wider by under two per cent.
    width = wilson.high - wilson.low
    assert 1 < (found.high[0] - found.low[0]) / width < 1.02
    np.testing.assert_allclose([found.low[0], found.high[0]], [wilson.low, wilson.high], atol=0.01 * width)


@pytest.mark.parametrize("score", [0.0, 1.0])
@pytest.mark.parametrize("n", [2, 8, 30])
def test_nothing_varies_on_a_bound_exact_one_sided(score, n):
    found = estimate(rate_state([score] * n), RATE, bounds=SHARE)["a"]
    exact = stats.binomtest(int(score) * n, n).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose([found.low[0], found.high[0]], [exact.low, exact.high], rtol=1e-12)
    assert found.method == ("exact",)
    assert found.reason == (None,)


@pytest.mark.parametrize(
    ("scores", "bounds", "reason"),
    [
        ([1.0], SHARE, "an interval needs two items; there is 1"),
        ([0.5] * 9, SHARE, "no variation between items"),
        ([1.0] * 9, None, "no variation between items"),
        ([0.1] * 9, None, "no variation between items"),
    ],
)
def test_no_interval_without_information(scores, bounds, reason):
    for method in ("bca", "percentile"):
        found = estimate(rate_state(scores), RATE, bounds=bounds, method=method)["a"]
        assert found.value[0] == pytest.approx(scores[0])
        assert np.isnan(found.low[0])
        assert np.isnan(found.high[0])
        assert found.reason == (reason,)
        assert found.method == ("none",)


def test_undefined_value_and_undefined_replicates():
    # One success in five items: no success in exp(-1) of the replicates.
    state = rate_state([1.0, 0.0, 0.0, 0.0, 0.0])
    functions = {"per success": lambda q: q["n"] / np.where(q["S"] > 0, q["S"], np.nan)}
    found = estimate(state, functions, replicates=4000)["per success"]
    assert found.value[0] == 5
    assert np.isnan(found.low[0])
    assert found.undefined_share[0] == pytest.approx(np.exp(-1), abs=0.03)
    assert found.reason == (f"undefined in {found.undefined_share[0]:.0%} of the bootstrap replicates",)
    none = estimate(rate_state([0.0] * 5), functions)["per success"]
    assert np.isnan(none.value[0])
    assert none.reason == ("the value is undefined",)


def test_few_undefined_replicates_are_left_out_and_reported():
    state = rate_state([1.0] * 5 + [0.0] * 5)
    functions = {"odds": lambda q: q["S"] / np.where(q["n"] > q["S"], q["n"] - q["S"], np.nan)}
    found = estimate(state, functions, replicates=4000)["odds"]
    assert 0 < found.undefined_share[0] < 0.05
    assert found.low[0] < 1 < found.high[0]
    assert found.reason == (None,)


def test_level():
    S, _ = data(50, 3)
    widths = []
    for level in (0.5, 0.8, 0.95, 0.99):
        found = estimate(rate_state(S.tolist()), RATE, level=level)["a"]
        assert found.level == level
        widths.append(found.high[0] - found.low[0])
    assert widths == sorted(widths)


def test_inputs_stay_untouched(untouched):
    value, draws, n = untouched(
        np.array([0.0]), np.random.default_rng(0).normal(size=(500, 1)), np.array([9])
    )
    interval(value, draws, n_items=n)
