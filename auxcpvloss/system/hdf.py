"""Write HDF5 files atomically."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from auxcpvloss.system.files import replacing


@contextmanager
def replacing_hdf(path: Path) -> Iterator[h5py.File]:
    """Provide an HDF5 file in memory, and write it to `path` at the end; see `files.replacing`.

    In memory, because on a full disk the library fails to close a file, and complains until the program ends.
    """
    with replacing(path) as beside:
        with h5py.File(beside, "w", driver="core", backing_store=False) as file:
            yield file
            file.flush()
            image = file.id.get_file_image()
        beside.write_bytes(image)
