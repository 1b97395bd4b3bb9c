"""Results of a worker, handed over through memory that it shares with its caller.

The memory is an anonymous file of the kernel: without a name, nothing of it remains when processes are killed, and the
size of /dev/shm does not limit it. It has slots, each for the arrays of one result. A slot is used again after the
caller let go of the arrays in it, because the kernel takes 20 times as long to provide new memory as copying takes.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections import deque
from collections.abc import Iterable
from itertools import accumulate
from mmap import PAGESIZE, mmap
from typing import Any, NamedTuple
from weakref import finalize

logger = logging.getLogger(__name__)

SMALL = 2**16
"""Results with arrays of fewer bytes go through the pipe."""
SPARE = 4
"""Slots beyond those of results that are waited for: of those that the caller holds."""
ALIGNMENT = 64
"""Bytes; libraries use arrays that begin at a multiple of it without copying them."""


class Parcel(NamedTuple):
    """What goes through the pipe for a result: the object without its arrays, and where those lie."""

    pickled: bytes
    slot: int
    slot_size: int
    parts: list[tuple[int, int]]
    """First byte of each array in the slot, and the one after its last."""


class Inbox:
    """The caller's end.

    Parameters
    ----------
    results : int
        Results that one worker makes ahead.

    Attributes
    ----------
    file : int
        Descriptor, for the `Outbox`.
    slots : int
        Their number; 0 if the system has no such memory: all results go through the pipe.
    """

    def __init__(self, results: int) -> None:
        self.file, self.slots = -1, 0
        self._mapped: mmap | None = None
        self._free: deque[int] = deque()
        try:
            self.file, self.slots = os.memfd_create("auxcpvloss"), results + SPARE
        except (AttributeError, OSError) as error:
            logger.warning("%s (%s)", _SLOWER, error)

    def unpack(self, result: Any) -> Any:
        """Give a result that was packed; its arrays are not copied."""
        if not isinstance(result, Parcel):
            return result
        # Not all of the program needs it.
        import numpy as np

        if self._mapped is None:
            self._mapped = mmap(self.file, self.slots * result.slot_size)
        size = result.parts[-1][1]
        memory = np.frombuffer(self._mapped, np.uint8, size, result.slot * result.slot_size)
        # Each array refers to it.
        finalize(memory, self._free.append, result.slot).atexit = False
        return pickle.loads(result.pickled, buffers=[memory[first:last] for first, last in result.parts])

    def freed(self) -> list[int]:
        """Give the slots that were let go of since the last call."""
        return [self._free.popleft() for _ in range(len(self._free))]

    def close(self) -> None:
        """Close the file; arrays that are in use remain."""
        if self.slots:
            os.close(self.file)


class Outbox:
    """The worker's end: `file` and `slots` are those of the `Inbox`."""

    def __init__(self, file: int, slots: int) -> None:
        self._file, self._slots = file, slots
        self._free, self._new = list(range(slots)), set(range(slots))
        self._slot_size = 0
        self._mapped: mmap | None = None

    def reclaim(self, slots: Iterable[int]) -> None:
        """Use these slots again."""
        self._free += slots

    def pack(self, result: Any) -> Any:
        """Put the arrays of a result in a slot: gives a `Parcel`, or the result itself for the pipe."""
        if not self._free:
            return result
        arrays: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(result, protocol=5, buffer_callback=arrays.append)
        contents = [array.raw() for array in arrays]
        firsts = [0, *accumulate(_rounded(each.nbytes, ALIGNMENT) for each in contents)]
        if firsts[-1] < SMALL or (self._slot_size and firsts[-1] > self._slot_size):
            return result
        slot = self._free.pop()
        try:
            memory = self._memory(slot, firsts[-1])
        except OSError as error:
            logger.warning("%s (%s)", _SLOWER, error)
            self._free.clear()
            return result
        parts = [(first, first + each.nbytes) for first, each in zip(firsts, contents, strict=False)]
        for (first, last), content in zip(parts, contents, strict=True):
            memory[first:last] = content
        return Parcel(pickled, slot, self._slot_size, parts)

    def _memory(self, slot: int, size: int) -> memoryview:
        """Give the memory of a slot; the first result, of so many bytes, decides how large all are."""
        if self._mapped is None:
            self._slot_size = _rounded(size, PAGESIZE)
            os.ftruncate(self._file, self._slots * self._slot_size)
            self._mapped = mmap(self._file, self._slots * self._slot_size)
        first = slot * self._slot_size
        if slot in self._new:
            # Reserved, since a process that writes where there is no memory left is killed.
            os.posix_fallocate(self._file, first, self._slot_size)
            self._new.remove(slot)
        return memoryview(self._mapped)[first : first + self._slot_size]


_SLOWER = "no memory to share between processes: results go through pipes, which takes longer"


def _rounded(size: int, to: int) -> int:
    return -(-size // to) * to
