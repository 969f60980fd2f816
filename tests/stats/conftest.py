"""Fixtures of the statistics tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def untouched() -> Iterator[Callable[..., Any]]:
    """Watch arguments: arrays become read-only, and at the end everything must equal its first copy."""
    watched: list[tuple[Any, Any]] = []

    def watch(*things: Any) -> Any:
        for thing in things:
            for array in thing.values() if isinstance(thing, dict) else [thing]:
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)
            watched.append((thing, copy.deepcopy(thing)))
        return things if len(things) > 1 else things[0]

    yield watch
    for thing, before in watched:
        np.testing.assert_equal(thing, before)
