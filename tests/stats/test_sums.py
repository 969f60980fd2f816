"""ItemSums: exact, mergeable in any order, and whole after a round trip through a file."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkmeter.errors import InputError, UsageError
from thinkmeter.stats import ItemSums

LABELS = st.sampled_from(["a", "b", "é", "x y", "z\x00", "\ud800"])
NUMBERS = st.one_of(
    st.integers(-(2**40), 2**40).map(float),
    st.floats(-(2.0**50), 2.0**50, allow_nan=False),
    st.sampled_from([0.1, -0.1, 5e-324, -1e-300, 1e15 + 0.125, float("nan")]),
)
ROWS = st.lists(st.tuples(LABELS, LABELS, NUMBERS, st.integers(-9, 9)), max_size=25)


def build(rows: list[tuple[str, str, float, int]]) -> ItemSums:
    groups, items, numbers, counts = zip(*rows, strict=True) if rows else ((), (), (), ())
    return ItemSums.from_rows(groups, items, {"x": np.array(numbers), "n": np.array(counts, dtype=np.int64)})


@given(rows=ROWS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_sharding_in_any_order_gives_the_same_state(rows, data):
    shard = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    order = data.draw(st.permutations(range(len(rows))))
    parts = [build([rows[at] for at in order if shard[at] == number]) for number in range(4)]
    whole = build(rows)
    assert ItemSums.merge_all(data.draw(st.permutations(parts))) == whole
    a, b, c, d = parts
    assert a.merge(b).merge(c).merge(d) == a.merge(b.merge(c.merge(d))) == whole
    assert a.merge(b) == b.merge(a)


@given(rows=ROWS)
@settings(max_examples=150, deadline=None)
def test_sums_are_exact(rows):
    state = build(rows)
    exact: dict[tuple[str, str], Fraction] = {}
    totals: dict[str, Fraction] = {}
    for group, item, number, _ in rows:
        value = Fraction(0) if np.isnan(number) else Fraction(number)
        exact[group, item] = exact.get((group, item), Fraction(0)) + value
        totals[group] = totals.get(group, Fraction(0)) + value
    group_at, item_at, values = state.cells("x")
    found = {
        (state.groups[g], state.items[i]): value
        for g, i, value in zip(group_at, item_at, values.tolist(), strict=True)
    }
    assert found.keys() == exact.keys()
    for key, value in found.items():
        assert abs(Fraction(value) - exact[key]) <= abs(exact[key]) / 2**52
    for group, total in zip(state.groups, state.totals("x").tolist(), strict=True):
        assert abs(Fraction(total) - totals[group]) <= abs(totals[group]) / 2**52


@given(rows=ROWS)
@settings(max_examples=60, deadline=None)
def test_round_trip_keeps_every_field(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("sums") / "state.npz"
    state = build(rows)
    state.save(path)
    again = ItemSums.load(path)
    for name in ("groups", "items", "quantities"):
        assert getattr(again, name) == getattr(state, name)
    for ours, theirs in zip(
        (state.group_index, state.item_index, *state.limbs),
        (again.group_index, again.item_index, *again.limbs),
        strict=True,
    ):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert again == state
    assert [entry.name for entry in path.parent.iterdir()] == ["state.npz"]


@given(number=NUMBERS.filter(lambda x: x == x))
def test_a_single_number_comes_back_unchanged(number):
    state = ItemSums.from_rows(["g"], ["i"], {"x": [number]})
    assert state.cells("x")[2].tolist() == [number]


def test_known_sums():
    groups = np.array(["m", "m", "k", "m"])
    state = ItemSums.from_rows(
        groups, ["2", "1", "2", "2"], {"T": [3, 5, 7, 11], "S": [1.0, np.nan, 0.5, 0.25]}
    )
    assert state.groups == ("k", "m")
    assert state.items == ("1", "2")
    assert state.quantities == ("S", "T")
    group, item, values = state.cells("T")
    assert (group.tolist(), item.tolist(), values.tolist()) == ([0, 1, 1], [1, 0, 1], [7.0, 5.0, 14.0])
    assert state.cells("S")[2].tolist() == [0.5, 0.0, 1.25]
    assert state.totals("T").tolist() == [7.0, 19.0]
    assert state.item_counts().tolist() == [1, 2]
    assert state.item_counts("S").tolist() == [1, 1]
    assert state.dense("T").tolist() == [[0.0, 5.0], [7.0, 14.0]]
    assert state.shared_items().tolist() == [False, True]
    assert state.shared_items(["m"]).tolist() == [True, True]
    assert state.shared_items(["m"], "S").tolist() == [False, True]


def test_whole_numbers_take_one_limb():
    state = ItemSums.from_rows(["g", "g"], ["i", "i"], {"n": [1, 2], "x": [0.5, 0.25], "y": [0.5, 0.5]})
    assert [len(limbs) for limbs in state.limbs] == [1, 2, 1]


def test_subsets_and_derived_quantities():
    state = ItemSums.from_rows(list("aabb"), list("1212"), {"T": [1.5, 2, 3, 4]})
    assert state.select_items(["2"]).totals("T").tolist() == [2.0, 4.0]
    assert state.select_items(np.array([True, False])).totals("T").tolist() == [1.5, 3.0]
    assert state.select_groups(["b"]).totals("T").tolist() == [7.0]
    halves = state.select_items(["1"]).merge(state.select_items(["2"]))
    assert halves == state
    assert state.select_groups(["a"]).merge(state.select_groups(["b"])) == state
    derived = state.with_quantities({"twice": 2 * state.cells("T")[2]})
    assert derived.totals("twice").tolist() == [7.0, 14.0]
    assert state.quantities == ("T",)


def test_a_missing_quantity_counts_as_zero_in_a_merge():
    a = ItemSums.from_rows(["g"], ["1"], {"T": [1]})
    b = ItemSums.from_rows(["g"], ["1"], {"S": [2]})
    assert a.merge(b).totals("T").tolist() == [1.0]
    assert a.merge(b).totals("S").tolist() == [2.0]
    assert ItemSums.merge_all([]).merge(a) == a


def test_inputs_stay_untouched(untouched):
    groups, items, values = untouched(
        np.array(["b", "a"]), ["1", "2"], {"T": np.array([1.5, np.nan]), "n": np.array([1, 1])}
    )
    state = ItemSums.from_rows(groups, items, values)
    before = [limbs.copy() for limbs in state.limbs]
    state.merge(state).totals("T")
    state.with_quantities({"T": values["T"]})
    np.testing.assert_equal(list(state.limbs), before)
    with pytest.raises(ValueError, match="read-only"):
        state.limbs[0][0, 0] = 7


@pytest.mark.parametrize(
    ("groups", "values", "message"),
    [
        (["g", "g"], {"T": [1, 2]}, "2 rows and items 1"),
        (["g"], {"T": [1, 2]}, "expected 1 values"),
        (["g"], {"T": [np.inf]}, "finite"),
        (["g"], {"T": [2.0**62]}, "larger unit"),
        ([None], {"T": [1]}, "text labels"),
    ],
)
def test_bad_rows_are_refused(groups, values, message):
    with pytest.raises(UsageError, match=message):
        ItemSums.from_rows(groups, ["1"], values)


def test_sums_too_large_to_keep_are_refused():
    with pytest.raises(UsageError, match="larger unit"):
        ItemSums.from_rows(["g"] * 3, ["1"] * 3, {"T": [2.0**61] * 3})


def test_unknown_names_are_refused():
    state = ItemSums.from_rows(["g"], ["1"], {"T": [1]})
    with pytest.raises(UsageError, match="Quantities: T"):
        state.totals("S")
    with pytest.raises(UsageError, match="no item '9'"):
        state.select_items(["9"])
    with pytest.raises(UsageError, match="mask"):
        state.select_groups(np.array([True, False]))


def test_a_file_that_is_not_a_state_is_refused(tmp_path: Path):
    other = tmp_path / "other.npz"
    np.savez(other, a=np.zeros(3))
    for path in (other, tmp_path / "absent.npz"):
        with pytest.raises(InputError, match=r"ItemSums\.save"):
            ItemSums.load(path)
    other.write_text("no zip", encoding="utf-8")
    with pytest.raises(InputError, match=r"ItemSums\.save"):
        ItemSums.load(other)


def test_many_rows_are_quick():
    rng = np.random.default_rng(0)
    rows = 350_000
    groups = [f"model-{at % 25}" for at in range(rows)]
    items = [f"item-{at // 25}" for at in range(rows)]
    values = {"S": rng.random(rows) < 0.5, "T": rng.integers(1, 30_000, rows)}
    begin = time.process_time()
    state = ItemSums.from_rows(groups, items, values)
    assert time.process_time() - begin < 1.0
    assert state.totals("T").sum() == values["T"].sum()
