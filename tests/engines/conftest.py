"""The modules of this folder import each other by name, also where they are collected for their examples."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

# Programs that import an engine; they run in child processes only.
collect_ignore = ["inspect_reference.py", "inspect_runs.py"]
