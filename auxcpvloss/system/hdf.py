"""HDF5 files that are written at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from auxcpvloss.system.files import replacing


@contextmanager
def replacing_hdf(path: Path) -> Iterator[h5py.File]:
    """Give a file in memory to write to, which gets its place at the end; see `files.replacing`.

    In memory, since the library cannot close a file on a disk that is full, and complains of it until the end.
    """
    with replacing(path) as beside:
        with h5py.File(beside, "w", driver="core", backing_store=False) as file:
            yield file
            file.flush()
            image = file.id.get_file_image()
        beside.write_bytes(image)
