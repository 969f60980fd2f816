"""Small logs written by hand: a header, samples, events, in both containers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import thinkmeter
from thinkmeter.table import SampleTable

HEADER: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {
        "task": "t",
        "model": "p/m",
        "packages": {"inspect_ai": "0.3.285"},
        "created": "2026-01-01T00:00:00+00:00",
    },
    "plan": {"config": {}},
    "results": {"scores": [{"scorer": "match", "name": "match"}]},
    "stats": {},
}
USAGE = {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30}


def output(
    text: str = "4", stop: str = "stop", usage: Mapping[str, Any] | None = USAGE, **more: Any
) -> dict[str, Any]:
    """A model output."""
    choice = {"message": {"role": "assistant", "content": text}, "stop_reason": stop}
    return {"model": "m", "choices": [choice], "completion": text, "usage": usage, "time": 1.5, **more}


def model_event(result: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A model event of the evaluated model."""
    return {"event": "model", "model": "p/m", "config": {}, "output": result or output(), **more}


def sample(number: int = 1, **more: Any) -> dict[str, Any]:
    """A sample that one call answered."""
    base: dict[str, Any] = {"id": number, "epoch": 1, "input": "2 + 2?", "target": "4", "output": output()}
    base["scores"] = {"match": {"value": "C", "answer": "4"}}
    base["events"] = [model_event()]
    return base | more


@dataclass
class Writer:
    """Writes logs by hand into a folder, in both containers."""

    folder: Path

    def eval_log(self, *samples: Mapping[str, Any], name: str = "log.eval", **header: Any) -> Path:
        """An ``.eval`` archive."""
        path = self.folder / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("_journal/start.json", json.dumps(HEADER | header))
            for one in samples:
                archive.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
            archive.writestr("header.json", json.dumps(HEADER | header))
        return path

    def json_log(self, *samples: Mapping[str, Any], name: str = "log.json", **header: Any) -> Path:
        """A ``.json`` log."""
        path = self.folder / name
        path.write_text(json.dumps(HEADER | header | {"samples": list(samples)}, indent=2), encoding="utf-8")
        return path

    def read(self, *samples: Mapping[str, Any], **header: Any) -> SampleTable:
        """What comes of these samples."""
        return thinkmeter.read(self.eval_log(*samples, **header))
