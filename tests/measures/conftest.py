"""Real evaluation outputs as tables, read as a user would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import thinkmeter
from thinkmeter.table import SampleTable


@pytest.fixture(scope="session")
def sample_table(shared_data: Path) -> Callable[[str], SampleTable]:
    """Return a function: name of a file in samples/ -> its table."""

    def load(name: str) -> SampleTable:
        path = shared_data / "samples" / f"{name}.parquet"
        table = thinkmeter.read([path])
        if not name.startswith("zeroeval"):
            return table
        # The reference figures take "the source could parse an answer" for completion: no rule of ours.
        raw = pl.read_parquet(path, columns=["model", "sample_id", "setting"])
        assert raw["sample_id"].to_list() == table.frame["item_id"].to_list()
        parsed = raw["setting"].str.json_path_match("$.answer_parsed") == "true"
        return table.with_frame(table.frame.with_columns(completed=parsed))

    return load
