"""Faults of the machine, in whatever form libraries report them: a full disk, no memory left."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file exceeds the size that the system allows (ulimit -f, or the file system)",
}
"""Errors of a disk that is full."""

OUT_OF_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError")
"""Errors of TensorFlow and PyTorch; JAX names the first in capitals."""

TO_LOWER = {
    "train": "lower model.train_input_shape, training.batch_size, training.num_workers or training.cache_size",
    "validate_checkpoints": "lower validation.num_workers or prediction.tile_memory",
}
"""Advice if memory ran out in a stage whose own messages give none."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, the last error first."""
    now: BaseException | None = error
    seen: set[int] = set()
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        yield now
        now = now.__cause__ or now.__context__


def disk_full(error: BaseException) -> int | None:
    """Return the errno by which the system reported a full disk; None for any other error."""
    for each in chain(error):
        if isinstance(each, OSError) and each.errno in FULL:
            return each.errno
        # h5py and TensorFlow quote the system's error in a message of their own.
        text = str(each)
        for number in FULL:
            if re.search(rf"errno = {number}\b", text) or os.strerror(number) in text:
                return number
    return None


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: of the machine, within the limit of the process, or of a GPU."""
    return disk_full(error) is None and any(
        isinstance(each, MemoryError)
        or getattr(each, "errno", None) == errno.ENOMEM
        or type(each).__name__ in OUT_OF_MEMORY
        or any(words in str(each) for words in ("std::bad_alloc", "RESOURCE_EXHAUSTED"))
        for each in chain(error)
    )


def system_error(error: BaseException) -> OSError | None:
    """Return the error of the system that an error is or quotes; None for an error of another kind."""
    if isinstance(error, OSError):
        return error
    number = disk_full(error)
    return None if number is None else OSError(number, os.strerror(number))


def no_memory(stage: str) -> str:
    """Say that memory ran out in a stage, and what to do."""
    advice = TO_LOWER.get(stage, "close other programs, or use a machine with more memory")
    return f"Memory ran out in the stage {stage}; {advice}. Finished results are kept."


def in_words(error: OSError, place: object) -> str:
    """Say what the system refused, and what to do; `place` stands in for an error that names no file."""
    reason = f"{error.strerror or error}."
    if error.errno in FULL:
        reason = f"{FULL[error.errno]}. Finished results are kept; free some disk space and repeat the command."
    return f"{error.filename or place}: {reason}"


@contextmanager
def unwrapping() -> Iterator[None]:
    """Raise the original error instead of gunpowder's, which only quotes it as text."""
    try:
        yield
    except Exception as error:
        inner = next((each for each in chain(error) if not type(each).__module__.startswith("gunpowder")), error)
        if inner is error:
            raise
        raise inner from None
