"""The mock server answers as its table says, see there; the readers' tests run both engines on it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from mock_server import mock_server, respond


def ask(prompt: str, **options: Any) -> dict[str, Any]:
    status, body = respond({"messages": [{"role": "user", "content": prompt}], **options})
    assert status == 200
    return body


@pytest.mark.parametrize(
    ("prompt", "cap", "finish", "completion", "reasoning"),
    [
        ("2 + 2?", None, "stop", 2, 0),
        ("[think 5] 2 + 2?", None, "stop", 7, 5),
        ("[think 5] 2 + 2?", 4, "length", 4, 4),
        ("[unclosed] 2 + 2?", None, "length", 10, 0),
        ("[apart] [think 5] 2 + 2?", None, "stop", 2, 5),
        ("[filtered] 2 + 2?", None, "content_filter", 2, 0),
    ],
)
def test_answers_and_counts(
    prompt: str, cap: int | None, finish: str, completion: int, reasoning: int
) -> None:
    body = ask(prompt, max_tokens=cap)
    usage = body["usage"]
    assert body["choices"][0]["finish_reason"] == finish
    assert usage["completion_tokens"] == completion
    assert usage["completion_tokens_details"]["reasoning_tokens"] == reasoning
    assert usage["prompt_tokens"] == len(prompt.split())


def test_missing_usage_and_status() -> None:
    assert "usage" not in ask("[no-usage] 2 + 2?")
    assert respond({"messages": [{"role": "user", "content": "[status 429] x"}]})[0] == 429


def test_over_http() -> None:
    # The proxies of the machine must not see a request to this very machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with mock_server() as server:
        body = json.dumps({"messages": [{"role": "user", "content": "2 + 2?"}]}).encode()
        with opener.open(urllib.request.Request(f"{server.url}/chat/completions", body)) as answer:
            assert json.load(answer)["choices"][0]["message"]["content"] == "ANSWER: 4"
        with pytest.raises(urllib.error.HTTPError) as caught:
            opener.open(
                urllib.request.Request(
                    f"{server.url}/chat/completions", body.replace(b"2 +", b"[status 503] 2 +")
                )
            )
        assert caught.value.code == 503
        caught.value.close()
        assert len(server.requests) == 2
