"""Zarr folders of ours, in which nothing may be missing or damaged: zarr takes a chunk that is not there for zeros."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import zarr
from numpy.typing import NDArray

from auxcpvloss.data.checksums import problem, read_checksums
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.system.errors import InputError

CHUNK = re.compile(r"(.*/)?\d+(\.\d+)*")
ADVICE = "Remove {} and repeat the command to create it again."


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


def open_whole(path: Path) -> zarr.Group:
    """Open a folder to read; a chunk that is missing is an `InputError` as soon as it is asked for."""
    return zarr.open_group(WholeStore(str(path)), mode="r")


def lacking(group: zarr.Group) -> str:
    """Say what a folder, opened by `open_whole`, lacks of what was written; "" where that is nothing."""
    sums = group.store.checksums
    return problem(Path(group.store.path), sums) if sums else lacking_chunks(group)


def lacking_chunks(group: zarr.Group) -> str:
    """Say of which array of a folder chunks, or its description, are missing; "" where none is."""
    folder = Path(group.store.path, group.path)
    lost = [
        f"the description of {each.name} is missing"
        for each in folder.iterdir()
        if each.is_dir() and each.name not in group
    ]
    parts = [
        *lost,
        *(lacking_of(array) for _, array in group.arrays()),
        *(lacking_chunks(inner) for _, inner in group.groups()),
    ]
    return next(filter(None, parts), "")


def lacking_of(array: zarr.Array) -> str:
    """Say how many chunks of an array are missing; "" where none is."""
    missing = array.nchunks - array.nchunks_initialized
    return f"{missing} of {array.nchunks} chunks of {array.path} are missing" if missing else ""


def read(array: Any) -> NDArray[Any]:
    """Read all of an array, a `Volume` or one of zarr.

    Raises
    ------
    InputError
        A chunk of it is missing or damaged.
    """
    with intact(getattr(array, "store", array).path):
        return np.asarray(array[...])


@contextmanager
def intact(path: object) -> Iterator[None]:
    """Turn what a damaged chunk raises into an `InputError` that says what to do."""
    try:
        with reading(path):
            yield
    except InputError as error:
        if ADVICE[:6] in str(error):
            raise
        raise InputError(f"{error}. {ADVICE.format('it')}") from error
