"""Statistics of one group against another: both see the same weights, so what they share cancels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thinkmeter.stats.bootstrap import Statistic

__all__ = ["difference_to", "log_ratio_to"]

Array = NDArray[np.float64]


def difference_to(statistic: Statistic, reference: int | None) -> Statistic:
    """Return the statistic minus that of a reference group.

    Parameters
    ----------
    statistic : callable
        A statistic as `estimate` takes it.
    reference : int or None
        Position of the reference among the groups; None: the mean over all groups.

    Examples
    --------
    >>> gap = difference_to(lambda q: q["S"] / q["n"], 1)
    >>> gap({"S": np.array([3.0, 4.0]), "n": np.array([8.0, 8.0])}).tolist()
    [-0.125, 0.0]
    """

    def gap(quantities: Mapping[str, Array]) -> Array:
        found = statistic(quantities)
        if reference is None:
            return np.asarray(found - found.mean(axis=-1, keepdims=True))
        return np.asarray(found - found[..., reference : reference + 1])

    return gap


def log_ratio_to(statistic: Statistic, reference: int | None) -> Statistic:
    """Return the natural log of the statistic over that of a reference group; NaN where a value is not positive.

    Parameters
    ----------
    statistic : callable
        A statistic as `estimate` takes it.
    reference : int or None
        Position of the reference among the groups; None: the geometric mean of all groups.

    Examples
    --------
    >>> gap = log_ratio_to(lambda q: q["S"] / q["T"], 0)
    >>> gap({"S": np.array([1.0, 0.0]), "T": np.array([8.0, 8.0])}).tolist()
    [0.0, nan]
    """

    def log(quantities: Mapping[str, Array]) -> Array:
        found = np.asarray(statistic(quantities), dtype=np.float64)
        positive = found > 0
        return np.where(positive, np.log(np.where(positive, found, 1.0)), np.nan)

    return difference_to(log, reference)
