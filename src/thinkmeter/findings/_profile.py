"""What limits each group: the factor with the largest loss against the reference, and how sure that is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import polars as pl

from thinkmeter.findings._factors import FACTOR_LABELS
from thinkmeter.findings._gap import GEOMETRIC_MEAN, GroupGap, PoolGaps
from thinkmeter.findings._types import Finding
from thinkmeter.findings._words import integer, joined, number, percent, times
from thinkmeter.measures._evaluate import AGGREGATE_REASON, PoolState

__all__ = [
    "MIN_LEAD",
    "MIN_LOSS",
    "MIN_PROBABILITY",
    "NEAR_ACCURACY",
    "PROFILES_SCHEMA",
    "PROFILE_OF",
    "opposite_findings",
    "pool_profiles",
    "profile_findings",
]

MIN_LOSS: Final = 0.05
"""A factor's loss against the reference counts from here (in logs: about 5 %)."""

MIN_PROBABILITY: Final = 0.6
"""A profile is named when its factor is the largest loss in at least this share of the bootstrap replicates."""

MIN_LEAD: Final = 0.05
"""Without replicates (aggregates): the largest loss must exceed the second by this much, in logs."""

MIN_TOLD: Final = 0.01
"""A factor that differs from the reference's by less than this, in logs, is left out of the sentence."""

NEAR_ACCURACY: Final = 0.06
"""Two groups whose accuracies differ by no more than this are near-equal in accuracy."""

_MOST_PAIRS: Final = 3
_MOST_PROFILES: Final = 5

PROFILE_OF: Final = {
    "completion": "context-limited",
    "conditional_correctness": "logic-limited",
    "output_tokens": "verbosity-limited",
    "overhead": "verbosity-limited",
    "coupling": "coupling-limited",
}

PROFILES_SCHEMA: Final[dict[str, pl.DataType]] = {
    "pool": pl.String(),
    "group": pl.String(),
    "reference": pl.String(),
    "profile": pl.String(),
    "largest_factor": pl.String(),
    "probability": pl.Float64(),
    "probabilities": pl.String(),
    "loss": pl.Float64(),
    "sentence": pl.String(),
    "reason": pl.String(),
}


@dataclass(frozen=True, slots=True)
class _Largest:
    factor: str
    loss: float
    lead: float
    probabilities: dict[str, float]


def pool_profiles(state: PoolState, gaps: PoolGaps) -> pl.DataFrame:
    """Name every group's profile, with its probability and one sentence of numbers.

    Returns
    -------
    polars.DataFrame
        Per `PROFILES_SCHEMA`. ``loss`` is the log contribution of the largest loss, turned positive;
        ``probabilities`` is a JSON object, factor -> share of replicates in which it is the largest loss.
    """
    why_none = dict(gaps.frame.filter(pl.col("factor") == "total").select("group", "reason").rows())
    rows = []
    for name in state.groups:
        row: dict[str, Any] = {"pool": state.pool, "group": name, "reference": gaps.reference or None}
        if name == gaps.reference:
            row |= {
                "profile": "reference",
                "sentence": f"{name} is the reference.",
                "reason": gaps.reason or None,
            }
        elif name not in gaps.groups:
            row |= _undefined(name, why_none.get(name) or "no gap could be computed")
        else:
            row |= _profile(name, gaps.reference, gaps.groups[name])
        rows.append(row)
    return pl.DataFrame(rows, schema=PROFILES_SCHEMA)


def _undefined(name: str, reason: str) -> dict[str, Any]:
    return {"profile": "undefined", "sentence": f"{name} has no profile: {reason}.", "reason": reason}


def _largest(gap: GroupGap) -> _Largest | str:
    candidates = [f for f in gap.factors if f not in {"total", "mean_workload"}]
    if not candidates:
        return "only accuracy is known: there are no factors to compare"
    values = np.array([gap.factors[f] for f in candidates])
    if not np.isfinite(values).all():
        zero = next(f for f, v in zip(candidates, values, strict=True) if not math.isfinite(v))
        return f"{FACTOR_LABELS[zero]} is 0 for the group or the reference"
    order = np.argsort(values)
    lead = float(values[order[1]] - values[order[0]]) if len(values) > 1 else math.inf
    probabilities: dict[str, float] = {}
    if all(f in gap.draws for f in candidates):
        drawn = np.stack([gap.draws[f] for f in candidates])
        drawn = drawn[:, np.isfinite(drawn).all(axis=0)]
        if drawn.shape[1]:
            counts = np.bincount(drawn.argmin(axis=0), minlength=len(candidates))
            shares = (counts / drawn.shape[1]).tolist()
            probabilities = dict(zip(candidates, shares, strict=True))
    return _Largest(candidates[order[0]], float(-values[order[0]]), lead, probabilities)


