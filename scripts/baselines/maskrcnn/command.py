"""Train Mask R-CNN on the images of an experiment, segment its test images, and import the results beside it.

    .venv/bin/python scripts/baselines/maskrcnn/run.py --like experiments/NAME --minutes 6

Mask R-CNN of torchvision with a feature pyramid network, for one class. For images, not for volumes. Its images are
those of the experiment as they were prepared, scaled so that the median nucleus is 40 pixels wide; patches are zoomed,
turned and flipped at random, and their intensities are changed. Test images are segmented in tiles that overlap, at the
score threshold that is best on the validation images by the metric of the experiment (evaluation.metric). The last
weights count. The first run installs torch and torchvision into .benchmarks. Weights are random, or those of a file;
none are downloaded. On a busy machine give --steps, as many as a quiet one makes in the time. What is done is not
repeated.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.system.errors import InputError
from baselines.command import Baseline, Made, announce, parser_of, run
from baselines.maskrcnn import training
from baselines.maskrcnn.environment import MASK_RCNN
from baselines.maskrcnn.instances import Instance, draw, tiles_of
from baselines.maskrcnn.model import BACKBONES
from baselines.maskrcnn.segment import best_threshold, instances_in, plane_of, scaled, scorer, zoom_of
from baselines.volumes import SPLITS, labels_of, prepared_image, volumes_of

OVERLAP = 80
"""Pixels, as the network sees them, that neighbouring tiles share: two median nuclei."""


class Seen(NamedTuple):
    """An image as the network sees it: where it lies, the (Y, X) of the image, and those of what the network sees."""

    file: Path
    shape: tuple[int, ...]
    seen: tuple[int, ...]


Found = tuple[tuple[int, ...], list[Instance]]
"""The (Y, X) of an image, and what was found in it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, segment and import; return the exit status."""
    parser = parser_of(__doc__, BASELINE.slug)
    add = parser.add_argument
    add("--backbone", choices=BACKBONES, default="resnet18", help="network of the features (resnet18)")
    add("--width", type=int, default=64, help="maps of the pyramid; torchvision has 256 (64)")
    add("--weights", default="", metavar="FILE", help="torchvision's weights to start from: of all, or the backbone")
    add("--side", type=int, default=256, help="of patches and tiles, in pixels, a multiple of 32 (256)")
    add("--batch", type=int, default=2, help="patches a step (2)")
    add("--rate", type=float, default=5e-4, help="largest learning rate (0.0005)")
    args = parser.parse_args(arguments)
    if args.side % 32 or args.side <= OVERLAP:
        parser.error(f"--side {args.side}: give a multiple of 32 above {OVERLAP}")
    if args.batch < 1 or not args.rate > 0:
        parser.error("--batch and --rate must be above 0")
    return run(BASELINE, args)


def train_and_segment(experiment: Experiment, out: Path, args: argparse.Namespace) -> Made:
    """Train on the images of an experiment, write OUT/labels/<name>.npy for the test images, and say how it went."""
    weights = _weights(args.weights)
    volumes = {split: volumes_of(experiment, split) for split in SPLITS}
    zoom = zoom_of([labels_of(experiment, each, "train", MASK_RCNN.program) for each in volumes["train"]])
    images = {
        split: [_write(experiment, each, split, zoom, out / "images" / split) for each in volumes[split]]
        for split in SPLITS
    }
    announce(MASK_RCNN.program, out, args)
    network = {"folder": str(out / "model"), "backbone": args.backbone, "width": args.width, "side": args.side}
    length = {"began": time.time(), "seconds": 60 * args.minutes, "steps": args.steps}
    options = {"seed": args.seed, "batch": args.batch, "rate": args.rate, "weights": weights}
    trained = MASK_RCNN.call(training.train, images=_names(images["train"]), **length, **options, **network).run()
    print(f"{trained['steps']} steps in {trained['seconds']:.0f} s; choosing the threshold, segmenting", flush=True)
    found = {split: _detect(images[split], out / "found" / split, network) for split in ("val", "test")}
    threshold, score = _choose(experiment, volumes["val"], found["val"])
    labels = out / "labels"
    labels.mkdir(exist_ok=True)
    for volume, (shape, instances) in zip(volumes["test"], found["test"], strict=True):
        np.save(labels / f"{volume.name}.npy", draw(instances, shape, threshold)[None])
    chosen = {"thresholds": {"score": threshold}, "validation": {experiment.metric: score}}
    return {**trained, **chosen, "zoom": zoom, "backbone": args.backbone, "patch": [args.side, args.side]}


def _weights(file: str) -> str:
    if file and not Path(file).is_file():
        raise InputError(f"--weights {file}: no such file.")
    return file and str(Path(file).resolve())


def _write(experiment: Experiment, volume: Volume, split: str, zoom: float, folder: Path) -> Seen:
    """Write an image and its labels as the network sees them, and give where, and both sizes."""
    image = plane_of(prepared_image(experiment, volume), volume.name)
    labels = plane_of(labels_of(experiment, volume, split, MASK_RCNN.program), volume.name)
    small, small_labels = scaled(image, labels, zoom)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{volume.name}.npz"
    np.savez(file, image=small, labels=small_labels)
    return Seen(file, image.shape, small.shape)


def _detect(images: Sequence[Seen], out: Path, network: Mapping[str, Any]) -> list[Found]:
    """Find nuclei in tiles of images; give the size of each image and the instances."""
    tiles = [tiles_of(each.seen, network["side"], OVERLAP) for each in images]
    MASK_RCNN.call(training.detect, images=_names(images), tiles=tiles, out=str(out), **network).run()
    return [
        (each.shape, instances_in(out / each.file.name, each.shape, each.seen, places))
        for each, places in zip(images, tiles, strict=True)
    ]


def _names(images: Sequence[Seen]) -> list[str]:
    return [str(each.file) for each in images]


def _choose(experiment: Experiment, volumes: Sequence[Volume], found: Sequence[Found]) -> tuple[float, float]:
    """Choose the threshold with the highest mean score over the validation images with nuclei; give both."""
    pairs = [
        (scorer(experiment, volume), each)
        for volume, each in zip(volumes, found, strict=True)
        if experiment.sample(volume).has_nuclei
    ]
    if not pairs:
        raise InputError(f"{experiment.folder}: no validation image has nuclei to choose the score threshold by.")
    return best_threshold(
        lambda threshold: float(np.mean([score(draw(each[1], each[0], threshold)) for score, each in pairs]))
    )


def note(made: Made) -> str:
    """Say in one line how the results were made."""
    start = f"weights of {Path(made['asked']['weights']).name}" if made["asked"]["weights"] else "random weights"
    return (
        f"Mask R-CNN {made['backbone']} FPN of {made['packages'][1]}, {start}, {made['steps']} steps in "
        f"{made['seconds']:.0f} s, patch {made['patch']}, images scaled by {made['zoom']:.2f}, score threshold "
        f"{made['thresholds']['score']:.2f}"
    )


OPTIONS = ("backbone", "width", "weights", "side", "batch", "rate")
BASELINE = Baseline(MASK_RCNN, "maskrcnn", OPTIONS, train_and_segment, note)
