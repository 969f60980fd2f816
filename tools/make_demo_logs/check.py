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


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and decompressed bytes of each part of a log; a file that is no .eval is one part."""
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


def this_machine() -> list[str]:
    """User and host name."""
    return [name for name in (getpass.getuser(), socket.gethostname()) if name]


def leaks(folder: Path, names: Sequence[str]) -> list[str]:
    """One line for each path or name found, with file and member."""
    patterns = [_PATH, *(re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in names)]
    found = []
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        for member, data in members(path):
            text = data.decode("utf-8")
            hits = {match.group() for pattern in patterns for match in pattern.finditer(text)}
            found += [f"{path.relative_to(folder)} {member}: {hit}" for hit in sorted(hits)]
    return found


if __name__ == "__main__":
    lines = leaks(Path(sys.argv[1]), this_machine())
    print("\n".join(lines) or "nothing found")
    raise SystemExit(1 if lines else 0)
