"""Finds what in logs names the machine they were made on: absolute paths, user and host names.

``python check.py FOLDER`` reads every file, .eval members decompressed, and exits 1 where something is found.
"""

from __future__ import annotations

import getpass
import re
import socket
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import zstandard

_PATH = re.compile(r"(?<![\w.:/])/(?:root|home|work|tmp|Users|usr|opt|mnt|var|srv|data)/[\w./@+-]*")
_ZSTD = 93  # zip method; zipfile before Python 3.14 lists such members but cannot read them


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.suffix != ".eval":
        yield path.name, path.read_bytes()
        return
    with zipfile.ZipFile(path) as archive, path.open("rb") as handle:
        for info in archive.infolist():
            if info.compress_type != _ZSTD:
                yield info.filename, archive.read(info)
                continue
            handle.seek(info.header_offset + 26)
            name, extra = (int.from_bytes(handle.read(2), "little") for _ in range(2))
            handle.seek(name + extra, 1)
            packed = handle.read(info.compress_size)
            yield info.filename, zstandard.ZstdDecompressor().decompressobj().decompress(packed)


def leaks(folder: Path, extra: Sequence[str] = ()) -> list[str]:
    """One line for each thing found, with file and member."""
    names = [name for name in (getpass.getuser(), socket.gethostname()) if name]
    words = re.compile("|".join([*(rf"\b{re.escape(name)}\b" for name in names), *map(re.escape, extra)]))
    found = []
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        for member, data in _members(path):
            text = data.decode("utf-8")
            hits = {match.group() for pattern in (_PATH, words) for match in pattern.finditer(text)}
            found += [f"{path.relative_to(folder)} {member}: {hit}" for hit in sorted(hits)]
    return found


if __name__ == "__main__":
    lines = leaks(Path(sys.argv[1]))
    print("\n".join(lines) or "nothing found")
    raise SystemExit(1 if lines else 0)
