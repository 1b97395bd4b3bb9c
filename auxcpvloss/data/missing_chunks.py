"""Zarr folders of ours, in which nothing may be missing: zarr takes a chunk that is not there for zeros."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.system.errors import InputError

CHUNK = re.compile(r"(.*/)?\d+(\.\d+)*")
ADVICE = "Remove {} and repeat the command to create it again."


class WholeStore(zarr.DirectoryStore):
    """A zarr folder, to read from, that was written with every chunk, also those that hold zeros alone."""

    def __getitem__(self, key: str) -> bytes:
        """Give a chunk, or a description.

        Raises
        ------
        InputError
            A chunk is not there.
        """
        try:
            content: bytes = super().__getitem__(key)
        except KeyError:
            if CHUNK.fullmatch(key):
                raise InputError(f"{self.path}: {key} is missing. {ADVICE.format('the folder')}") from None
            raise
        return content

    def getitems(self, keys: Sequence[str], *, contexts: Mapping[str, Any]) -> dict[str, bytes]:
        """Give several chunks, not only those that are there."""
        return {key: self[key] for key in keys}


def open_whole(path: Path) -> zarr.Group:
    """Open a folder to read; a chunk that is missing is an `InputError` as soon as it is asked for."""
    return zarr.open_group(WholeStore(str(path)), mode="r")


def lacking_chunks(group: zarr.Group) -> str:
    """Say of which array of a folder chunks are missing, and how many; "" where none is."""
    parts = [
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
