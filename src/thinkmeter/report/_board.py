"""The leaderboard as a frame, and the order and short names that every table and figure shares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from thinkmeter.findings import Analysis

__all__ = ["BOARD", "leaderboard", "pools", "short_names"]

BOARD: Final = (
    "accuracy",
    "token_efficiency",
    "completion",
    "conditional_correctness",
    "mean_output_tokens",
    "overhead",
    "coupling",
)
"""Measures of the leaderboard, in the order in which they are shown."""

_KEYS: Final = ["pool", "group"]
_NAME: Final = 42


def pools(analysis: Analysis) -> list[str]:
    """Return the pools in the order of the analysis."""
    return analysis.groups["pool"].unique(maintain_order=True).to_list()


def leaderboard(analysis: Analysis) -> pl.DataFrame:
    """Return one row per group: every part with its interval, and the ranks by accuracy and by token efficiency.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    polars.DataFrame
        pool, place, group, model, setting, token_limit, profile, reference (bool), aggregate, n_items, n_attempts; per
        measure of `BOARD` its value, ``_low``, ``_high``, ``_attempts`` (those it rests on) and ``_reason`` (null where
        nothing is wrong);
        rank_accuracy and rank_efficiency with ``_low`` and ``_high``; rank_shift = rank_accuracy - rank_efficiency,
        above 0 for a group that stands better once tokens count. Sorted by pool, then by token efficiency,
        best first; by accuracy where tokens are unknown. ``place`` counts rows and breaks ties by name; ranks
        do not break ties.
    """
    base = analysis.groups.select(
        *_KEYS, "model", "setting", "token_limit", "aggregate", "n_items", "n_attempts"
    )
    found = base.join(analysis.profiles.select(*_KEYS, "profile"), on=_KEYS, how="left")
    found = found.with_columns(reference=pl.col("profile").eq("reference").fill_null(False))
    for measure in BOARD:
        one = analysis.estimates.filter(pl.col("measure") == measure).select(
            *_KEYS,
            pl.col("value").fill_nan(None).alias(measure),
            pl.col("low").fill_nan(None).alias(f"{measure}_low"),
            pl.col("high").fill_nan(None).alias(f"{measure}_high"),
            pl.col("n_attempts").alias(f"{measure}_attempts"),
            pl.col("reason").alias(f"{measure}_reason"),
        )
        found = found.join(one, on=_KEYS, how="left")
    for measure, name in (("accuracy", "rank_accuracy"), ("token_efficiency", "rank_efficiency")):
        one = analysis.ranks.filter(pl.col("measure") == measure).select(
            *_KEYS,
            pl.col("rank").alias(name),
            pl.col("rank_low").alias(f"{name}_low"),
            pl.col("rank_high").alias(f"{name}_high"),
        )
        found = found.join(one, on=_KEYS, how="left")
    found = found.with_columns(rank_shift=pl.col("rank_accuracy") - pl.col("rank_efficiency"))
    return _ordered(found, pools(analysis))


def _ordered(board: pl.DataFrame, order: list[str]) -> pl.DataFrame:
    at = pl.col("pool").replace_strict(order, list(range(len(order))), return_dtype=pl.Int64)
    best = [pl.col(m) for m in ("token_efficiency", "accuracy", "completion")]
    ranked = board.sort(
        at,
        *best,
        "group",
        descending=[False, True, True, True, False],
        nulls_last=[False, True, True, True, False],
    )
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("pool").alias("place")
    return ranked.with_columns(place).select("pool", "place", pl.exclude("pool", "place"))


def short_names(names: Iterable[str], most: int = _NAME) -> dict[str, str]:
    """Return names that fit beside an axis, still all different: the middle gives way, as the ends tell apart.

    Examples
    --------
    >>> short_names(["a-very-long-model-name", "short"], most=12)
    {'a-very-long-model-name': 'a-very…-name', 'short': 'short'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        text = " ".join(name.split())
        short = (
            text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - most // 2 - 1) :]}"
        )
        unique, count = short, 1
        while unique in taken:
            count += 1
            mark = f" ({count})"
            unique = short[: most - len(mark)] + mark
        taken.add(unique)
        found[name] = unique
    return found
