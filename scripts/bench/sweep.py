"""A sweep of 13 parameter sets over a volume of the size of L1.

The stage validate_checkpoints with a prediction that is there: everything from reading it to the written scores. The
thresholds vary, all with one dilation. References: the same stage with one parameter set; and the original's way, a
process for each set that reads the prediction, labels, writes, reads and evaluates, as written down in
scripts/bench/references/original.py. Since the sets share nothing there, one of them is measured and taken 13 times.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import CACHE, Call, Figures, Options, Row, ratio, stopwatch, turns

DURATION = "30 minutes"
SETS = {
    "fg_thresh": [0.5, 0.5, 0.5, 0.6, 0.6, 0.7, 0.7, 0.8, 0.8, 0.9, 0.9, 0.95, 0.95],
    "seed_thresh": [0.7, 0.8, 0.9, 0.7, 0.9, 0.8, 0.9, 0.7, 0.9, 0.8, 0.9, 0.7, 0.9],
}
COUNT = 13
VALIDATION = "val"


def ours(folder: str, count: int) -> Figures:
    """Score the first `count` sets with the stage, which imported what it needs before."""
    from auxcpvloss.cli import main

    place = Path(folder)
    for made in place.glob(f"{VALIDATION}/*"):
        if made.name != "processed":
            shutil.rmtree(made) if made.is_dir() else made.unlink()
    sets = place.parent / f"sets_{count}.toml"
    lists = "\n".join(f"{name} = {values[:count]}" for name, values in SETS.items())
    sets.write_text(f"[validation]\nparam_product = false\n{lists}\nnum_dilations = {[1] * count}\n", encoding="utf-8")
    given = ["-id", place.name, "-r", str(place.parent), "-c", str(place / "config.toml"), "-c", str(sets), "-d"]
    _expect(main([*given, "prepare"]))
    with stopwatch() as figures:
        _expect(main([*given, "validate_checkpoints"]))
    table = (place / VALIDATION / "scores.csv").read_text(encoding="utf-8").splitlines()
    return {**figures, "rows": len(table)}


def original_set(folder: str) -> Figures:
    """Do what the original does for one set."""
    from bench.references import original

    place = Path(folder)
    with stopwatch() as figures:
        value = original.one_set(
            place / "prediction.zarr", place / "truth.zarr", place / "found.zarr",
            seed_thresh=0.7, fg_thresh=0.5, num_dilations=1,
        )  # fmt: skip
    return {**figures, "av_ap": value}


def _expect(status: int) -> None:
    if status:
        raise SystemExit(f"exit status {status}")


def experiment(quick: bool) -> Path:
    """Give an experiment that validates on a large worm, with the network of `segment`, and its prediction; once."""
    import tifffile

    from bench.references.networks import our_network, run_program
    from bench.volumes import worm

    place = CACHE / f"sweep{'_quick' * quick}"
    folder = place / "experiments/sweep"
    if (place / "whole").is_file():
        return folder
    shutil.rmtree(place, ignore_errors=True)
    for split, volume in (("train", worm(True, 3)), ("val", worm(quick))):
        for kind, array in zip(("images", "masks"), volume, strict=True):
            file = place / f"data/{split}/{kind}/worm_{split}.tif"
            file.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(file, array, photometric="minisblack")
    weights = max((our_network() / "train/checkpoints").glob("*.keras"))
    config = place / "sweep.toml"
    config.write_text(
        f'data.path = "{place / "data"}"\ndata.voxel_size = [1, 1, 1]\ndata.input_format = "tif"\n'
        f'init.checkpoint = "{weights}"\noptimizer.lr = 1e-12\n'
        "training.max_iterations = 1\ntraining.checkpoints = 1\ntraining.snapshots = 0\n",
        encoding="utf-8",
    )
    given = ["-a", "synthetic", "-s", "threeclass", "-c", str(config), "-id", folder.name, "-r", str(folder.parent)]
    run_program([*given, "-d", "train", "validate_checkpoints", "--term_after_predict"])
    (place / "whole").touch()
    return folder


def prediction_of(folder: Path) -> Path:
    """Store prediction and truth for the original's way; once."""
    import numpy as np
    import tifffile
    import zarr

    from bench.references import original

    place = folder.parents[1] / "original"
    if not (place / "truth.zarr").is_dir():
        (predicted,) = folder.glob(f"{VALIDATION}/processed/*/*.zarr")
        logits: Any = zarr.open_group(str(predicted), mode="r")["volumes/pred_threeclass"][...]
        original.store(place / "prediction.zarr", logits=logits.astype(np.float32))
        (masks,) = (folder.parents[1] / "data/val/masks").glob("*.tif")
        original.store(place / "truth.zarr", labels=tifffile.imread(masks))
    return place


def measure(options: Options) -> Iterator[Row]:
    """Compare with one set, and with the original's way."""
    folder = experiment(options.quick)
    given = {"folder": str(folder)}
    calls = [Call(ours, {**given, "count": COUNT}), Call(ours, {**given, "count": 1})]
    theirs = Call(original_set, {"folder": str(prediction_of(folder))})
    swept, once, original = turns([*calls, theirs], options, warm_up=1)
    yield ratio("sweep.one_set", "13 sets / one set", [once, swept], at_most=3, unit="times as long")
    what = "sweep of 13 sets, against the original's way (one set, times 13)"
    yield ratio("sweep.original", what, [swept, original], times=COUNT, at_least=150)
