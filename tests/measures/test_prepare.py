"""Groups, pools, item keys, scores under the rules, and what is left out of which population."""

from __future__ import annotations

import polars as pl
import pytest

from thinkmeter.errors import UsageError
from thinkmeter.measures import AnalysisSettings, Prepared, prepare
from thinkmeter.table import SampleTable


def made(**columns: object) -> SampleTable:
    lists = [v for v in columns.values() if isinstance(v, list)]
    size = max(len(v) for v in lists)
    base = {"benchmark": "b", "model": "m", "item_id": [str(i) for i in range(size)], "attempt": 1}
    return SampleTable.from_dataframe(pl.DataFrame({**base, **columns}, strict=False))


def groups(prepared: Prepared) -> list[tuple[str, str]]:
    return list(prepared.groups.select("pool", "group").rows())


def test_groups_are_benchmark_model_and_setting_where_any_is_set() -> None:
    table = made(model=["m", "m", "k"], setting=["effort=high", "effort=low", None])
    assert groups(prepare(table, AnalysisSettings())) == [
        ("b", "k"),
        ("b", "m · effort=high"),
        ("b", "m · effort=low"),
    ]
    assert groups(prepare(made(model=["m", "k"]), AnalysisSettings())) == [("b", "k"), ("b", "m")]


def test_token_limit_makes_groups_only_in_a_sweep() -> None:
    differing = made(item_id=["1", "2"], token_limit=[100, 200])
    assert groups(prepare(differing, AnalysisSettings())) == [("b", "m")]
    sweep = made(item_id=["1", "1", "2"], token_limit=[100, 200, 100])
    assert groups(prepare(sweep, AnalysisSettings())) == [("b", "m · limit=100"), ("b", "m · limit=200")]
    other = pl.DataFrame({"benchmark": "c", "model": "m", "item_id": "1", "attempt": 1, "token_limit": 5})
    both = SampleTable.concat([sweep, SampleTable.from_dataframe(other)])
    assert ("c", "m") in groups(prepare(both, AnalysisSettings()))


def test_explicit_grouping_by_facet_and_without_benchmark() -> None:
    table = SampleTable.from_dataframe(
        pl.DataFrame(
            {
                "benchmark": ["b", "c"],
                "model": "m",
                "item_id": "1",
                "facet.rho": [10, None],
                "correct": True,
            }
        )
    )
    by_facet = prepare(table, AnalysisSettings(by=("model", "rho")))
    assert groups(by_facet) == [("(all)", "m · rho=10"), ("(all)", "m · rho=none")]
    assert groups(prepare(table, AnalysisSettings(by=("model",)))) == [("(all)", "m")]
    assert groups(prepare(table, AnalysisSettings(by=("benchmark",)))) == [("b", "all"), ("c", "all")]
    with pytest.raises(UsageError, match="nope"):
        prepare(table, AnalysisSettings(by=("nope",)))


def test_same_item_id_of_two_benchmarks_is_two_items() -> None:
    table = SampleTable.from_dataframe(
        pl.DataFrame({"benchmark": ["b", "c"], "model": "m", "item_id": "1", "correct": True})
    )
    prepared = prepare(table, AnalysisSettings(by=("model",)))
    assert prepared.groups["n_items"].item() == 2


def test_scores_under_both_rules_and_all_fields() -> None:
    table = made(
        correct=[True, None, None, False, True],
        score=[0.2, 0.5, 0.5, 0.9, None],
        stop_reason=["finished", "finished", "output_limit", None, "output_limit"],
    )

    def s(**kwargs: object) -> list[float | None]:
        return prepare(table, AnalysisSettings(**kwargs)).rows["S"].to_list()  # type: ignore[arg-type]

    assert s() == [1.0, 0.5, 0.0, 0.0, 0.0]
    assert s(scoring="as_graded") == [1.0, 0.5, 0.5, 0.0, 1.0]
    assert s(scoring="as_graded", score_field="correct") == [1.0, None, None, 0.0, 1.0]
    assert s(scoring="as_graded", score_field="score") == [0.2, 0.5, 0.5, 0.9, None]
    # A truncated attempt is not correct even where nobody graded it.
    assert s(score_field="correct")[2] == 0.0


def test_completion_is_decided_by_the_rules_of_this_analysis() -> None:
    table = made(output_tokens=[10, 5], token_limit=[10, 10], completed_how=["inferred:below_limit"] * 2)
    table = table.with_frame(table.frame.with_columns(completed=pl.lit(True)))
    assert prepare(table, AnalysisSettings()).rows["C"].to_list() == [0.0, None]
    below = AnalysisSettings(completion_rules=("token_limit", "below_limit"))
    assert prepare(table, below).rows["C"].to_list() == [0.0, 1.0]


def test_exclusions_count_every_attempt_once_by_its_first_reason() -> None:
    table = made(
        correct=[True, None, True, None],
        stop_reason=["finished", None, "finished", "error"],
        output_tokens=[5, None, None, 7],
    )
    prepared = prepare(table, AnalysisSettings())
    found = {(p, r): a for p, r, a in prepared.exclusions.select("population", "reason", "attempts").rows()}
    errored = "attempt ended in an error"
    assert found["accuracy", "not scored"] == 1
    assert found["accuracy", errored] == 1
    assert found["tokens", errored] == 1
    assert found["tokens", "no token count"] == 2
    assert found["decomposition", "not scored"] == 1
    assert found["decomposition", "no token count"] == 1
    total = sum(a for (p, _), a in found.items() if p == "decomposition")
    assert total == 3
    assert prepared.groups["n_attempts"].item() == 4


def test_errors_can_count_as_failures() -> None:
    table = made(correct=[True, None], stop_reason=["finished", "error"])
    rules = ("stop_reason", "error_is_failure")
    prepared = prepare(table, AnalysisSettings(completion_rules=rules))
    assert prepared.rows["S"].to_list() == [1.0, 0.0]
    assert prepared.rows["errored"].to_list() == [False, False]


def test_an_empty_table_says_so() -> None:
    with pytest.raises(UsageError, match="no attempts"):
        prepare(SampleTable.empty(), AnalysisSettings())
    lost = SampleTable.from_dataframe(pl.DataFrame({"benchmark": ["b"], "model": [None], "item_id": ["1"]}))
    with pytest.raises(UsageError, match="1 records could not be used"):
        prepare(lost, AnalysisSettings())


def test_labels_hold_only_what_tells_settings_of_a_model_apart() -> None:
    settings = ["effort=high, style=cot", "effort=low, style=cot", None, "style=cot"]
    frame = pl.DataFrame(
        {
            "benchmark": "b",
            "item_id": ["1"] * 4,
            "model": ["m", "m", "n", "o"],
            "setting": settings,
            "correct": True,
        }
    )
    groups = prepare(SampleTable.from_dataframe(frame), AnalysisSettings()).groups
    assert groups.select("group", "setting").rows() == [
        ("m · effort=high", "effort=high, style=cot"),
        ("m · effort=low", "effort=low, style=cot"),
        ("n", None),
        ("o", "style=cot"),
    ]
