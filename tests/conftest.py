"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(os.environ.get("THINKMETER_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real evaluation outputs that lies beside the project, where there is one."""
    folder = _SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no real evaluation outputs at {folder}; set THINKMETER_SHARED to their folder")
    return folder
