"""Means of checkpoints: their names, and how one is made of the checkpoints of a training when it is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from auxcpvloss.network.checkpoint import read_notes
from auxcpvloss.network.mean import write_mean
from auxcpvloss.system.checksums import known_digest
from auxcpvloss.system.errors import InputError

Checkpoint = int | str
"""Iteration of a checkpoint; or the name of the mean of all checkpoints from one iteration to another."""

PATTERN = re.compile(r"mean_([1-9]\d*)-([1-9]\d*)", re.ASCII)
SOURCES = "mean_of"
"""Key of the notes in the file of a mean: the checksums of the checkpoints that it was made of, by iteration."""


def mean_of(iterations: Sequence[int]) -> str:
    """Name the mean of checkpoints, in order: ``mean_3000-4000``."""
    return f"mean_{iterations[0]}-{iterations[-1]}"


def checkpoint_from(text: str) -> Checkpoint:
    """Read an iteration or the name of a mean; a `ValueError` says what was expected."""
    if text.isascii() and text.isdecimal():
        return int(text)
    found = PATTERN.fullmatch(text)
    if found is None or int(found[1]) >= int(found[2]):
        raise ValueError(f"{text!r}: expected the iteration of a checkpoint, or of two, as in mean_3000-4000")
    return text


def iteration_of(checkpoint: Checkpoint) -> int:
    """Give the iteration of a checkpoint, of a mean that of the newest checkpoint in it."""
    return int(checkpoint.rpartition("-")[2]) if isinstance(checkpoint, str) else checkpoint


def order_of(checkpoint: Checkpoint) -> tuple[int, str]:
    """Give what to sort checkpoints by: their iterations, a mean after the newest checkpoint in it."""
    return iteration_of(checkpoint), str(checkpoint)


def sources_of(name: str, there: Mapping[int, Path]) -> dict[int, Path]:
    """Give the checkpoints that a mean is of, by iteration; none unless its first and its last one are there."""
    first, last = map(int, name.removeprefix("mean_").split("-"))
    found = {iteration: path for iteration, path in sorted(there.items()) if first <= iteration <= last}
    return found if {first, last} <= found.keys() else {}


def digest_of_mean(path: Path, sources: Mapping[int, Path]) -> str:
    """Give a checksum of what the mean is made of; "" where neither that nor the file of the mean is there."""
    digests = _digests(sources) or _stored(path)
    return sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest() if digests else ""


def need_mean(path: Path, sources: Mapping[int, Path]) -> Path:
    """Give the file of a mean, made now if it is not there, or of other checkpoints.

    Raises
    ------
    InputError
        It is not there, and its sources are not, or damaged.
    """
    digests, stored = _digests(sources), _stored(path)
    if digests and stored != digests:
        write_mean(path, list(sources.values()), {SOURCES: digests})
    elif not stored:
        raise InputError(
            f"{path}: missing or damaged, and so are checkpoints that it is the mean of.",
            "Run the stage train with the same training.checkpoints, or use --checkpoint N.",
        )
    return path


def _digests(sources: Mapping[int, Path]) -> dict[str, str]:
    return {str(iteration): known_digest(path) for iteration, path in sources.items()}


def _stored(path: Path) -> dict[str, str]:
    """Read what the file of a mean was made of; nothing where it is missing or damaged."""
    if not path.is_file():
        return {}
    found: dict[str, str] = read_notes(path).get(SOURCES, {})
    return found
