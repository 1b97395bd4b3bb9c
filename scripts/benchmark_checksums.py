"""What the checksums of stored arrays cost, as a share of the processor's time for writing and for reading.

    python scripts/benchmark_checksums.py

A volume of smoothed noise, (256, 256, 256) of float32, is stored as `prepare` stores images. A stage does much more
than that, so its own share is smaller.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import zarr
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.data.checksums import seal
from auxcpvloss.data.missing_chunks import open_whole
from auxcpvloss.data.store import CHUNKS

SIZE, ROUNDS = 256, 15


def write(folder: Path, volume: np.ndarray) -> zarr.Group:
    """Store a volume."""
    root = zarr.open_group(str(folder), mode="w")
    compressor = zarr.Blosc(cname="zstd", clevel=3, shuffle=zarr.Blosc.SHUFFLE)
    root.create_dataset("volumes/raw", data=volume, chunks=CHUNKS, compressor=compressor, write_empty_chunks=True)
    return root


def seconds(do: Callable[[], object]) -> float:
    """Processor time of a call."""
    began = process_time()
    do()
    return process_time() - began


def main() -> None:
    """Measure in turn with and without, and print the medians."""
    volume = gaussian_filter(np.random.default_rng(0).random((SIZE,) * 3, dtype=np.float32), 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zarr"
        root = write(path, volume)
        writing, sealing, plain, verified = (
            np.median([seconds(do) for _ in range(ROUNDS)])
            for do in (
                lambda: write(Path(folder) / "b.zarr", volume),
                lambda: seal(root),
                lambda: zarr.open_group(str(path), mode="r")["volumes/raw"][...],
                lambda: open_whole(path)["volumes/raw"][...],
            )
        )
    print(f"writing {writing:.3f} s, checksums {sealing:.3f} s: {sealing / writing:.1%}")
    print(f"reading {plain:.3f} s, with checksums {verified:.3f} s: {verified / plain - 1:+.1%}")


if __name__ == "__main__":
    main()