def _profile(name: str, reference: str, gap: GroupGap) -> dict[str, Any]:
    largest = _largest(gap)
    if isinstance(largest, str):
        return _undefined(name, largest)
    probability = largest.probabilities.get(largest.factor)
    row: dict[str, Any] = {
        "largest_factor": largest.factor,
        "loss": largest.loss,
        "probability": probability,
        "probabilities": json.dumps(largest.probabilities) if largest.probabilities else None,
        "reason": None if largest.probabilities else AGGREGATE_REASON,
    }
    label = FACTOR_LABELS[largest.factor]
    if largest.loss < MIN_LOSS:
        why = f"no factor loses {percent(MIN_LOSS)} or more against the reference"
        row |= {"profile": "balanced", "reason": why}
    elif probability is not None and probability < MIN_PROBABILITY:
        why = f"{label} is the largest loss in only {percent(probability)} of the replicates"
        row |= {"profile": "balanced", "reason": why}
    elif probability is None and largest.lead < MIN_LEAD:
        row |= {"profile": "balanced", "reason": "the two largest losses are about equal"}
    elif largest.factor == "accuracy":
        why = "accuracy is the largest loss; completion is unknown, so its cause cannot be told"
        row |= {"profile": "undefined", "reason": why}
    else:
        row["profile"] = PROFILE_OF[largest.factor]
    row["sentence"] = _sentence(name, reference, gap, row, largest)
    return row


def _sentence(name: str, reference: str, gap: GroupGap, row: Mapping[str, Any], largest: _Largest) -> str:
    profile = row["profile"]
    against = "the pool's geometric mean" if reference == GEOMETRIC_MEAN else reference
    if profile == "undefined":
        head = f"{name} has no profile ({row['reason']})"
    elif profile == "balanced":
        head = f"{name} is balanced ({row['reason']})"
    else:
        head = f"{name} is {profile}"
    order = [largest.factor, *(f for f in gap.factors if f not in {largest.factor, "total", "mean_workload"})]
    # A factor that hardly differs is no news; the largest loss is always told.
    told = [f for f in order if f == largest.factor or abs(gap.factors[f]) >= MIN_TOLD]
    phrases = [_phrase(factor, gap, against if at == 0 else "") for at, factor in enumerate(told)]
    text = f"{head}: it {phrases[0]}"
    text += "".join(f"; it {phrase}" for phrase in phrases[1:])
    if largest.probabilities and profile not in {"balanced", "undefined"}:
        sure = percent(largest.probabilities[largest.factor])
        text += f". In {sure} of the bootstrap replicates {FACTOR_LABELS[largest.factor]} cost it most"
    return text + "."


def _phrase(factor: str, gap: GroupGap, against: str) -> str:
    own, theirs = gap.numbers[factor]
    who = f" for {against}" if against else ""
    if factor == "completion":
        return f"finishes {percent(own)} of its attempts, against {percent(theirs)}{who}"
    if factor == "conditional_correctness":
        return f"is right in {percent(own)} of the attempts that finish, against {percent(theirs)}{who}"
    if factor == "accuracy":
        return f"is right in {percent(own)} of its attempts, against {percent(theirs)}{who}"
    if factor == "output_tokens":
        return f"spends {integer(own)} tokens per attempt, {times(own / theirs)} the {integer(theirs)}{who}"
    if factor == "overhead":
        return (
            f"spends {number(own)} tokens per unit of work, {times(own / theirs)} the {number(theirs)}{who}"
        )
    return f"has a coupling of {number(own)}, against {number(theirs)}{who}"


