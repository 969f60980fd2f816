"""Statistics that know no tokens and no models: exact sums, keyed weights, bootstrap, intervals, ranks."""

from __future__ import annotations

from thinkmeter.stats.bootstrap import Estimates, Statistic, estimate, replicate_blocks, replicate_sums
from thinkmeter.stats.interval import Interval, Moments, interval
from thinkmeter.stats.sums import ItemSums
from thinkmeter.stats.weights import item_keys, poisson_weights

__all__ = [
    "Estimates",
    "Interval",
    "ItemSums",
    "Moments",
    "Statistic",
    "estimate",
    "interval",
    "item_keys",
    "poisson_weights",
    "replicate_blocks",
    "replicate_sums",
]
