"""The page in a real browser: the script runs under the page's own policy, sorts, searches; nothing is wider than a phone."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from thinkmeter.findings import Analysis
from thinkmeter.report import to_html

pytestmark = pytest.mark.engine

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-logging=stderr",
]


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail("no Chromium: the page cannot be tested in a browser")
    pytest.skip("no Chromium on this machine")


def run(chromium: str, page: Path, *options: str) -> str:
    """Open a page; return standard output; no message may reach the console."""
    profile = page.parent / f"profile-{page.stem}"
    done = subprocess.run(
        [chromium, *_FLAGS, f"--user-data-dir={profile}", *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return done.stdout


def acting(text: str, script: str) -> str:
    """The page without its policy, and with a script of the test's own at its end."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    return text.replace("</body>", f"<script>{script}</script></body>")


def title(dom: str) -> str:
    found = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def test_the_script_runs_under_the_policy(chromium: str, hostile: Analysis, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    page.write_text(to_html(hostile), encoding="utf-8")
    dom = run(chromium, page, "--dump-dom")
    ready = re.search(r'data-ready="(\d+)"', dom)
    assert ready is not None
    assert int(ready[1]) == len(re.findall(r"<table[^>]* data-sortable", dom)) > 2
    assert 'id="downloads" hidden' not in dom


def test_sorting_by_a_click(chromium: str, fifty: Analysis, tmp_path: Path) -> None:
    page = tmp_path / "sort.html"
    script = """
      const table = document.querySelector("table.board"), head = table.tHead.rows[0].cells[1];
      const column = () => [...table.tBodies[0].rows].map((row) => row.cells[1].dataset.v ?? "");
      head.querySelector("button").click(); const down = [head.ariaSort, ...column()];
      head.querySelector("button").click(); const up = [head.ariaSort, ...column()];
      document.title = JSON.stringify([down, up]);"""
    page.write_text(acting(to_html(fifty), script), encoding="utf-8")
    import json

    down, up = json.loads(title(run(chromium, page, "--dump-dom")))
    assert (down.pop(0), up.pop(0)) == ("descending", "ascending")
    assert len(down) == len(up) == 50
    # Undefined stands last in both directions.
    assert down[-1] == up[-1] == ""
    falling = [float(v) for v in down[:-1]]
    assert falling == sorted(falling, reverse=True)
    assert [float(v) for v in up[:-1]] == sorted(falling)


def test_searching(chromium: str, fifty: Analysis, tmp_path: Path) -> None:
    page = tmp_path / "search.html"
    script = """
      const input = document.querySelector("input[type=search]");
      input.value = "MODEL-1 instruct"; input.dispatchEvent(new Event("input"));
      document.title = document.querySelectorAll("table.board tbody tr:not([hidden])").length + " " + document.querySelector(".count").textContent;"""
    page.write_text(acting(to_html(fifty), script), encoding="utf-8")
    assert title(run(chromium, page, "--dump-dom")) == "10 10 of 50"


def test_no_sideways_scrolling_on_a_phone(chromium: str, hostile: Analysis, tmp_path: Path) -> None:
    # A browser window cannot be as narrow as a phone; a frame can.
    inner = html.escape(acting(to_html(hostile), ""))
    frame = (
        f'<!doctype html><title>x</title><body><iframe width="390" height="800" srcdoc="{inner}"></iframe>'
    )
    script = """<script>onload = () => { const f = document.querySelector("iframe"), d = f.contentDocument;
      document.title = f.contentWindow.innerWidth + " " + (d.documentElement.scrollWidth <= f.contentWindow.innerWidth); };</script>"""
    page = tmp_path / "phone.html"
    page.write_text(frame + script, encoding="utf-8")
    assert title(run(chromium, page, "--dump-dom")) == "390 true"


def test_dark_colours_reach_the_drawings(chromium: str, plain: Analysis, tmp_path: Path) -> None:
    script = """
      const dot = [...document.querySelectorAll('.picture svg [fill="#0072b2"]')][0];
      const of = () => getComputedStyle(dot).fill + getComputedStyle(document.body).backgroundColor;
      document.documentElement.dataset.theme = "light"; const light = of();
      document.getElementById("theme").click(); const dark = of();
      document.title = light + "|" + dark;"""
    page = tmp_path / "dark.html"
    page.write_text(acting(to_html(plain), script), encoding="utf-8")
    light, dark = title(run(chromium, page, "--dump-dom")).split("|")
    assert light == "rgb(0, 114, 178)rgb(255, 255, 255)"
    assert dark == "rgb(86, 180, 233)rgb(18, 22, 27)"


def test_something_is_seen(chromium: str, plain: Analysis, tmp_path: Path) -> None:
    page, shot = tmp_path / "r.html", tmp_path / "shot.png"
    page.write_text(to_html(plain), encoding="utf-8")
    run(chromium, page, "--window-size=1280,1600", f"--screenshot={shot}")
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert shot.stat().st_size > 50_000
