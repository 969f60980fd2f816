"""Starting is cheap: heavy packages load where they are used, not with the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["polars", "numpy", "scipy", "jinja2", "vl_convert", "rich", "typer", "msgspec", "zstandard"]


def loaded_after(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    program = (
        f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}}, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import thinkmeter")
    assert "thinkmeter" in loaded
    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize("name", ["polars", "scipy", "jinja2", "vl_convert"])
def test_the_check_would_see_it(name: str) -> None:
    assert name in loaded_after(f"import {name}")


def test_the_command_line_starts_without_the_analysis() -> None:
    loaded = loaded_after("import thinkmeter.cli.main")
    assert loaded & {"polars", "scipy", "jinja2", "vl_convert"} == set()
