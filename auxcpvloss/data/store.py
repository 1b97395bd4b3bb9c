"""Store a volume as a sample."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data, Preprocessing
from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.data.centers import format_centers
from auxcpvloss.data.checksums import seal
from auxcpvloss.data.decoded_files import Content, Truth
from auxcpvloss.data.degrade import degraded, record_of
from auxcpvloss.data.grids import Grid, interpolate
from auxcpvloss.data.intensities import check_range, normalize
from auxcpvloss.data.label_share import keep_share
from auxcpvloss.data.publish import publish
from auxcpvloss.data.samples import CENTERS, CLEAN, LIBRARIES, ORIGINAL, PARTLY, RAW, VERSION, Sample
from auxcpvloss.data.sources.source import Source, voxel_size
from auxcpvloss.data.target_grid import grids_of, target_record
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import temporary
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.libraries import versions_of

if TYPE_CHECKING:
    import zarr
else:
    zarr = lazily("zarr")

CHUNKS = (64, 64, 64)


def write_sample(
    source: Source,
    path: Path,
    data: Data,
    preprocessing: Preprocessing,
    verified: Mapping[str, Any] | None = None,
    content: Content | None = None,
) -> Sample:
    """Store a volume that `verify` finds fit as a sample, all or nothing.

    Parameters
    ----------
    path : Path
        Of the zarr folder; what is there is replaced, except for those who read it.
    verified : mapping, optional
        What `expected_made_from` gave before the volume was read; by default, what it gives now.
    content : Content, optional
        What the volume holds, if it was read.

    Raises
    ------
    InputError
        The volume cannot be read, changed meanwhile, or its intensities do not fit `preprocessing`.
    """
    made_from = verified or expected_made_from(source, data, preprocessing)
    content = content or Content.of(source, data)
    check_range(content.raw, preprocessing, source.origin)
    truth = _truth(source, content)
    if expected_made_from(source, data, preprocessing) != made_from:
        raise InputError(
            f"{source.origin}: changed while it was being read (or its labels or centers did), so it was not stored. "
            "Repeat the command when no other program is writing to it."
        )
    here, there = grids_of(source, content.raw.shape, data)
    images = _images(source, content, preprocessing, here)
    # The table of centers is of the files if these are stored too.
    margin = data.padding if there == here else (0, 0, 0)
    table = "" if truth is None else format_centers(truth.centers + np.array((*margin, 0)))

    with temporary(path) as beside:
        root = zarr.group(zarr.DirectoryStore(str(beside)))
        if there != here:
            _store(root, ORIGINAL, images, truth, here)
            images = {key: interpolate(image, here, there) for key, image in images.items()}
            truth = truth and truth.on(there, here)
        _store(root, "volumes", images, truth, there, data.padding)
        root.attrs.update(
            source=Path(source.origin).name,
            origin=source.origin,
            checksum=made_from["checksum"],
            image_checksum=content.image_checksum,
            made_from=made_from,
            made_with=versions_of(*LIBRARIES),
            has_points=source.has_points,
            max_extent=(0, 0, 0) if truth is None else truth.max_extent,
            median_extent=(0, 0, 0) if truth is None else truth.median_extent,
            nucleus=truth and truth.nucleus,
            **({CENTERS: sha256(table.encode()).hexdigest()} if table else {}),
            **({PARTLY: True} if content.ignored is not None or _lost_labels(source, truth) else {}),
        )
        seal(root)
        return publish(beside, path, table)


def prepare_image(
    raw: NDArray[Any], data: Data, preprocessing: Preprocessing, here: Grid, there: Grid
) -> NDArray[np.float32]:
    """Give an image on the grid `here`, checked by `verify`, as networks see it: normalized, on `there`, padded."""
    image = normalize(raw, preprocessing)
    return _padded(image if here == there else interpolate(image, here, there), data.padding)


def expected_made_from(source: Source, data: Data, preprocessing: Preprocessing) -> dict[str, Any]:
    """List everything that a sample depends on: the `Sample.made_from` of one that is up to date.

    Raises
    ------
    InputError
        The volume cannot be read, or the size of its voxels is not known.
    """
    return {
        "checksum": source.checksum(),
        "voxel_size": [float(size) for size in voxel_size(source, data)],
        "preprocessing": preprocessing.model_dump(mode="json"),
        "raw_key": data.raw_key,
        "gt_key": data.gt_key,
        # Only where they are set, so that samples prepared before the keys existed stay whole.
        **({"axes": data.axes} if data.axes else {}),
        **({"channel": data.channel} if data.channel >= 0 else {}),
        **({"ignore_label": data.ignore_label} if data.ignore_label else {}),
        **({"annotated_box": True} if data.annotated_box else {}),
        **({"split_pieces": True} if data.split_pieces else {}),
        **target_record(source, data),
        **record_of(source.degrade),
        "padding": list(data.padding),
        "version": VERSION,
    }


def _images(
    source: Source, content: Content, preprocessing: Preprocessing, grid: Grid
) -> dict[str, NDArray[np.float32]]:
    """Give the image of a volume, and the clean one if it is made worse, both normalized by what is stored as image."""
    if source.degrade is None:
        return {RAW: normalize(content.raw, preprocessing)}
    image, clean = degraded(content.raw, source.degrade, source.name, content.image_checksum, grid.voxel_size)
    found = {RAW: normalize(image, preprocessing)}
    return found if clean is None else {**found, CLEAN: normalize(clean, preprocessing, image)}


def _truth(source: Source, content: Content) -> Truth | None:
    truth, degrade = content.truth(), source.degrade
    if truth is None or degrade is None or degrade.labels == 1:
        return truth
    return keep_share(truth, degrade.labels, degrade.seed, source.name)


def _lost_labels(source: Source, truth: Truth | None) -> bool:
    if truth is None or source.degrade is None or source.degrade.labels == 1:
        return False
    return bool((truth.labels == IGNORED).any())


def _padded(array: NDArray[Any], padding: tuple[int, int, int]) -> NDArray[Any]:
    return np.pad(array, [(size, size) for size in padding]) if any(padding) else array


def _store(
    root: zarr.Group,
    folder: str,
    images: Mapping[str, NDArray[np.float32]],
    truth: Truth | None,
    grid: Grid,
    padding: tuple[int, int, int] = (0, 0, 0),
) -> None:
    """Store the arrays of a volume in a folder, with voxels added at both ends."""
    arrays = {**images, **({} if truth is None else {truth.key: truth.labels})}
    compressor, place = zarr.Blosc(cname="zstd", clevel=3, shuffle=zarr.Blosc.SHUFFLE), grid.padded(padding)
    for key, array in arrays.items():
        # With chunks of zeros: one that is not there was lost.
        stored = root.create_dataset(
            f"{folder}/{key.split('/')[1]}",
            data=_padded(array, padding),
            chunks=CHUNKS,
            compressor=compressor,
            write_empty_chunks=True,
        )
        stored.attrs.update(offset=list(place.offset), resolution=list(place.voxel_size))
