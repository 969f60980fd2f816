"""Figures are data first: what is drawn adds up, is named, and holds no number that was not measured."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkmeter.errors import UsageError
from thinkmeter.findings import Analysis
from thinkmeter.report import figures, leaderboard, write_figures
from thinkmeter.report._board import short_names
from thinkmeter.report._draw import colours_in, inline_svg, svg
from thinkmeter.report._spec import MOST_ROWS, Figure, shown, within
from thinkmeter.report._spec_gap import FACTORS, _rows, ratio_text, ratio_ticks

SVG = "{http://www.w3.org/2000/svg}"


def by_kind(analysis: Analysis) -> dict[str, Figure]:
    return {figure.kind: figure for figure in figures(analysis)}


def test_there_is_a_figure_for_everything_that_was_measured(plain: Analysis, accuracy_only: Analysis) -> None:
    assert list(by_kind(plain)) == ["parts", "efficiency", "gap", "gap_factors", "ranks"]
    assert list(by_kind(accuracy_only)) == ["accuracy"]


def test_names_are_unique_and_words_are_there(hostile: Analysis) -> None:
    found = figures(hostile)
    assert {f.kind for f in found} == {"parts", "efficiency", "gap", "gap_factors", "ranks", "workload"}
    assert len({f.name for f in found}) == len(found) == 12
    for figure in found:
        assert re.fullmatch(r"[a-z0-9-]+", figure.name)
        assert min(len(figure.title), len(figure.caption), len(figure.alt)) > 10
        json.dumps(figure.vega_lite(), allow_nan=False)


def test_dots_are_the_estimates_and_nulls_stay_null(hostile: Analysis) -> None:
    for figure in figures(hostile):
        if figure.kind not in ("parts", "efficiency"):
            continue
        joined = figure.data.join(
            hostile.estimates, on=["pool", "group", "measure"], how="left", suffix="_estimate"
        )
        assert joined.height == figure.data.height
        assert joined["value"].equals(
            joined["value_estimate"].fill_nan(None), null_equal=True, check_names=False
        )
        assert joined["low"].equals(joined["low_estimate"].fill_nan(None), null_equal=True, check_names=False)
    nothing = by_kind(hostile)["efficiency"].data.filter(pl.col("group") == "no tokens")
    assert nothing["value"].to_list() == [None]
    assert nothing["text"].to_list() == ["—"]


def test_bars_add_up_to_the_total(hostile: Analysis) -> None:
    for figure in (f for f in figures(hostile) if f.kind == "gap"):
        for part in figure.data.partition_by("group"):
            bars, total = part.filter(pl.col("factor") != "total"), part.filter(factor="total")
            assert bars["log_contribution"].sum() == pytest.approx(total["log_contribution"][0], abs=1e-9)
            right = bars.filter(pl.col("log_contribution") > 0)["log_contribution"].sum()
            assert max([0.0, *bars["end"]]) == pytest.approx(right, abs=1e-9)


contributions = st.lists(st.floats(-3, 3), min_size=2, max_size=5)


@given(st.lists(contributions, min_size=1, max_size=6))
def test_stacked_bars_touch_and_never_overlap(groups: list[list[float]]) -> None:
    factors = list(FACTORS)
    found = []
    for number, values in enumerate(groups):
        named = [*zip(factors, values, strict=False), ("total", sum(values))]
        found += [
            {"pool": "p", "group": f"g{number}", "reference": "r", "factor": f, "log_contribution": v}
            | {"low": None, "high": None, "share": None, "n_items": 9, "reason": None}
            for f, v in named
        ]
    board = pl.DataFrame({"group": [f"g{n}" for n in range(len(groups))]})
    data = _rows(pl.DataFrame(found, infer_schema_length=None), board)
    for part in data.filter(pl.col("factor") != "total").partition_by("group"):
        for sign in (True, False):
            side = part.filter((pl.col("log_contribution") > 0) == sign).sort(pl.col("start").abs())
            ends = [0.0, *side["end"].to_list()]
            assert side["start"].to_list() == ends[: side.height]


def test_ranks_have_a_line_each_and_ties_share_a_rank(fifty: Analysis) -> None:
    data = by_kind(fifty)["ranks"].data
    for part in data.partition_by("side"):
        assert sorted(part["position"]) == list(range(1, part.height + 1))
        assert part.sort("position")["rank"].is_sorted()
    both = leaderboard(fifty).filter(pl.col("rank_shift").is_not_null())
    assert data.height == 2 * both.height


def test_workload_bins_hold_every_item_once(hostile: Analysis) -> None:
    for figure in (f for f in figures(hostile) if f.kind == "workload"):
        counts = figure.data.group_by("group").agg(pl.col("n_items").sum())
        items = hostile.items.filter((pl.col("pool") == figure.pool) & (pl.col("overhead") > 0))
        expected = dict(items.group_by("group").len().rows())
        assert dict(counts.rows()) == {g: expected[g] for g in counts["group"]}


def test_a_pool_too_large_for_a_figure_says_so() -> None:
    board = pl.DataFrame({"group": [f"g{n}" for n in range(MOST_ROWS + 5)]})
    rows, words = shown(board)
    assert rows.height == MOST_ROWS
    assert f"{MOST_ROWS} of {MOST_ROWS + 5}" in words
    assert shown(board.head(MOST_ROWS))[1] == ""


@given(st.lists(st.text(min_size=1, max_size=80), unique=True, max_size=40), st.integers(12, 50))
def test_short_names_fit_and_stay_apart(names: list[str], most: int) -> None:
    short = short_names(names, most)
    assert list(short) == names
    assert len(set(short.values())) == len(names)
    assert all(len(text) <= most for text in short.values())


def test_what_all_names_end_with_gives_way_before_what_tells_them_apart() -> None:
    names = [
        f"provider/some-model-{n}.5-{kind}@reasoning=default" for n in (3, 4) for kind in ("mini", "large")
    ]
    assert list(short_names(names, 30).values()) == [name.split("@")[0] for name in names]
    # Names that fit keep their whole text.
    assert short_names(names, 80) == {name: name for name in names}
    middle = [f"{'a' * 20}-{n}-{'b' * 20}-tail" for n in range(8)]
    assert not any("(" in text for text in short_names(middle, 36).values())


numbers = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=20))
def test_an_axis_shows_every_value(rows: list[tuple[float, float, float]]) -> None:
    cells = [sorted(row) for row in rows]
    low, high = within([c[1] for c in cells], [c[0] for c in cells], [c[2] for c in cells])
    assert low < high
    assert all(low <= c[1] <= high for c in cells)


@given(st.floats(-20, -1e-3), st.floats(1e-3, 20))
def test_ticks_of_factors_are_few_inside_and_hold_same(low: float, high: float) -> None:
    ticks = ratio_ticks(low, high)
    assert 0 in ticks
    assert len(ticks) <= 8
    assert all(low - 1e-9 <= t <= high + 1e-9 for t in ticks)


def test_factors_in_words() -> None:
    assert [ratio_text(v) for v in (0.0, 0.001, 0.7, -0.7, 5.0)] == ["same", "same", "×2.01", "÷2.01", "×148"]


def test_drawings_are_named_coloured_and_whole(hostile: Analysis) -> None:
    for figure in figures(hostile):
        text = inline_svg(figure)
        root = ET.fromstring(text)
        assert root.get("role") == "img"
        assert root.find(f"{SVG}title") is not None
        assert root.find(f"{SVG}desc").text == figure.alt  # type: ignore[union-attr]
        assert colours_in(text) == set()
        assert "<script" not in text
        assert " style=" not in text
        assert set(re.findall(r"https?://[^\"' <]+", text)) == {"http://www.w3.org/2000/svg"}


def test_labels_are_drawn_as_they_were_written(plain: Analysis) -> None:
    figure = by_kind(plain)["efficiency"]
    drawn = {node.text for node in ET.fromstring(svg(figure)).iter(f"{SVG}text")}
    assert set(figure.data["text"]) <= drawn
    assert set(figure.data["label"]) <= drawn
    hints = {node.text for node in ET.fromstring(svg(figure)).iter(f"{SVG}title")}
    assert set(figure.data.filter(pl.col("value").is_not_null())["hint"]) <= hints


def test_the_same_figure_is_drawn_the_same(plain: Analysis) -> None:
    first = [inline_svg(f) for f in figures(plain)]
    assert [inline_svg(f) for f in figures(plain)] == first


def test_files_are_written_with_their_numbers(plain: Analysis, tmp_path: object) -> None:
    written = write_figures(plain, tmp_path, formats=("svg", "png", "json"))  # type: ignore[arg-type]
    assert len(written) == 4 * len(figures(plain))
    for path in written:
        content = path.read_bytes()
        if path.suffix == ".png":
            assert content.startswith(b"\x89PNG")
        elif path.suffix == ".svg":
            ET.fromstring(content)
        elif path.suffix == ".json":
            assert json.loads(content)["datasets"]["data"]
        else:
            assert pl.read_csv(path).height > 0
    with pytest.raises(UsageError, match="svg, png, json"):
        write_figures(plain, tmp_path, formats=("gif",))  # type: ignore[arg-type]
