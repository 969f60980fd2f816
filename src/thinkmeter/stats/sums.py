"""Sums per (group, item): the state from which every estimate and its interval is computed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thinkmeter.errors import InputError, UsageError
from thinkmeter.stats import _limbs

__all__ = ["ItemSums"]

_FORMAT = "thinkmeter-item-sums-1"


@dataclass(frozen=True, eq=False)
class ItemSums:
    """Sums of named quantities per (group, item), exact and mergeable.

    Only cells that were seen are kept. Sums are exact (no rounding), so shards merge to the same bits in any order.
    Make one with `from_rows`, `merge_all` or `load`.

    Attributes
    ----------
    groups, items : tuple of str
        Labels, sorted, no duplicates.
    quantities : tuple of str
        Names of the summed quantities, sorted.
    group_index, item_index : ndarray of int64, shape (cells,)
        Which group and item a cell belongs to; cells are sorted by group, then item.
    limbs : tuple of ndarray of int64
        One exact column per quantity, shape (limbs, cells); read it with `cells` or `totals`.

    Examples
    --------
    >>> a = ItemSums.from_rows(["m", "m"], ["1", "2"], {"tokens": [10.0, 0.1]})
    >>> b = ItemSums.from_rows(["m"], ["2"], {"tokens": [0.2]})
    >>> a.merge(b) == b.merge(a)
    True
    >>> a.merge(b).totals("tokens").tolist()
    [10.3]
    """

    groups: tuple[str, ...]
    items: tuple[str, ...]
    quantities: tuple[str, ...]
    group_index: NDArray[np.int64]
    item_index: NDArray[np.int64]
    limbs: tuple[NDArray[np.int64], ...]

    def __post_init__(self) -> None:
        for array in (self.group_index, self.item_index, *self.limbs):
            array.setflags(write=False)

    @classmethod
    def from_rows(
        cls, groups: Sequence[str], items: Sequence[str], quantities: Mapping[str, ArrayLike]
    ) -> ItemSums:
        """Add up rows.

        Parameters
        ----------
        groups, items : sequence or array of str, length n
            Group and item of each row.
        quantities : mapping of str to array, length n
            Numbers to add up. NaN contributes nothing; its cell exists all the same.

        Raises
        ------
        UsageError
            If lengths differ, a label is not text, a value is infinite or of 2**62 or more.
        """
        group_names, group_code = _factorise(groups, "groups")
        item_names, item_code = _factorise(items, "items")
        if len(group_code) != len(item_code):
            raise UsageError(f"groups has {len(group_code)} rows and items {len(item_code)}; expected equal.")
        columns = {name: _numbers(name, quantities[name], len(item_code)) for name in sorted(quantities)}
        part = _Part(group_code, item_code, {name: _limbs.split(values) for name, values in columns.items()})
        return _collect(group_names, item_names, [part])

    @classmethod
    def merge_all(cls, parts: Iterable[ItemSums]) -> ItemSums:
        """Add up any number of states; a quantity that a state lacks counts as zero there."""
        states = list(parts)
        groups = tuple(sorted(set().union(*(state.groups for state in states))))
        items = tuple(sorted(set().union(*(state.items for state in states))))
        names = sorted(set().union(*(state.quantities for state in states)))
        group_at = {label: index for index, label in enumerate(groups)}
        item_at = {label: index for index, label in enumerate(items)}
        moved = []
        for state in states:
            group_map = np.array([group_at[label] for label in state.groups], dtype=np.int64)
            item_map = np.array([item_at[label] for label in state.items], dtype=np.int64)
            own = dict(zip(state.quantities, state.limbs, strict=True))
            empty = np.zeros((1, len(state.item_index)), dtype=np.int64)
            columns = {name: own.get(name, empty) for name in names}
            moved.append(_Part(group_map[state.group_index], item_map[state.item_index], columns))
        if not moved:
            none = np.zeros(0, dtype=np.int64)
            moved = [_Part(none, none, {})]
        return _collect(groups, items, moved)

    def merge(self, other: ItemSums) -> ItemSums:
        """Add another state to this one; the order does not matter, to the bit."""
        return ItemSums.merge_all([self, other])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ItemSums):
            return NotImplemented
        labels = ("groups", "items", "quantities")
        return (
            all(getattr(self, name) == getattr(other, name) for name in labels)
            and np.array_equal(self.group_index, other.group_index)
            and np.array_equal(self.item_index, other.item_index)
            and all(np.array_equal(a, b) for a, b in zip(self.limbs, other.limbs, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]

    def cells(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return group index, item index and value of every cell, sorted by group, then item."""
        return self.group_index, self.item_index, _limbs.to_float(self._column(name))

    def dense(self, name: str) -> NDArray[np.float64]:
        """Return values as an array of shape (items, groups); zero where there is no cell."""
        out = np.zeros((len(self.items), len(self.groups)))
        out[self.item_index, self.group_index] = _limbs.to_float(self._column(name))
        return out

    def totals(self, name: str) -> NDArray[np.float64]:
        """Return the sum over items per group, shape (groups,), exact to a unit in the last place; zero without cells."""
        out = np.zeros(len(self.groups))
        starts = np.flatnonzero(np.diff(self.group_index, prepend=-1))
        order = np.arange(len(self.group_index))
        out[self.group_index[starts]] = _limbs.to_float(_limbs.add_runs([self._column(name)], order, starts))
        return out

    def item_counts(self, name: str | None = None) -> NDArray[np.int64]:
        """Return how many items each group has; with a name, those where that quantity is not zero."""
        seen = self.group_index if name is None else self.group_index[self._column(name).any(axis=0)]
        return np.bincount(seen, minlength=len(self.groups)).astype(np.int64)

    def shared_items(self, groups: Iterable[str] | None = None, name: str | None = None) -> NDArray[np.bool_]:
        """Return a mask over items: those that every named group has (with a non-zero `name`, where given)."""
        chosen = self.groups if groups is None else tuple(groups)
        state = self.select_groups(chosen)
        keep = np.ones(len(state.item_index), dtype=bool) if name is None else state._column(name).any(axis=0)
        counts = np.bincount(state.item_index[keep], minlength=len(self.items))
        return np.asarray(counts == len(state.groups))

    def select_items(self, which: Iterable[str] | NDArray[np.bool_]) -> ItemSums:
        """Return the state of some items: a boolean mask over `items`, or names.

        Raises
        ------
        UsageError
            If a name is not an item, or the mask has another length.
        """
        chosen = _mask(which, self.items, "item")
        position = np.cumsum(chosen) - 1
        keep = chosen[self.item_index]
        items = tuple(label for label, kept in zip(self.items, chosen.tolist(), strict=True) if kept)
        index = position[self.item_index[keep]].astype(np.int64)
        return self._subset(self.groups, items, self.group_index[keep], index, keep)

    def select_groups(self, which: Iterable[str] | NDArray[np.bool_]) -> ItemSums:
        """Return the state of some groups (always sorted by name); every item label stays.

        Raises
        ------
        UsageError
            If a name is not a group, or the mask has another length.
        """
        chosen = _mask(which, self.groups, "group")
        position = np.cumsum(chosen) - 1
        keep = chosen[self.group_index]
        groups = tuple(label for label, kept in zip(self.groups, chosen.tolist(), strict=True) if kept)
        index = position[self.group_index[keep]].astype(np.int64)
        return self._subset(groups, self.items, index, self.item_index[keep], keep)

    def with_quantities(self, values: Mapping[str, ArrayLike]) -> ItemSums:
        """Return the state with quantities added or replaced, one value per cell (NaN counts as zero)."""
        columns = dict(zip(self.quantities, self.limbs, strict=True))
        for name, cells in values.items():
            columns[name] = _limbs.canonical(_limbs.split(_numbers(name, cells, len(self.item_index))))
        names = tuple(sorted(columns))
        limbs = tuple(columns[name] for name in names)
        return ItemSums(self.groups, self.items, names, self.group_index, self.item_index, limbs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to an ``.npz`` file, whole or not at all."""
        target = Path(path)
        aside = target.with_name(f".{target.name}.{os.getpid()}.part")
        head = {
            "format": _FORMAT,
            "groups": self.groups,
            "items": self.items,
            "quantities": self.quantities,
        }
        arrays: dict[str, Any] = {f"limbs_{index}": column for index, column in enumerate(self.limbs)}
        # Labels travel as JSON: numpy text arrays lose trailing NUL characters.
        text = np.frombuffer(json.dumps(head).encode("ascii"), dtype=np.uint8)
        try:
            with aside.open("wb") as stream:
                np.savez_compressed(
                    stream, head=text, group_index=self.group_index, item_index=self.item_index, **arrays
                )
            os.replace(aside, target)
        finally:
            aside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ItemSums:
        """Read a state written by `save`.

        Raises
        ------
        InputError
            If the file is missing or is not such a state.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                head: dict[str, Any] = json.loads(stored["head"].tobytes())
                if head["format"] != _FORMAT:
                    raise ValueError(f"format is {head['format']!r}")
                names = tuple(head["quantities"])
                limbs = tuple(stored[f"limbs_{index}"] for index in range(len(names)))
                labels = (tuple(head["groups"]), tuple(head["items"]), names)
                return cls(*labels, stored["group_index"], stored["item_index"], limbs)
        except (OSError, ValueError, KeyError, EOFError, TypeError) as error:
            raise InputError(f"{path}: expected sums written by ItemSums.save; {error}.") from error

    def _column(self, name: str) -> NDArray[np.int64]:
        try:
            return self.limbs[self.quantities.index(name)]
        except ValueError:
            known = ", ".join(self.quantities)
            raise UsageError(f"no quantity {name!r} in these sums. Quantities: {known}.") from None

    def _subset(
        self,
        groups: tuple[str, ...],
        items: tuple[str, ...],
        group_index: NDArray[np.int64],
        item_index: NDArray[np.int64],
        keep: NDArray[np.bool_],
    ) -> ItemSums:
        limbs = tuple(_limbs.canonical(column[:, keep]) for column in self.limbs)
        return ItemSums(groups, items, self.quantities, group_index, item_index, limbs)


@dataclass(frozen=True)
class _Part:
    """Rows or cells under common labels, before they are added up."""

    group: NDArray[np.int64]
    item: NDArray[np.int64]
    columns: dict[str, NDArray[np.int64]]


def _collect(groups: tuple[str, ...], items: tuple[str, ...], parts: Sequence[_Part]) -> ItemSums:
    code = np.concatenate([part.group * len(items) + part.item for part in parts])
    order = np.argsort(code, kind="stable")
    code = code[order]
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    names = tuple(sorted(parts[0].columns))
    limbs = tuple(_limbs.add_runs([part.columns[name] for part in parts], order, starts) for name in names)
    width = max(len(items), 1)
    return ItemSums(groups, items, names, code[starts] // width, code[starts] % width, limbs)


def _factorise(labels: Sequence[str] | NDArray[Any], what: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    values = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    # A dictionary beats sorting text: one pass, and only the distinct labels are sorted.
    distinct = dict.fromkeys(values)
    if not all(isinstance(label, str) for label in distinct):
        odd = next(label for label in distinct if not isinstance(label, str))
        raise UsageError(f"{what}: expected text labels, got {odd!r}.")
    names = tuple(sorted(distinct))
    at = {label: index for index, label in enumerate(names)}
    return names, np.fromiter(map(at.__getitem__, values), dtype=np.int64, count=len(values))


def _numbers(name: str, values: ArrayLike, length: int) -> NDArray[np.float64] | NDArray[np.int64]:
    array = np.asarray(values)
    if array.shape != (length,):
        raise UsageError(f"{name}: expected {length} values in one dimension, got shape {array.shape}.")
    if array.dtype.kind in "bi" or array.dtype in (np.uint8, np.uint16, np.uint32):
        return array.astype(np.int64)
    numbers = array.astype(np.float64)
    missing = np.isnan(numbers)
    if missing.any():
        numbers[missing] = 0.0
    if np.isinf(numbers).any():
        raise UsageError(f"{name}: expected finite values, got an infinite one.")
    return numbers


def _mask(which: Iterable[str] | NDArray[Any], labels: tuple[str, ...], what: str) -> NDArray[np.bool_]:
    if isinstance(which, np.ndarray) and which.dtype == bool:
        if which.shape != (len(labels),):
            raise UsageError(f"expected a mask over {len(labels)} {what}s, got shape {which.shape}.")
        return which
    wanted = {str(name) for name in which}
    unknown = sorted(wanted.difference(labels))
    if unknown:
        raise UsageError(f"no {what} {unknown[0]!r} in these sums ({len(labels)} {what}s).")
    return np.array([label in wanted for label in labels], dtype=bool)
