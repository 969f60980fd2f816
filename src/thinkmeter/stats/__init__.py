"""Statistics that know no tokens and no models: exact sums, keyed weights, bootstrap, intervals, ranks."""

from __future__ import annotations

from thinkmeter.stats.bootstrap import Estimates, Statistic, estimate, replicate_blocks, replicate_sums
from thinkmeter.stats.contrast import difference_to, log_ratio_to
from thinkmeter.stats.interval import Interval, Moments, interval
from thinkmeter.stats.rank import (
    RankCorrelation,
    Ranks,
    kendall,
    rank_correlation_interval,
    rank_intervals,
    spearman,
)
from thinkmeter.stats.regression import HuberLine, huber_line, slope_estimates
from thinkmeter.stats.sums import ItemSums
from thinkmeter.stats.weights import item_keys, poisson_weights

__all__ = [
    "Estimates",
    "HuberLine",
    "Interval",
    "ItemSums",
    "Moments",
    "RankCorrelation",
    "Ranks",
    "Statistic",
    "difference_to",
    "estimate",
    "huber_line",
    "interval",
    "item_keys",
    "kendall",
    "log_ratio_to",
    "poisson_weights",
    "rank_correlation_interval",
    "rank_intervals",
    "replicate_blocks",
    "replicate_sums",
    "slope_estimates",
    "spearman",
]
