"""One line of JSON, as lenient as is honest."""

from __future__ import annotations

import json
from typing import Any

import msgspec

__all__ = ["decode_line"]


def decode_line(line: bytes) -> Any:
    """Decode one JSON text; raises ValueError with the reason.

    ``NaN`` and ``Infinity`` are no JSON, but Python's own writer makes them: they are accepted.

    Examples
    --------
    >>> decode_line(b'{"score": NaN}')
    {'score': nan}
    """
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(str(error)) from None
