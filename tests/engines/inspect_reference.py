"""Read logs with Inspect itself, as the reference: ``python inspect_reference.py <output.json> <log> ...``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from inspect_ai.analysis import samples_df
from inspect_ai.log import read_eval_log


def main(output: Path, logs: list[str]) -> None:
    """Write what ``read_eval_log`` and ``samples_df`` say of every log."""
    found: dict[str, Any] = {}
    for log in logs:
        whole = read_eval_log(log, resolve_attachments=True)
        frame = samples_df(log, quiet=True)
        found[log] = {
            "task": whole.eval.task,
            "model": whole.eval.model,
            "samples": [sample(one) for one in whole.samples or []],
            "frame": json.loads(frame.to_json(orient="records")),
        }
    output.write_text(json.dumps(found), encoding="utf-8")


def sample(one: Any) -> dict[str, Any]:
    """Say of one sample what our table has a column for, through Inspect's own objects."""
    message = one.output.choices[0].message if one.output.choices else None
    parts = message.content if message is not None and isinstance(message.content, list) else []
    thoughts = [part.reasoning for part in parts if part.type == "reasoning" and not part.redacted]
    return {
        "id": str(one.id),
        "epoch": one.epoch,
        "target": one.target,
        "output": one.output.completion if message is not None else None,
        "reasoning": "\n".join(thoughts) or None,
        "stop_reason": one.output.stop_reason if message is not None else None,
        "time": one.output.time,
        "usage": one.output.usage.model_dump() if one.output.usage else None,
        "model_usage": {name: usage.model_dump() for name, usage in one.model_usage.items()},
        "calls": sum(event.event == "model" for event in one.events),
        "cached": any(event.event == "model" and event.cache == "read" for event in one.events),
        "scores": {name: score.value for name, score in (one.scores or {}).items()},
        "answers": {name: score.answer for name, score in (one.scores or {}).items()},
        "limit": one.limit.type if one.limit else None,
        "error": one.error.message if one.error else None,
        "started_at": one.started_at,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
