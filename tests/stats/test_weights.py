"""Weights: Poisson(1), independent, and a pure function of seed, item and replicate."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from thinkmeter.errors import UsageError
from thinkmeter.stats import item_keys, poisson_weights
from thinkmeter.stats.weights import _COUNTS, MAX_WEIGHT, _weigh, item_states, weight_tile

KEYS = item_keys([f"bench/{at}" for at in range(400)])
W = poisson_weights(KEYS, 2000, seed=11)


def plain_weight(seed: int, item: str, replicate: int) -> int:
    """One weight with Python integers: the plain twin."""
    mask = 2**64 - 1

    def mix(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    golden = 0x9E3779B97F4A7C15
    key = int.from_bytes(blake2b(item.encode(), digest_size=8, person=b"thinkmeter").digest(), "little")
    start = mix(key ^ mix((seed + golden) & mask))
    hashed = mix((start + mix((replicate // 4 + 1) * golden & mask)) & mask)
    uniform = hashed >> 16 * (replicate % 4) & 0xFFFF
    return int(np.repeat(np.arange(len(_COUNTS)), _COUNTS)[uniform])


def test_equal_to_the_plain_twin():
    items = ["gsm8k/1", "", "é", "x" * 300]
    for seed in (0, 1, 2**64 - 1):
        found = poisson_weights(item_keys(items), range(9), seed)
        expected = [[plain_weight(seed, item, replicate) for item in items] for replicate in range(9)]
        assert found.tolist() == expected


def test_pinned_values():
    # A change here changes every published interval: it needs a note in the change log.
    assert int(item_keys(["gsm8k/1"])[0]) == int.from_bytes(
        blake2b(b"gsm8k/1", digest_size=8, person=b"thinkmeter").digest(), "little"
    )
    assert poisson_weights(item_keys(["a", "b", "c"]), 6, seed=0).tolist() == [
        [0, 1, 2],
        [0, 5, 0],
        [3, 2, 0],
        [1, 1, 1],
        [2, 0, 1],
        [3, 0, 2],
    ]


def test_the_table_is_poisson_with_mean_and_variance_one():
    counts = np.array(_COUNTS)
    k = np.arange(len(counts))
    assert counts.sum() == 65536
    assert (k * counts).sum() == 65536
    assert ((k - 1) ** 2 * counts).sum() == 65536
    assert abs(((k - 1) ** 3 * counts).sum() / 65536 - 1) < 1e-3
    np.testing.assert_allclose(counts / 65536, stats.poisson(1).pmf(k), atol=2.5e-5)
    every = _weigh(np.arange(65536, dtype=np.uint16))
    np.testing.assert_array_equal(every, np.repeat(k, counts))
    assert every.max() == MAX_WEIGHT


def test_distribution():
    observed = np.bincount(W.ravel(), minlength=MAX_WEIGHT + 1)
    assert (
        stats.chisquare(observed[:7], observed[:7].sum() * np.array(_COUNTS[:7]) / sum(_COUNTS[:7])).pvalue
        > 1e-3
    )
    error = 1 / np.sqrt(W.size)
    assert abs(W.mean() - 1) < 4 * error
    assert abs(W.var() - 1) < 4 * np.sqrt(3) * error
    # Every item and every replicate by itself: means have variance 1/n.
    assert abs(W.mean(axis=0).var() * len(W) - 1) < 4 * np.sqrt(2 / W.shape[1])
    assert abs(W.mean(axis=1).var() * W.shape[1] - 1) < 4 * np.sqrt(2 / len(W))


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("neighbouring items", W[:, :-1], W[:, 1:]),
        ("neighbouring replicates", W[:-1].T, W[1:].T),
        ("replicates of one hash", W[0::4].T, W[3::4].T),
        ("neighbouring hashes", W[:-4].T, W[4:].T),
        ("seeds", W, poisson_weights(KEYS, 2000, seed=12)),
        ("seeds with one high bit changed", W, poisson_weights(KEYS, 2000, seed=11 + 2**63)),
    ],
)
def test_independence(name, a, b):
    found = correlations(a.astype(float), b.astype(float))
    # Under independence the correlations have mean 0 and variance 1/n.
    assert abs(found.mean()) < 4.5 / np.sqrt(a.size), name
    assert abs(found.var() * len(a) - 1) < 5 * np.sqrt(2 / len(found)), name
    assert np.abs(found).max() < 5.5 / np.sqrt(len(a)), name


def test_all_pairs_of_items_are_uncorrelated():
    table = np.corrcoef(W.astype(float).T)[np.triu_indices(len(KEYS), 1)]
    assert abs(table.var() * len(W) - 1) < 5 * np.sqrt(2 / len(table))


def test_joint_distribution_of_the_lanes():
    pairs = np.minimum(W[0::4], 3).astype(int) * 4 + np.minimum(W[1::4], 3)
    share = np.array([*_COUNTS[:3], sum(_COUNTS[3:])]) / 65536
    assert (
        stats.chisquare(
            np.bincount(pairs.ravel(), minlength=16), pairs.size * np.outer(share, share).ravel()
        ).pvalue
        > 1e-3
    )


@given(
    items=st.lists(st.integers(0, 399), max_size=30),
    replicates=st.lists(st.integers(0, 1999), max_size=30),
)
def test_any_subset_in_any_order_is_the_same(items, replicates):
    np.testing.assert_array_equal(
        poisson_weights(KEYS[items], replicates, seed=11), W[np.ix_(replicates, items)]
    )


@given(
    block=st.integers(0, 300), count=st.integers(1, 40), first=st.integers(0, 399), items=st.integers(1, 40)
)
def test_tiles_are_windows_of_the_whole(block, count, first, items):
    states = item_states(KEYS, 11)[first : first + items]
    np.testing.assert_array_equal(
        weight_tile(states, 4 * block, count).T, W[4 * block : 4 * block + count, first : first + items]
    )


def test_inputs_stay_untouched(untouched):
    keys, numbers = untouched(item_keys(["a", "b"]), np.array([3, 1]))
    poisson_weights(keys, numbers, seed=3)
    weight_tile(untouched(item_states(keys, 3)), 0, 8)


def test_bad_arguments_are_refused():
    with pytest.raises(UsageError, match="seed"):
        poisson_weights(KEYS, 4, seed=-1)
    with pytest.raises(UsageError, match="replicates"):
        poisson_weights(KEYS, [-1], seed=0)
