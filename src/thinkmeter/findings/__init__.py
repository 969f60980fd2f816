"""From numbers to statements: gaps, profiles, rankings, comparisons."""

from thinkmeter.findings._types import Analysis, DisclosureItem, Finding
from thinkmeter.findings.analysis import analyse

__all__ = ["Analysis", "DisclosureItem", "Finding", "analyse"]
