"""requirements.lock pins every direct dependency, within its bounds, and holds names and versions only."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
_LINE = re.compile(r"^[a-z0-9._-]+(\[[a-z0-9,_-]+\])?==[\w.!+-]+( ; .+)?$")


def declared() -> list[Requirement]:
    """Direct dependencies of the package, its extras and its groups."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = data["project"]
    lists = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *data["dependency-groups"].values(),
    ]
    found = [Requirement(entry) for entries in lists for entry in entries if isinstance(entry, str)]
    return [requirement for requirement in found if requirement.name != project["name"]]


def pinned() -> dict[str, list[str]]:
    """Versions by name; a package has several where they depend on the Python version."""
    out: dict[str, list[str]] = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        requirement = Requirement(line)
        out.setdefault(requirement.name, []).extend(entry.version for entry in requirement.specifier)
    return out


def test_every_line_is_a_name_and_a_version() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert len(lines) > len(declared())
    assert [line for line in lines if not _LINE.match(line)] == []


def test_direct_dependencies_are_pinned_within_their_bounds() -> None:
    versions = pinned()
    for requirement in declared():
        assert requirement.name in versions, (
            f"{requirement.name} is not in requirements.lock: run `make lock`"
        )
        assert all(version in requirement.specifier for version in versions[requirement.name]), str(
            requirement
        )
