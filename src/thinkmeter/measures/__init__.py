"""What is measured: declarations, and their evaluation on a table."""

from thinkmeter.measures._declare import KNOWN, POPULATIONS, Measure
from thinkmeter.measures._evaluate import MEASURES, Evaluation, PoolState, evaluate
from thinkmeter.measures._prepare import Prepared, prepare
from thinkmeter.measures._settings import AnalysisSettings

__all__ = [
    "KNOWN",
    "MEASURES",
    "POPULATIONS",
    "AnalysisSettings",
    "Evaluation",
    "Measure",
    "PoolState",
    "Prepared",
    "evaluate",
    "prepare",
]
