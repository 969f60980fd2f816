"""The package loads fast: numpy alone, scipy only when an interval is asked for."""

from __future__ import annotations

import subprocess
import sys


def test_import_loads_no_scipy_and_no_polars():
    code = (
        "import sys, thinkmeter.stats; print([m for m in ('scipy', 'polars', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
