"""Ours, trained for some minutes by its command line, with checkpoints applied afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measure import MeasurementError
from bench.references.networks import ROOT, run_program

PATIENCE = 0.1
"""Seconds between two looks for a new checkpoint."""


def prepare(files: Mapping[str, Sequence[str]], place: Path, config: Path, voxel_size: Sequence[float]) -> Path:
    """Write the volumes as TIFF files, make the experiment, and give its folder."""
    import numpy as np
    import tifffile

    for split, volumes in files.items():
        for file in map(Path, volumes):
            with np.load(file) as arrays:
                for kind, name in zip(("images", "masks"), arrays.files, strict=True):
                    path = place / "data" / split / kind / f"{file.stem}.tif"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    tifffile.imwrite(path, arrays[name], photometric="minisblack")
    base = place / "base.toml"
    base.write_text(
        f'data.path = "{place / "data"}"\ndata.voxel_size = {list(voxel_size)}\ntraining.snapshots = 0\n'
        'evaluation.metric = "confusion_matrix.avAP"\n',
        encoding="utf-8",
    )
    experiment = place / "experiments/ours"
    files_given = ["-c", str(config), "-c", str(base)]
    run_program([*files_given, "-id", experiment.name, "-r", str(experiment.parent), "-d", "prepare", "mknet"])
    return experiment


def train(experiment: Path, marks: Sequence[float]) -> list[tuple[float, int]]:
    """Train until the last mark; give seconds and iteration of the first checkpoint at or after each mark.

    The clock starts with the process; the end of the training, if it is before the last mark, is given, too.
    """
    began = time.time()
    log = experiment.parent / "train.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "run_auxcpvloss.py"), *_given(experiment), "-d", "train"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            seen = _watch(process, experiment, marks[-1], began)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    if not seen:
        raise MeasurementError(f"our training made no checkpoint in {marks[-1]} s:\n{log.read_text()}")
    reached = sorted((seconds, iteration) for iteration, seconds in seen.items())
    chosen = {next(((s, i) for s, i in reached if s >= mark), reached[-1]) for mark in marks}
    return sorted(chosen)


def _watch(process: subprocess.Popen[bytes], experiment: Path, last: float, began: float) -> dict[int, float]:
    """Give the seconds of each checkpoint by its iteration, until the last mark or the end of the process."""
    seen: dict[int, float] = {}
    while True:
        is_running = process.poll() is None
        for file in (experiment / "train/checkpoints").glob("[!.]*.keras"):
            seen.setdefault(int(file.stem.split("_")[-1]), file.stat().st_mtime - began)
        is_late = time.time() - began > 1.2 * last + 60
        if not is_running or is_late or max(seen.values(), default=0) >= last:
            return seen
        time.sleep(PATIENCE)


def segment_with(experiment: Path, iteration: int) -> dict[str, Path]:
    """Choose the parameters for a checkpoint on the validation volumes, and segment the test volumes.

    Gives the folder of <name>.npy by name of the volume.
    """
    import h5py
    import numpy as np

    given = [*_given(experiment), "--checkpoint", str(iteration)]
    run_program([*given, "-d", "validate"])
    run_program([*given, "-d", "predict", "label"])
    out = experiment.parent / f"found_{iteration}"
    out.mkdir()
    (folder,) = (each for each in (experiment / "test/instanced").iterdir() if int(each.name) == iteration)
    found = {}
    for file in folder.glob("*/*.hdf"):
        with h5py.File(file) as opened:
            np.save(out / f"{file.stem}.npy", opened["volumes/instances"][...])
        found[file.stem] = out
    return found


def _given(experiment: Path) -> list[str]:
    return ["-id", experiment.name, "-r", str(experiment.parent)]
