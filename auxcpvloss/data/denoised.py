"""Denoised volumes: samples whose image a network has made."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.checksums import seal
from auxcpvloss.data.publish import publish
from auxcpvloss.data.sample_places import table_path
from auxcpvloss.data.samples import RAW, Sample
from auxcpvloss.system.files import temporary
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.readers import PREFIX

if TYPE_CHECKING:
    import zarr
else:
    zarr = lazily("zarr")

DENOISED = "denoised"
"""Key of what a sample was made from that is there if it is denoised: what the image was made by."""


def write_denoised(
    noisy: Sample, path: Path, image: NDArray[np.float32], by: Mapping[str, Any], made_with: Mapping[str, str]
) -> Sample:
    """Store a sample with another image, all or nothing; ground truth, centers and voxels stay as they are.

    The image on the grid of its files, where the volume was resampled, stays too.

    Parameters
    ----------
    noisy : Sample
    path : Path
        Of the zarr folder; what is there is replaced, except for those who read it.
    image : (Z, Y, X) array
    by : mapping
        What made it, and from what.
    made_with : mapping
        Versions of what computed it.
    """
    table = table_path(noisy.path)
    with temporary(path) as beside:
        # But for the marks of those who read it.
        shutil.copytree(noisy.path, beside, ignore=shutil.ignore_patterns(f"{PREFIX}*"))
        root = zarr.open_group(str(beside), mode="r+")
        before = root[RAW]
        attributes, how = before.attrs.asdict(), {"chunks": before.chunks, "compressor": before.compressor}
        stored = root.create_dataset(RAW, data=image, overwrite=True, write_empty_chunks=True, **how)
        stored.attrs.update(attributes)
        root.attrs.update(made_from={**noisy.made_from, DENOISED: dict(by)}, made_with=dict(made_with))
        seal(root)
        return publish(beside, path, table.read_text(encoding="utf-8") if noisy.has_truth else "")
