"""Intervals from bootstrap draws, with a cure for few items.

The default method looks at the range of the measure, because one formula does not hold its level everywhere when
there are 15 to 30 items:

* no bounds (differences, log gaps): BCa (Efron 1987), its tail probabilities taken from Student's t with n - 1 degrees
  of freedom (the expansion of Hesterberg 2015). His second factor, sqrt(n / (n - 1)), is not needed here: the number
  of items in a Poisson replicate varies, which widens the draws by just that.
* positive, ``(0, inf)`` (ratios of sums): at each end the farther of that and the jackknife-t interval on the log
  scale, which does not share BCa's weakness, a skewness that cannot be known from 20 items.
* bounded on both sides (rates): the score interval (Wilson 1927) at the effective sample size that the jackknife
  gives, with Student's t (Dean and Pagano 2015 for clusters). Bootstrap draws of a rate near its bound are too few.

``"percentile"`` is the expanded percentile interval everywhere. What was simulated, and where coverage falls short, is
on the statistics page of the docs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thinkmeter.errors import UsageError

__all__ = ["METHODS", "MOST_UNDEFINED", "Interval", "Moments", "interval"]

Array = NDArray[np.float64]
Bounds = tuple[float, float]
METHODS = ("bca", "percentile")
# Above this share of undefined replicates, an interval from the rest would describe other data.
MOST_UNDEFINED = 0.05
_STILL = 1e-12  # relative spread that is rounding, not variation


@dataclass(frozen=True)
class Moments:
    """Leave-one-item-out changes of a statistic, as sums over items.

    With d_i the statistic of all items minus that without item i:

    Attributes
    ----------
    first, second, third : ndarray of float64, shape (columns,)
        Sums of d_i, d_i**2 and d_i**3.
    undefined : ndarray of float64, shape (columns,)
        Items without which the statistic is undefined; they are left out of the sums.
    """

    first: Array
    second: Array
    third: Array
    undefined: Array

    def acceleration(self, n: Array) -> Array:
        """Return BCa's acceleration: skewness of the changes / 6."""
        centre = self.first / n
        second = self.second - n * centre**2
        third = self.third - 3 * centre * self.second + 3 * centre**2 * self.first - n * centre**3
        return np.where(second > 0, third / (6 * np.where(second > 0, second, 1.0) ** 1.5), 0.0)

    def standard_error(self, n: Array) -> Array:
        """Return the jackknife standard error."""
        second = self.second - self.first**2 / n
        return np.sqrt(np.maximum(second, 0.0) * (n - 1) / n)


@dataclass(frozen=True)
class Interval:
    """Ends of the interval of every column, with the method used.

    Attributes
    ----------
    low, high : ndarray of float64, shape (columns,)
        Ends; NaN where there is no interval.
    method : tuple of str
        ``"bca"``, ``"bca+t"`` (positive measure), ``"score"`` (bounded measure), ``"percentile"``, ``"exact"``
        (nothing varies and the value lies on a bound), ``"none"``.
    reason : tuple of (str or None)
        Why there is no interval; None where there is one.
    undefined_share : ndarray of float64, shape (columns,)
        Share of replicates in which the statistic is undefined; the interval rests on the others.
    """

    low: Array
    high: Array
    method: tuple[str, ...]
    reason: tuple[str | None, ...]
    undefined_share: Array


