"""Train StarDist-3D and ours from nothing, one after the other, and follow their accuracy over the seconds of training.

What the benchmarks accuracy_worms and accuracy_embryos share. The clock of both starts with the process that trains and
does not count what is only measured: the kept weights are applied afterwards, with thresholds chosen on the validation
volumes. Label images of both are scored by the same function.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from baselines.stardist import training as stardist_training
from baselines.stardist.environment import STARDIST

from bench.measure import CACHE, Options, Row, figure
from bench.references import our_training

MARKS, THEIR_MARKS = (30, 60, 90, 120, 180, 240, 480), (120, 240, 480)
"""Seconds at which our weights are kept, and StarDist's, whose thresholds take long to choose; the last is the end.
Quick: a tenth of them."""

Curve = list[tuple[float, float]]
"""(seconds of training, mean avAP on the test volumes)."""


@dataclass(frozen=True)
class Data:
    """Volumes by split, and our configuration for them.

    Attributes
    ----------
    name : str
    files : callable
        Options -> {"train", "val", "test": files (.npz) with image and labels}.
    voxel_size : tuple of float
    config : Path
        Keys that differ from the defaults, but for those of the data.
    """

    name: str
    files: Callable[[Options], Mapping[str, Sequence[Path]]]
    voxel_size: tuple[float, float, float]
    config: Path


def compare(data: Data, options: Options) -> Iterator[Row]:
    """Say how much sooner ours is as good as StarDist-3D at the end."""
    marks, their_marks = ([m / 10 if options.quick else m for m in each] for each in (MARKS, THEIR_MARKS))
    place = CACHE / "accuracy" / data.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    files = {split: [str(file) for file in volumes] for split, volumes in data.files(options).items()}
    config = Path(options.config) if options.config else data.config
    reference = stardist_curve(files, place / "stardist", their_marks)
    ours = our_curve(files, place / "ours", config, data.voxel_size, marks)
    end, goal = reference[-1]
    soonest = next((seconds for seconds, value in ours if value >= goal), None)
    sides = [{"name": name, "seconds": curve[-1][0], "curve": curve} for name, curve in
             (("ours", ours), ("StarDist-3D", reference))]  # fmt: skip
    yield figure(
        f"{data.name}.sooner",
        f"as good as StarDist-3D after {end:.0f} s",
        [end / soonest if soonest else 0.0],
        "times sooner",
        at_least=2,
        sides=sides,
        note=f"{f'after {soonest:.0f} s' if soonest else 'never'}, avAP {goal:.3f}",
    )
    for name, curve in (("ours", ours), ("StarDist-3D", reference)):
        best = max(value for _, value in curve)
        yield figure(
            f"{data.name}.{name}", f"avAP of {name} at the end (best of all marks: {best:.3f})", [curve[-1][1]]
        )


def stardist_curve(files: Mapping[str, Sequence[str]], place: Path, marks: Sequence[float]) -> Curve:
    """Train StarDist-3D, and score the weights that it kept."""
    trained = STARDIST.call(
        stardist_training.train, volumes=files["train"], held_out=files["val"], folder=str(place), marks=marks,
        began=time.time(),
    ).run()  # fmt: skip
    print(
        f"  StarDist-3D: patches {trained['patch']}, grid {trained['grid']}, {len(trained['kept'])} marks", flush=True
    )
    curve = []
    for seconds, weights in trained["kept"]:
        out = place / f"at_{seconds:.0f}"
        STARDIST.call(
            stardist_training.segment_with, folder=str(place), weights=weights, held_out=files["val"],
            volumes=files["test"], out=str(out),
        ).run()  # fmt: skip
        curve.append(_scored(seconds, files["test"], {Path(file).stem: out for file in files["test"]}))
    return curve


def our_curve(
    files: Mapping[str, Sequence[str]], place: Path, config: Path, voxel_size: Sequence[float], marks: Sequence[float]
) -> Curve:
    """Train ours, and score the checkpoints next to the marks."""
    experiment = our_training.prepare(files, place, config, voxel_size)
    kept = our_training.train(experiment, marks)
    print(f"  ours: {len(kept)} marks, the last at iteration {kept[-1][1]}", flush=True)
    curve = []
    for seconds, iteration in kept:
        found = our_training.segment_with(experiment, iteration)
        curve.append(_scored(seconds, files["test"], found))
    return curve


def _scored(seconds: float, volumes: Sequence[str], found: Mapping[str, Path]) -> tuple[float, float]:
    """Score label images, OUT/<name>.npy, by the same function for both."""
    import numpy as np

    from auxcpvloss.metrics import score

    values = []
    for file in volumes:
        with np.load(file) as arrays:
            truth = arrays[arrays.files[1]].astype(np.uint32)
        labels = np.load(found[Path(file).stem] / f"{Path(file).stem}.npy").astype(np.uint32)
        values.append(score(truth, labels)["confusion_matrix.avAP"])
    mean = float(np.mean(values))
    print(f"    {seconds:.0f} s: avAP {mean:.3f}", flush=True)
    return seconds, mean