def profile_findings(state: PoolState, gaps: PoolGaps, profiles: pl.DataFrame) -> list[Finding]:
    """Return the most telling profiles of a pool, and how many groups have each."""
    named = profiles.filter(pl.col("profile").is_in([*PROFILE_OF.values()]))
    if named.is_empty():
        return []
    out = []
    counts = profiles.filter(pl.col("profile") != "reference")["profile"].value_counts(sort=True)
    parts = [f"{count} {'is' if count == 1 else 'are'} {profile}" for profile, count in counts.rows()]
    if len(parts) > 1 or named.height > _MOST_PROFILES:
        total = int(counts["count"].sum())
        claim = f"Of {total} groups compared with {gaps.reference}, {joined(parts)}."
        out.append(Finding("profile", claim, state.pool))
    caveats = (AGGREGATE_REASON,) if state.aggregate.any() else ()
    for row in named.sort("loss", descending=True).head(_MOST_PROFILES).iter_rows(named=True):
        finding = Finding(
            kind="profile",
            claim=row["sentence"],
            pool=state.pool,
            group=row["group"],
            estimate=row["loss"],
            n_items=gaps.groups[row["group"]].n_items,
            assumptions=("losses are compared in logs, on the items both attempted",),
            caveats=caveats,
        )
        out.append(finding)
    return out


def opposite_findings(
    state: PoolState, profiles: pl.DataFrame, models: Mapping[str, str | None]
) -> list[Finding]:
    """Find pairs of near-equal accuracy whose bottlenecks are opposite: one is cut off, the other is wrong.

    Pairs of one model (or of names that differ in their last part alone) come first, then the largest contrast;
    no group appears twice, and there are at most three pairs.
    """
    limits = dict(profiles.select("group", "profile").rows())
    at = {name: index for index, name in enumerate(state.groups)}
    accuracy = state.values["accuracy"]
    completion, correctness = state.values["completion"], state.values["conditional_correctness"]
    found = []
    for a, b in combinations(state.groups, 2):
        if {limits[a], limits[b]} != {"context-limited", "logic-limited"}:
            continue
        cut, wrong = (a, b) if limits[a] == "context-limited" else (b, a)
        i, j = at[cut], at[wrong]
        opposed = completion[i] < completion[j] and correctness[i] > correctness[j]
        if not opposed or not abs(accuracy[i] - accuracy[j]) <= NEAR_ACCURACY:
            continue
        with np.errstate(divide="ignore"):
            contrast = min(np.log(completion[j] / completion[i]), np.log(correctness[i] / correctness[j]))
        if contrast >= MIN_LOSS:
            found.append((not _kin(a, b, models), -float(contrast), i, j))
    out: list[Finding] = []
    used: set[int] = set()
    for _, _, i, j in sorted(found):
        if len(out) == _MOST_PAIRS or used & {i, j}:
            continue
        used |= {i, j}
        out.append(_pair(state, i, j))
    return out


def _pair(state: PoolState, i: int, j: int) -> Finding:
    cut, wrong = state.groups[i], state.groups[j]
    accuracy, completion = state.values["accuracy"], state.values["completion"]
    correctness = state.values["conditional_correctness"]
    claim = (
        f"{cut} and {wrong} have nearly the same accuracy ({percent(accuracy[i])} and {percent(accuracy[j])}) "
        f"and opposite bottlenecks: {cut} finishes only {percent(completion[i])} of its attempts but is right in "
        f"{percent(correctness[i])} of those; {wrong} finishes {percent(completion[j])} and is right in only "
        f"{percent(correctness[j])}."
    )
    aggregate = bool(state.aggregate[[i, j]].any())
    n_items = 0 if aggregate else int(min(state.sums.item_counts("n|SC")[[i, j]]))
    assumptions = (
        f"near-equal accuracy: a difference of at most {100 * NEAR_ACCURACY:.0f} points",
        f"a profile is named from a loss of {percent(MIN_LOSS)} against the reference",
    )
    difference = float(accuracy[i] - accuracy[j])
    caveats = (AGGREGATE_REASON,) if aggregate else ()
    return Finding(
        "opposite",
        claim,
        state.pool,
        cut,
        difference,
        n_items=n_items,
        assumptions=assumptions,
        caveats=caveats,
    )


def _kin(a: str, b: str, models: Mapping[str, str | None]) -> bool:
    if models.get(a) is not None and models.get(a) == models.get(b):
        return True
    head_a, _, tail_a = a.rpartition("-")
    head_b, _, tail_b = b.rpartition("-")
    return bool(head_a) and head_a == head_b and tail_a != tail_b
