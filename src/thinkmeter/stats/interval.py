"""Intervals from bootstrap draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thinkmeter.errors import UsageError

__all__ = ["Interval", "Moments", "interval"]

Array = NDArray[np.float64]
METHODS = ("bca", "percentile")
# Above this share of undefined replicates an interval from the others would describe other data.
MOST_UNDEFINED = 0.05


@dataclass(frozen=True)
class Moments:
    """Sums over items of powers of the jackknife change; see `jackknife_moments`."""

    first: Array
    second: Array
    third: Array
    undefined: Array


@dataclass(frozen=True)
class Interval:
    """Ends of an interval per column, with the method used and, where undefined, the reason."""

    low: Array
    high: Array
    method: tuple[str, ...]
    reason: tuple[str | None, ...]


def interval(
    value: Array,
    draws: Array,
    jackknife: Moments | None = None,
    *,
    n_items: NDArray[np.int64],
    level: float = 0.95,
    method: str = "bca",
    bounds: tuple[float, float] | None = None,
) -> Interval:
    """Return the interval of every column of `draws`, shape (replicates, columns)."""
    from scipy.special import ndtr, ndtri, stdtrit

    if method not in METHODS:
        raise UsageError(f"method: expected one of {', '.join(METHODS)}, got {method!r}.")
    value = np.asarray(value, dtype=np.float64)
    columns = len(value)
    n = np.broadcast_to(np.asarray(n_items, dtype=np.float64), (columns,))
    finite = np.isfinite(draws)
    good = finite.sum(axis=0)
    ordered = np.sort(np.where(finite, draws, np.nan), axis=0)
    share = 1 - good / max(len(draws), 1)
    spread = np.nanmax(np.where(good > 0, ordered, 0.0), axis=0) - np.nanmin(
        np.where(good > 0, ordered, 0.0), axis=0
    )
    still = spread <= 1e-12 * np.maximum(np.abs(value), 1e-300)
    with np.errstate(all="ignore"):
        below = ((draws < value) & finite).sum(axis=0)
        equal = ((draws == value) & finite).sum(axis=0)
        bias = ndtri((below + 0.5 * equal) / good)
        if method == "bca" and jackknife is not None:
            centre = jackknife.first / n
            cube = (
                jackknife.third
                - 3 * centre * jackknife.second
                + 3 * centre**2 * jackknife.first
                - n * centre**3
            )
            square = jackknife.second - n * centre**2
            skew = np.nan_to_num(cube / (6 * square**1.5))
        else:
            skew = np.zeros(columns)
        if method == "percentile":
            bias = np.zeros(columns)
        tail = stdtrit(np.maximum(n - 1, 1), (1 + level) / 2)
        ends = []
        for z in (-tail, tail):
            moved = bias + (bias + z) / (1 - skew * (bias + z))
            ends.append(_quantile(ordered, good, ndtr(moved)))
    low, high = ends
    methods, reasons = [], []
    for at in range(columns):
        reason, name = None, method
        if not np.isfinite(value[at]):
            reason = "the value is undefined"
        elif n[at] < 2:
            reason = f"an interval needs 2 items or more; {int(n[at])} here"
        elif share[at] > MOST_UNDEFINED:
            reason = f"{share[at]:.0%} of the replicates are undefined"
        elif still[at]:
            if bounds is not None and value[at] in bounds:
                name = "exact"
                edge = ((1 - level) / 2) ** (1 / n[at])
                span = bounds[1] - bounds[0]
                low[at] = bounds[0] if value[at] == bounds[0] else bounds[0] + span * edge
                high[at] = bounds[1] if value[at] == bounds[1] else bounds[1] - span * edge
            else:
                reason = "no variation between items"
        elif not np.isfinite(bias[at]):
            reason = "every replicate lies on one side of the value"
        if reason is not None:
            low[at] = high[at] = np.nan
            name = "none"
        methods.append(name)
        reasons.append(reason)
    return Interval(low, high, tuple(methods), tuple(reasons))


def _quantile(ordered: Array, good: NDArray[np.int64], probability: Array) -> Array:
    place = np.clip(probability * (good + 1) - 1, 0, np.maximum(good - 1, 0))
    place = np.nan_to_num(place)
    down = np.floor(place).astype(np.int64)
    up = np.minimum(down + 1, np.maximum(good - 1, 0))
    at = np.arange(ordered.shape[1])
    return ordered[down, at] + (place - down) * (ordered[up, at] - ordered[down, at])
