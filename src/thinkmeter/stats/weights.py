"""Bootstrap weights that are a pure function of (seed, item, replicate)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thinkmeter.errors import UsageError

__all__ = ["MAX_WEIGHT", "item_keys", "item_states", "poisson_weights", "weight_tile"]

# How many of the 65,536 values of a 16-bit uniform give weight 0, 1, 2, ...: Poisson(1) probabilities rounded,
# with two counts moved by one so that mean and variance are exactly 1.
_COUNTS = (24109, 24109, 12056, 4018, 1005, 200, 33, 5, 1)
MAX_WEIGHT = len(_COUNTS) - 1
_THRESHOLDS = np.cumsum(_COUNTS)[:-1].astype(np.uint16)
_LANES = 4  # replicates served by one 64-bit hash
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def item_keys(items: Iterable[str]) -> NDArray[np.uint64]:
    """Return a 64-bit key per item: BLAKE2b of its text in UTF-8, the same on every machine.

    Examples
    --------
    >>> int(item_keys(["gsm8k/1"])[0]) == int(item_keys(["x", "gsm8k/1"])[1])
    True
    """
    digests = b"".join(
        blake2b(item.encode("utf-8", "surrogatepass"), digest_size=8, person=b"thinkmeter").digest()
        for item in items
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def poisson_weights(keys: NDArray[np.uint64], replicates: ArrayLike, seed: int = 0) -> NDArray[np.uint8]:
    """Return Poisson(1) weights, shape (replicates, items).

    A weight depends on the seed, the item's key and the replicate's number alone, never on which other items or
    replicates are asked for, or in what order.

    Parameters
    ----------
    keys : ndarray of uint64
        Keys from `item_keys`.
    replicates : int, range or array of int
        Numbers of the replicates; an int n stands for ``range(n)``.
    seed : int
        0 to 2**64 - 1.

    Examples
    --------
    >>> keys = item_keys(["a", "b", "c"])
    >>> w = poisson_weights(keys, 8, seed=1)
    >>> bool((poisson_weights(keys[::-1], [5, 2], seed=1) == w[[5, 2]][:, ::-1]).all())
    True
    """
    numbers = np.arange(replicates) if isinstance(replicates, int) else np.asarray(replicates)
    numbers = numbers.astype(np.int64).reshape(-1)
    if numbers.size and numbers.min() < 0:
        raise UsageError(f"replicates: expected numbers from 0 up, got {numbers.min()}.")
    blocks, inverse = np.unique(numbers // _LANES, return_inverse=True)
    hashed = _hash(item_states(keys, seed), blocks)
    return np.ascontiguousarray(_weigh(_lanes(hashed))[:, inverse * _LANES + numbers % _LANES].T)


def item_states(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return the start state of every item's stream of weights."""
    if not 0 <= seed <= _MASK:
        raise UsageError(f"seed: expected 0 to 2**64 - 1, got {seed}.")
    start = np.array([(seed + _GOLDEN) & _MASK], dtype=np.uint64)
    return _finalise(np.asarray(keys, dtype=np.uint64) ^ _finalise(start))


def weight_tile(states: NDArray[np.uint64], first: int, count: int) -> NDArray[np.float64]:
    """Return weights of `count` replicates from number `first`, a multiple of four, as (items, replicates) doubles."""
    blocks = np.arange(first // _LANES, first // _LANES + -(-count // _LANES))
    return _weigh(_lanes(_hash(states, blocks)))[:, :count].astype(np.float64)


def _weigh(uniform: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Invert the distribution function: how many thresholds a 16-bit uniform reaches."""
    # Eight vectorised comparisons cost half of one look-up in a table of 65,536.
    weights: NDArray[np.uint8] = (uniform >= _THRESHOLDS[0]).view(np.uint8)
    reached = np.empty(uniform.shape, dtype=bool)
    for threshold in _THRESHOLDS[1:]:
        np.greater_equal(uniform, threshold, out=reached)
        weights += reached.view(np.uint8)
    return weights


def _hash(states: NDArray[np.uint64], blocks: NDArray[np.int64]) -> NDArray[np.uint64]:
    # Both sides are mixed before they meet, so that neither neighbouring items nor neighbouring blocks are related.
    offsets = _finalise((blocks.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN))
    return _finalise(states[:, np.newaxis] + offsets)


def _lanes(hashed: NDArray[np.uint64]) -> NDArray[np.uint16]:
    return hashed.astype("<u8", copy=False).view("<u2")


def _finalise(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of a fresh array in place (the finaliser of SplitMix64: Steele, Lea, Flood 2014)."""
    shifted = x >> np.uint64(30)
    x ^= shifted
    x *= np.uint64(0xBF58476D1CE4E5B9)
    np.right_shift(x, np.uint64(27), out=shifted)
    x ^= shifted
    x *= np.uint64(0x94D049BB133111EB)
    np.right_shift(x, np.uint64(31), out=shifted)
    x ^= shifted
    return x
