"""Made evaluations with known truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from thinkmeter.table import SampleTable

Made = Callable[..., SampleTable]


def rows_of(
    model: str,
    *,
    items: int = 60,
    attempts: int = 1,
    completion: float = 0.95,
    correctness: float = 0.8,
    tokens: float = 1000.0,
    limit: int | None = None,
    seed: int = 0,
    **columns: Any,
) -> list[dict[str, Any]]:
    """Attempts of one model; item difficulty is shared by all models (it has its own stream)."""
    hard = np.random.default_rng(99).uniform(size=items)
    rng = np.random.default_rng([seed, *model.encode()])
    rows = []
    for item in range(items):
        for attempt in range(attempts):
            done = bool(rng.random() < completion + 0.05 * (0.5 - hard[item]))
            right = bool(rng.random() < correctness + 0.3 * (0.5 - hard[item]))
            spent = int(tokens * (0.5 + hard[item]) * np.exp(rng.normal(0, 0.2))) + 1
            rows.append(
                {
                    "benchmark": "made",
                    "model": model,
                    "item_id": f"i{item:03d}",
                    "attempt": attempt + 1,
                    "correct": right and done,
                    "stop_reason": "finished" if done else "output_limit",
                    "output_tokens": spent,
                    "token_limit": limit,
                    **columns,
                }
            )
    return rows


@pytest.fixture(scope="session")
def made() -> Made:
    """Return a function: model name -> options of `rows_of`, as one table."""

    def build(**models: dict[str, Any]) -> SampleTable:
        rows = [row for name, options in models.items() for row in rows_of(name, **options)]
        return SampleTable.from_dataframe(pl.DataFrame(rows, infer_schema_length=None))

    return build
