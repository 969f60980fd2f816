"""Public names: few at the root, sorted, and all of them there."""

from __future__ import annotations

import importlib
import pkgutil
import re
from types import ModuleType

import pytest

import thinkmeter

AT_MOST = 25


def public_modules() -> list[str]:
    found = pkgutil.walk_packages(thinkmeter.__path__, "thinkmeter.")
    return ["thinkmeter", *(m.name for m in found if not any(p.startswith("_") for p in m.name.split(".")))]


def order(name: str) -> tuple[int, list[tuple[int, int | str]]]:
    """Order of the formatter: CONSTANTS, Classes, functions; inside each, digits count as numbers."""
    rank = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    parts = re.findall(r"\d+|\D+", name)
    return rank, [(0, int(part)) if part.isdigit() else (1, part) for part in parts]


def exported(module: ModuleType) -> list[str] | None:
    return getattr(module, "__all__", None)


@pytest.mark.parametrize("name", public_modules())
def test_exported_names_exist_and_are_sorted(name: str) -> None:
    module = importlib.import_module(name)
    names = exported(module)
    if names is None:
        # Packages are what users import from; a plain module needs no list.
        assert not hasattr(module, "__path__"), f"package {name} has no __all__"
        return
    assert [one for one in names if not hasattr(module, one)] == []
    assert list(names) == sorted(names, key=order)
    assert len(names) == len(set(names))


def test_root_has_few_public_names_and_lists_them() -> None:
    assert 0 < len(thinkmeter.__all__) <= AT_MOST
    public = {name for name in dir(thinkmeter) if not name.startswith("_")}
    assert public == set(thinkmeter.__all__)
