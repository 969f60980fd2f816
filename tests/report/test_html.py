"""The page: well-formed, self-contained, safe with any name, the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from thinkmeter.findings import Analysis
from thinkmeter.report import figures, to_html, write_html
from thinkmeter.report._embed import DATA_ID, MOST_ITEMS, payload, read_payload
from thinkmeter.report._page import page_pools, remarks

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Elements in order; complains about tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"{tag} repeats an attribute")
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at line {self.getpos()[0]}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def text(hostile: Analysis) -> str:
    return to_html(hostile)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_tags_match(page: Page) -> None:
    assert page.faults == []
    assert page.open == []


def test_ids_are_unique_and_every_reference_has_its_target(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for a in page.all("a") if (a.get("href") or "").startswith("#")}  # type: ignore[index]
    for _, attrs in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            wanted |= set((attrs.get(name) or "").split())
        for value in attrs.values():
            wanted |= set(re.findall(r"url\(#([^)]+)\)", value or ""))
    assert wanted <= set(ids)


def test_nothing_is_fetched(text: str, page: Page) -> None:
    names = {
        value
        for _, attrs in page.elements
        for name, value in attrs.items()
        if name in ("src", "href", "xlink:href")
    }
    assert all(value is not None and value.startswith(("#", "data:")) for value in names)
    outside = text.replace("http://www.w3.org/2000/svg", "")
    script = outside.index(f'id="{DATA_ID}"')
    assert not re.search(r"https?://|url\((?!#)|@import", outside[:script])


def test_the_policy_allows_this_style_and_this_script_alone(text: str, page: Page) -> None:
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag, pattern in (("style", r"<style>(.*?)</style>"), ("script", r"<script>(.*?)</script>")):
        (found,) = re.findall(pattern, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    for _, attrs in page.elements:
        assert "style" not in attrs
        assert not any(name.startswith("on") for name in attrs)


def test_hostile_names_are_text(text: str, page: Page) -> None:
    assert "<script>alert" not in text
    assert "<b>pool" not in text
    shown = "".join(page.texts)
    assert "<script>alert(1)<!--" in shown
    assert '"><img src=x onerror=alert(1)>' in shown
    assert len(page.all("script")) == 2
    assert page.all("img") == []


def test_figures_have_words_for_those_who_do_not_see_them(page: Page, hostile: Analysis) -> None:
    drawings = [attrs for tag, attrs in page.elements if tag == "svg"]
    assert len(drawings) == len(page.all("figure")) == len(figures(hostile)) > 0
    assert all(d["role"] == "img" and d["aria-labelledby"] and d["aria-describedby"] for d in drawings)
    assert len(page.all("figcaption")) == len(drawings)
    links = [a for a in page.all("a") if "download" in a]
    assert len(links) == len(drawings)
    for link in links:
        kind, _, content = (link["href"] or "").partition(",")
        assert kind == "data:text/csv;charset=utf-8;base64"
        assert base64.b64decode(content).decode().count("\n") > 1


def test_landmarks_headings_and_tables(page: Page) -> None:
    for tag in ("header", "nav", "main", "footer", "h1"):
        assert len(page.all(tag)) == 1
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(th.get("scope") in ("col", "row") for th in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_undefined_is_a_dash_with_its_reason(hostile: Analysis) -> None:
    for pool in page_pools(hostile):
        row = next(r for r in pool.board.rows if r[0].text == "no tokens")
        names = [c.name for c in pool.board.columns]
        cell = row[names.index("Token efficiency")]
        assert (cell.text, cell.interval, cell.value) == ("—", "", None)
        assert "token" in cell.why
        assert (cell.note, cell.why) in pool.board.notes


def test_the_first_statement_admits_ties(plain: Analysis) -> None:
    (pool,) = page_pools(plain)
    ranks = plain.ranks.filter(measure="accuracy")
    could = ranks.filter((ranks["rank_low"] <= 1) & (ranks["rank"] > 1)).height
    assert could > 0
    assert pool.lead[1].startswith("By accuracy model-")
    assert "could be first as well" in pool.lead[1]


def test_the_page_carries_every_number(hostile: Analysis, tmp_path: Path) -> None:
    write_html(hostile, tmp_path / "r.html")
    data = read_payload(tmp_path / "r.html")
    assert data == json.loads(json.dumps(payload(hostile)))
    assert data["frames"]["estimates"]["value"] == hostile.estimates["value"].fill_nan(None).to_list()
    assert set(data["frames"]) == set(hostile.frames())


def test_many_items_stay_behind_and_the_page_says_so(plain: Analysis) -> None:
    import dataclasses

    import polars as pl

    copies = MOST_ITEMS // plain.items.height + 1
    large = dataclasses.replace(plain, items=pl.concat([plain.items] * copies))
    assert "items" not in payload(large)["frames"]
    assert f"{large.items.height:,} rows" in to_html(large)


def test_the_same_analysis_gives_the_same_bytes(plain: Analysis) -> None:
    assert to_html(plain) == to_html(plain)
    assert to_html(plain, "A <title>").count("A &lt;title&gt;") == 2


def test_fifty_groups_are_quick(fifty: Analysis) -> None:
    to_html(fifty)  # the drawing library starts up once
    start = time.process_time()
    text = to_html(fifty)
    assert time.process_time() - start < 5
    assert len(text) < 3_000_000


def test_scores_alone_make_a_page(accuracy_only: Analysis) -> None:
    page = Page(to_html(accuracy_only))
    assert page.faults == []
    assert len(page.all("figure")) == 1
    assert "no attempt has a token count" in "".join(page.texts)


def test_remarks_are_told_once(hostile: Analysis) -> None:
    found = remarks(hostile.findings)
    assert len({text for _, text in found}) == len(found)
    assert all(re.fullmatch(r"\d+(–\d+)?(, \d+(–\d+)?)*", numbers) for numbers, _ in found)
