"""The puzzles as one Inspect AI task; the prompt style is a task argument, so it names the setting in the logs."""

from __future__ import annotations

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser
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
def step_puzzles(prompt_style: str = "steps") -> Task:
    """Forty puzzles of one to six stated steps."""
    samples = [
        Sample(
            id=str(item["id"]),
            input=[_MESSAGE[turn["role"]](content=turn["content"]) for turn in messages(item, prompt_style)],
            target=str(item["target"]),
            metadata={
                "kind": item["kind"],
                "workload": item["steps"],
                "workload_name": "steps",
                "setting.prompt_style": prompt_style,
            },
        )
        for item in items()
    ]
    return Task(dataset=MemoryDataset(samples, name="step_puzzles"), solver=attempt(), scorer=same_answer())
