"""Robust slope: against other implementations and against refitting every replicate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from thinkmeter.errors import UsageError
from thinkmeter.stats import huber_line, item_keys, poisson_weights, slope_estimates


def sample(n: int, seed: int, slope: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.log(rng.choice([5, 10, 20, 40, 80], n))
    return x, 4 + slope * x + 0.5 * rng.standard_t(3, n)


def test_minimises_hubers_loss():
    x, y = sample(200, 1)
    line = huber_line(x, y)
    # An optimiser that knows nothing of reweighting, with the same scale.
    best = optimize.minimize(
        lambda p: stats_huber((y - p[1] - p[0] * x) / line.scale), [0.0, y.mean()], method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
    )  # fmt: skip
    np.testing.assert_allclose([line.slope, line.intercept], best.x, atol=1e-6)
    np.testing.assert_allclose(line.scale, 0.5 * stats.t(3).ppf(0.75) / stats.norm.ppf(0.75), rtol=0.15)


def stats_huber(u: np.ndarray) -> float:
    size = np.abs(u)
    return float(np.where(size <= 1.345, u**2 / 2, 1.345 * size - 1.345**2 / 2).sum())


def test_an_outlier_hardly_moves_the_line():
    x, y = sample(100, 2)
    spoiled = y.copy()
    spoiled[:5] += 1000
    assert abs(huber_line(x, spoiled).slope - huber_line(x, y).slope) < 0.1
    assert abs(stats.linregress(x, spoiled).slope - stats.linregress(x, y).slope) > 1


def test_weights_stand_for_rows():
    x, y = sample(60, 3)
    counts = np.random.default_rng(0).integers(0, 4, 60)
    weighted = huber_line(x, y, counts)
    repeated = huber_line(np.repeat(x, counts), np.repeat(y, counts))
    np.testing.assert_allclose([weighted.slope, weighted.scale], [repeated.slope, repeated.scale], rtol=1e-8)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([1.0, 2.0], [1.0, 2.0], "three rows"),
        ([3.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0], "all x values are equal"),
    ],
)
def test_undefined_lines_say_why(x, y, reason):
    line = huber_line(x, y)
    assert np.isnan(line.slope)
    assert reason in line.reason
    found = slope_estimates(["g"] * len(x), [str(at) for at in range(len(x))], x, y)
    assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()
    assert reason in found.reason[0]


def test_an_exact_line_has_a_slope_but_no_interval():
    x = np.arange(9.0)
    found = slope_estimates(["g"] * 9, list("abcdefghi"), x, 3 + 2 * x)
    np.testing.assert_allclose(found.value, [2.0], rtol=1e-9)
    assert np.isnan(found.low[0])
    assert found.reason == ("no spread around the line",)
    assert found.method == ("none",)


def test_replicates_are_close_to_refits():
    x, y = sample(400, 4)
    items = [f"i{at}" for at in range(400)]
    found = slope_estimates(["g"] * 400, items, x, y, replicates=300, seed=6)
    weights = poisson_weights(item_keys(items), 300, seed=6)
    refits = np.array([huber_line(x, y, row).slope for row in weights])
    assert np.corrcoef(found.draws[:, 0], refits)[0, 1] > 0.98
    np.testing.assert_allclose(found.draws.std(), refits.std(), rtol=0.06)
    assert abs(found.draws.mean() - refits.mean()) < 0.1 * refits.std()


def test_coverage_with_repeats():
    sets, n, repeats = 600, 30, 3
    rng = np.random.default_rng(8)
    x = np.log(rng.choice([5, 10, 20, 40, 80], (sets, n)))[..., None]
    y = 4 + 0.7 * x + 0.3 * rng.normal(size=(sets, n, 1)) + 0.5 * rng.standard_t(4, (sets, n, repeats))
    groups = np.repeat([f"{at:04d}" for at in range(sets)], n * repeats)
    items = np.tile(np.repeat([f"i{at}" for at in range(n)], repeats), sets)
    found = slope_estimates(groups, items, np.broadcast_to(x, y.shape).ravel(), y.ravel(), replicates=800)
    covered = ((found.low < 0.7) & (found.high > 0.7)).mean()
    assert 0.93 - 3 * np.sqrt(0.93 * 0.07 / sets) < covered < 0.97 + 3 * np.sqrt(0.97 * 0.03 / sets)


def test_groups_do_not_disturb_each_other(untouched):
    x, y = untouched(*sample(90, 5))
    items = [f"i{at % 30}" for at in range(90)]
    groups = [f"g{at // 30}" for at in range(90)]
    together = slope_estimates(groups, items, x, y, replicates=200)
    alone = slope_estimates(groups[30:60], items[30:60], x[30:60], y[30:60], replicates=200)
    assert together.low[1] == alone.low[0]
    assert together.n_items.tolist() == [30, 30, 30]


def test_bad_arguments_are_refused():
    with pytest.raises(UsageError, match="one length"):
        huber_line([1, 2, 3], [1, 2])
    with pytest.raises(UsageError, match="finite"):
        huber_line([1, 2, np.nan], [1, 2, 3])
