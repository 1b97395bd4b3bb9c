"""Score the network that comes with the program on volumes with masks: FOLDER/images/*.tif and FOLDER/masks/*.tif.

Every volume is segmented twice: with the diameter of its median nucleus, as the masks have it, and with the diameter
that the program estimates. Volumes are pooled by the part of their names before the first "_", such as an embryo at
several times; each line of the table is the mean over such groups of the mean over their volumes::

    python scripts/evaluate_pretrained.py FOLDER --voxel-size 1.75 0.8 0.8 --csv scores.csv
"""

from __future__ import annotations

import argparse
import csv
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import tifffile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout need not be installed

from auxcpvloss.apply.pretrained import load_any
from auxcpvloss.metrics.comparison import Comparison


def true_diameter(labels: np.ndarray, voxel_size: tuple[float, float, float]) -> float:
    """Give the diameter of a ball of the volume of the median nucleus, in voxels along x."""
    sizes = np.bincount(labels.reshape(-1))[1:]
    z, y, x = voxel_size
    return float(np.cbrt(np.median(sizes[sizes > 0]) * (z * y / x**2) * 6 / np.pi))


def main() -> None:
    """Segment and score every volume; print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--voxel-size", type=float, nargs=3, default=(1, 1, 1), metavar=("Z", "Y", "X"))
    parser.add_argument("--csv", type=Path, help="write a line for each volume")
    parser.add_argument("--no-estimate", action="store_true", help="only with the diameters of the masks")
    args = parser.parse_args()
    model, size, rows = load_any("pretrained"), tuple(args.voxel_size), []
    for path in sorted((args.folder / "images").glob("*.tif")):
        image, labels = tifffile.imread(path), tifffile.imread(args.folder / "masks" / path.name)
        row = {"name": path.stem, "nuclei": len(np.unique(labels)) - 1, "diameter": true_diameter(labels, size)}
        model.diameter = row["diameter"]
        row |= _scores(labels, model.segment(image, size), "")
        if not args.no_estimate:
            model.diameter = None
            row |= _scores(labels, model.segment(image, size), " (estimated)") | {"estimated": model.used}
        rows.append(row)
        print("  ".join(f"{key} {value:.3g}" if key != "name" else value for key, value in row.items()), flush=True)
    groups = [list(group) for _, group in groupby(rows, lambda row: row["name"].split("_")[0])]
    for key in [key for key in rows[0] if key != "name"]:
        print(f"| {key} | {np.mean([np.mean([row[key] for row in group]) for group in groups]):.3f} |")
    if args.csv:
        with args.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def _scores(truth: np.ndarray, found: np.ndarray, how: str) -> dict[str, float]:
    compared = Comparison(found, truth)
    return {f"detection AP{how}": compared.detections.counts.ap, f"AP 0.5{how}": compared.counts.ap}


if __name__ == "__main__":
    main()
