"""Makes the demo logs: serves each model, runs the Inspect task and the lm-eval task against it, checks the logs.

``python make.py --weights FOLDER --server PYTHON --out FOLDER [--only NAME]``, with a Python that has inspect-ai and
lm-eval; the server runs in its own environment (PYTHON has xllamacpp). Everything runs in a scratch folder with
relative paths, because engines write the paths they were given into their logs.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from check import leaks, this_machine
from items import STYLES, items

HERE = Path(__file__).parent
MAX_TOKENS = 128
# A cap that cuts off about half of the worked traces: the same answers, but a shorter budget.
TIGHT_TOKENS = 48
# Name of the model in the logs -> its weights and their sha256.
MODELS = {
    "SmolLM2-135M-Instruct-Q4_1": (
        "smollm2-135m-instruct-q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M": (
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
}
# The model that also answers twice at a temperature, for the measures that need several attempts at one item, and
# once under the tight cap.
VARIED = "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M"


@contextlib.contextmanager
def served(python: str, weights: Path, alias: str) -> Iterator[str]:
    """Base URL of a server that lives as long as the block."""
    command = [python, str(HERE / "serve.py"), str(weights), alias]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url.startswith("http://127.0.0.1:"):
                raise SystemExit(f"no server for {alias}: it said {url!r}")
            yield url
        finally:
            process.communicate()  # closing its standard input ends it


def run_inspect(
    url: str,
    model: str,
    style: str,
    scratch: Path,
    *,
    epochs: int = 1,
    temperature: float = 0.0,
    cap: int = MAX_TOKENS,
) -> None:
    """One Inspect log in scratch/inspect."""
    arguments = f"eval task.py --model openai-api/local/{model} -T prompt_style={style} -T temperature={temperature}".split()
    arguments += f"--max-tokens {cap} --epochs {epochs} --max-connections 1".split()
    arguments += ["--log-dir", "inspect", "--no-log-realtime", "--no-log-model-api", "--display", "none"]
    environment = os.environ | {"LOCAL_BASE_URL": url, "LOCAL_API_KEY": "none"}
    subprocess.run(
        [sys.executable, "-m", "inspect_ai._cli.main", *arguments], cwd=scratch, env=environment, check=True
    )


def run_lm_eval(url: str, model: str, scratch: Path) -> None:
    """One lm-eval results file and one sample file in scratch/lm_eval."""
    rows = [
        item | {"workload": item["steps"], "workload_name": "steps"}
        for item in items()
        if item["kind"] == "tracking"
    ]
    data = scratch / "room_tracking.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = ["--model", "local-chat-completions", "--tasks", "room_tracking", "--log_samples"]
    arguments += ["--model_args", f"model={model},base_url={url}/chat/completions,num_concurrent=1"]
    arguments += ["--include_path", "lm_eval_task", "--apply_chat_template", "--output_path", "lm_eval"]
    offline = {"OPENAI_API_KEY": "none", "HF_HUB_OFFLINE": "1", "HF_HOME": str(scratch / "cache")}
    subprocess.run(
        [sys.executable, "-m", "lm_eval", *arguments], cwd=scratch, env=os.environ | offline, check=True
    )


def main() -> None:
    """Run everything, then refuse logs that name this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--server", required=True, help="Python interpreter that has xllamacpp")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=["inspect", "lm_eval"], help="run one of the two engines")
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    for name in ("task.py", "items.py"):
        shutil.copy(HERE / name, scratch)
    shutil.copytree(HERE / "lm_eval_task", scratch / "lm_eval_task")
    for model, (file, digest) in MODELS.items():
        weights = options.weights / file
        with weights.open("rb") as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != digest:
                raise SystemExit(f"{weights} is not the file the logs are made with (sha256 differs)")
        with served(options.server, weights, model) as url:
            if options.only != "lm_eval":
                for style in STYLES:
                    run_inspect(url, model, style, scratch)
                if model == VARIED:
                    run_inspect(url, model, "examples", scratch, epochs=2, temperature=0.7)
                    run_inspect(url, model, "examples", scratch, cap=TIGHT_TOKENS)
            if options.only != "inspect":
                run_lm_eval(url, model, scratch)
    made = [folder for folder in ("inspect", "lm_eval") if (scratch / folder).is_dir()]
    for folder in made:
        shutil.copytree(scratch / folder, options.out / folder, dirs_exist_ok=True)
    found = [line for folder in made for line in leaks(options.out / folder, [*this_machine(), str(scratch)])]
    print("\n".join(found) or "the logs name nothing of this machine")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
