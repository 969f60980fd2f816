"""Real evaluation outputs as tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from thinkmeter.table import SampleTable

STOPS = {
    "stop": "finished",
    "length": "output_limit",
    "submitted": "finished",
    "usageLimits": "other_limit",
}


@pytest.fixture(scope="session")
def sample_table(shared_data: Path) -> Callable[[str], SampleTable]:
    """Return a function: name of a file in samples/ -> its table, one group per model."""

    def load(name: str) -> SampleTable:
        frame = pl.read_parquet(shared_data / "samples" / f"{name}.parquet")
        stop = pl.col("finish_reason").replace_strict(STOPS, default=None, return_dtype=pl.String)
        if name == "bullshit_bench":
            stop = stop.fill_null("error")  # the source: a call without finish reason failed
        completed = pl.lit(None, dtype=pl.Boolean)
        if name.startswith("zeroeval"):
            completed = pl.col("setting").str.json_path_match("$.answer_parsed") == "true"
        score = pl.when(pl.col("score").is_between(0, 1)).then(pl.col("score"))
        frame = frame.with_columns(
            stop.alias("stop_reason"),
            completed.alias("completed"),
            score.alias("score"),
            (pl.col("epoch") + 1).alias("attempt"),
            pl.lit(None, dtype=pl.String).alias("setting"),
        )
        keep = ["benchmark", "model", "attempt", "output", "output_tokens", "correct", "score", "workload"]
        return SampleTable.from_dataframe(
            frame.select(*keep, "stop_reason", "completed", item_id="sample_id", token_limit="max_tokens")
        )

    return load
