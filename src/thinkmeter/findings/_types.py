"""What an analysis hands over: frames keyed by pool and group, and findings in words."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import polars as pl

from thinkmeter.errors import Problem
from thinkmeter.measures._settings import AnalysisSettings
from thinkmeter.table import Source

__all__ = ["Analysis", "DisclosureItem", "Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim with the numbers it rests on.

    Attributes
    ----------
    kind : str
        ``"profile"``, ``"ranking"``, ``"gap"``, ``"sweep"``, ``"data"`` ...
    claim : str
        One or two sentences, numbers included.
    pool, group : str
        What it is about; group is empty when it concerns the whole pool.
    estimate, low, high : float
        The main number and its interval; NaN when the claim has none.
    n_items : int
        Items it rests on.
    assumptions, caveats : tuple of str
    """

    kind: str
    claim: str
    pool: str = ""
    group: str = ""
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n_items: int = 0
    assumptions: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DisclosureItem:
    """One line of the disclosure checklist: what a reader must know to trust the numbers.

    Attributes
    ----------
    name : str
        What should be stated, such as ``"token limits"``.
    status : str
        ``"stated"``, ``"partly"`` or ``"missing"``.
    value : str
        What the inputs say.
    detail : str
        What is missing, and what to do about it; empty when nothing is.
    """

    name: str
    status: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Every number of one analysis. All frames share the keys ``pool`` and ``group``.

    Attributes
    ----------
    settings : AnalysisSettings
    groups : polars.DataFrame
        pool, group, benchmark, model, setting, token_limit, n_attempts, n_items, aggregate.
    estimates : polars.DataFrame
        pool, group, measure, value, low, high, level, method, n_items, n_attempts, reason. Value and bounds are
        null where undefined, and reason says why.
    exclusions : polars.DataFrame
        pool, group, population, reason, attempts: what was left out of which measure.
    gaps : polars.DataFrame
        pool, group, reference, factor, log_contribution, low, high, share, share_low, share_high, n_items, reason.
    profiles : polars.DataFrame
        pool, group, reference, profile, largest_factor, probability, probabilities, loss, sentence, reason.
    ranks : polars.DataFrame
        pool, group, measure, value, rank, rank_low, rank_high.
    rank_agreement : polars.DataFrame
        pool, measure_a, measure_b, spearman, spearman_low, spearman_high, kendall, kendall_low, kendall_high,
        n_groups, reason.
    sweeps : polars.DataFrame
        pool, model, what, settings, ratio, low, high, verdict, sentence.
    items : polars.DataFrame
        pool, group, item_id, workload, overhead, mean_tokens, score, attempts: for figures; rows only where
        something is known.
    disclosure : tuple of DisclosureItem
    findings : tuple of Finding
        Most important first.
    sources : tuple of Source
    problems : tuple of Problem
    """

    settings: AnalysisSettings
    groups: pl.DataFrame
    estimates: pl.DataFrame
    exclusions: pl.DataFrame
    gaps: pl.DataFrame
    profiles: pl.DataFrame
    ranks: pl.DataFrame
    rank_agreement: pl.DataFrame
    sweeps: pl.DataFrame
    items: pl.DataFrame
    disclosure: tuple[DisclosureItem, ...]
    findings: tuple[Finding, ...]
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return every frame by name."""
        return {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), pl.DataFrame)}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain lists and dictionaries, ready for JSON; undefined numbers are None."""
        out: dict[str, Any] = {"settings": self.settings.as_dict()}
        out.update({name: frame.to_dicts() for name, frame in self.frames().items()})
        for name in ("disclosure", "findings", "sources", "problems"):
            out[name] = [asdict(entry) for entry in getattr(self, name)]
        return {name: _plain(value) for name, value in out.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
