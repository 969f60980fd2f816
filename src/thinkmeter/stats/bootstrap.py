"""Paired cluster bootstrap over items: blocked matrix products of item weights with item sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thinkmeter.errors import UsageError
from thinkmeter.stats._columns import Layout, lay_out
from thinkmeter.stats.interval import Moments, interval
from thinkmeter.stats.sums import ItemSums
from thinkmeter.stats.weights import item_keys, item_states, weight_tile

__all__ = ["Estimates", "Statistic", "estimate", "jackknife_moments", "replicate_blocks", "replicate_sums"]

Statistic = Callable[[Mapping[str, NDArray[np.float64]]], NDArray[np.float64]]

_ITEM_TILE = 512  # items by replicates of one weight tile: about 2 MB, so that it stays in cache
_REPLICATE_TILE = 512
_BLOCK_BYTES = 2**25  # weighted sums held at once
_DENSE_BYTES = 2**27  # item columns kept between blocks of replicates


@dataclass(frozen=True)
class Estimates:
    """One measure for every group.

    Attributes
    ----------
    value, low, high : ndarray of float64, shape (groups,)
        Estimate and ends of its interval; NaN where undefined.
    level : float
        Level of the interval.
    method : tuple of str
        Per group, the method used, or ``"none"`` where there is no interval; see `Interval`.
    n_items : ndarray of int64, shape (groups,)
        Items that carry information on the measure.
    reason : tuple of (str or None)
        Why value or interval is undefined; None where both are defined.
    draws : ndarray of float64, shape (replicates, groups), or None
        Bootstrap replicates; row r of two estimates with one seed belong together (paired).
    undefined_share : ndarray of float64, shape (groups,)
        Share of replicates in which the statistic is undefined. The interval rests on the others; above 5 % there
        is none.
    """

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    level: float
    method: tuple[str, ...]
    n_items: NDArray[np.int64]
    reason: tuple[str | None, ...]
    draws: NDArray[np.float64] | None
    undefined_share: NDArray[np.float64]


def replicate_blocks(
    sums: ItemSums,
    *,
    replicates: int = 2000,
    seed: int = 0,
    names: Sequence[str] | None = None,
    block: int | None = None,
) -> Iterator[NDArray[np.float64]]:
    """Yield weighted sums block by block, each of shape (quantities, replicates in block, groups).

    Every group and quantity gets the same weights (paired). Results do not depend on `block`, to the bit.

    Parameters
    ----------
    sums : ItemSums
        State.
    replicates, seed : int
        Number of replicates and seed of the weights.
    names : sequence of str, optional
        Quantities; all by default.
    block : int, optional
        Replicates per block; by default as many as 32 MB of sums hold.
    """
    if replicates < 1:
        raise UsageError(f"replicates: expected 1 or more, got {replicates}.")
    chosen = sums.quantities if names is None else tuple(names)
    for name in chosen:
        if name not in sums.quantities:
            raise UsageError(f"no quantity {name!r} in these sums. Quantities: {', '.join(sums.quantities)}.")
    tiles = _Tiles(sums, lay_out(sums, chosen), seed)
    size = block or max(_REPLICATE_TILE, _BLOCK_BYTES // max(8 * tiles.width, 1) // 4 * 4)
    for first in range(0, replicates, size):
        yield tiles.weighted(first, min(size, replicates - first))


def replicate_sums(
    sums: ItemSums,
    *,
    replicates: int = 2000,
    seed: int = 0,
    names: Sequence[str] | None = None,
    block: int | None = None,
) -> NDArray[np.float64]:
    """Return all weighted sums, shape (replicates, groups, quantities); see `replicate_blocks`.

    Examples
    --------
    >>> state = ItemSums.from_rows(["m", "m"], ["1", "2"], {"n": [1, 1]})
    >>> replicate_sums(state, replicates=3, seed=5).shape
    (3, 1, 1)
    """
    blocks = replicate_blocks(sums, replicates=replicates, seed=seed, names=names, block=block)
    return np.concatenate([np.moveaxis(part, 0, -1) for part in blocks])


class _Tiles:
    """Columns of item sums, cut into tiles of items."""

    def __init__(self, sums: ItemSums, layout: Layout, seed: int) -> None:
        self.layout = layout
        self.groups = len(sums.groups)
        self.width = self.groups * max(len(layout.columns), layout.quantities)
        self.states = item_states(item_keys(sums.items), seed)
        order = np.argsort(sums.item_index, kind="stable")
        self.group = sums.group_index[order]
        self.item = sums.item_index[order]
        self.columns = layout.columns[:, order]
        self.starts = np.searchsorted(self.item, np.arange(0, len(sums.items) + _ITEM_TILE, _ITEM_TILE))
        keep = 8 * self.width * len(sums.items) <= _DENSE_BYTES
        self._kept = [self._dense(tile) for tile in range(len(self.starts) - 1)] if keep else None

    def _dense(self, tile: int) -> NDArray[np.float64]:
        cells = slice(self.starts[tile], self.starts[tile + 1])
        items = min(_ITEM_TILE, len(self.states) - tile * _ITEM_TILE)
        out = np.zeros((len(self.columns), self.groups, items))
        out[:, self.group[cells], self.item[cells] - tile * _ITEM_TILE] = self.columns[:, cells]
        return out.reshape(-1, items)

    def weighted(self, first: int, count: int) -> NDArray[np.float64]:
        """Return sums of replicates first, ..., first + count - 1: shape (quantities, count, groups)."""
        begin = first - first % 4  # one hash serves four replicates
        length = first + count - begin
        total = np.zeros((len(self.columns) * self.groups, length))
        for tile in range(len(self.starts) - 1):
            values = self._kept[tile] if self._kept is not None else self._dense(tile)
            states = self.states[tile * _ITEM_TILE : (tile + 1) * _ITEM_TILE]
            for at in range(0, length, _REPLICATE_TILE):
                here = slice(at, min(at + _REPLICATE_TILE, length))
                total[:, here] += values @ weight_tile(states, begin + at, here.stop - at)
        shaped = total[:, first - begin :].reshape(len(self.columns), self.groups, count)
        return self.layout.unpack(np.ascontiguousarray(np.moveaxis(shaped, 1, 2)))


def jackknife_moments(sums: ItemSums, functions: Mapping[str, Statistic]) -> dict[str, Moments]:
    """Leave out one item at a time and return, per function, sums of powers of the change.

    With d_i the statistic of all items minus that without item i, the moments are sums over items of d, d**2 and
    d**3, each of shape (groups,), and the number of items whose removal leaves the statistic undefined.
    """
    totals = {name: sums.totals(name) for name in sums.quantities}
    with np.errstate(all="ignore"):
        values = {name: function(totals) for name, function in functions.items()}
    shape = (4, len(sums.groups))
    found = {name: np.zeros(shape) for name in functions}
    order = np.argsort(sums.item_index, kind="stable")
    item, group = sums.item_index[order], sums.group_index[order]
    columns = {name: sums.cells(name)[2][order] for name in sums.quantities}
    for first in range(0, len(sums.items), _ITEM_TILE):
        count = min(_ITEM_TILE, len(sums.items) - first)
        cells = slice(*np.searchsorted(item, [first, first + count]))
        left = {}
        for name, column in columns.items():
            without = np.broadcast_to(totals[name], (count, len(sums.groups))).copy()
            without[item[cells] - first, group[cells]] -= column[cells]
            left[name] = without
        for name, function in functions.items():
            with np.errstate(all="ignore"):
                change = values[name] - function(left)
            undefined = ~np.isfinite(change)
            change = np.where(undefined, 0.0, change)
            found[name] += np.stack([change.sum(0), (change**2).sum(0), (change**3).sum(0), undefined.sum(0)])
    return {name: Moments(*table) for name, table in found.items()}


def estimate(
    sums: ItemSums,
    functions: Mapping[str, Statistic],
    *,
    n_name: str | Mapping[str, str] | None = None,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
    method: str = "bca",
    bounds: Mapping[str, tuple[float, float]] | None = None,
    keep_draws: bool = True,
) -> dict[str, Estimates]:
    """Estimate statistics of sums for every group, with intervals that resample whole items.

    Parameters
    ----------
    sums : ItemSums
        State.
    functions : mapping of str to callable
        Each maps ``{quantity: array[..., groups]}`` to ``array[..., groups]``, NaN where undefined.
    n_name : str or mapping of str to str, optional
        Quantity whose non-zero cells count as items of a function; one name for all, or one per function. By
        default every item of the group counts.
    level, replicates, seed : float, int, int
        Level of the intervals, number of replicates, seed of the weights.
    method : str
        ``"bca"`` or ``"percentile"``; see `thinkmeter.stats.interval`.
    bounds : mapping of str to (low, high), optional
        Range of a function: ``(0, inf)`` for positive ratios, ``(0, 1)`` for rates. It decides the form of the
        interval, and where nothing varies on a bound the interval is exact; see `interval`.
    keep_draws : bool
        Whether the result holds the replicates.

    Examples
    --------
    >>> state = ItemSums.from_rows(["m"] * 4, list("abcd"), {"n": [1] * 4, "S": [1, 0, 1, 1]})
    >>> found = estimate(state, {"accuracy": lambda q: q["S"] / q["n"]}, bounds={"accuracy": (0, 1)})
    >>> found["accuracy"].value.tolist()
    [0.75]
    """
    draws = _draws(sums, functions, replicates, seed)
    moments = jackknife_moments(sums, functions)
    totals = {name: sums.totals(name) for name in sums.quantities}
    out = {}
    for name, function in functions.items():
        counted = n_name if isinstance(n_name, str) or n_name is None else n_name.get(name)
        n_items = sums.item_counts(counted)
        with np.errstate(all="ignore"):
            value = np.asarray(function(totals), dtype=np.float64)
        result = interval(
            value,
            draws[name],
            moments[name],
            n_items=n_items,
            level=level,
            method=method,
            bounds=None if bounds is None else bounds.get(name),
        )
        value = np.where(np.isfinite(value), value, np.nan)
        kept = draws[name] if keep_draws else None
        out[name] = Estimates(
            value,
            result.low,
            result.high,
            level,
            result.method,
            n_items,
            result.reason,
            kept,
            result.undefined_share,
        )
    return out


def _draws(
    sums: ItemSums, functions: Mapping[str, Statistic], replicates: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    draws = {name: np.empty((replicates, len(sums.groups))) for name in functions}
    first = 0
    for block in replicate_blocks(sums, replicates=replicates, seed=seed):
        quantities = dict(zip(sums.quantities, block, strict=True))
        rows = slice(first, first + block.shape[1])
        with np.errstate(all="ignore"):
            for name, function in functions.items():
                draws[name][rows] = function(quantities)
        first = rows.stop
    return draws
