"""What the checksums of stored arrays cost.

As a share of the processor's time for writing and for reading a volume of smoothed noise, (256, 256, 256) of float32,
stored as `prepare` stores images. A stage does much more than that, so its own share is smaller.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.measure import Call, Figures, Options, Row, figure, stopwatch, turns

DURATION = "2 minutes"
SIZE, QUICK_SIZE, ROUNDS = 256, 128, 5


def shares(size: int) -> Figures:
    """Measure in turn with and without, and give the medians."""
    import numpy as np
    import zarr
    from scipy.ndimage import gaussian_filter

    from auxcpvloss.data.checksums import seal
    from auxcpvloss.data.missing_chunks import open_whole
    from auxcpvloss.data.store import CHUNKS

    volume = gaussian_filter(np.random.default_rng(0).random((size,) * 3, dtype=np.float32), 1)
    compressor = zarr.Blosc(cname="zstd", clevel=3, shuffle=zarr.Blosc.SHUFFLE)
    options = {"chunks": CHUNKS, "compressor": compressor, "write_empty_chunks": True}
    seconds: dict[str, list[float]] = {"write": [], "seal": [], "plain": [], "verified": []}
    with tempfile.TemporaryDirectory() as folder, stopwatch() as figures:
        path = Path(folder) / "a.zarr"

        def write() -> None:
            zarr.open_group(str(path), mode="w").create_dataset("volumes/raw", data=volume, **options)

        steps = {
            "write": write,
            "seal": lambda: seal(zarr.open_group(str(path), mode="r+")),
            "plain": lambda: zarr.open_group(str(path), mode="r")["volumes/raw"][...],
            "verified": lambda: open_whole(path)["volumes/raw"][...],
        }
        for _ in range(ROUNDS):
            for name, step in steps.items():
                with stopwatch() as own:
                    step()
                seconds[name].append(own["cpu_seconds"])
    each = {name: median(values) for name, values in seconds.items()}
    return {**figures, "writing": each["seal"] / each["write"], "reading": each["verified"] / each["plain"] - 1}


def measure(options: Options) -> Iterator[Row]:
    """Give both shares."""
    (measured,) = turns([Call(shares, {"size": QUICK_SIZE if options.quick else SIZE})], options)
    for what in ("writing", "reading"):
        percent = [100 * share for share in measured.values(what)]
        yield figure(f"checksums.{what}", f"checksums, in {what}", percent, "% of the time without")
