"""Compare training on whole volumes with training on a box of each: marked as such, and with 0 beyond it.

On generated worms, `threeclass_cpv` is trained for each seed on three forms of the same labels: whole; "ignored", only
those in a box of a quarter of each volume, and -1 beyond (``data.ignore_label``); "zero", 0 beyond. So are the
validation volumes, which choose checkpoint and parameters. The test volumes are whole::

    python scripts/sparse_supervision.py [--root experiments] [--iterations 1000] [--seeds 42 43 44] [--out docs/sparse]

Writes ``<out>.csv``, a line a run. Complete results are not made again. Exit status 1 unless the mean AP of "ignored"
is within 0.05 of that of "whole", and that of "zero" is not.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tomllib
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import tifffile
import toml

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.config import ConfigFile
from auxcpvloss.data.synthetic.worms import dataset, make_worm
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection_file import read_selection

REPOSITORY = Path(__file__).parents[1]
KINDS = {"whole": None, "ignored": -1, "zero": 0}
"""What voxels beyond the box are labelled; None: there is no box."""

SHAPE, NUCLEI = (80, 80, 160), 170
VOLUMES = {"train": 3, "val": 1, "test": 2}
ANNOTATED = 0.25
"""Part of each volume that lies in the box."""

TOLERANCE = 0.05


def box_of(shape: tuple[int, ...], seed: int) -> tuple[slice, ...]:
    """Draw a box of the proportions of a volume, anywhere in it."""
    sides = np.rint(np.array(shape) * ANNOTATED ** (1 / 3)).astype(int)
    first = np.random.default_rng(seed).integers(0, np.array(shape) - sides + 1)
    return tuple(slice(f, f + side) for f, side in zip(first.tolist(), sides.tolist(), strict=True))


def write_volumes(root: Path) -> None:
    """Write the volumes with each form of the labels: <root>/<kind>/{train,val,test}/{images,masks}/<name>.tif."""
    for split, seeds in dataset(*VOLUMES.values(), 1).items():
        for name, seed in seeds.items():
            raw, labels = make_worm(SHAPE, seed, NUCLEI)
            for kind, beyond in KINDS.items():
                given = labels.astype(np.int32)
                if beyond is not None and split != "test":
                    box = box_of(SHAPE, seed)
                    given = np.full(SHAPE, beyond, np.int32)
                    given[box] = labels[box]
                for what, volume in (("images", raw), ("masks", given)):
                    path = root / kind / split / what / f"{name}.tif"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    tifffile.imwrite(path, volume, compression="zlib", photometric="minisblack")


def configuration(data: Path, kind: str, iterations: int) -> dict[str, Any]:
    """Give the keys that differ from those of the demo."""
    return {
        "data": {"path": str(data / kind), "input_format": "tif", "ignore_label": -1 if kind == "ignored" else 0},
        "training": {"max_iterations": iterations, "checkpoints": iterations // 2, "snapshots": 0},
    }


def run(root: Path, data: Path, kind: str, seed: int, iterations: int) -> dict[str, Any]:
    """Train, choose, score; give a line of the table."""
    name = f"sparse_{kind}_{iterations}_seed{seed}"
    config = data / f"{name}.toml"
    config.write_text(toml.dumps(configuration(data, kind, iterations)), encoding="utf-8")
    command = [sys.executable, str(REPOSITORY / "run_auxcpvloss.py"), "-a", "synthetic", "-s", "threeclass_cpv"]
    command += ["-c", str(config), "-r", str(root), "-id", name, "--seed", str(seed), "-d"]
    stages = ["prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate"]
    subprocess.run([*command, *stages], check=True)
    experiment = Experiment(root / name, load([ConfigFile.read(root / name / "config.toml")]))
    chosen = read_selection(experiment)
    files = sorted(experiment.evaluated("test", chosen.checkpoint, chosen.params).glob("*.toml"))
    cells = [tomllib.loads(file.read_text(encoding="utf-8"))["confusion_matrix"] for file in files]
    return {
        "labels": kind,
        "seed": seed,
        "iterations": iterations,
        "checkpoint": chosen.checkpoint,
        "parameters": chosen.params.slug(),
        "AP_0.5": round(mean(cell["th_0_5"]["AP"] for cell in cells), 4),
        "avAP": round(mean(cell["avAP"] for cell in cells), 4),
    }


def main() -> int:
    """Run all, write the table; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("experiments"))
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "sparse")
    args = parser.parse_args()
    root = args.root.resolve()
    write_volumes(data := root / "sparse_volumes")
    rows: list[dict[str, Any]] = []
    for seed in args.seeds:
        for kind in KINDS:
            rows.append(run(root, data, kind, seed, args.iterations))
            with args.out.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
    means = {kind: mean(row["AP_0.5"] for row in rows if row["labels"] == kind) for kind in KINDS}
    for kind, value in means.items():
        print(f"{kind}: AP 0.5 {value:.3f}")
    lost = {kind: means["whole"] - value for kind, value in means.items()}
    return 0 if lost["ignored"] <= TOLERANCE < lost["zero"] else 1


if __name__ == "__main__":
    sys.exit(main())
