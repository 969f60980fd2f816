"""Fields of nested records by path, and chat messages as text: pure helpers shared by readers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from thinkmeter.errors import UsageError

__all__ = ["chat_text", "normalise", "parse_path", "pick", "scalar_text"]

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def parse_path(path: str) -> tuple[str | int, ...]:
    """Split ``"choices[0].message.content"`` into its steps.

    Raises
    ------
    UsageError
        If the text is no such path.

    Examples
    --------
    >>> parse_path("choices[0].message.content")
    ('choices', 0, 'message', 'content')
    """
    steps: list[str | int] = []
    end = 0
    for match in _STEP.finditer(path):
        if path[end : match.start()] not in {"", "."}:
            break
        steps.append(int(match[1]) if match[1] is not None else match[2])
        end = match.end()
    if not steps or end != len(path):
        raise UsageError(
            f"{path!r} is not a field path. Write names with dots and [i]: choices[0].message.content"
        )
    return tuple(steps)


def pick(record: Any, steps: tuple[str | int, ...]) -> Any:
    """Return what lies at the path, or None. A key that itself contains dots is found as well."""
    if isinstance(record, Mapping) and all(isinstance(s, str) for s in steps):
        whole = ".".join(str(s) for s in steps)
        if whole in record:
            return record[whole]
    for step in steps:
        if isinstance(step, int):
            if not isinstance(record, list) or step >= len(record):
                return None
            record = record[step]
        else:
            if not isinstance(record, Mapping) or step not in record:
                return None
            record = record[step]
    return record


def normalise(name: str) -> str:
    """Return a field name in lower_snake_case, keeping dots and ``[i]``.

    Examples
    --------
    >>> normalise("usage.completionTokens"), normalise("Finish Reason"), normalise("MODEL")
    ('usage.completion_tokens', 'finish_reason', 'model')
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9.\[\]]+", "_", name.lower()).strip("_")


def chat_text(messages: Any) -> str | None:
    """Return chat messages as readable text: one ``role: content`` paragraph per message.

    A single user message is its content alone. None when the value is no list of messages.

    Examples
    --------
    >>> chat_text([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}])
    'system: Be brief.\\n\\nuser: 2+2?'
    >>> chat_text([{"role": "user", "content": [{"type": "text", "text": "2+2?"}]}])
    '2+2?'
    """
    if not isinstance(messages, list) or not messages:
        return None
    parts: list[tuple[str, str]] = []
    for message in messages:
        if not isinstance(message, Mapping) or "content" not in message:
            return None
        parts.append((str(message.get("role", "")), _content_text(message["content"])))
    if len(parts) == 1 and parts[0][0] in {"user", ""}:
        return parts[0][1]
    return "\n\n".join(f"{role}: {text}" if role else text for role, text in parts)


def _content_text(content: Any) -> str:
    if isinstance(content, list):
        texts = [
            p.get("text", f"[{p.get('type', 'part')}]") if isinstance(p, Mapping) else str(p) for p in content
        ]
        return "\n".join(str(t) for t in texts)
    return "" if content is None else str(content)


def scalar_text(value: Any) -> str:
    """Return a value as text: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
