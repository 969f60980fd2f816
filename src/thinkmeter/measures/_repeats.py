"""Repeated attempts: pass@k per item, unbiased."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from thinkmeter.measures._declare import Array
from thinkmeter.stats.sums import ItemSums

__all__ = ["MIN_ITEMS_SHARE", "add_pass_at_k", "pass_at_k"]

MIN_ITEMS_SHARE: Final = 0.5
"""A group shows pass@k when at least this share of its scored items has k attempts or more."""

_LARGEST: Final = 128


def pass_at_k(n: Array, c: Array, k: int) -> Array:
    """Chance that at least one of k attempts drawn from n, c of them correct, is correct; NaN where n < k.

    Examples
    --------
    >>> import numpy as np
    >>> pass_at_k(np.array([4.0, 1.0]), np.array([1.0, 1.0]), 2).round(6).tolist()
    [0.5, nan]
    """
    out = np.full(n.shape, np.nan)
    enough = n >= k
    n, c = n[enough], c[enough]
    missable = n - c >= k  # otherwise k attempts cannot all be wrong
    miss = np.zeros(n.shape)
    wrong, total = (n - c)[missable], n[missable]
    log_miss = gammaln(wrong + 1) - gammaln(wrong - k + 1) - gammaln(total + 1) + gammaln(total - k + 1)
    miss[missable] = np.exp(log_miss)
    out[enough] = 1 - miss
    return out


def add_pass_at_k(sums: ItemSums, aggregate: NDArray[np.bool_]) -> tuple[ItemSums, list[int]]:
    """Add, per cell, the quantities pass@k needs, for k = 1, 2, 4 ... as far as the repeats go.

    Parameters
    ----------
    sums : ItemSums
    aggregate : ndarray of bool, shape (groups,)
        Groups whose items are unknown: they take no part.

    Returns
    -------
    ItemSums, list of int
        Quantities ``n|pass_at_k`` (1 per item that counts), ``pass_k|pass_at_k`` and ``attempts|pass_at_k``; and
        the ks. No ks when no group repeats its items.
    """
    group, _, n = sums.cells("n|S")
    c = sums.cells("S|S")[2]
    fractional = np.bincount(
        group, weights=(sums.cells("fractional|S")[2] > 0).astype(float), minlength=len(sums.groups)
    )
    scored = np.bincount(group, weights=(n > 0).astype(float), minlength=len(sums.groups))
    usable = (fractional == 0) & ~aggregate
    found: dict[str, Array] = {}
    ks: list[int] = []
    k = 1
    while k <= _LARGEST:
        enough = np.bincount(group, weights=(n >= k).astype(float), minlength=len(sums.groups))
        shown = usable & (scored > 0) & (enough >= MIN_ITEMS_SHARE * scored)
        if not shown.any():
            break
        keep = (n >= k) & shown[group]
        name = f"pass_at_{k}"
        found[f"n|{name}"] = keep.astype(np.float64)
        found[f"pass_{k}|{name}"] = np.where(keep, np.nan_to_num(pass_at_k(n, c, k)), 0.0)
        found[f"attempts|{name}"] = np.where(keep, n, 0.0)
        ks.append(k)
        k *= 2
    return (sums.with_quantities(found), ks) if len(ks) > 1 else (sums, [])
