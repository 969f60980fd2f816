"""thinkmeter measures where reasoning tokens go.

Everything public is here; parts load when first used, so that importing the package costs nothing.

Examples
--------
>>> import thinkmeter as tm
>>> import polars as pl
>>> rows = pl.DataFrame({
...     "benchmark": "demo", "model": ["a", "a", "b", "b"], "item_id": ["1", "2", "1", "2"],
...     "correct": [True, False, True, True], "stop_reason": ["finished", "output_limit", "finished", "finished"],
...     "output_tokens": [100, 400, 150, 250]})
>>> table = tm.SampleTable.from_dataframe(rows)
>>> len(table)
4
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from thinkmeter._version import __version__ as __version__

if TYPE_CHECKING:
    from thinkmeter.errors import InputError, Problem, ThinkmeterError, UsageError
    from thinkmeter.findings import (
        Analysis,
        Comparison,
        DisclosureItem,
        Finding,
        Gate,
        analyse,
        compare,
        solver_workload,
    )
    from thinkmeter.measures import AnalysisSettings
    from thinkmeter.readers import detect, read
    from thinkmeter.report import write_figures, write_html, write_latex, write_markdown
    from thinkmeter.table import SampleTable, Source, load, save

_HOME = {
    "Analysis": "findings",
    "AnalysisSettings": "measures",
    "Comparison": "findings",
    "DisclosureItem": "findings",
    "Finding": "findings",
    "Gate": "findings",
    "InputError": "errors",
    "Problem": "errors",
    "SampleTable": "table",
    "Source": "table",
    "ThinkmeterError": "errors",
    "UsageError": "errors",
    "analyse": "findings",
    "compare": "findings",
    "detect": "readers",
    "load": "table",
    "read": "readers",
    "save": "table",
    "solver_workload": "findings",
    "write_figures": "report",
    "write_html": "report",
    "write_latex": "report",
    "write_markdown": "report",
}

__all__ = [
    "Analysis",
    "AnalysisSettings",
    "Comparison",
    "DisclosureItem",
    "Finding",
    "Gate",
    "InputError",
    "Problem",
    "SampleTable",
    "Source",
    "ThinkmeterError",
    "UsageError",
    "analyse",
    "compare",
    "detect",
    "load",
    "read",
    "save",
    "solver_workload",
    "write_figures",
    "write_html",
    "write_latex",
    "write_markdown",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'thinkmeter' has no attribute {name!r}")
    return getattr(import_module(f"thinkmeter.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
