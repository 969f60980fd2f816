"""House sizes: a file has at most 400 lines, the statements of a function at most 60.

Parameters and docstring are not counted: the options of a command are declared in its parameters.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES = 400
FUNCTION_LINES = 60
FILES = sorted(
    path for folder in ("src", "tests", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)


def too_long(text: str) -> Iterator[str]:
    """What in a module is over the house sizes."""
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield f"file has {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if length > FUNCTION_LINES:
                yield f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_within_house_sizes(path: Path) -> None:
    assert list(too_long(path.read_text(encoding="utf-8"))) == []


def test_what_is_over_is_named() -> None:
    long = "def f():\n" + "    pass\n" * (FUNCTION_LINES + 1)
    assert list(too_long(long)) == ["f has 61 lines"]
    assert list(too_long(long.replace("\n", '\n    """One.\n\n    Two.\n    """\n', 1))) == ["f has 61 lines"]
    assert list(too_long("x = 1\n" * 401)) == ["file has 401 lines"]
