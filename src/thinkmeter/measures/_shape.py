"""Measures of the shape of token use that are no function of sums: concentration over items, elasticity in work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from thinkmeter.measures._declare import Array
from thinkmeter.measures._settings import AnalysisSettings
from thinkmeter.stats.regression import slope_estimates
from thinkmeter.stats.sums import ItemSums

__all__ = ["elasticities", "gini", "token_ginis"]

_FEW = 3


def gini(x: Array) -> tuple[float, Array]:
    """Gini index of positive amounts, and the index with each amount left out in turn.

    Parameters
    ----------
    x : ndarray, shape (m,)
        Amounts, m >= 2, not all 0.

    Returns
    -------
    float, ndarray of shape (m,)

    Examples
    --------
    >>> import numpy as np
    >>> gini(np.array([0.0, 0.0, 0.0, 8.0]))[0]
    0.75
    """
    x = np.sort(x)
    m = len(x)
    rank = np.arange(1, m + 1)
    total = x.sum()
    moment = float(((2 * rank - m - 1) * x).sum())
    # Without x_j, ranks above j fall by one and the count by one: both sums change in closed form.
    before = np.cumsum(x) - x
    after = total - before - x
    left = moment - (2 * rank - m - 1) * x + before - after
    with np.errstate(divide="ignore", invalid="ignore"):
        without = left / ((m - 1) * (total - x))
    return moment / (m * float(total)), without


def token_ginis(sums: ItemSums, level: float) -> pl.DataFrame:
    """Return the Gini index of the items' mean tokens per group, with a jackknife interval over items."""

    def one(items: pl.DataFrame) -> tuple[float, Array] | str:
        x = items["T"].to_numpy()
        if len(x) < 2 or not (x > 0).any():
            return "fewer than two items have tokens, or all have none"
        return gini(x)

    return _jackknifed(sums, ("n|T", "T|T"), one, level, (0.0, 1.0))


def elasticities(sums: ItemSums, settings: AnalysisSettings) -> pl.DataFrame:
    """Return the robust slope of log mean tokens on log workload over items, per group."""
    group, item, n = sums.cells("n|TW")
    tokens, work = sums.cells("T|TW")[2], sums.cells("W|TW")[2]
    keep = (n > 0) & (tokens > 0)  # an attempt of no tokens has no logarithm
    group, item = group[keep], item[keep]
    found = slope_estimates(
        [sums.groups[at] for at in group],
        [sums.items[at] for at in item],
        np.log(work[keep] / n[keep]),
        np.log(tokens[keep] / n[keep]),
        level=settings.level,
        replicates=settings.replicates,
        seed=settings.seed,
        method=settings.method,
    )
    present = sorted({sums.groups[at] for at in group})
    table = pl.DataFrame(
        {
            "group": present,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "method": found.method,
            "reason": pl.Series(found.reason, dtype=pl.String),
        },
        schema_overrides={"group": pl.String},
    )
    counts = np.bincount(group, minlength=len(sums.groups))
    attempts = np.bincount(group, weights=n[keep], minlength=len(sums.groups))
    whole = pl.DataFrame({"group": sums.groups, "n_items": counts, "n_attempts": attempts})
    return whole.join(table, on="group", how="left", maintain_order="left").with_columns(
        pl.col("method").fill_null("none")
    )


def _jackknifed(
    sums: ItemSums,
    names: tuple[str, ...],
    statistic: Callable[[pl.DataFrame], tuple[float, Array] | str],
    level: float,
    bounds: tuple[float, float],
) -> pl.DataFrame:
    from scipy.special import stdtrit

    group, _, n = sums.cells(names[0])
    columns = {name.split("|")[0]: sums.cells(name)[2] / np.maximum(n, 1e-300) for name in names[1:]}
    cells = pl.DataFrame({"g": group, "n": n, **columns}).filter(pl.col("n") > 0)
    by_group = {int(g): part for (g,), part in cells.partition_by("g", as_dict=True).items()}
    rows = []
    for index, name in enumerate(sums.groups):
        items = by_group.get(index, cells.clear())
        found = statistic(items)
        row: dict[str, object] = {"group": name, "n_items": items.height, "n_attempts": items["n"].sum()}
        if isinstance(found, str):
            rows.append({**row, "method": "none", "reason": found})
            continue
        value, without = found
        m = len(without)
        spread = np.sqrt((m - 1) / m * ((without - without.mean()) ** 2).sum())
        reason = None
        if m < _FEW or not np.isfinite(spread):
            reason = f"an interval needs {_FEW} items or more, none of which decides alone; {m} here"
        elif spread <= 1e-12 * max(abs(value), 1e-3):
            reason = "no variation between items"
        if reason is None:
            half = stdtrit(m - 1, (1 + level) / 2) * spread
            row |= {"low": max(value - half, bounds[0]), "high": min(value + half, bounds[1])}
        method = "none" if reason else "jackknife"
        rows.append({**row, "value": value, "method": method, "reason": reason})
    schema = {
        "group": pl.String,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "method": pl.String,
        "n_items": pl.Int64,
        "n_attempts": pl.Float64,
        "reason": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)
