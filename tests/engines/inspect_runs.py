"""Run Inspect on the mock server and leave its logs in a folder: ``python inspect_runs.py <folder>``.

Run as a program of its own by ``launch.inspect_logs``, which sets the address of the server, so that what Inspect does
at import (logging, warnings, patches of zipfile) stays out of the tests. Each run leaves its log in a sub-folder named
after the run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval_set
from inspect_ai import eval as run_eval
from inspect_ai.dataset import Sample
from inspect_ai.log._recorders.chunked import convert_eval_logs_to_chunked
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

MODEL = "openai-api/mock/mock"
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


def task(name: str, questions: Any = tuple(QUESTIONS), **options: Any) -> Task:
    """Return a task of some of the questions."""
    samples = [Sample(id=q, input=QUESTIONS[q][0], target="4", metadata=QUESTIONS[q][1]) for q in questions]
    return Task(samples, name=name, **({"scorer": answer("line")} | options))


def main(folder: Path) -> None:
    """Make all logs."""

    def run(name: str, what: Task, *, model: Any = MODEL, **options: Any) -> None:
        defaults = {"log_dir": str(folder / name), "display": "none", "max_retries": 0, "log_format": "eval"}
        run_eval(what, model=model, **(defaults | options))

    plain = [system_message("Be concise."), generate()]
    run("mixed", task("mixed", solver=plain, epochs=2), max_tokens=100, reasoning_effort="high")
    run("json", task("mixed", solver=plain), max_tokens=50, log_format="json")
    errors = [Sample(id=name, input=text, target="4") for name, text in ERRORS.items()]
    run("errors", Task(errors, name="errors", scorer=answer("line")), fail_on_error=False, max_tokens=100)
    graders = [model_graded_qa(model=MODEL), answer("line"), style()]
    run("graded", task("graded", ["think", "wrong"], scorer=graders))
    limited = task("limited", ["plain", "think", "long"])
    run("token-limit", limited, token_limit=15)
    run("output-limit", limited, token_limit="output:15")
    run("message-limit", task("limited", ["plain"], message_limit=1))
    sums = [Sample(id="sum", input="[tool] What is 2+2?", target="4")]
    run("tools", Task(sums, name="tools", solver=[use_tools(add()), generate()], scorer=answer("line")))
    run("unscored", task("unscored", ["plain"], scorer=undecided(), epochs=2))
    run("unscored-json", task("unscored", ["plain"], scorer=undecided(), epochs=2), log_format="json")
    for turn in ("cache-write", "cache-read"):
        run(turn, task("cache", ["think"]), cache=True)
    chat = [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="What is 2+2?")]
    run("chat", Task([Sample(id=7, input=chat, target=["4", "four"])], name="chat", scorer=answer("line")))
    run("mockllm", task("mockllm", ["plain"]), model=mockllm())
    sweep = [get_model(MODEL, config=GenerateConfig(max_tokens=cap), memoize=False) for cap in (16, 64)]
    eval_set(task("sweep", ["plain", "think"]), model=sweep, log_dir=str(folder / "sweep"), display="none")
    mixed = next((folder / "mixed").glob("*.eval"))
    convert_eval_logs_to_chunked(str(mixed), output_dir=str(folder / "chunked"))


def mockllm() -> Any:
    """Return Inspect's own mock with usage: without it, it fetches a tokenizer from the network (trap 9)."""
    output = ModelOutput.from_content("mockllm/model", "ANSWER: 4")
    output.usage = ModelUsage(input_tokens=3, output_tokens=2, total_tokens=5)
    return get_model("mockllm/model", custom_outputs=[output])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
