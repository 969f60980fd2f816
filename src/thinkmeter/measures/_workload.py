"""Workload level: items with a declared, or a solver-derived, work size W above 0."""

from __future__ import annotations

import math
from typing import Final

from thinkmeter.measures._declare import Measure, ratio

__all__ = ["ELASTICITY", "WORKLOAD"]

_A = "Kaiser et al., arXiv 2602.09805 (named there; the formula is ours)"

WORKLOAD: Final[tuple[Measure, ...]] = (
    Measure(
        name="mean_workload",
        label="Mean workload",
        unit="workload units",
        needs=("T", "W"),
        terms=("n", "W"),
        value=lambda q: ratio(q["W"], q["n"]),
        better="neither",
        formula="mean(W)",
        meaning="Declared work per attempt, such as the number of steps an item requires.",
        misleads="Its unit is the benchmark's own: never compare it between benchmarks.",
        null_when="no attempt has both tokens and a declared workload",
        reference=_A,
    ),
    Measure(
        name="overhead",
        label="Verbalisation overhead",
        unit="tokens per workload unit",
        needs=("T", "W"),
        terms=("n", "VO"),
        value=lambda q: ratio(q["VO"], q["n"]),
        better="lower",
        formula="mean(VO), VO = T / W",
        meaning="Output tokens per unit of work, averaged over attempts.",
        misleads="Small items weigh as much as large ones, so a fixed cost per answer raises it. Overhead below "
        "the pool's is no virtue where the answers are wrong.",
        null_when="no attempt has both tokens and a declared workload",
        reference=_A,
    ),
    Measure(
        name="coupling",
        label="Coupling coefficient",
        unit="ratio",
        needs=("T", "W"),
        terms=("n", "T", "W", "VO"),
        value=lambda q: ratio(q["T"] * q["n"], q["VO"] * q["W"]),
        better="lower",
        formula="kappa = mean(VO W) / (mean(VO) mean(W)) = 1 + Cov(VO, W) / (mean(VO) mean(W))",
        meaning="Below 1: a fixed cost is spread over more work on large items. Above 1: each unit of work costs "
        "more tokens on large items. 1: proportional.",
        misleads="Without spread in W it is 1 by construction and says nothing.",
        null_when="no attempt has both tokens and a declared workload",
        reference=_A,
    ),
)
"""Tbar = mean_workload * overhead * coupling, exactly, on attempts with tokens and workload."""

ELASTICITY: Final = Measure(
    name="elasticity",
    label="Elasticity of tokens in workload",
    unit="exponent",
    needs=("T", "W"),
    terms=("n", "T", "W"),
    value=None,
    better="neither",
    bounds=(-math.inf, math.inf),
    formula="b in log(T) = a + b log(W), robust (Huber) regression over the items' mean tokens",
    meaning="1: tokens grow in proportion to work; below 1: slower; above 1: faster.",
    misleads="A single exponent is a summary; truncated attempts flatten it.",
    null_when="fewer than three items, or all of the same workload",
    reference="this program",
)
