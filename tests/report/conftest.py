"""Analyses to report on: made from rows by the program itself, so that they are what a user would have."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from thinkmeter.findings import Analysis, analyse
from thinkmeter.table import SampleTable

HOSTILE = [
    "<script>alert(1)<!--",
    '"><img src=x onerror=alert(1)>',
    "a|b`c*d_e & \\textbf{x} 100% $y$ #1 ~^",
    "=cmd('x'); \"quoted\" 'single'",
    "a-model-with-a-name-that-no-axis-has-room-for-" + "and-goes-on-" * 6 + "1",
    "a-model-with-a-name-that-no-axis-has-room-for-" + "and-goes-on-" * 6 + "2",
    "模型 · κ — naïve",
]
LIMIT = 6000


def rows(models: list[str], pools: list[str], *, items: int = 24, workload: bool = False) -> pl.DataFrame:
    """Attempts in which models differ in every part; the last model is unscored, the one before it has no tokens."""
    rng = np.random.default_rng(7)
    found = []
    for pool in pools:
        work = rng.choice([1, 2, 4, 8, 16], items)
        for number, model in enumerate(models):
            for item in range(items):
                tokens = int(
                    60 * (1 + number % 7) * work[item] ** (0.6 + 0.08 * (number % 5)) * rng.lognormal(0, 0.4)
                )
                cut = tokens > LIMIT or rng.random() < 0.03 * (number % 4)
                right = model != "never right" and rng.random() < 0.95 - 0.12 * (number // 2 % 4) and not cut
                last, before = number == len(models) - 1, number == len(models) - 2
                found.append(
                    {
                        "benchmark": pool,
                        "item_id": f"{item}",
                        "model": model,
                        "correct": None if last else bool(right),
                        "stop_reason": "output_limit" if cut and not last else "finished",
                        "output_tokens": None if before else min(tokens, LIMIT) + 1,
                        "workload": float(work[item]) if workload else None,
                    }
                )
    return pl.DataFrame(found, infer_schema_length=None)


def made(models: list[str], pools: list[str], **options: object) -> Analysis:
    table = SampleTable.from_dataframe(rows(models, pools, **options))  # type: ignore[arg-type]
    return analyse(table, replicates=100)


@pytest.fixture(scope="session")
def hostile() -> Analysis:
    """Two pools, workload, hostile and very long names; a group never right, one without tokens, one without scores."""
    return made(
        [*HOSTILE, "never right", "no tokens", "no scores"],
        ["<b>pool</b> & co", "second/pool"],
        workload=True,
    )


@pytest.fixture(scope="session")
def plain() -> Analysis:
    """One pool of five ordinary groups."""
    return made([f"model-{n}" for n in range(5)], ["puzzles"])


@pytest.fixture(scope="session")
def fifty() -> Analysis:
    """One pool of fifty groups."""
    return made([f"provider/model-{n:02d}-instruct-2507" for n in range(50)], ["puzzles"])


@pytest.fixture(scope="session")
def accuracy_only() -> Analysis:
    """Scores and nothing else."""
    return analyse(
        SampleTable.from_dataframe(
            rows(["a", "b", "c"], ["quiz"]).drop("output_tokens", "stop_reason", "workload")
        ),
        replicates=100,
    )
