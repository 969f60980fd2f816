"""Reader of Inspect AI logs, ``.eval`` and ``.json``, without Inspect."""

from __future__ import annotations

from thinkmeter.readers.inspect._read import READER, InspectReader

__all__ = ["READER", "InspectReader"]
