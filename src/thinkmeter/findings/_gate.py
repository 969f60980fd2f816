"""A gate for continuous integration: does a measure change by more than is allowed, and is that shown?"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from thinkmeter.errors import UsageError
from thinkmeter.findings._compare import COMPARISON_SCHEMA, Comparison
from thinkmeter.findings._words import integer, percent
from thinkmeter.measures._evaluate import MEASURES

__all__ = ["Gate", "GateResult"]

_FORM: Final = re.compile(r"\s*([A-Za-z_][\w]*)\s*(<|>)\s*([+\-−]?\d+(?:\.\d+)?)\s*(%?)\s*")
_MOST_ITEMS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate says about one pool.

    Attributes
    ----------
    gate, pool : str
    verdict : str
        ``"fails"``: the whole interval of the change lies beyond the threshold; ``"passes"``: none of it does;
        ``"undecided"``: the interval contains the threshold, or there is none.
    failed : bool
        Whether the gate stops the build: it fails, or it is undecided and undecided counts as failed.
    change, low, high : float
        Change of b against a, relative or absolute as the gate asks; NaN where undefined.
    n_items : int
        Items it rests on.
    more_items : int or None
        About how many more items would decide, if the change stays what it is and new items are like these, so that
        the interval shrinks with the root of their number. 0 when decided, None when no number can be given.
    sentence : str
    """

    gate: str
    pool: str
    verdict: Literal["fails", "passes", "undecided"]
    failed: bool
    change: float
    low: float
    high: float
    n_items: int
    more_items: int | None
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary, ready for JSON; undefined numbers are None."""
        fields = asdict(self)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition under which a change is not acceptable.

    Attributes
    ----------
    measure : str
    relation : str
        ``"<"`` or ``">"``.
    threshold : float
        A share when relative (-0.05 for -5 %), else in the measure's unit.
    relative : bool
        Whether it is about the relative change b / a - 1, or about the difference b - a.
    undecided : str
        ``"pass"``: only a shown failure fails. ``"fail"``: whatever is not shown to be acceptable fails.

    Examples
    --------
    >>> gate = Gate.parse("token_efficiency < -5%")
    >>> gate.measure, gate.relation, gate.threshold, gate.relative
    ('token_efficiency', '<', -0.05, True)
    >>> str(Gate.parse("accuracy < -0.02"))
    'accuracy < -0.02'
    """

    measure: str
    relation: Literal["<", ">"]
    threshold: float
    relative: bool
    undecided: Literal["pass", "fail"] = "pass"

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise UsageError(f"unknown measure {self.measure!r}. Measures: {', '.join(MEASURES)}.")
        if self.undecided not in {"pass", "fail"}:
            raise UsageError(f"undecided: expected pass or fail, got {self.undecided!r}.")

    @classmethod
    def parse(cls, text: str, *, undecided: Literal["pass", "fail"] = "pass") -> Gate:
        """Read ``"<measure> < -5%"`` (relative change) or ``"<measure> > 200"`` (absolute change).

        Raises
        ------
        UsageError
            If the text has another form, or names an unknown measure.
        """
        match = _FORM.fullmatch(text)
        if not match:
            raise UsageError(
                f"cannot read gate {text!r}. Write a measure, < or >, and the change: 'token_efficiency < -5%' "
                "(relative) or 'mean_output_tokens > 200' (absolute)."
            )
        measure, relation, number, sign = match.groups()
        value = float(number.replace("−", "-"))
        return cls(
            measure, "<" if relation == "<" else ">", value / 100 if sign else value, bool(sign), undecided
        )

    def __str__(self) -> str:
        value = f"{100 * self.threshold:g}%" if self.relative else f"{self.threshold:g}"
        return f"{self.measure} {self.relation} {value}"

    def check(self, comparison: Comparison) -> tuple[GateResult, ...]:
        """Judge every pool of a comparison.

        Returns
        -------
        tuple of GateResult
            One per pool; the build fails when any has ``failed``.

        Raises
        ------
        UsageError
            If the comparison does not have the measure at all.
        """
        results = []
        for pool in comparison.measures["pool"].unique(maintain_order=True):
            rows = comparison.measures.filter(pool=pool, measure=self.measure).to_dicts()
            results.append(self._judge(pool, rows[0] if rows else dict.fromkeys(COMPARISON_SCHEMA)))
        return tuple(results)

    def _judge(self, pool: str, row: dict[str, Any]) -> GateResult:
        kind = "relative" if self.relative else "difference"
        change, low, high = (_number(row[f"{kind}{end}"]) for end in ("", "_low", "_high"))
        verdict = self._verdict(low, high)
        n_items = row["n_items"] or 0
        more = 0 if verdict != "undecided" else self._more_items(change, low, high, n_items)
        failed = verdict == "fails" or (verdict == "undecided" and self.undecided == "fail")
        known = (change, low, high)
        sentence = self._sentence(pool, verdict, known, n_items, more, row["reason"])
        return GateResult(str(self), pool, verdict, failed, *known, n_items, more, sentence)

    def _verdict(self, low: float, high: float) -> Literal["fails", "passes", "undecided"]:
        if not (math.isfinite(low) and math.isfinite(high)):
            return "undecided"
        beyond = high < self.threshold if self.relation == "<" else low > self.threshold
        within = low >= self.threshold if self.relation == "<" else high <= self.threshold
        return "fails" if beyond else "passes" if within else "undecided"

    def _more_items(self, change: float, low: float, high: float, n_items: int) -> int | None:
        ends = (change, low, high, self.threshold)
        if not all(math.isfinite(x) for x in ends):
            return None
        if self.relative:  # ratios are uncertain on the log scale
            if min(ends) <= -1:
                return None
            change, low, high, threshold = (math.log1p(x) for x in ends)
        else:
            threshold = self.threshold
        half = high - change if threshold > change else change - low
        distance = abs(threshold - change)
        if distance == 0:
            return None
        more = max(1, math.ceil(n_items * ((half / distance) ** 2 - 1) - 1e-9))  # less rounding
        return more if more <= _MOST_ITEMS else None

    def _sentence(
        self,
        pool: str,
        verdict: str,
        known: tuple[float, float, float],
        n_items: int,
        more: int | None,
        reason: str | None,
    ) -> str:
        change, low, high = (self._show(x) for x in known)
        text = f"{self} {verdict} in {pool}: "
        if math.isnan(known[1]):
            return f"{text}no interval ({reason or 'the measure is not known for both'})."
        text += f"change {change}, interval {low} to {high}, {integer(n_items)} items."
        if verdict != "undecided":
            return text
        if more is None:
            return f"{text} The change lies so near the threshold that no number of items is foreseeable."
        return f"{text} About {integer(more)} more items of this kind would decide, if the change stays what it is."

    def _show(self, value: float) -> str:
        sign = "+" if value > 0 else "−" if value < 0 else ""
        return sign + (percent(abs(value)) if self.relative else f"{abs(value):.4g}")


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
