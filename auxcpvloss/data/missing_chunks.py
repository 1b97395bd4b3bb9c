"""Zarr folders of ours, in which nothing may be missing or damaged: zarr takes a chunk that is not there for zeros."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.checksums import ADVICE, problem
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    import zarr
else:
    zarr = lazily("zarr")


def open_whole(path: Path) -> zarr.Group:
    """Open a folder to read; a chunk that is missing is an `InputError` as soon as it is asked for."""
    from auxcpvloss.data.whole_store import WholeStore

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
