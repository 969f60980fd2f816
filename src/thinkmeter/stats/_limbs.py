"""Exact sums of doubles: fixed-point integers in limbs.

A column of numbers is an ``int64`` array of shape ``[1 + f, n]``. Row 0 is the whole part (the floor), row ``k``
counts units of ``2**(-32 * k)`` and lies in ``[0, 2**32)``; no last row is zero everywhere. That form is unique,
so a sum is the same to the bit in whatever order its terms were added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thinkmeter.errors import UsageError

__all__ = ["LIMIT", "Limbs", "add_runs", "canonical", "signed_digits", "split", "to_float"]

Limbs = NDArray[np.int64]
_BASE = 2.0**32
_MASK = np.int64(2**32 - 1)
# Below 2**62 the whole part and one carry still fit into int64.
LIMIT = 2.0**62


def split(values: NDArray[np.float64] | NDArray[np.int64]) -> Limbs:
    """Return finite numbers as limbs, not yet carried: digits keep the sign of their number."""
    if values.dtype == np.int64:
        return np.asarray(values[np.newaxis].copy(), dtype=np.int64)
    if values.size and not np.abs(values).max() < LIMIT:
        raise UsageError("a value of 2**62 or more cannot be summed exactly. Use a larger unit.")
    # trunc, not floor: for a tiny negative number, value - floor(value) would round to 1.
    whole: NDArray[np.float64] = np.trunc(values)
    rest: NDArray[np.float64] = values - whole
    rows = [whole.astype(np.int64)]
    while rest.any():
        rest *= _BASE
        digit = np.trunc(rest)
        rest -= digit
        rows.append(digit.astype(np.int64))
    return np.stack(rows)


def canonical(limbs: Limbs) -> Limbs:
    """Return the unique form of the same numbers (carries done, empty last limbs gone)."""
    limbs = limbs.copy()
    for row in range(len(limbs) - 1, 0, -1):
        limbs[row - 1] += limbs[row] >> 32  # an arithmetic shift: rounds down for negative digits too
        limbs[row] &= _MASK
    while len(limbs) > 1 and not limbs[-1].any():
        limbs = limbs[:-1]
    return np.ascontiguousarray(limbs)


def add_runs(parts: Sequence[Limbs], order: NDArray[np.intp], starts: NDArray[np.intp]) -> Limbs:
    """Join columns side by side, reorder them, and add up the runs that begin at `starts`."""
    rows = max(len(part) for part in parts)
    padded = [np.pad(part, ((0, rows - len(part)), (0, 0))) for part in parts]
    joined = padded[0] if len(padded) == 1 else np.concatenate(padded, axis=1)
    if not len(starts):
        return np.zeros((1, 0), dtype=np.int64)
    joined = joined[:, order]
    if not np.abs(joined[0].astype(np.float64)).sum() < LIMIT:
        raise UsageError("sums of 2**62 or more cannot be kept exactly. Use a larger unit.")
    return canonical(np.add.reduceat(joined, starts, axis=1))


def signed_digits(limbs: Limbs) -> Limbs:
    """Return the same numbers with every digit carrying the sign of its number (magnitude digits)."""
    negative = limbs[0] < 0
    if not negative.any():
        return limbs
    # -x in canonical form has only non-negative digits; give each of them the sign.
    flipped = canonical_keep(-limbs)
    return np.where(negative, -flipped, limbs)


def canonical_keep(limbs: Limbs) -> Limbs:
    """Carry as `canonical` does, but keep every row."""
    carried = canonical(limbs)
    return np.pad(carried, ((0, len(limbs) - len(carried)), (0, 0)))


def to_float(limbs: Limbs) -> NDArray[np.float64]:
    """Return the numbers as doubles; a number that is a double comes back unchanged."""
    digits = signed_digits(limbs)
    total = np.zeros(limbs.shape[1])
    # From the least digit up, so that a number with 53 bits or fewer is never rounded on the way.
    for row in range(len(digits) - 1, -1, -1):
        total += np.ldexp(digits[row].astype(np.float64), -32 * row)
    return total
