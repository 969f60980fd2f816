"""Run real engines against the mock server, in child processes without a way to the network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mock_server import mock_server

__all__ = ["inspect_logs", "run_lm_eval"]

HERE = Path(__file__).parent
# Nothing may be fetched: what an engine does not find in its folder is an error at once, not a hanging test.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "NO_PROXY": "*"}


def inspect_logs(folder: Path) -> Path:
    """Make the logs of ``inspect_runs.py`` in the folder, one sub-folder for each run, and return the folder."""
    with mock_server() as server:
        _run([str(HERE / "inspect_runs.py"), server.url, str(folder)], folder)
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


def _run(command: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | OFFLINE | {"OPENAI_API_KEY": "none"}
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} ended with {done.returncode}:\n{done.stderr[-4000:]}")
