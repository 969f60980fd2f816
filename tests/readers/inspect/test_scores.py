"""Score values of every kind, and which scorer is taken."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from literal_logs import Writer, sample

import thinkmeter
from thinkmeter.errors import InputError
from thinkmeter.readers.inspect._score import judge

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)


@pytest.mark.parametrize(
    ("value", "score", "correct"),
    [
        ("C", 1.0, True),
        ("I", 0.0, False),
        ("P", 0.5, None),
        ("N", 0.0, False),
        (True, 1.0, True),
        (False, 0.0, False),
        (1, 1.0, True),
        (0.25, 0.25, None),
        ("yes", 1.0, True),
        ("No", 0.0, False),
        ("TRUE", 1.0, True),
        ("0.5", 0.5, None),
        (None, None, None),
        (math.nan, None, None),
        ({"a": "text", "b": 1}, 1.0, True),
        ({"a": None}, None, None),
    ],
)
def test_values(value: Any, score: float | None, correct: bool | None) -> None:
    got = judge(value)
    assert (got.score, got.correct, got.problem) == (score, correct, "")


@pytest.mark.parametrize("value", ["maybe", "c", [1, 0], {"a": "text"}, {}, "nan", "inf"])
def test_values_that_are_not_understood_are_problems_never_zero(value: Any) -> None:
    got = judge(value)
    assert got.score is None
    assert got.problem or value == {}


@given(SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=3))
def test_judging_is_total_and_verdict_follows_credit(value: Any) -> None:
    got = judge(value)
    assert got.score is None or math.isfinite(got.score)
    assert got.correct is {0.0: False, 1.0: True}.get(got.score if got.score is not None else 0.5)
    assert not (got.problem and got.score is not None)


def test_the_first_scorer_of_the_run_is_taken_and_the_others_named(logs: Writer) -> None:
    scores = {"extra": {"value": "I"}, "match": {"value": "C", "answer": "4"}}
    table = logs.read(sample(scores=scores))
    assert table.frame.select("score", "scorer", "answer").row(0) == (1.0, "match", "4")
    assert [p.action for p in table.problems] == ["Choose another with --scorer: extra."]


def test_a_scorer_can_be_chosen(logs: Writer) -> None:
    path = logs.eval_log(
        sample(scores={"match": {"value": "C"}, "style": {"value": {"tone": 0.5, "length": 1}}})
    )

    def read(scorer: str) -> tuple[Any, ...]:
        return thinkmeter.read(path, scorer=scorer).frame.select("score", "correct", "scorer").row(0)

    assert read("match") == (1.0, True, "match")
    assert read("style") == (0.5, None, "style.tone")
    assert read("style.length") == (1.0, True, "style.length")
    assert read("length") == (1.0, True, "style.length")


def test_a_scorer_that_is_not_there_is_a_problem_that_names_those_that_are(logs: Writer) -> None:
    path = logs.eval_log(sample())
    table = thinkmeter.read(path, scorer="nope")
    assert table.frame["score"].to_list() == [None]
    assert [(p.severity, p.message) for p in table.problems] == [("field", "no scorer 'nope'")]
    assert "match" in table.problems[0].action
    with pytest.raises(InputError, match="no scorer 'nope'"):
        thinkmeter.read(path, scorer="nope", strict=True)


def test_unscored_is_null_and_noted(logs: Writer) -> None:
    table = logs.read(
        sample(scores={"match": {"value": math.nan, "reason": "grader_failed"}}), sample(2, scores={})
    )
    assert table.frame["score"].to_list() == [None, None]
    assert [p.message for p in table.problems] == ["match left the sample unscored"]


def test_a_single_unnamed_score_of_old_logs_is_read(logs: Writer) -> None:
    old = sample(score={"value": "P"})
    del old["scores"]
    assert logs.read(old).frame.select("score", "correct", "scorer").row(0) == (0.5, None, "match")
