"""Checksums that files carry of themselves, so that a flipped bit or an edit is told when they are read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.remembered import remembered

if TYPE_CHECKING:
    import h5py
else:
    h5py = lazily("h5py")

CHANGED = "changed since it was written"

KEY = "sha256"
"""Key of a table that holds the checksum of the rest."""

LINE = re.compile(rb"\A# sha256 ([0-9a-f]{64})\n")
"""First line of a text: the checksum of the rest."""

BLOCK, MARK = 512, b"auxcpvloss sha256 "
"""Size and beginning of what precedes the content of an HDF5 file; its readers pass over it."""


def file_digest(path: Path) -> str:
    """Sha256, in hex, of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def known_digest(path: Path) -> str:
    """Sha256, in hex, of a file; read once as long as it stays as it is."""
    return remembered(_digest, {"file": path})


def _digest(files: Mapping[str, Any]) -> str:
    return file_digest(files["file"])


def sealed_text(text: str) -> str:
    """Put the checksum of a text, in a format with comments such as toml, before it."""
    return f"# sha256 {sha256(text.encode()).hexdigest()}\n{text}"


def is_changed_text(content: bytes) -> bool:
    """Whether a text is not what `sealed_text` gave; one without a checksum, of an earlier version, is accepted."""
    found = LINE.match(content)
    return found is not None and sha256(content[found.end() :]).hexdigest().encode() != found[1]


def sealed_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Add the checksum of a table of plain values to it."""
    return {**table, KEY: _table_digest(table)}


def is_changed_table(table: Mapping[str, Any]) -> bool:
    """Whether a table is not what `sealed_table` gave; one without a checksum, of an earlier version, is accepted."""
    return KEY in table and table[KEY] != _table_digest({key: each for key, each in table.items() if key != KEY})


def _table_digest(table: Mapping[str, Any]) -> str:
    return sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def sealed_hdf(image: bytes) -> bytes:
    """Put the checksum of an HDF5 file before its content."""
    return (MARK + sha256(image).hexdigest().encode()).ljust(BLOCK, b"\0") + image


@contextmanager
def reading_hdf(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file to read.

    Raises
    ------
    InputError
        It is not what `sealed_hdf` gave; one without a checksum, of an earlier version, is accepted.
    """
    if remembered(_is_changed_hdf, {"file": path}):
        raise InputError(f"{path}: {CHANGED}; it may be damaged")
    with h5py.File(path, "r") as file:
        yield file


def _is_changed_hdf(files: Mapping[str, Any]) -> bool:
    with files["file"].open("rb") as file:
        block = file.read(BLOCK)
        # Through the handle, without a second copy in memory; `file_digest` goes on from here.
        return block.startswith(MARK) and not _tells(block, hashlib.file_digest(file, "sha256").hexdigest())


def _tells(block: bytes, digest: str) -> bool:
    return block[len(MARK) :].rstrip(b"\0") == digest.encode()
