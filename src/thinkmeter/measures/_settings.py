"""Everything a user can set that changes a number. A report prints all of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from thinkmeter.errors import UsageError
from thinkmeter.table import COMPLETION_RULES, DEFAULT_COMPLETION_RULES

__all__ = ["AnalysisSettings"]

SCORINGS = ("budget", "as_graded")
SCORE_FIELDS = ("auto", "correct", "score")
METHODS = ("bca", "percentile")


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """Settings of one analysis.

    Attributes
    ----------
    by : tuple of str
        Columns that make a group; empty: benchmark, model, setting where any is set, and token_limit where the
        same item was attempted under several (a sweep).
    scoring : str
        ``"budget"``: a truncated attempt counts as not correct, so S := S * C and the identity is exact.
        ``"as_graded"``: the grader's verdict stays, and truncated but correct attempts are counted.
    score_field : str
        ``"auto"``: the binary verdict where there is one, else the score; ``"correct"`` or ``"score"``: that alone.
    completion_rules : tuple of str
        Rules that decide completion, in order; see `thinkmeter.table.COMPLETION_RULES`.
    reference : str
        ``"best"`` (highest token efficiency of the pool; highest accuracy where tokens are unknown),
        ``"geometric_mean"`` (of the pool), or the name of a group or model.
    replicates : int
        Bootstrap replicates.
    level : float
        Level of every interval, above 0 and below 1.
    method : str
        ``"bca"`` or ``"percentile"``.
    seed : int
        Seed of the bootstrap weights, 0 to 2**64 - 1.
    where : str
        Condition the rows were filtered by, for the record; empty when none.

    Examples
    --------
    >>> AnalysisSettings(level=0.9).level
    0.9
    """

    by: tuple[str, ...] = ()
    scoring: Literal["budget", "as_graded"] = "budget"
    score_field: Literal["auto", "correct", "score"] = "auto"
    completion_rules: tuple[str, ...] = field(default=DEFAULT_COMPLETION_RULES)
    reference: str = "best"
    replicates: int = 2000
    level: float = 0.95
    method: Literal["bca", "percentile"] = "bca"
    seed: int = 0
    where: str = ""

    def __post_init__(self) -> None:
        for name, allowed in (("scoring", SCORINGS), ("score_field", SCORE_FIELDS), ("method", METHODS)):
            if getattr(self, name) not in allowed:
                raise UsageError(
                    f"{name}: expected one of {', '.join(allowed)}, got {getattr(self, name)!r}."
                )
        for rule in self.completion_rules:
            if rule not in COMPLETION_RULES:
                raise UsageError(f"unknown completion rule {rule!r}. Rules: {', '.join(COMPLETION_RULES)}.")
        if not 0 < self.level < 1:
            raise UsageError(f"level: expected a number above 0 and below 1, got {self.level}.")
        if self.replicates < 100:
            raise UsageError(f"replicates: expected 100 or more, got {self.replicates}.")
        if not 0 <= self.seed < 2**64:
            raise UsageError(f"seed: expected 0 to 2**64 - 1, got {self.seed}.")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as a plain dictionary, ready for JSON."""
        return asdict(self)
