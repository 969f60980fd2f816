"""What is in the repository names no machine and no place it was made at."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in pieces, so that this file passes its own test.
_FOLDERS = "|".join(["work", "root", "home", "tmp", "Users", "mnt", "opt"])
ABSOLUTE = re.compile(rf"(?<![\w.:/}})<>-])/(?:{_FOLDERS})/[\w.]")
REGISTRY = re.compile("|".join(["pypi" + r"\.org", "python" + "hosted"]))
HOME = re.compile(r"[A-Z]:\\" + r"Users\\")


def tracked() -> list[Path]:
    """Files git knows, and those it would add; without git every file that is no build product."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(ROOT).parts[:-1])
    ]


def faults(text: str) -> list[str]:
    """Lines that name a machine path or a package registry."""
    return [
        f"{number}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        if any(pattern.search(line) for pattern in (ABSOLUTE, REGISTRY, HOME))
    ]


def test_no_file_names_this_machine_or_a_registry() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # compressed logs: test_demo_logs.py reads them decompressed
        found += [f"{path.relative_to(ROOT)}:{fault}" for fault in faults(text)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "see /" + "work/main/x.py",
        "open('/" + "tmp/a')",
        "https://" + "pypi" + ".org/project",
        '"/' + 'root/x"',
    ],
)
def test_the_check_would_see_it(line: str) -> None:
    assert faults(line)


@pytest.mark.parametrize("line", ["shared/data/logs", "https://example.com/home/page", "a/b/tmp/c"])
def test_other_lines_pass(line: str) -> None:
    assert faults(line) == []
