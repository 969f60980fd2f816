"""A small OpenAI-compatible server on 127.0.0.1 for engine tests: scripted answers, exact token counts, no network.

A token is a word (split on spaces), so every count can be checked by hand. What is answered is written in the last
user message, by markers:

========================  ===========================================================================
marker                    answer
========================  ===========================================================================
(none)                    ``ANSWER: 4``
``[think N]``             N words of ``reasoning_content``, then the answer; cut at ``max_tokens`` words
``[closed]``              ``<think>a b c</think>`` and the answer, all in the content
``[unclosed]``            ``<think>`` and words without end, finish reason ``length``
``[bare]``                ``a b c</think>`` and the answer: the opening tag was in the prompt template
``[wrong]``               ``ANSWER: 5``
``[tool]``                a call of the first tool offered; after its result the answer
``[no-usage]``            the answer without ``usage``
``[apart]``               usage as Grok reports it: completion tokens without the reasoning tokens
``[cached N]``            usage with N cached prompt tokens
``[filtered]``            finish reason ``content_filter``
``[status N]``            HTTP status N with an error body
========================  ===========================================================================

A prompt that asks for a grade (``GRADE:``) is answered ``GRADE: C`` after 7 words of thought. ``/v1/completions``
answers the same way for engines that send a plain prompt.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["MockServer", "mock_server"]

ANSWER = "ANSWER: 4"


class MockServer(ThreadingHTTPServer):
    """The server; ``url`` ends in ``/v1``, ``requests`` holds the bodies received."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def mock_server() -> Iterator[MockServer]:
    """Run the server in a thread for the time of the block."""
    server = MockServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MockServer

    def do_GET(self) -> None:  # the name the standard library calls
        self._send(200, {"object": "list", "data": [{"id": "mock", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        chat = "messages" in body
        self._send(*respond(body, chat=chat))

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


def respond(body: dict[str, Any], *, chat: bool = True) -> tuple[int, dict[str, Any]]:
    """Return status and body for a request."""
    messages = body["messages"] if chat else [{"role": "user", "content": _first(body["prompt"])}]
    prompt = _text(next(m for m in reversed(messages) if m["role"] == "user"))
    status = _number(prompt, "status")
    if status is not None:
        return status, {"error": {"message": f"scripted status {status}", "type": "scripted", "code": status}}
    thought, text, finish, calls = _script(prompt, body, messages)
    cap = body.get("max_tokens") or body.get("max_completion_tokens")
    if cap is not None and len(thought) + len(text) > cap:
        thought, text, finish = thought[:cap], text[: max(0, cap - len(thought))], "length"
    message: dict[str, Any] = {"role": "assistant", "content": " ".join(text)}
    if thought:
        message["reasoning_content"] = " ".join(thought)
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "finish_reason": finish, "logprobs": None}
    choice |= {"message": message} if chat else {"text": message["content"]}
    answer = {
        "id": "chatcmpl-mock",
        "object": "chat.completion" if chat else "text_completion",
        "created": 1_700_000_000,
        "model": body.get("model", "mock"),
        "choices": [choice],
    }
    if "[no-usage]" not in prompt:
        answer["usage"] = _usage(prompt, messages, len(thought), len(text) + 3 * len(calls))
    return 200, answer


def _script(
    prompt: str, body: dict[str, Any], messages: list[dict[str, Any]]
) -> tuple[list[str], list[str], str, list[dict[str, Any]]]:
    """Words of thought, words of text, finish reason, tool calls."""
    if "GRADE:" in prompt:
        return ["hm"] * 7, ["GRADE:", "C"], "stop", []
    if "[tool]" in prompt and body.get("tools") and not any(m["role"] == "tool" for m in messages):
        function = {"name": body["tools"][0]["function"]["name"], "arguments": '{"x": 2, "y": 2}'}
        return ["which"] * 2, [], "tool_calls", [{"id": "call_1", "type": "function", "function": function}]
    answer = "ANSWER: 5" if "[wrong]" in prompt else ANSWER
    if "[unclosed]" in prompt:
        return [], ["<think>so", *["on"] * 9], "length", []
    if "[closed]" in prompt:
        answer = f"<think>a b c</think> {answer}"
    elif "[bare]" in prompt:
        answer = f"a b c</think> {answer}"
    finish = "content_filter" if "[filtered]" in prompt else "stop"
    return ["step"] * (_number(prompt, "think") or 0), answer.split(), finish, []


def _usage(prompt: str, messages: list[dict[str, Any]], thought: int, text: int) -> dict[str, Any]:
    given = sum(len(_text(message).split()) for message in messages)
    usage: dict[str, Any] = {
        "prompt_tokens": given,
        "completion_tokens": text if "[apart]" in prompt else thought + text,
        "total_tokens": given + thought + text,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    cached = _number(prompt, "cached")
    if cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    return usage


def _number(prompt: str, marker: str) -> int | None:
    match = re.search(rf"\[{marker} (\d+)\]", prompt)
    return int(match[1]) if match else None


def _first(prompt: str | list[str]) -> str:
    return prompt if isinstance(prompt, str) else prompt[0]


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
