"""Two sides of a gap: a group and its reference, on the same items and under the same bootstrap weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from thinkmeter.findings._factors import Decomposition, common_cells, only
from thinkmeter.measures._declare import Array, Sums
from thinkmeter.measures._evaluate import PoolState, quantity
from thinkmeter.measures._settings import AnalysisSettings
from thinkmeter.stats.bootstrap import Estimates, estimate
from thinkmeter.stats.sums import ItemSums

__all__ = ["Results", "against_mean", "against_one"]


class _Contribution(Protocol):
    def __call__(self, q: Sums, factor: str) -> Array: ...


@dataclass(frozen=True, slots=True)
class Results:
    """Log contributions (``c.<factor>``), shares (``s.<factor>``) and the factors themselves, for every group."""

    values: dict[str, Array]
    estimates: dict[str, Estimates] | None
    own: dict[str, Array]
    theirs: dict[str, Array]
    n_items: NDArray[np.int64]


def against_one(
    state: PoolState, decomposition: Decomposition, base: int, settings: AnalysisSettings
) -> tuple[Results, Results]:
    cells, shared = common_cells(state.sums, decomposition, base)
    pair = only(state.sums, cells)
    totals = {name: pair.totals(name) for name in pair.quantities}
    whole = _totals(state, decomposition)
    theirs = {f"b.{term}": np.full(len(state.groups), sums[base]) for term, sums in whole.items()}
    apart = {f"a.{term}": sums for term, sums in whole.items()} | theirs

    def logs(q: Sums, side: str, factor: str) -> Array:
        function = decomposition.total if factor == "total" else decomposition.factors[factor]
        return function({term: q[f"{side}.{term}"] for term in decomposition.terms})

    def contribution(q: Sums, factor: str) -> Array:
        return logs(q, "a", factor) - logs(q, "b", factor)

    functions = _with_shares(decomposition, contribution)
    names = ("total", *decomposition.factors)

    def results(q: Sums, estimates: dict[str, Estimates] | None, n_items: NDArray[np.int64]) -> Results:
        with np.errstate(all="ignore"):
            values = {name: np.asarray(function(q)) for name, function in functions.items()}
            own = {name: logs(q, "a", name) for name in names}
            other = {name: logs(q, "b", name) for name in names}
        return Results(values, estimates, own, other, n_items)

    n_items = np.bincount(state.sums.group_index[shared], minlength=len(state.groups)).astype(np.int64)
    found = _estimate(state, pair, functions, settings)
    return results(totals, found, n_items), results(apart, None, np.zeros(len(state.groups), dtype=np.int64))


def against_mean(
    state: PoolState, decomposition: Decomposition, members: list[int], settings: AnalysisSettings
) -> tuple[Results, Results]:
    cells, shared = common_cells(state.sums, decomposition, None, members)
    pool = only(state.sums, cells)
    totals = {name: pool.totals(name) for name in pool.quantities}
    apart = {f"a.{term}": sums for term, sums in _totals(state, decomposition).items()}

    def logs(q: Sums, factor: str) -> Array:
        function = decomposition.total if factor == "total" else decomposition.factors[factor]
        return function({term: q[f"a.{term}"] for term in decomposition.terms})

    def usable(q: Sums) -> list[int]:
        # The geometric mean with a 0 in it is 0: groups with a factor of 0 stay out of the mean.
        with np.errstate(all="ignore"):
            finite = np.all(
                [np.isfinite(logs(q, name)) for name in ("total", *decomposition.factors)], axis=0
            )
        return [at for at in members if finite[at]]

    def build(q: Sums, n_items: NDArray[np.int64], bootstrap: bool) -> Results:
        included = usable(q)

        def mean(sums: Sums, factor: str) -> Array:
            values = logs(sums, factor)
            if not included:
                return np.full(values.shape, np.nan)
            return np.broadcast_to(values[..., included].mean(axis=-1, keepdims=True), values.shape)

        def contribution(q: Sums, factor: str) -> Array:
            return logs(q, factor) - mean(q, factor)

        functions = _with_shares(decomposition, contribution)
        with np.errstate(all="ignore"):
            values = {name: np.asarray(function(q)) for name, function in functions.items()}
            own = {name: logs(q, name) for name in ("total", *decomposition.factors)}
            theirs = {name: mean(q, name) for name in ("total", *decomposition.factors)}
        found = _estimate(state, pool, functions, settings) if bootstrap else None
        return Results(values, found, own, theirs, n_items)

    n_items = np.bincount(state.sums.group_index[shared], minlength=len(state.groups)).astype(np.int64)
    return build(totals, n_items, True), build(apart, np.zeros(len(state.groups), dtype=np.int64), False)


def _totals(state: PoolState, decomposition: Decomposition) -> dict[str, Array]:
    return {t: state.sums.totals(quantity(t, decomposition.population)) for t in decomposition.terms}


def _with_shares(
    decomposition: Decomposition, contribution: _Contribution
) -> dict[str, Callable[[Sums], Array]]:
    functions: dict[str, Callable[[Sums], Array]] = {}
    for name in ("total", *decomposition.factors):
        functions[f"c.{name}"] = partial(contribution, factor=name)
        if name != "total":
            functions[f"s.{name}"] = partial(_share, contribution=contribution, factor=name)
    return functions


def _share(q: Sums, contribution: _Contribution, factor: str) -> Array:
    return contribution(q, factor) / contribution(q, "total")


def _estimate(
    state: PoolState,
    sums: ItemSums,
    functions: Mapping[str, Callable[[Sums], Array]],
    settings: AnalysisSettings,
) -> dict[str, Estimates] | None:
    if state.aggregate.all():
        return None
    return estimate(
        sums,
        functions,
        n_name="a.n",
        level=settings.level,
        replicates=settings.replicates,
        seed=settings.seed,
        method=settings.method,
    )