def interval(
    value: ArrayLike,
    draws: Array,
    jackknife: Moments | None = None,
    *,
    n_items: ArrayLike,
    level: float = 0.95,
    method: str = "bca",
    bounds: Bounds | None = None,
) -> Interval:
    """Return the interval of every column of `draws`.

    Parameters
    ----------
    value : array, shape (columns,)
        Estimates.
    draws : ndarray, shape (replicates, columns)
        Bootstrap replicates; NaN and infinities are undefined ones.
    jackknife : Moments, optional
        Changes when one item is left out. Without it ``"bca"`` has acceleration 0 and does not look at bounds.
    n_items : int or array of int, shape (columns,)
        Independent items behind each estimate.
    level : float
        Level, above 0 and below 1.
    method : str
        ``"bca"`` or ``"percentile"``.
    bounds : (float, float), optional
        Range of the measure: ``(0, inf)`` for a positive one, ``(0, 1)`` for a rate; see the top of this module.
        Where nothing varies and the value lies on a finite bound of a bounded range, the interval is one-sided and exact:
        with all n items on the bound, the share of such items is at least ((1 - level) / 2) ** (1 / n)
        (Clopper and Pearson 1934), and the mean is at least that far towards the bound.

    Raises
    ------
    UsageError
        If method or level is unknown, or shapes do not fit.

    References
    ----------
    Efron 1987, doi:10.1080/01621459.1987.10478410. Hesterberg 2015, doi:10.1080/00031305.2015.1089789.
    Wilson 1927, doi:10.1080/01621459.1927.10502953. Dean and Pagano 2015, doi:10.1093/jssam/smv024.

    Examples
    --------
    >>> draws = np.random.default_rng(0).normal(5, 1, (2000, 1))
    >>> found = interval([5.0], draws, n_items=1000, method="percentile")
    >>> found.low.round().tolist(), found.high.round().tolist()
    ([3.0], [7.0])
    """
    values, n = _checked(value, draws, n_items, level, method)
    finite = np.isfinite(draws)
    good = finite.sum(axis=0)
    share = 1.0 - good / max(len(draws), 1)
    ordered = np.sort(np.where(finite, draws, np.nan), axis=0)  # undefined draws last
    spread = ordered[np.maximum(good - 1, 0), np.arange(len(values))] - ordered[0]
    still = (good > 0) & (spread <= _STILL * np.abs(values))
    with np.errstate(all="ignore"):
        if method == "percentile":
            low, high = _from_draws(ordered, good, np.zeros(len(values)), None, n, level)
            name = method
        elif jackknife is not None and bounds is not None and np.isfinite(bounds).all():
            low, high = _score(values, jackknife, n, level, bounds)
            name = "score"
        else:
            low, high = _from_draws(ordered, good, _bias(values, draws, good), jackknife, n, level)
            name = method
            if jackknife is not None and bounds is not None and np.isfinite(bounds[0]):
                t_low, t_high = _log_t(values, jackknife, n, level, bounds[0])
                low, high, name = np.minimum(low, t_low), np.maximum(high, t_high), "bca+t"
    absent = ~still & ~(np.isfinite(low) & np.isfinite(high) & (high > low))
    on_bound = still & _on_bound(values, bounds)
    reasons = tuple(
        _reason(*facts) for facts in zip(values, n, share, still & ~on_bound, absent, on_bound, strict=True)
    )
    if bounds is not None and on_bound.any():
        edge = ((1 - level) / 2) ** (1 / np.maximum(n, 1)) * (bounds[1] - bounds[0])
        low = np.where(on_bound, np.where(values == bounds[0], bounds[0], bounds[0] + edge), low)
        high = np.where(on_bound, np.where(values == bounds[1], bounds[1], bounds[1] - edge), high)
    none = np.array([reason is not None for reason in reasons], dtype=bool)
    low, high = np.where(none, np.nan, low), np.where(none, np.nan, high)
    methods = np.where(none, "none", np.where(on_bound, "exact", name))
    return Interval(low, high, tuple(methods.tolist()), reasons, share)


def _checked(
    value: ArrayLike, draws: Array, n_items: ArrayLike, level: float, method: str
) -> tuple[Array, Array]:
    values = np.asarray(value, dtype=np.float64)
    if method not in METHODS:
        raise UsageError(f"method: expected one of {', '.join(METHODS)}, got {method!r}.")
    if not 0 < level < 1:
        raise UsageError(f"level: expected a number above 0 and below 1, got {level}.")
    if values.ndim != 1 or draws.ndim != 2 or draws.shape[1] != len(values) or not len(draws):
        raise UsageError(f"expected draws of shape (replicates, {values.size}), got {draws.shape}.")
    return values, np.broadcast_to(np.asarray(n_items, dtype=np.float64), values.shape)


