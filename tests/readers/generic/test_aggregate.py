"""Tables with one row per model: the expanded rows add up to what was published."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thinkmeter.readers import read

PUBLISHED = Path(__file__).parents[3] / "examples" / "cogniload_published.csv"


def shares(frame: pl.DataFrame) -> pl.DataFrame:
    weight = pl.col("weight")
    return (
        frame.group_by("model", maintain_order=True)
        .agg(
            (weight * pl.col("score")).sum() / weight.sum().alias("a"),
            (weight * pl.col("completed").cast(pl.Float64)).sum().alias("c") / weight.sum(),
            weight.sum().alias("n"),
        )
        .rename({"weight": "accuracy", "c": "completion"})
    )


def test_published_cogniload_gives_accuracy_over_completion() -> None:
    table = read(PUBLISHED)
    published = pl.read_csv(PUBLISHED)
    got = shares(table.frame)
    assert got["model"].to_list() == published["model"].to_list()
    assert got["accuracy"].to_list() == pytest.approx((published["accuracy"] / 100).to_list(), rel=1e-12)
    assert got["completion"].to_list() == pytest.approx(
        (1 - published["overflow"] / 100).to_list(), rel=1e-12
    )
    logic = dict(zip(got["model"], got["accuracy"] / got["completion"], strict=True))
    # Near-equal accuracy with opposite bottlenecks.
    assert logic["gpt-oss-20b-high"] == pytest.approx(0.813, abs=5e-4)
    assert logic["gpt-oss-20b-medium"] == pytest.approx(0.555, abs=5e-4)
    assert set(table.frame["item_id"]) == {"(aggregate)"}
    assert table.frame["aggregate"].all()
    assert not table.frame["facet.n_stated"].any()
    truncated = table.frame.filter(~pl.col("completed"))
    assert set(truncated["attempt"]) == {3}
    assert set(truncated["completed_how"]) == {"reported"}
    assert truncated["score"].sum() == 0
    said = " ".join(p.message for p in table.problems)
    assert "taken as percent" in said
    assert "number of attempts is not stated" in said
    assert table.sources[0].settings["columns"] == "cut<-overflow"


def test_counts_means_and_costs(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "Model,Accuracy,n,completion_rate,mean_output_tokens,total_cost,effort\n"
        "m,0.5,200,0.9,1000.4,10,high\n"
        "m,0.25,200,1.0,100.6,2,low\n"
    )
    frame = read(path).frame
    assert frame.height == 5  # nothing was truncated in the second
    high = frame.filter(pl.col("setting") == "effort=high")
    assert high["weight"].to_list() == pytest.approx([100, 80, 20])
    assert set(high["output_tokens"]) == {1000}
    assert set(high["output_tokens_how"]) == {"aggregate"}
    assert set(high["cost_usd"]) == {0.05}
    assert frame.filter(pl.col("setting") == "effort=low")["weight"].to_list() == pytest.approx([50, 150])


def test_completion_stays_unknown_where_it_is_not_stated(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("model,accuracy\na,0.5\nb,0.75\n")
    frame = read(path).frame
    assert frame["completed"].null_count() == frame["completed_how"].null_count() == frame.height == 4


def test_impossible_rows_are_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("model,accuracy,overflow\na,80,30\nb,50,120\nc,,1\nd,10,10\n")
    table = read(path)
    fields = {(p.field, p.severity) for p in table.problems}
    assert {("completed", "field"), ("score", "dropped")} <= fields
    assert sorted(set(table.frame["model"])) == ["a", "b", "d"]
    assert table.frame.filter(pl.col("model") == "a")["completed"].null_count() == 2


def test_rows_of_attempts_are_no_aggregates(tmp_path: Path) -> None:
    path = tmp_path / "attempts.csv"
    path.write_text("model,accuracy,output_tokens\na,1,5\na,0,7\nb,1,9\n")
    frame = read(path).frame
    assert not frame["aggregate"].any()
    assert frame["score"].to_list() == [1, 0, 1]


def test_a_bare_cost_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("model,accuracy,n,cost_usd\na,0.5,10,3\n")
    table = read(path)
    assert table.frame["cost_usd"].null_count() == table.frame.height
    assert table.frame["facet.cost_usd"].to_list() == [3, 3]
    assert any("per attempt or for the whole run" in p.message for p in table.problems)
    mapped = read(path, mapping={"cost_usd": "cost_usd"})
    assert mapped.frame["cost_usd"].to_list() == [3, 3]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 5000)), min_size=1, max_size=5))
def test_weights_add_up_for_any_shares(tmp_path: Path, rows: list[tuple[float, float, int]]) -> None:
    frame = pl.DataFrame(
        {
            "model": [f"m{i}" for i in range(len(rows))],
            "accuracy": [a * (1 - o) for a, o, _ in rows],
            "overflow": [o for _, o, _ in rows],
            "n": [n for *_, n in rows],
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    got = shares(read(tmp_path / "t.parquet").frame)
    assert got["n"].to_list() == pytest.approx(frame["n"].to_list(), rel=1e-8)
    assert got["accuracy"].to_list() == pytest.approx(frame["accuracy"].to_list(), abs=1e-8)
    assert got["completion"].to_list() == pytest.approx((1 - frame["overflow"]).to_list(), abs=1e-8)
