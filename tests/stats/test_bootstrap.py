"""Bootstrap: equal to a plain twin, the same to the bit in whatever blocks, order or shards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkmeter.errors import UsageError
from thinkmeter.stats import (
    ItemSums,
    difference_to,
    estimate,
    item_keys,
    log_ratio_to,
    poisson_weights,
    replicate_blocks,
    replicate_sums,
)
from thinkmeter.stats.bootstrap import jackknife_moments

EFFICIENCY = {"E": lambda q: 1000 * q["S"] / q["T"]}


def make_rows(rows: int = 4000, groups: int = 3, items: int = 1200, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "group": np.array([f"g{at}" for at in rng.integers(0, groups, rows)]),
        "item": np.array([f"i{at}" for at in rng.integers(0, items, rows)]),
        "S": (rng.random(rows) < 0.6).astype(float),
        "T": rng.integers(1, 30_000, rows).astype(float),
        "cost": rng.lognormal(-5, 1, rows),
        "gain": rng.normal(size=rows),
    }


def state_of(rows: dict[str, np.ndarray], order=slice(None)) -> ItemSums:
    names = ("S", "T", "cost", "gain")
    return ItemSums.from_rows(
        rows["group"][order], rows["item"][order], {name: rows[name][order] for name in names}
    )


def test_equal_to_the_plain_twin():
    state = state_of(make_rows())
    found = replicate_sums(state, replicates=50, seed=9)
    weights = poisson_weights(item_keys(state.items), 50, seed=9).astype(float)
    for at, name in enumerate(state.quantities):
        expected = weights @ state.dense(name)
        if name in ("S", "T"):
            np.testing.assert_array_equal(found[:, :, at], expected)
        else:
            np.testing.assert_allclose(found[:, :, at], expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("block", [1, 3, 50, 999, 5000])
def test_block_size_changes_no_bit(block):
    state = state_of(make_rows())
    np.testing.assert_array_equal(
        replicate_sums(state, replicates=1003, seed=4, block=block),
        replicate_sums(state, replicates=1003, seed=4),
    )


def test_more_replicates_continue_the_same_series():
    state = state_of(make_rows())
    np.testing.assert_array_equal(
        replicate_sums(state, replicates=700, seed=4)[:101], replicate_sums(state, replicates=101, seed=4)
    )


def test_row_order_shards_and_other_items_change_no_bit():
    rows = make_rows()
    whole = replicate_sums(state_of(rows), replicates=200, seed=4)
    rng = np.random.default_rng(1)
    order = rng.permutation(len(rows["S"]))
    shards = [state_of(rows, part) for part in np.array_split(order, 7)]
    merged = ItemSums.merge_all(shards)
    np.testing.assert_array_equal(replicate_sums(merged, replicates=200, seed=4), whole)
    alone = state_of(rows).select_groups(["g1"])
    np.testing.assert_array_equal(replicate_sums(alone, replicates=200, seed=4)[:, 0], whole[:, 1])
    # Items that carry nothing leave every sum as it is.
    idle = ItemSums.from_rows(["g0"] * 600, [f"a{at}" for at in range(600)], {"S": np.zeros(600)})
    np.testing.assert_array_equal(replicate_sums(merged.merge(idle), replicates=200, seed=4), whole)


def test_names_choose_quantities_without_changing_them():
    state = state_of(make_rows())
    every = replicate_sums(state, replicates=20)
    np.testing.assert_array_equal(
        replicate_sums(state, replicates=20, names=["gain", "S"]),
        every[:, :, [state.quantities.index("gain"), state.quantities.index("S")]],
    )


@given(
    values=st.lists(st.integers(-(2**58), 2**58), min_size=1, max_size=8),
    small=st.integers(0, 2**30),
)
@settings(max_examples=60, deadline=None)
def test_whole_numbers_of_any_size_are_summed_exactly(values, small):
    items = [f"i{at}" for at in range(len(values))]
    state = ItemSums.from_rows(
        ["g"] * len(values), items, {"big": np.array(values), "small": np.full(len(values), small)}
    )
    weights = poisson_weights(item_keys(state.items), 40, seed=2).tolist()
    found = replicate_sums(state, replicates=40, seed=2)[:, 0]
    for row, (big, little) in zip(weights, found.tolist(), strict=True):
        exact = sum(w * value for w, value in zip(row, values, strict=True))
        size = sum(w * abs(value) for w, value in zip(row, values, strict=True))
        # Rounded only when the digits are put together.
        assert abs(int(big) - exact) <= size / 2**51
        assert little == sum(row) * small


def test_memory_is_bounded_by_blocks():
    state = state_of(make_rows())
    sizes = [block.shape for block in replicate_blocks(state, replicates=1000, block=300)]
    assert sizes == [(4, 300, 3), (4, 300, 3), (4, 300, 3), (4, 100, 3)]


def test_a_large_sparse_state_is_not_made_dense():
    # 40 groups by 40,000 items by 4 columns would be 51 MB: tiles are rebuilt instead of kept.
    rng = np.random.default_rng(5)
    groups = [f"g{at}" for at in range(40)] * 1000
    items = [f"i{at}" for at in range(40_000)]
    state = ItemSums.from_rows(
        groups, items, {name: rng.integers(1, 2**40, 40_000) for name in "abcdefghijkl"}
    )
    found = replicate_sums(state, replicates=3, seed=1)
    weights = poisson_weights(item_keys(state.items), 3, seed=1).astype(float)
    group, item, values = state.cells("c")
    expected = [np.bincount(group, weights[row, item] * values) for row in range(3)]
    np.testing.assert_array_equal(found[:, :, 2], expected)


def test_jackknife_moments_equal_leaving_items_out():
    state = state_of(make_rows(rows=300, items=60))
    ratio = {"r": lambda q: q["gain"] / q["cost"], "gap": log_ratio_to(lambda q: q["S"] / q["T"], 1)}
    found = jackknife_moments(state, ratio)
    totals = {name: state.totals(name) for name in state.quantities}
    for name, function in ratio.items():
        changes = []
        for at in range(len(state.items)):
            keep = np.arange(len(state.items)) != at
            left = state.select_items(keep)
            changes.append(function(totals) - function({key: left.totals(key) for key in left.quantities}))
        table = np.array(changes)
        np.testing.assert_allclose(found[name].first, table.sum(0), atol=1e-9)
        np.testing.assert_allclose(found[name].second, (table**2).sum(0), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(found[name].third, (table**3).sum(0), rtol=1e-7, atol=1e-12)


def test_estimate_is_the_same_for_every_way_to_the_state():
    rows = make_rows()
    order = np.random.default_rng(2).permutation(len(rows["S"]))
    merged = ItemSums.merge_all([state_of(rows, part) for part in np.array_split(order, 5)])
    a, b = (estimate(state, EFFICIENCY, replicates=300)["E"] for state in (state_of(rows), merged))
    for name in ("value", "low", "high", "draws", "n_items"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.method == b.method == ("bca",) * 3
    assert a.reason == (None,) * 3
    assert ((a.low < a.value) & (a.value < a.high)).all()
    assert a.n_items.tolist() == state_of(rows).item_counts().tolist()


def test_items_are_counted_by_the_named_quantity():
    state = ItemSums.from_rows(["g"] * 4, list("abcd"), {"S": [1, 0, 1, 0], "C": [1, 1, 1, 0], "n": [1] * 4})
    functions = {"r_l": lambda q: q["S"] / q["C"], "a": lambda q: q["S"] / q["n"]}
    found = estimate(state, functions, n_name={"r_l": "C", "a": "n"}, replicates=200)
    assert found["r_l"].n_items.tolist() == [3]
    assert found["a"].n_items.tolist() == [4]
    assert estimate(state, functions, n_name="C", replicates=200)["a"].n_items.tolist() == [3]


def test_pairing_cancels_what_groups_share():
    rng = np.random.default_rng(3)
    items = [f"i{at}" for at in range(60)]
    length = rng.lognormal(7, 1, 60)
    values = np.concatenate([length, 1.5 * length])
    state = ItemSums.from_rows(["a"] * 60 + ["b"] * 60, items * 2, {"T": values, "n": np.ones(120)})
    mean = lambda q: q["T"] / q["n"]  # noqa: E731
    found = estimate(state, {"mean": mean, "gap": log_ratio_to(mean, 0), "minus": difference_to(mean, None)})
    assert found["mean"].reason == (None, None)
    np.testing.assert_allclose(found["gap"].draws[:, 1], np.log(1.5), rtol=1e-12)
    assert found["gap"].reason[1] == "no variation between items"
    assert np.isnan(found["gap"].low).all()
    np.testing.assert_allclose(found["minus"].value.sum(), 0, atol=1e-9)


def test_empty_states_and_groups_without_cells():
    empty = ItemSums.from_rows([], [], {"S": [], "T": []})
    assert estimate(empty, EFFICIENCY, replicates=10)["E"].value.shape == (0,)
    assert replicate_sums(empty, replicates=10).shape == (10, 0, 2)
    state = ItemSums.from_rows(["a", "b", "b"], ["1", "2", "3"], {"S": [1, 0, 1], "T": [5, 6, 7]})
    found = estimate(state.select_items(["2", "3"]), EFFICIENCY, replicates=200)["E"]
    assert np.isnan(found.value[0])
    assert np.isnan(found.low[0])
    assert found.reason[0] == "the value is undefined"
    assert found.method[0] == "none"


def test_inputs_stay_untouched(untouched):
    state = state_of(make_rows(rows=200))
    untouched(*state.limbs, state.group_index, state.item_index)

    def spoil(q):
        q["S"].setflags(write=False)
        return 1000 * q["S"] / q["T"]

    estimate(state, {"E": spoil}, replicates=100)


def test_bad_arguments_are_refused():
    state = state_of(make_rows(rows=50))
    with pytest.raises(UsageError, match="replicates"):
        replicate_sums(state, replicates=0)
    with pytest.raises(UsageError, match="no quantity 'Z'"):
        replicate_sums(state, replicates=5, names=["Z"])
    with pytest.raises(UsageError, match="method"):
        estimate(state, EFFICIENCY, replicates=5, method="basic")
    with pytest.raises(UsageError, match="level"):
        estimate(state, EFFICIENCY, replicates=5, level=95)
