"""Coverage of the intervals by simulation: how often does a 95 % interval hold the true value?

Each replication is one group of a state, so that `thinkmeter.stats.estimate` itself works on thousands of data sets at
once. Run ``python benchmarks/sim_coverage.py`` (about two minutes) for the table of docs/statistics.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thinkmeter.stats import ItemSums, estimate

Array = NDArray[np.float64]
POSITIVE, SHARE = (0.0, np.inf), (0.0, 1.0)
BOUNDS = {"E": POSITIVE, "mean tokens": POSITIVE, "kappa": POSITIVE, "r_c": SHARE, "r_l": SHARE}
STATISTICS = {
    "E": lambda q: 1000 * q["S"] / q["T"],
    "r_c": lambda q: q["C"] / q["n"],
    "r_l": lambda q: q["S"] / q["C"],
    "mean tokens": lambda q: q["T"] / q["n"],
    "kappa": lambda q: q["n"] * q["T"] / (q["VO"] * q["W"]),
    "log gap": lambda q: _log_ratio(q, "S", "T"),
    "share of r_l": lambda q: _log_ratio(q, "S", "C") / _log_ratio(q, "S", "T"),
}
LEVELS = np.array([5, 10, 20, 30, 40, 60, 80])  # work sizes of a designed benchmark


def _log_ratio(q: Mapping[str, Array], top: str, bottom: str) -> Array:
    return np.log(q[f"{top}2"] / q[f"{bottom}2"]) - np.log(q[top] / q[bottom])


def _share(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def draw(rng: np.random.Generator, sets: int, items: int, repeats: int, work: str) -> dict[str, Array]:
    """Draw data sets; return sums over the attempts of an item, each of shape (sets, items).

    Ability and length of an item are shared by its attempts and by both groups, so attempts are correlated and groups
    are paired. Tokens are lognormal with a coefficient of variation near 1.
    """
    easy, clear = rng.normal(size=(2, sets, items, 1))
    if work == "designed":
        W = rng.choice(LEVELS, size=(sets, items)).astype(float)
    else:
        W = np.maximum(np.round(np.exp(rng.normal(np.log(20), 0.6, (sets, items)))), 1)
    out = {"n": np.full((sets, items), float(repeats)), "W": repeats * W}
    for suffix, completes, right, length in (("", 1.6, 1.0, 7.0), ("2", 0.6, 0.0, 8.0)):
        shape = (sets, items, repeats)
        C = rng.random(shape) < _share(completes + easy)
        S = C & (rng.random(shape) < _share(right + clear))
        scale = length + 0.7 * np.log(W / 20)[..., None] - 0.4 * easy
        T = np.maximum(np.round(np.exp(scale + 0.6 * rng.normal(size=shape))), 1)
        for name, values in (("C", C), ("S", S), ("T", T)):
            out[name + suffix] = values.sum(axis=2).astype(float)
        if not suffix:
            out["VO"] = (T / W[..., None]).sum(axis=2)
    return out


def coverage(
    items: int,
    repeats: int,
    *,
    work: str,
    sets: int,
    replicates: int,
    method: str = "bca",
    level: float = 0.95,
    seed: int = 1,
) -> dict[str, tuple[float, float, float, float]]:
    """Return per statistic: coverage, share missed above, share missed below, share with an interval."""
    rng = np.random.default_rng(seed)
    big = draw(rng, 400, 5000, 1, work)
    sums = {name: np.array([values.sum()]) for name, values in big.items()}
    truth = {name: function(sums)[0] for name, function in STATISTICS.items()}
    tallies = {name: np.zeros(4) for name in STATISTICS}
    batches = 5
    for batch in range(batches):
        # New item names, hence new weights, per batch.
        data = draw(rng, sets // batches, items, repeats, work)
        names = np.array([f"{batch}-{item}" for item in range(items)])
        groups = np.repeat([f"{at:05d}" for at in range(sets // batches)], items)
        rows = np.tile(names, sets // batches)
        state = ItemSums.from_rows(groups, rows, {name: values.ravel() for name, values in data.items()})
        found = estimate(
            state,
            STATISTICS,
            replicates=replicates,
            seed=batch,
            method=method,
            level=level,
            bounds=BOUNDS,
            keep_draws=False,
        )
        for name, result in found.items():
            there = np.isfinite(result.low)
            above = result.high[there] < truth[name]
            below = result.low[there] > truth[name]
            tallies[name] += (~(above | below)).sum(), above.sum(), below.sum(), there.sum()
    return {
        name: (t[0] / t[3], t[1] / t[3], t[2] / t[3], t[3] / (sets // batches * batches))
        for name, t in tallies.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=4000, help="data sets per row")
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--method", default="bca")
    options = parser.parse_args()
    head = (
        "work sizes",
        "items",
        "attempts",
        "statistic",
        "covered %",
        "missed above %",
        "missed below %",
        "defined %",
    )
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for work in ("designed", "lognormal"):
        for items, repeats in ((15, 5), (20, 1), (20, 5), (30, 1), (30, 5), (100, 1), (400, 1)):
            found = coverage(
                items,
                repeats,
                work=work,
                sets=options.sets,
                replicates=options.replicates,
                method=options.method,
            )
            for name, row in found.items():
                cells = " | ".join(f"{100 * share:.1f}" for share in row)
                print(f"| {work} | {items} | {repeats} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
