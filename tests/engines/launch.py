"""Run real engines against the mock server, in child processes without a way to the network.

Tests reach it by putting this folder on ``sys.path`` in their conftest, as ``tests/readers/inspect/conftest.py`` does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mock_server import mock_server

__all__ = ["inspect_logs", "inspect_reference", "once", "run_lm_eval"]

HERE = Path(__file__).parent
# Nothing may be fetched: what an engine does not find in its folder is an error at once, not a hanging test.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "NO_PROXY": "*"}


def inspect_logs(folder: Path) -> Path:
    """Make the logs of ``inspect_runs.py`` in the folder, one sub-folder for each run, and return the folder."""
    with mock_server() as server:
        variables = {
            "MOCK_BASE_URL": server.url,
            "MOCK_API_KEY": "none",
            "INSPECT_CACHE_DIR": str(folder / "cache"),
            "INSPECT_DISPLAY": "none",
            "INSPECT_LOG_LEVEL": "error",
        }
        _run([str(HERE / "inspect_runs.py"), str(folder)], folder, variables)
    return folder


def inspect_reference(logs: list[Path], output: Path) -> dict[str, Any]:
    """Return what Inspect itself reads in the logs, by path; see ``inspect_reference.py``."""
    _run([str(HERE / "inspect_reference.py"), str(output), *map(str, logs)], output.parent)
    return json.loads(output.read_text(encoding="utf-8"))


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder once for all workers of a parallel test run: the first makes it, the others wait."""
    done = folder.with_suffix(".done")
    try:
        folder.with_suffix(".lock").mkdir(parents=True)
    except FileExistsError:
        for _ in range(1200):
            if done.exists():
                failure = done.read_text(encoding="utf-8")
                if failure:
                    raise RuntimeError(failure) from None
                return folder
            time.sleep(0.1)
        raise TimeoutError(f"{folder} was not made within two minutes") from None
    try:
        make(folder)
        done.write_text("", encoding="utf-8")
    except Exception as error:
        done.write_text(str(error), encoding="utf-8")
        raise
    return folder


def run_lm_eval(tasks: Path, task: str, output: Path, *arguments: str) -> Path:
    """Run lm-evaluation-harness on a task of the folder `tasks`, chat completions, samples logged; return `output`.

    Further command line arguments (``--limit``, ``--gen_kwargs``) follow as they are. What the server answers is
    written in the questions, see ``mock_server``.
    """
    with mock_server() as server:
        model = f"model=mock,base_url={server.url}/chat/completions,num_concurrent=4,max_retries=1,tokenized_requests=False"
        command = [
            "-m",
            "lm_eval",
            "--model",
            "local-chat-completions",
            "--model_args",
            model,
            "--apply_chat_template",
        ]
        command += [
            "--include_path",
            str(tasks),
            "--tasks",
            task,
            "--log_samples",
            "--output_path",
            str(output),
        ]
        _run([*command, *arguments], output)
    return output


def _run(command: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | OFFLINE | {"OPENAI_API_KEY": "none"} | (variables or {})
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} ended with {done.returncode}:\n{done.stderr[-4000:]}")
