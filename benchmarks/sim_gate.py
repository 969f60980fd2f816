"""How often a gate raises a false alarm, and how often it sees a true regression, by number of items.

Two models answer the same made items. Difficulty is shared: hard items are failed more often and take more tokens by
both. Model b takes more tokens than a, so that its token efficiency is lower by a known amount. Each world goes through
`compare` and `Gate` as a user's table would.

    python benchmarks/sim_gate.py --rounds 400 --out docs/gate.md
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl

from thinkmeter.findings import Gate, compare
from thinkmeter.table import SampleTable, write_aside

GATE = "token_efficiency < -5%"
ITEMS = (50, 100, 200, 500, 1000)
CHANGES = (0.0, -0.05, -0.10, -0.15, -0.20, -0.30)
MARK = "<!-- simulated below by benchmarks/sim_gate.py -->"


def world(rng: np.random.Generator, items: int, change: float) -> SampleTable:
    """One evaluation of both models; E of b is (1 + change) times that of a, in expectation."""
    hard = rng.normal(size=items)
    parts = []
    for model, factor in (("a", 1.0), ("b", 1 / (1 + change))):
        right = rng.random(items) < 1 / (1 + np.exp(-(1.0 - 1.2 * hard)))
        spread = np.exp(6.5 + 0.7 * hard + rng.normal(0, 0.5, items))
        parts.append(
            pl.DataFrame(
                {
                    "benchmark": "made",
                    "model": model,
                    "item_id": [str(i) for i in range(items)],
                    "attempt": 1,
                    "correct": right,
                    "stop_reason": "finished",
                    "output_tokens": np.ceil(spread * factor).astype(np.int64),
                }
            )
        )
    return SampleTable.from_frame(pl.concat(parts))


def simulate(rounds: int, replicates: int, seed: int) -> dict[tuple[int, float], dict[str, float]]:
    """Share of each verdict, per number of items and true change."""
    gate = Gate.parse(GATE)
    out = {}
    for items in ITEMS:
        for change in CHANGES:
            rng = np.random.default_rng([seed, items, int(-100 * change)])
            counts = dict.fromkeys(("fails", "undecided", "passes"), 0)
            for round_ in range(rounds):
                found = compare(world(rng, items, change), "a", "b", replicates=replicates, seed=round_)
                counts[gate.check(found)[0].verdict] += 1
            out[items, change] = {verdict: count / rounds for verdict, count in counts.items()}
    return out


def markdown(
    found: dict[tuple[int, float], dict[str, float]], rounds: int, replicates: int, seed: int
) -> str:
    """Tables of the verdicts."""
    lines = [
        (
            f"Gate `{GATE}`, {rounds} worlds per cell, {replicates} replicates, seed {seed}, one attempt per item. "
            "Cells: share of worlds in which the gate **fails** / is undecided / passes."
        ),
        "",
        "| true change | " + " | ".join(f"{items} items" for items in ITEMS) + " |",
        "|---" * (len(ITEMS) + 1) + "|",
    ]
    for change in CHANGES:
        cells = []
        for items in ITEMS:
            share = found[items, change]
            cells.append(f"**{share['fails']:.1%}** / {share['undecided']:.1%} / {share['passes']:.1%}")
        lines.append(f"| {change:+.0%} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="page whose part below the mark is replaced")
    arguments = parser.parse_args()
    began = time.perf_counter()
    found = simulate(arguments.rounds, arguments.replicates, arguments.seed)
    text = markdown(found, arguments.rounds, arguments.replicates, arguments.seed)
    print(text, f"{time.perf_counter() - began:.0f} s")
    if arguments.out:
        head = arguments.out.read_text(encoding="utf-8").split(MARK)[0]
        with write_aside(arguments.out) as aside:
            aside.write_text(f"{head}{MARK}\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
