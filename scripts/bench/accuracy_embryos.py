"""Time to accuracy on mouse embryos, against StarDist-3D.

As on worms, with real volumes: eight mouse embryos at five times each (BBBC050), of which 01 to 06 are for training, 07
is for validation and 08 for test. `--data` names the folder with `images` and `masks`. Ours with
scripts/bench/accuracy_embryos.toml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.measure import CACHE, MeasurementError, Options, Row
from bench.time_to_accuracy import Data, compare

DURATION = "2 hours"
FOLDER = Path(__file__).resolve().parents[3] / "shared/data/mouse_embryos"
EMBRYOS = {"train": range(1, 7), "val": [7], "test": [8]}
VOXEL_SIZE = (1.75, 0.8, 0.8)


def files(options: Options) -> Mapping[str, Sequence[Path]]:
    """Give the volumes by split, converted from TIFF."""
    import numpy as np
    import tifffile

    folder = Path(options.data) if options.data else FOLDER
    if not (folder / "images").is_dir():
        raise MeasurementError(f"{folder}: no folder with images and masks of mouse embryos; name it with --data")
    out = CACHE / "volumes/embryos"
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Path]] = {split: [] for split in EMBRYOS}
    for split, numbers in EMBRYOS.items():
        for number in numbers:
            for image in sorted((folder / "images").glob(f"Emb{number:02d}_*.tif"))[:: 4 if options.quick else 1]:
                file = out / f"{image.stem}.npz"
                np.savez(file, tifffile.imread(image), tifffile.imread(folder / "masks" / image.name))
                found[split].append(file)
    return found


def measure(options: Options) -> Iterator[Row]:
    """Train both, and compare."""
    config = Path(__file__).with_suffix(".toml")
    yield from compare(Data("accuracy_embryos", files, VOXEL_SIZE, config), options)
