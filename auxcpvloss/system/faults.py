"""What goes wrong in the machine, whatever the libraries make of it: a full disk, no memory left."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "the file grew beyond what the system allows (ulimit -f, or the file system)",
}
"""Errors of a disk that takes no more."""

TO_LOWER = {
    "train": "model.train_input_shape, training.batch_size, training.num_workers or training.cache_size",
    "validate_checkpoints": "validation.num_workers or model.test_input_shape",
}
"""Keys that the memory of a stage depends on, where its own messages do not name them."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error, and those that it came from or came up in, from the last to the first."""
    now: BaseException | None = error
    seen: set[int] = set()
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        yield now
        now = now.__cause__ or now.__context__


def disk_full(error: BaseException) -> int | None:
    """Give the number of a system's error that says that the disk takes no more; None for every other error.

    h5py and TensorFlow put the system's error into a text of their own.
    """
    for each in chain(error):
        if isinstance(each, OSError) and each.errno in FULL:
            return each.errno
        text = str(each)
        for number in FULL:
            if re.search(rf"errno = {number}\b", text) or os.strerror(number) in text:
                return number
    return None


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: that of the machine, of what the process may have, or of a GPU."""
    return disk_full(error) is None and any(
        isinstance(each, MemoryError)
        or (isinstance(each, OSError) and each.errno == errno.ENOMEM)
        or type(each).__name__ == "ResourceExhaustedError"
        or "std::bad_alloc" in str(each)
        for each in chain(error)
    )


def system_error(error: BaseException) -> OSError | None:
    """Give what the system refused; None for an error of another kind."""
    number = disk_full(error)
    if isinstance(error, OSError):
        return error
    return None if number is None else OSError(number, os.strerror(number))


def no_memory(stage: str) -> str:
    """Say that memory ran out in a stage, and which keys to lower."""
    keys = TO_LOWER.get(stage)
    advice = f"lower {keys}" if keys else "end other programs, or take a machine with more"
    return f"Memory ran out in the stage {stage}; {advice}. What was finished is kept."


def in_words(error: OSError, place: object) -> str:
    """Say what the system refused, and what to do; `place` for an error that names none."""
    where = error.filename or place
    if error.errno in FULL:
        return f"{where}: {FULL[error.errno]}. What was finished is kept; make space, and the same command goes on."
    return f"{where}: {error.strerror or error}."


@contextmanager
def unwrapping() -> Iterator[None]:
    """Take errors out of gunpowder's, which hold them as text and leave the error itself behind."""
    try:
        yield
    except Exception as error:
        inner = next((each for each in chain(error) if not type(each).__module__.startswith("gunpowder")), None)
        if inner is None or inner is error:
            raise
        raise inner from None
