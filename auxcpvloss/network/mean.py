"""The mean of the weights of several checkpoints, as a checkpoint."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auxcpvloss.network.checkpoint import METADATA, NOTES, check_checkpoint, pack
from auxcpvloss.network.keras_files import ARCHITECTURE, WEIGHTS
from auxcpvloss.system.files import replacing
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    import h5py
else:
    h5py = lazily("h5py")

OPTIMIZER = "optimizer"
"""Group of what a mean has not: nothing is to be trained on from it."""


def write_mean(path: Path, sources: Sequence[Path], notes: Mapping[str, Any]) -> None:
    """Average the weights of checkpoints of one training, and the statistics that layers keep.

    Parameters
    ----------
    path : Path
        File to write, all or nothing; the same bytes for the same sources.
    sources : sequence of Path
    notes : mapping
        Whatever JSON can hold.

    Raises
    ------
    DamagedCheckpointError
        One of the sources is damaged.
    """
    for source in sources:
        check_checkpoint(source)
    with ExitStack() as opened:
        archives = [opened.enter_context(zipfile.ZipFile(source)) for source in sources]
        streams = [opened.enter_context(archive.open(WEIGHTS)) for archive in archives]
        weights = _mean([opened.enter_context(h5py.File(stream, "r")) for stream in streams])
        network = json.loads(archives[-1].read(ARCHITECTURE))
        # What it was trained by would be missing its variables.
        network.pop("compile_config", None)
        members = {METADATA: archives[-1].read(METADATA), ARCHITECTURE: json.dumps(network).encode(), WEIGHTS: weights}
    with replacing(path) as beside:
        pack(beside, [*members.items(), (NOTES, json.dumps(notes).encode())])


def _mean(files: Sequence[h5py.File]) -> bytes:
    """Give the newest file without the optimizer, all arrays replaced by their means."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as mean:
        for key in files[-1]:
            if key != OPTIMIZER:
                files[-1].copy(key, mean)
        mean.attrs.update(files[-1].attrs)

        def average(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                item[...] = np.mean([file[name][()].astype(np.float64) for file in files], axis=0).astype(item.dtype)

        mean.visititems(average)
    return buffer.getvalue()
