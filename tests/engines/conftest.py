"""The modules of this folder import each other by name, also where they are collected for their examples."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
