"""Ranks, their agreement, and who moves."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from thinkmeter.findings import analyse
from thinkmeter.table import SampleTable

Made = Callable[..., SampleTable]


def test_accuracy_and_efficiency_can_be_opposite(made: Made) -> None:
    models = {
        f"m{at}": {"items": 150, "correctness": 0.35 + 0.15 * at, "tokens": 300 * 3**at} for at in range(4)
    }
    found = analyse(made(**models), replicates=400)
    pair = found.rank_agreement.filter(measure_a="accuracy", measure_b="token_efficiency").row(0, named=True)
    assert pair["spearman"] == -1
    assert pair["n_groups"] == 4
    ranks = {(g, m): r for g, m, r in found.ranks.select("group", "measure", "rank").rows()}
    assert ranks["m3", "accuracy"] == ranks["m0", "token_efficiency"] == 1
    assert ranks["m0", "mean_output_tokens"] == 1
    finding = next(f for f in found.findings if f.kind == "ranking")
    assert "m3 is number 1 by accuracy and number 4 by token efficiency" in finding.claim
    assert "m0 is number 4 by accuracy and number 1 by token efficiency" in finding.claim


def test_equal_models_share_ranks_and_nobody_moves(made: Made) -> None:
    models = {f"m{at}": {"items": 25, "seed": at} for at in range(4)}
    found = analyse(made(**models), replicates=400)
    accuracy = found.ranks.filter(measure="accuracy")
    assert (accuracy["rank_low"] <= accuracy["rank"]).all()
    assert (accuracy["rank_high"] - accuracy["rank_low"]).max() >= 2  # type: ignore[operator]
    finding = next(f for f in found.findings if f.kind == "ranking")
    assert "No group's rank differs" in finding.claim


def test_two_groups_have_ranks_but_no_correlation(made: Made) -> None:
    found = analyse(made(a={}, b={"tokens": 4000}), replicates=200)
    assert found.rank_agreement["spearman"].null_count() == found.rank_agreement.height
    assert "three groups" in found.rank_agreement["reason"][0]
    assert found.ranks.height > 0


def test_without_tokens_the_leaders_are_named(made: Made) -> None:
    table = made(a={"items": 200}, b={"items": 200, "correctness": 0.3}, c={"items": 200, "seed": 8})
    bare = table.with_frame(table.frame.with_columns(output_tokens=pl.lit(None, dtype=pl.Int64)))
    claim = next(f.claim for f in analyse(bare, replicates=300).findings if f.kind == "ranking")
    assert "highest accuracy" in claim
    assert "1 of the other 2 groups could be first as well" in claim