def _bias(values: Array, draws: Array, good: NDArray[np.int64]) -> Array:
    from scipy.special import ndtri  # loads slowly: only when an interval is asked for

    # Undefined draws compare as False; ties count half.
    below = (np.isfinite(draws) & (draws < values)).sum(axis=0) + 0.5 * (draws == values).sum(axis=0)
    return np.asarray(ndtri(below / good), dtype=np.float64)


def _tail(n: Array, level: float) -> Array:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(n - 1, 1), (1 + level) / 2), dtype=np.float64)


def _from_draws(
    ordered: Array, good: NDArray[np.int64], bias: Array, jackknife: Moments | None, n: Array, level: float
) -> tuple[Array, Array]:
    from scipy.special import ndtr

    skew = np.zeros(len(n)) if jackknife is None else jackknife.acceleration(n)
    tail = _tail(n, level)
    ends = []
    for z in (-tail, tail):
        # Past 1 / skew the formula turns round; the limit is the outermost draw.
        left = np.maximum(1 - skew * (bias + z), 1e-9)
        ends.append(_quantile(ordered, good, ndtr(bias + (bias + z) / left)))
    return ends[0], ends[1]


def _quantile(ordered: Array, good: NDArray[np.int64], probability: Array) -> Array:
    """Quantile of the first `good` sorted rows per column, linear between expected order statistics."""
    last = np.maximum(good - 1, 0)
    place = np.clip(np.nan_to_num(probability) * (good + 1) - 1, 0, last)
    down = np.floor(place).astype(np.int64)
    up = np.minimum(down + 1, last)
    columns = np.arange(ordered.shape[1])
    lower = ordered[down, columns]
    return lower + (place - down) * (ordered[up, columns] - lower)


def _log_t(values: Array, jackknife: Moments, n: Array, level: float, floor: float) -> tuple[Array, Array]:
    above = values - floor
    step = np.exp(
        _tail(n, level) * jackknife.standard_error(n) / above
    )  # 1 / above: the derivative of the log
    return floor + above / step, floor + above * step


def _score(values: Array, jackknife: Moments, n: Array, level: float, bounds: Bounds) -> tuple[Array, Array]:
    width = bounds[1] - bounds[0]
    rate = (values - bounds[0]) / width
    tail = _tail(n, level)
    # tail**2 over the number of independent yes-or-no trials that would be as uncertain as this rate.
    load = (tail * jackknife.standard_error(n) / width) ** 2 / (rate * (1 - rate))
    centre = (rate + load / 2) / (1 + load)
    reach = np.sqrt(rate * (1 - rate) * load + load**2 / 4) / (1 + load)
    return bounds[0] + width * (centre - reach), bounds[0] + width * (centre + reach)


def _on_bound(values: Array, bounds: Bounds | None) -> NDArray[np.bool_]:
    if bounds is None or not np.isfinite(bounds).all():
        return np.zeros(len(values), dtype=bool)
    return np.asarray((values == bounds[0]) | (values == bounds[1]))


def _reason(value: float, n: float, share: float, still: bool, absent: bool, exact: bool) -> str | None:
    if not np.isfinite(value):
        return "the value is undefined"
    if n < 2:
        return f"an interval needs two items; there {'is' if n == 1 else 'are'} {int(n)}"
    # A replicate that drew no item at all (share exp(-n)) says nothing, and is no sign of an unstable measure.
    if share > MOST_UNDEFINED + np.exp(-n) and not exact:
        return f"undefined in {share:.0%} of the bootstrap replicates"
    if still:
        return "no variation between items"
    if absent:
        return "the bootstrap replicates do not surround the value"
    return None
