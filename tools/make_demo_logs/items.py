"""Forty small puzzles with a declared workload, their prompts in three styles, and their grader.

Two kinds: ``tracking`` (several persons move between rooms; where is one of them?) and ``arithmetic`` (a count
changes step by step; how many are left?). Workload is the number of steps the text states. All is drawn from a
fixed seed, so the same items come out every time. ``python items.py FILE`` writes them as JSON lines for lm-eval.
"""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

SEED = 20250721
STEPS = (1, 2, 3, 4, 6)
COPIES = 4
ROOMS = ("kitchen", "garage", "office", "hallway", "garden", "cellar", "bedroom", "attic")
PEOPLE = ("Clara", "Ben", "Anna", "Omar", "Lena", "Tom", "Ines", "Paul")
THINGS = ("apples", "stamps", "coins", "marbles", "shells", "pencils")
STYLES = ("direct", "steps", "examples")

_ASK = {
    "direct": "{question}\n\nGive only the answer, on one line of the form 'Answer: X'.",
    "steps": "Explain in full sentences, one step at a time, what each step changes and why. Only then write the last line, "
    "of the form 'Answer: X'.\n\n{question}\n\nLet us begin with what is given.",
    "examples": "{question}\n\nThink step by step. Then finish with one line of the form 'Answer: X'.",
}

# Worked examples by kind: question and the trace a solver should write.
_EXAMPLES = {
    "tracking": [
        (
            "Nora starts in the attic.\n1. Nora moves to the garden.\n2. Nora moves to the cellar.\nWhere is Nora now?",
            (
                "Start: Nora is in the attic.\nAfter step 1: Nora is in the garden.\nAfter step 2: Nora is in the cellar.\n"
                "Answer: cellar"
            ),
        ),
        (
            (
                "Hugo starts in the cellar. Mila starts in the bedroom.\n1. Mila moves to the kitchen.\n"
                "2. Hugo moves to the hallway.\n3. Mila moves to the office.\nWhere is Hugo now?"
            ),
            (
                "Start: Hugo is in the cellar.\nAfter step 1: Hugo is in the cellar.\nAfter step 2: Hugo is in the hallway.\n"
                "After step 3: Hugo is in the hallway.\nAnswer: hallway"
            ),
        ),
    ],
    "arithmetic": [
        (
            "Nora has 7 beads.\n1. Nora finds 6 more.\n2. Nora gives away 4.\nHow many beads does Nora have now?",
            "Start: 7\nStep 1: 7 + 6 = 13\nStep 2: 13 - 4 = 9\nAnswer: 9",
        ),
        (
            (
                "Hugo has 5 cards.\n1. Hugo doubles the number of cards.\n2. Hugo gives away 3.\n"
                "3. Hugo finds 8 more.\nHow many cards does Hugo have now?"
            ),
            "Start: 5\nStep 1: 5 * 2 = 10\nStep 2: 10 - 3 = 7\nStep 3: 7 + 8 = 15\nAnswer: 15",
        ),
    ],
}


def _tracking(draw: random.Random, steps: int, copy: int) -> tuple[str, str]:
    target, other = draw.sample(PEOPLE, 2)
    if copy == 1:  # one person alone
        at = draw.choice(ROOMS)
        lines = [f"{target} starts in the {at}."]
        for number in range(1, steps + 1):
            at = draw.choice([room for room in ROOMS if room != at])
            lines.append(f"{number}. {target} moves to the {at}.")
        return "\n".join([*lines, f"Where is {target} now?"]), at
    at = dict(zip((target, other), draw.sample(ROOMS, 2), strict=True))
    lines = [f"{target} starts in the {at[target]}. {other} starts in the {at[other]}."]
    # The other person moves last in two of three items: "the last room named" must not be a good guess.
    movers = [draw.choice((target, other)) for _ in range(steps)]
    movers[-1] = draw.choice((target, other, other))
    for number, mover in enumerate(movers, 1):
        at[mover] = draw.choice([room for room in ROOMS if room != at[mover]])
        lines.append(f"{number}. {mover} moves to the {at[mover]}.")
    lines.append(f"Where is {target} now?")
    return "\n".join(lines), at[target]


def _arithmetic(draw: random.Random, steps: int, copy: int) -> tuple[str, str]:
    who, thing = draw.choice(PEOPLE), draw.choice(THINGS)
    count = draw.randint(3, 9)
    lines = [f"{who} has {count} {thing}."]
    for number in range(1, steps + 1):
        kind = draw.choice(("more", "fewer", "double") if count < 12 else ("more", "fewer"))
        amount = draw.randint(1, min(6, count))
        if kind == "double":
            count *= 2
            lines.append(f"{number}. {who} doubles the number of {thing}.")
        elif kind == "more":
            count += amount
            lines.append(f"{number}. {who} finds {amount} more.")
        else:
            count -= amount
            lines.append(f"{number}. {who} gives away {amount}.")
    lines.append(f"How many {thing} does {who} have now?")
    return "\n".join(lines), str(count)


def items() -> list[dict[str, object]]:
    """All items: id, kind, steps (the workload), question, target."""
    draw = random.Random(SEED)
    out: list[dict[str, object]] = []
    for kind, make in (("tracking", _tracking), ("arithmetic", _arithmetic)):
        for steps in STEPS:
            for copy in range(1, COPIES + 1):
                question, target = make(draw, steps, copy)
                name = f"{kind}-{steps}-{copy}"
                out.append({"id": name, "kind": kind, "steps": steps, "question": question, "target": target})
    return out


def messages(item: dict[str, object], style: str) -> list[dict[str, str]]:
    """Chat messages that put the item in one of the styles."""
    ask = _ASK[style]
    turns: list[dict[str, str]] = []
    if style == "examples":
        for question, trace in _EXAMPLES[str(item["kind"])]:
            turns.append({"role": "user", "content": ask.format(question=question)})
            turns.append({"role": "assistant", "content": trace})
    turns.append({"role": "user", "content": ask.format(question=item["question"])})
    return turns


def answer(text: str, kind: str) -> str | None:
    """What the text answers: the first room or number after the last ``Answer:``; with no such mark the last one."""
    pattern = rf"\b({'|'.join(ROOMS)})\b" if kind == "tracking" else r"-?\d+"
    before, mark, after = text.lower().rpartition("answer:")
    found = re.findall(pattern, after)
    if not found:
        return None
    return str(found[0] if mark or before else found[-1])


def main() -> None:
    """Write the items, and the share of tracking items that naming the last room gets right."""
    rows = items()
    Path(sys.argv[1]).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tracking = [row for row in rows if row["kind"] == "tracking"]
    guessed = sum(answer(str(row["question"]), "tracking") == row["target"] for row in tracking)
    print(f"{len(rows)} items; naming the last room is right on {guessed} of {len(tracking)} tracking items")


if __name__ == "__main__":
    main()
