"""A look-alike of c_elegans_nuclei.zip (Zenodo record 5942575): its layout to the letter, with tiny volumes."""

import io
import zipfile
from pathlib import Path

import tifffile

from tests.data.volumes import blobs

TOP = "c_elegans_nuclei"


def make_l1_zip(path: Path, shape=(20, 22, 40), train=2, val=1, test=1, top=TOP) -> dict:
    """Write the zip; gives {split: {name: (raw, labels)}}.

    Images are uint8 in uncompressed TIFF, masks uint32 in compressed TIFF, neither says how large a voxel is. There is
    the junk that macOS adds, a readme and entries for the folders.
    """
    counts = {"train": train, "val": val, "test": test}
    volumes: dict = {split: {} for split in counts}
    prefix = f"{top}/" if top else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{prefix}readme.md", "# 3D nuclei of C. elegans at the L1 stage\n")
        archive.writestr(f"{prefix}.DS_Store", b"\0\0\0\1Bud1")
        archive.writestr(f"__MACOSX/{prefix}._readme.md", b"\0\5\26\7")
        for split in counts:
            archive.mkdir(f"{prefix}{split}")
            archive.mkdir(f"{prefix}{split}/images")
            archive.mkdir(f"{prefix}{split}/masks")
        for number, split in enumerate(split for split, count in counts.items() for _ in range(count)):
            name = f"C18G1_2L1_{number + 1}"
            volumes[split][name] = blobs(shape, seed=number)
            for folder, array in zip(("images", "masks"), volumes[split][name], strict=True):
                archive.writestr(f"{prefix}{split}/{folder}/{name}.tif", _tiff(array, compressed=folder == "masks"))
                archive.writestr(f"__MACOSX/{prefix}{split}/{folder}/._{name}.tif", b"\0\5\26\7Mac OS X")
    return volumes


def _tiff(array, compressed: bool) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, compression="zlib" if compressed else None, metadata=None)
    return stream.getvalue()
