"""From numbers to statements: gaps, profiles, rankings, comparisons."""

from thinkmeter.findings._compare import Comparison, compare, compare_tables
from thinkmeter.findings._gate import Gate, GateResult
from thinkmeter.findings._types import Analysis, DisclosureItem, Finding
from thinkmeter.findings.analysis import analyse
from thinkmeter.measures.solver_scale import SolverWorkload, solver_workload

__all__ = [
    "Analysis",
    "Comparison",
    "DisclosureItem",
    "Finding",
    "Gate",
    "GateResult",
    "SolverWorkload",
    "analyse",
    "compare",
    "compare_tables",
    "solver_workload",
]
