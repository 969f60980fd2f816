"""Real logs made once per test run, and small ones written by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[2] / "engines")]
from launch import inspect_logs, inspect_reference, once
from literal_logs import Writer


@pytest.fixture
def logs(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


@pytest.fixture(scope="session")
def engine_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of logs that Inspect wrote against the mock server, one sub-folder for each run."""
    base = tmp_path_factory.getbasetemp()
    return once((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "inspect-logs", inspect_logs)


@pytest.fixture(scope="session")
def engine_log(engine_logs: Path) -> Callable[[str], Path]:
    """The log of a run, by the run's name."""

    def find(run: str) -> Path:
        return next(
            path for path in sorted((engine_logs / run).iterdir()) if path.suffix in (".eval", ".json")
        )

    return find


@pytest.fixture(scope="session")
def real_logs(shared_data: Path) -> list[Path]:
    """Inspect logs among the real evaluation outputs beside the project."""
    return sorted(p for p in (shared_data / "logs").glob("inspect*/**/*.*") if p.suffix in (".eval", ".json"))


@pytest.fixture(scope="session")
def made_logs(engine_logs: Path) -> list[Path]:
    """Logs made here that Inspect reads as well (its reader of chunked samples is not out yet)."""
    found = (p for p in engine_logs.glob("*/*_*") if p.suffix in (".eval", ".json"))
    return sorted(path for path in found if path.parent.name != "chunked")


@pytest.fixture(scope="session")
def reference(
    request: pytest.FixtureRequest, made_logs: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What Inspect itself reads in the logs, by path; one child process for all of them."""
    try:
        real: list[Path] = request.getfixturevalue("real_logs")
    except pytest.skip.Exception:
        real = []
    return inspect_reference([*real, *made_logs], tmp_path_factory.mktemp("reference") / "reference.json")
