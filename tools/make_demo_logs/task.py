"""The puzzles as one Inspect AI task.

What differs between runs is a task argument, and stands in each sample's metadata as ``setting.<name>``: so a log says
which setting it is of.
"""

from __future__ import annotations

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from items import answer, items, messages

_MESSAGE = {"user": ChatMessageUser, "assistant": ChatMessageAssistant}


@solver
def attempt() -> Solver:
    """One model call. The seed goes with the epoch: with one seed for all, every epoch would be the same text."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return await generate(state, seed=1000 + state.epoch)

    return solve


@scorer(metrics=[accuracy(), stderr()])
def same_answer() -> Scorer:
    """Right when the room or number answered is the target."""

    async def score(state: TaskState, target: Target) -> Score:
        given = answer(state.output.completion, str(state.metadata["kind"]))
        return Score(value=CORRECT if given == target.text else INCORRECT, answer=given)

    return score


@task
def step_puzzles(prompt_style: str = "steps", temperature: float = 0.0) -> Task:
    """Forty puzzles of one to six stated steps."""
    setting: dict[str, object] = {"setting.prompt_style": prompt_style}
    if temperature:
        setting["setting.temperature"] = temperature
    samples = [
        Sample(
            id=str(item["id"]),
            input=[_MESSAGE[turn["role"]](content=turn["content"]) for turn in messages(item, prompt_style)],
            target=str(item["target"]),
            metadata={
                "kind": item["kind"],
                "workload": item["steps"],
                "workload_name": "steps",
                **setting,
            },
        )
        for item in items()
    ]
    return Task(
        dataset=MemoryDataset(samples, name="step_puzzles"),
        solver=attempt(),
        scorer=same_answer(),
        config=GenerateConfig(temperature=temperature),
    )
