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
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench.measure import MeasurementError

from auxcpvloss.cli import main as auxcpvloss
from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.data.missing_chunks import read
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.looking.compare.reading import open_experiment
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from baselines.stardist import training
from baselines.stardist.environment import PACKAGES, stardist_call

NAME = "StarDist"
SPLITS = ("train", "val", "test")
RECORD = "training.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, segment and import; return the exit status."""
    args = _parser().parse_args(arguments)
    try:
        experiment = open_experiment(Path(args.like))
        name = args.exp_id or f"{experiment.folder.name}_stardist_seed{args.seed}"
        out = Path(args.out) if args.out else experiment.folder.parent / "baselines" / name
        made = train_and_segment(experiment, out.resolve(), args)
    except (InputError, MeasurementError) as error:
        print(error, file=sys.stderr)
        return 2
    given = [str(out / "labels"), "--name", NAME, "--like", str(experiment.folder), "-id", name]
    return auxcpvloss(["import-results", *given, "--seed", str(args.seed), "--note", note(made)])


def train_and_segment(experiment: Experiment, out: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Train on the volumes of an experiment, write OUT/labels/<name>.npy for the test volumes, and say how it went.

    Raises
    ------
    InputError
        The volumes are not prepared, or are not labelled whole; or OUT holds another run.
    """
    asked = {"minutes": args.minutes, "steps": args.steps, "seed": args.seed, "grid": args.grid}
    if (out / RECORD).is_file():
        made: dict[str, Any] = json.loads((out / RECORD).read_text(encoding="utf-8"))
        if made["asked"] != asked:
            raise InputError(f"{out}: holds a run with {made['asked']}; give another --out.")
        print(f"{out}: done already")
        return made
    files = {split: write_volumes(experiment, split, out / "volumes" / split) for split in SPLITS}
    print(f"training StarDist-3D in {out}: " + (f"{args.steps} steps" if args.steps else f"{args.minutes:g} minutes"))
    marks = [] if args.steps else [60 * args.minutes]
    folder = str(out / "model")
    options = {"marks": marks, "steps": args.steps, "grid": args.grid, "seed": args.seed, "began": time.time()}
    trained = stardist_call(
        training.train, volumes=files["train"], held_out=files["val"], folder=folder, **options
    ).run()
    print(f"{trained['steps']} steps in {trained['seconds']:.0f} s; choosing thresholds, segmenting", flush=True)
    chosen = stardist_call(
        training.segment_with, folder=folder, held_out=files["val"], volumes=files["test"], out=str(out / "labels")
    ).run()
    made = {"asked": asked, **trained, "thresholds": chosen, "packages": PACKAGES}
    write_text(out / RECORD, json.dumps(made, indent=1) + "\n")
    return made


def write_volumes(experiment: Experiment, split: str, folder: Path) -> list[str]:
    """Write the volumes that serve for training, validation or test, as arrays: image as it is stored, and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for volume in experiment.volumes(split):
        file = folder / f"{volume.name}.npz"
        image, labels = _image_and_labels(experiment, volume, split)
        np.savez(file, image=image, labels=labels)
        written.append(str(file))
    if not written:
        raise InputError(f"{experiment.folder}: no volumes for {split}.")
    return written


def _image_and_labels(experiment: Experiment, volume: Volume, split: str) -> tuple[np.ndarray, np.ndarray]:
    sample = experiment.sample(volume).original
    source = next(each for each in experiment.catalogue.sources(volume.split) if each.name == volume.name)
    image = source.read_raw()
    if not sample.has_labels:
        if split == "test":
            return image, np.zeros(image.shape, np.int32)
        raise InputError(f"{volume.name}: has no masks, which StarDist needs.")
    labels = read(sample.labels)
    if (labels == IGNORED).any():
        raise InputError(f"{volume.name}: is annotated in parts, which StarDist cannot learn from.")
    inner = tuple(slice(margin, size - margin) for margin, size in zip(sample.padding, labels.shape, strict=True))
    return image, labels[inner].astype(np.int32)


def note(made: dict[str, Any]) -> str:
    """Say in one line how the results were made."""
    thresholds = ", ".join(f"{key} {value:.3f}" for key, value in made["thresholds"].items())
    return (
        f"{made['packages'][0]}, {made['steps']} steps in {made['seconds']:.0f} s, patch {made['patch']}, grid "
        f"{made['grid']}, thresholds {thresholds}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--like", required=True, metavar="FOLDER", help="experiment whose volumes are taken; prepared")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, default=0.0, help="train for so many minutes")
    length.add_argument("--steps", type=int, default=0, help="train for so many steps")
    add("--seed", type=int, default=1, help="of weights and patches (1)")
    add("--grid", type=int, nargs=3, default=[1, 2, 2], metavar=("Z", "Y", "X"), help="of the output (1 2 2)")
    add("-id", "--exp-id", metavar="NAME", help="name of the experiment of the results (NAME_stardist_seedN)")
    add("--out", metavar="FOLDER", help="folder for network and labels (default: baselines/ beside the experiment)")
    return parser
