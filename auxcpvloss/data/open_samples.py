"""Open samples that other processes may be replacing meanwhile."""

from __future__ import annotations

import errno
import time
from pathlib import Path

from auxcpvloss.data.sample_places import versions
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lock import WAIT, alone, is_held
from auxcpvloss.system.readers import mark

LOOKS = 40
"""At a sample that another process may be giving its name."""


def open_sample(path: Path) -> Sample | None:
    """Open a sample; None where there is none, or only a part of one."""
    for _ in range(LOOKS):
        sample = look(path)
        if sample is not None or not is_held(path):
            break
        # It may have no name for a moment.
        time.sleep(WAIT)
    return sample


def hold_sample(path: Path) -> Sample | None:
    """Open a sample like `open_sample`, and keep other processes from replacing it while it is `marking`."""
    if not path.parent.is_dir():
        # A lock would make the folder.
        return None
    try:
        with alone(path):
            sample = look(path)
            if sample is not None:
                mark(sample.path)
            return sample
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
    # The data of others, where this process must not write.
    return open_sample(path)


def look(path: Path) -> Sample | None:
    """Open a sample as it is at this moment."""
    return open_version(max(versions(path).items(), default=(0, path))[1], path.stem)


def open_version(path: Path, name: str = "") -> Sample | None:
    """Open one of the `versions` of a sample, which need not be the newest; None where it is not whole."""
    sample = Sample(name or path.stem, path)
    try:
        with reading(path):
            described = sample.shape and sample.voxel_size and sample.max_extent and sample.made_from
            return sample if described and not sample.lacking() else None
    except InputError:
        return None
