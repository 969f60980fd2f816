"""The factors that token efficiency, or accuracy, is a product of; and how a pair of groups is laid side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thinkmeter.measures._declare import Array, Sums, ratio
from thinkmeter.measures._evaluate import quantity
from thinkmeter.stats.sums import ItemSums

__all__ = [
    "DECOMPOSITIONS",
    "FACTOR_LABELS",
    "MIN_COVERAGE",
    "Decomposition",
    "choose_decomposition",
    "common_cells",
    "coverage",
    "only",
]

Term = Callable[[Sums], Array]

MIN_COVERAGE: Final = 0.5
"""A decomposition is used when its population holds at least this share of the scored attempts of both groups."""

FACTOR_LABELS: Final = {
    "accuracy": "accuracy",
    "completion": "completion",
    "conditional_correctness": "conditional correctness",
    "output_tokens": "output tokens",
    "overhead": "verbalisation overhead",
    "coupling": "coupling",
    "mean_workload": "mean workload",
    "total": "total",
}


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """One way to write a measure as a product.

    Attributes
    ----------
    population : str
        Columns that must be known.
    of : str
        Measure that is decomposed.
    terms : tuple of str
        Terms it needs.
    factors : dict of str to callable
        Log of each factor, signed so that more is better; they add up to ``total``.
    total : callable
        Log of the measure.
    """

    population: str
    of: str
    terms: tuple[str, ...]
    factors: dict[str, Term]
    total: Term


_COMPLETION: Term = lambda q: np.log(q["C"]) - np.log(q["n"])  # noqa: E731
_CORRECTNESS: Term = lambda q: np.log(q["S"]) - np.log(q["C"])  # noqa: E731
_ACCURACY: Term = lambda q: np.log(q["S"]) - np.log(q["n"])  # noqa: E731
_TOKENS: Term = lambda q: np.log(q["n"]) - np.log(q["T"])  # noqa: E731
_EFFICIENCY: Term = lambda q: np.log(q["S"]) - np.log(q["T"])  # noqa: E731

DECOMPOSITIONS: Final[tuple[Decomposition, ...]] = (
    Decomposition(
        "SCTW",
        "token_efficiency",
        ("n", "S", "C", "T", "W", "VO"),
        {
            "completion": _COMPLETION,
            "conditional_correctness": _CORRECTNESS,
            "overhead": lambda q: np.log(q["n"]) - np.log(q["VO"]),
            "coupling": lambda q: np.log(q["VO"]) + np.log(q["W"]) - np.log(q["T"]) - np.log(q["n"]),
            # Cancels on the same items, unless they were repeated unequally often.
            "mean_workload": lambda q: np.log(q["n"]) - np.log(q["W"]),
        },
        _EFFICIENCY,
    ),
    Decomposition(
        "SCT",
        "token_efficiency",
        ("n", "S", "C", "T"),
        {"completion": _COMPLETION, "conditional_correctness": _CORRECTNESS, "output_tokens": _TOKENS},
        _EFFICIENCY,
    ),
    Decomposition(
        "ST",
        "token_efficiency",
        ("n", "S", "T"),
        {"accuracy": _ACCURACY, "output_tokens": _TOKENS},
        _EFFICIENCY,
    ),
    Decomposition(
        "SC",
        "accuracy",
        ("n", "S", "C"),
        {"completion": _COMPLETION, "conditional_correctness": _CORRECTNESS},
        _ACCURACY,
    ),
    Decomposition("S", "accuracy", ("n", "S"), {}, _ACCURACY),
)
"""Finest first."""


def coverage(sums: ItemSums) -> dict[str, Array]:
    """Return, per population of a decomposition, the share of every group's scored attempts in it; NaN without any."""
    scored = sums.totals(quantity("n", "S"))
    return {d.population: ratio(sums.totals(quantity("n", d.population)), scored) for d in DECOMPOSITIONS}


def choose_decomposition(covered: Mapping[str, Array], groups: Sequence[int]) -> Decomposition | None:
    """Return the finest decomposition that covers all the groups well enough; None where one has no scores."""
    chosen = list(groups)
    for decomposition in DECOMPOSITIONS:
        if (covered[decomposition.population][chosen] >= MIN_COVERAGE).all():
            return decomposition
    return None


def common_cells(
    sums: ItemSums, decomposition: Decomposition, reference: int | None, members: Sequence[int] = ()
) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """Return per-cell quantities ``a.<term>`` and ``b.<term>`` on the items both sides attempted, and those cells.

    ``a`` is the cell's own group; ``b`` the reference at the same item. Without a reference there is no ``b``,
    and the items are those that all the `members` have.
    """
    key = decomposition.population
    group, item, n = sums.cells(quantity("n", key))
    dense = {term: sums.dense(quantity(term, key)) for term in decomposition.terms}
    present = dense["n"] > 0
    if reference is None:
        everywhere = np.asarray(present[:, list(members)].all(axis=1))
        shared = everywhere[item] & (n > 0)
    else:
        shared = (n > 0) & present[item, reference]
    found = {f"a.{term}": np.where(shared, table[item, group], 0.0) for term, table in dense.items()}
    if reference is not None:
        found |= {f"b.{term}": np.where(shared, table[item, reference], 0.0) for term, table in dense.items()}
    return found, shared


def only(sums: ItemSums, values: dict[str, Array]) -> ItemSums:
    """Return the cells of a state with these quantities alone."""
    bare = ItemSums(sums.groups, sums.items, (), sums.group_index, sums.item_index, ())
    return bare.with_quantities(values)
