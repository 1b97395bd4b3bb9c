"""Growth of time and memory with the volume.

The stages predict, label and evaluate on worms of 1, 2, 4 and 8 times the volume (the last is of the size of L1), with
the network of the benchmark `segment`. Each size runs in a process of its own that ran the stages on a small worm
before, so that imports and compiling are not counted. The exponent is the slope of the logarithm of time over that of
the volume: 1 means twice the time for twice the volume.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import linear_regression

from bench.measure import CACHE, Call, Figures, Options, Row, figure, stopwatch, turns

DURATION = "30 minutes"
TIMES = (1, 2, 4, 8)
UNIT, NUCLEI = (140, 140, 145), 69
QUICK_UNIT, QUICK_NUCLEI = (48, 48, 60), 12
STAGES = ("predict", "label", "evaluate")


def stages(folder: str, warm_up: str, volume: str) -> Figures:
    """Run the stages on the volumes of a folder, each measured by itself."""
    from auxcpvloss.cli import main

    place = Path(folder)
    figures: Figures = {"seconds": 0.0}
    for measured, data in ((False, warm_up), (True, volume)):
        given = ["-r", str(place.parent), "-id", place.name, "--test-data", data, "--voxel-size", "1", "1", "1", "-d"]
        _expect(main([*given, "prepare"]))
        for stage in STAGES:
            with stopwatch() as own:
                _expect(main([*given, stage, "--overwrite"]))
            if measured:
                figures |= {stage: own["seconds"], f"{stage} peak": own["peak_bytes"]}
                figures["seconds"] += own["seconds"]
    return {**figures, "peak_bytes": figures["predict peak"]}


def _expect(status: int) -> None:
    if status:
        raise SystemExit(f"exit status {status}")


def worm_folder(shape: Sequence[int], nuclei: int) -> str:
    """Give a folder with a worm as TIFF files; made once."""
    import numpy as np
    import tifffile

    from bench.volumes import worm_file

    file = worm_file(tuple(shape), nuclei)
    folder = CACHE / "volumes" / file.stem
    with np.load(file) as arrays:
        for kind, name in zip(("images", "masks"), arrays.files, strict=True):
            path = folder / kind / "worm.tif"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, arrays[name], photometric="minisblack")
    return str(folder)


def measure(options: Options) -> Iterator[Row]:
    """Fit the exponents, and compare the memory of predict."""
    from bench.references.networks import our_network

    (z, y, x), nuclei = (QUICK_UNIT, QUICK_NUCLEI) if options.quick else (UNIT, NUCLEI)
    times = TIMES[:3] if options.quick else TIMES
    warm_up = worm_folder(QUICK_UNIT, QUICK_NUCLEI)
    folders = [worm_folder((z, y, each * x), each * nuclei) for each in times]
    given = {"folder": str(our_network()), "warm_up": warm_up}
    sides = turns([Call(stages, {**given, "volume": folder}) for folder in folders], options, warm_up=1)
    for stage in STAGES:
        rounds = zip(*(side.values(stage) for side in sides), strict=True)
        slopes = [
            linear_regression([math.log(each) for each in times], [math.log(each) for each in seconds]).slope
            for seconds in rounds
        ]
        yield figure(f"growth.{stage}", f"exponent of the time of {stage}", slopes, at_most=1.05)
    for stage in STAGES:
        peaks = [last / first for first, last in zip(*(sides[n].values(f"{stage} peak") for n in (0, -1)), strict=True)]
        what = f"memory of {stage} at {times[-1]} times the volume / at the volume"
        yield figure(f"growth.memory_{stage}", what, peaks, at_most=1.1 if stage == "predict" else None)
