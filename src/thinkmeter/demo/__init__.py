"""Small real logs that come with the package, for ``thinkmeter demo`` and for trying things.

Two small models answered forty puzzles in three prompt styles under Inspect AI, and the twenty tracking ones under
lm-evaluation-harness; ``docs/demo.md`` says how the logs were made and ``tools/make_demo_logs`` makes them again.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["demo_logs"]


def demo_logs() -> Path:
    """Folder of the demo logs, exactly as the two engines wrote them.

    Returns
    -------
    pathlib.Path
        Folder inside the installed package: ``inspect/*.eval`` and ``lm_eval/*/*``. Treat it as read-only.

    Examples
    --------
    >>> from thinkmeter.demo import demo_logs
    >>> sorted(path.name for path in demo_logs().iterdir())
    ['inspect', 'lm_eval']
    """
    return Path(__file__).with_name("logs")
