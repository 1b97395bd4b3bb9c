"""Replace a prepared sample, which other processes may be reading.

What they read stays as it is: a sample that differs from it is stored beside it as `.versions.<name>/<number>.zarr`,
and the highest number counts. As soon as nobody reads any of them, the next sample takes the usual place again.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import numpy as np

from auxcpvloss.data.open_samples import look
from auxcpvloss.data.sample_places import table_path, version_path, versions
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.volume import Volume
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import discard, put, write_text
from auxcpvloss.system.lock import alone
from auxcpvloss.system.readers import is_read

PLANES = 64
"""Compared at a time."""


def publish(beside: Path, path: Path, table: str) -> Sample:
    """Give a sample its name, unless the one that is there is the same.

    Parameters
    ----------
    beside : Path
        The whole sample, under a temporary name.
    path : Path
        Its name.
    table : str
        Its table of centers; "" for none.
    """
    with alone(path):
        before = look(path)
        if before is not None and _is_same(before, Sample(path.stem, beside)):
            return before
        others = versions(path)
        free = [each for each in others.values() if not is_read(each)]
        is_free = len(free) == len(others)
        place = version_path(path, 0 if is_free else max(others) + 1)
        place.parent.mkdir(exist_ok=True)
        if is_free:
            # Never the old volume beside the new centers.
            _discard(path)
        if table:
            write_text(table_path(place), table)
        put(beside, place)
        for each in free:
            if each not in (place, path):
                _discard(each)
        with suppress(OSError):
            # Still there are others, or never were.
            version_path(path, 1).parent.rmdir()
    return Sample(path.stem, place)


def _discard(path: Path) -> None:
    discard(path)
    discard(table_path(path))


def _is_same(before: Sample, now: Sample) -> bool:
    """Whether two samples have the same descriptions and hold the same voxels: how chunks are compressed may differ."""
    try:
        return _described(before) == _described(now) and all(
            _is_equal(array, other)
            for then, new in ((before, now), (before.original, now.original))
            for array, other in ((then.raw, new.raw), (then.clean, new.clean), (then.truth, new.truth))
            if array and other
        )
    except InputError:
        return False


def _described(sample: Sample) -> dict[str, int | None]:
    """Checksums of the descriptions of a sample, and the names of its other files."""
    from auxcpvloss.data.whole_store import WholeStore

    sums = WholeStore(str(sample.path)).checksums
    return {key: each if re.search(r"(^|/)\.z\w+$", key) else None for key, each in sums.items()}


def _is_equal(one: Volume, other: Volume) -> bool:
    starts = range(0, one.shape[0], PLANES)
    return all(np.array_equal(one[start : start + PLANES], other[start : start + PLANES]) for start in starts)
