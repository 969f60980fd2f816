"""Run Inspect on the mock server and leave its logs in a folder: ``python inspect_runs.py <server url> <folder>``.

Run as a program of its own, so that what Inspect does at import (logging, warnings, patches of zipfile) stays out of
the tests. Each run leaves one log, named after the run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

QUESTIONS = {
    "plain": ("What is 2+2?", {"workload": 1, "workload_name": "additions", "level": "easy"}),
    "think": ("[think 20] What is 2+2?", {"workload": 2, "workload_name": "additions", "level": "hard"}),
    "long": ("[think 200] What is 2+2?", {"workload": 3, "workload_name": "additions", "level": "hard"}),
    "wrong": ("[wrong] What is 2+2?", {"level": "easy", "tags": ["a", "b"]}),
    "closed": ("[closed] What is 2+2?", {}),
    "unclosed": ("[unclosed] What is 2+2?", {}),
    "bare": ("[bare] What is 2+2?", {}),
    "no-usage": ("[no-usage] What is 2+2?", {}),
    "apart": ("[apart] [think 30] What is 2+2?", {}),
    "cached": ("[cached 2] What is 2+2?", {}),
    "filtered": ("[filtered] What is 2+2?", {}),
}
ERRORS = {"good": "What is 2+2?", "bad": "[status 400] What is 2+2?", "broken": "[status 500] What is 2+2?"}


def main(url: str, folder: Path) -> None:
    """Make all logs."""
    os.environ |= {
        "MOCK_BASE_URL": url,
        "MOCK_API_KEY": "none",
        "INSPECT_CACHE_DIR": str(folder / "cache"),
        "INSPECT_DISPLAY": "none",
        "INSPECT_LOG_LEVEL": "error",
    }
    from inspect_ai import Epochs, Task, eval_set
    from inspect_ai import eval as run_eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import (
        ChatMessageSystem,
        ChatMessageUser,
        GenerateConfig,
        ModelOutput,
        ModelUsage,
        get_model,
    )
    from inspect_ai.scorer import Score, accuracy, answer, mean, model_graded_qa, scorer
    from inspect_ai.solver import generate, system_message, use_tools
    from inspect_ai.tool import tool

    @tool
    def add() -> Any:
        async def execute(x: int, y: int) -> str:
            """Add two numbers.

            Args:
                x: One number.
                y: The other.
            """
            return str(x + y)

        return execute

    @scorer(metrics={"length": [mean()], "tone": [mean()]})
    def style() -> Any:
        async def score(state: Any, target: Any) -> Score:
            return Score(value={"length": 0.25, "tone": 1})

        return score

    @scorer(metrics=[accuracy()])
    def undecided() -> Any:
        async def score(state: Any, target: Any) -> Score:
            return Score.unscored(reason="grader_failed") if state.epoch == 1 else Score(value=True)

        return score

    def samples(names: Any = QUESTIONS) -> list[Sample]:
        return [
            Sample(id=name, input=QUESTIONS[name][0], target="4", metadata=QUESTIONS[name][1])
            for name in names
        ]

    def run(name: str, task: Task, *, model: Any = "openai-api/mock/mock", **options: Any) -> None:
        defaults = {"log_dir": str(folder / name), "display": "none", "max_retries": 0, "log_format": "eval"}
        run_eval(task, model=model, **(defaults | options))

    plain = [system_message("Be concise."), generate()]
    run(
        "mixed",
        Task(samples(), name="mixed", solver=plain, scorer=answer("line"), epochs=2),
        max_tokens=100,
        reasoning_effort="high",
    )
    run(
        "json",
        Task(samples(), name="mixed", solver=plain, scorer=answer("line")),
        max_tokens=50,
        log_format="json",
    )
    errors = [Sample(id=name, input=text, target="4") for name, text in ERRORS.items()]
    run("errors", Task(errors, name="errors", scorer=answer("line")), fail_on_error=False, max_tokens=100)
    graded = [model_graded_qa(model="openai-api/mock/mock"), answer("line"), style()]
    run("graded", Task(samples(["think", "wrong"]), name="graded", scorer=graded))
    limited = Task(samples(["plain", "think", "long"]), name="limited", scorer=answer("line"))
    run("token-limit", limited, token_limit=15)
    run("output-limit", limited, token_limit="output:15")
    run("message-limit", Task(samples(["plain"]), name="limited", scorer=answer("line"), message_limit=1))
    tools = Task(
        [Sample(id="sum", input="[tool] What is 2+2?", target="4")],
        name="tools",
        solver=[use_tools(add()), generate()],
        scorer=answer("line"),
    )
    run("tools", tools)
    run("unscored", Task(samples(["plain"]), name="unscored", scorer=undecided(), epochs=Epochs(2)))
    run(
        "unscored-json",
        Task(samples(["plain"]), name="unscored", scorer=undecided(), epochs=2),
        log_format="json",
    )
    for turn in ("cache-write", "cache-read"):
        run(turn, Task(samples(["think"]), name="cache", scorer=answer("line")), cache=True)
    chat = [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="What is 2+2?")]
    run("chat", Task([Sample(id=7, input=chat, target=["4", "four"])], name="chat", scorer=answer("line")))
    # Trap 9: without usage, mockllm counts with tiktoken, which fetches its vocabulary from the network.
    output = ModelOutput.from_content("mockllm/model", "ANSWER: 4")
    output.usage = ModelUsage(input_tokens=3, output_tokens=2, total_tokens=5)
    model = get_model("mockllm/model", custom_outputs=[output])
    run("mockllm", Task(samples(["plain"]), name="mockllm", scorer=answer("line")), model=model)
    sweep = [
        get_model("openai-api/mock/mock", config=GenerateConfig(max_tokens=cap), memoize=False)
        for cap in (16, 64)
    ]
    eval_set(
        Task(samples(["plain", "think"]), name="sweep", scorer=answer("line")),
        model=sweep,
        log_dir=str(folder / "sweep"),
        display="none",
    )
    chunks = folder / "chunked"
    from inspect_ai.log._recorders.chunked import convert_eval_logs_to_chunked

    convert_eval_logs_to_chunked(str(next((folder / "mixed").glob("*.eval"))), output_dir=str(chunks))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
