"""The store of zarr folders of ours, which misses what was lost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

import zarr

from auxcpvloss.data.checksums import ADVICE, read_checksums
from auxcpvloss.system.errors import InputError

CHUNK = re.compile(r"(.*/)?\d+(\.\d+)*")


class WholeStore(zarr.DirectoryStore):
    """A zarr folder, to read from, that was written with every chunk, also those that hold zeros alone."""

    @cached_property
    def checksums(self) -> dict[str, int]:
        """Of all files, as they were written; empty for a folder of an earlier version."""
        try:
            return read_checksums(Path(self.path))
        except InputError as error:
            raise InputError(f"{error}. {ADVICE.format('the folder')}") from None

    def __getitem__(self, key: str) -> bytes:
        """Give a chunk, or a description.

        Raises
        ------
        InputError
            It is not there although it was written, or is not what was written.
        """
        try:
            content: bytes = super().__getitem__(key)
        except KeyError:
            if key in self.checksums or CHUNK.fullmatch(key):
                raise self._problem(f"{key} is missing") from None
            raise
        if self.checksums and self.checksums.get(key) != crc32(content):
            raise self._problem(f"{key} cannot be read: it is damaged, or was changed since it was written")
        return content

    def __contains__(self, key: object) -> bool:
        """Whether a chunk or a description is there; one that was lost is an `InputError`."""
        is_there = bool(super().__contains__(key))
        if not is_there and key in self.checksums:
            raise self._problem(f"{key} is missing")
        return is_there

    def getitems(self, keys: Sequence[str], *, contexts: Mapping[str, Any]) -> dict[str, bytes]:
        """Give several chunks, not only those that are there."""
        return {key: self[key] for key in keys}

    def _problem(self, what: str) -> InputError:
        return InputError(f"{self.path}: {what}. {ADVICE.format('the folder')}")
