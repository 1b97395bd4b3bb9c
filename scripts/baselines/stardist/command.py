"""Train StarDist-3D on the volumes of an experiment, segment its test volumes, and import the results beside it.

    .venv/bin/python scripts/baselines/stardist/run.py --like experiments/NAME --minutes 8

StarDist-3D as in its authors' example for 3D: percentiles 1 and 99.8 of the images, 96 rays with the anisotropy of the
nuclei, flips and turns in the plane and changed intensities, the weights with the best loss on the validation volumes,
and thresholds by its own search there. One patch of 32 x 64 x 64 a step. The volumes, and which of them serve for
training, validation and test, are those of the experiment, with its folds. The first run installs StarDist into
.benchmarks. On a busy machine give --steps, as many as a quiet one makes in the time. What is done is not repeated.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auxcpvloss.experiment.folder import Experiment
from baselines.command import Baseline, Made, announce, parser_of, run
from baselines.stardist import training
from baselines.stardist.environment import STARDIST
from baselines.volumes import SPLITS, labels_of, stored_image, volumes_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, segment and import; return the exit status."""
    parser = parser_of(__doc__, BASELINE.slug)
    grid = {"nargs": 3, "default": [1, 2, 2], "metavar": ("Z", "Y", "X")}
    parser.add_argument("--grid", type=int, help="of the output (1 2 2)", **grid)
    return run(BASELINE, parser.parse_args(arguments))


def train_and_segment(experiment: Experiment, out: Path, args: argparse.Namespace) -> Made:
    """Train on the volumes of an experiment, write OUT/labels/<name>.npy for the test volumes, and say how it went."""
    files = {split: write_volumes(experiment, split, out / "volumes" / split) for split in SPLITS}
    announce("StarDist-3D", out, args)
    marks = [] if args.steps else [60 * args.minutes]
    folder = str(out / "model")
    options = {"marks": marks, "steps": args.steps, "grid": args.grid, "seed": args.seed, "began": time.time()}
    trained = STARDIST.call(
        training.train, volumes=files["train"], held_out=files["val"], folder=folder, **options
    ).run()
    print(f"{trained['steps']} steps in {trained['seconds']:.0f} s; choosing thresholds, segmenting", flush=True)
    chosen = STARDIST.call(
        training.segment_with, folder=folder, held_out=files["val"], volumes=files["test"], out=str(out / "labels")
    ).run()
    return {**trained, "thresholds": chosen}


def write_volumes(experiment: Experiment, split: str, folder: Path) -> list[str]:
    """Write the volumes that serve for training, validation or test, as arrays: image as it is stored, and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for volume in volumes_of(experiment, split):
        file = folder / f"{volume.name}.npz"
        labels = labels_of(experiment, volume, split, STARDIST.program)
        np.savez(file, image=stored_image(experiment, volume), labels=labels)
        written.append(str(file))
    return written


def note(made: Made) -> str:
    """Say in one line how the results were made."""
    thresholds = ", ".join(f"{key} {value:.3f}" for key, value in made["thresholds"].items())
    return (
        f"{made['packages'][0]}, {made['steps']} steps in {made['seconds']:.0f} s, patch {made['patch']}, grid "
        f"{made['grid']}, thresholds {thresholds}"
    )


BASELINE = Baseline(STARDIST, "stardist", ("grid",), train_and_segment, note)
