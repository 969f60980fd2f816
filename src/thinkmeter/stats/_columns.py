"""Sums as columns of whole numbers, so that a matrix product over them is exact in doubles.

A product of integers whose every partial sum stays below 2**53 has no rounding. Its result is then the same to the
bit whatever the blocks, the order of items or the BLAS. Small non-negative columns share one double, side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thinkmeter.stats._limbs import signed_digits
from thinkmeter.stats.sums import ItemSums
from thinkmeter.stats.weights import MAX_WEIGHT

__all__ = ["Layout", "lay_out"]

_BITS = 53
_HALF = 16


@dataclass(frozen=True)
class _Piece:
    """Whole numbers per cell that stand for ``values * 2**exponent`` of one quantity."""

    quantity: int
    exponent: int
    values: NDArray[np.int64]
    bits: int  # of the largest weighted sum
    signed: bool


@dataclass(frozen=True)
class Layout:
    """How quantities lie in columns.

    Attributes
    ----------
    columns : ndarray of float64, shape (columns, cells)
        Whole numbers.
    parts : per column, the tuple of (quantity, exponent, shift, bits) packed in it, lowest first
    """

    columns: NDArray[np.float64]
    parts: tuple[tuple[tuple[int, int, int, int], ...], ...]
    quantities: int

    def unpack(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn weighted column sums, shape (columns, ...), into weighted sums of shape (quantities, ...)."""
        found: list[tuple[int, int, NDArray[np.float64]]] = []
        for column, parts in zip(products, self.parts, strict=True):
            rest = column
            for quantity, exponent, shift, _ in reversed(parts):
                high = np.floor(np.ldexp(rest, -shift)) if shift else rest
                rest = rest - np.ldexp(high, shift)
                found.append((quantity, exponent, high))
        out = np.zeros((self.quantities, *products.shape[1:]))
        # Least digit first, always in the same order: the one rounding step is reproducible.
        for quantity, exponent, digits in sorted(found, key=lambda entry: entry[:2]):
            out[quantity] += np.ldexp(digits, exponent)
        return out


def lay_out(sums: ItemSums, names: Sequence[str]) -> Layout:
    """Lay the named quantities out in as few exact columns as possible."""
    pieces: list[_Piece] = []
    for index, name in enumerate(names):
        digits = signed_digits(sums.limbs[sums.quantities.index(name)])
        for row, values in enumerate(digits):
            pieces.extend(_pieces(sums, index, -32 * row, values))
    pieces.sort(key=lambda piece: -piece.bits)
    bins: list[list[_Piece]] = []
    room: list[int] = []
    for piece in pieces:
        # A negative number would borrow from its neighbour: such a column stays alone.
        fits = [] if piece.signed else [at for at, left in enumerate(room) if left >= piece.bits]
        if fits:
            bins[fits[0]].append(piece)
            room[fits[0]] -= piece.bits
        else:
            bins.append([piece])
            room.append(0 if piece.signed else _BITS - piece.bits)
    columns = np.zeros((len(bins), len(sums.item_index)))
    parts = []
    for at, members in enumerate(bins):
        shift, placed = 0, []
        for piece in members:
            columns[at] += np.ldexp(piece.values.astype(np.float64), shift)
            placed.append((piece.quantity, piece.exponent, shift, piece.bits))
            shift += piece.bits
        parts.append(tuple(placed))
    return Layout(columns, tuple(parts), len(names))


def _pieces(sums: ItemSums, quantity: int, exponent: int, values: NDArray[np.int64]) -> list[_Piece]:
    sizes = np.abs(values).astype(np.float64)
    largest = np.bincount(sums.group_index, weights=sizes, minlength=1).max() * MAX_WEIGHT
    bits = int(largest).bit_length() + 1  # one bit spare for the rounding of this bound itself
    if bits <= _BITS:
        return [_Piece(quantity, exponent, values, bits, bool((values < 0).any()))]
    # Too large for one column: low half (digits of 16 bits) and high half, each with the sign of its number.
    sign = np.sign(values)
    low = sign * (np.abs(values) & (2**_HALF - 1))
    high = sign * (np.abs(values) >> _HALF)
    return [
        *_pieces(sums, quantity, exponent, low),
        *_pieces(sums, quantity, exponent + _HALF, high),
    ]
