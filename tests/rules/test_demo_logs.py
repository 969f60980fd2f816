"""The logs that ship with the package: whole, small, and naming nothing of the machine they were made on."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from thinkmeter.demo import demo_logs

ROOT = Path(__file__).parents[2]
AT_MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def check() -> ModuleType:
    """The checker that the logs had to pass when they were made."""
    spec = importlib.util.spec_from_file_location("check", ROOT / "tools" / "make_demo_logs" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_logs_are_small() -> None:
    sizes = [path.stat().st_size for path in demo_logs().rglob("*") if path.is_file()]
    assert 100_000 < sum(sizes) <= AT_MOST_BYTES


def test_logs_name_nothing_of_a_machine(check: ModuleType) -> None:
    # Only paths here: whoever runs the tests may have a name that is a word in the logs.
    assert [line for line in check.leaks(demo_logs(), names=()) if line] == []


def test_the_checker_would_see_it(check: ModuleType, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.eval", "w") as archive:
        archive.writestr("header.json", json.dumps({"task_file": "/" + "home/someone/task.py"}))
    (tmp_path / "results.json").write_text(json.dumps({"host": "fast-box"}), encoding="utf-8")
    found = check.leaks(tmp_path, names=("fast-box",))
    assert found == ["a.eval header.json: /" + "home/someone/task.py", "results.json results.json: fast-box"]


def test_every_run_is_finished(check: ModuleType) -> None:
    logs = sorted((demo_logs() / "inspect").glob("*.eval"))
    settings = set()
    for log in logs:
        members = dict(check.members(log))
        header = json.loads(members["header.json"])
        assert header["status"] == "success"
        config = header["plan"]["config"]
        arguments = header["eval"]["task_args"]
        settings.add((header["eval"]["model"], *sorted(arguments.items()), config["max_tokens"]))
        assert (
            len([name for name in members if name.startswith("samples/")])
            == 40 * header["eval"]["config"]["epochs"]
        )
    assert len(settings) == len(logs) == 8
