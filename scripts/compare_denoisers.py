"""Compare denoisers: the ratio of signal to noise before and after, with and without correlation of the noise.

FOLDER holds images/ and masks/. A tenth of the images gets Gaussian noise, independent from pixel to pixel and averaged
over `--length` pixels along x. For each seed a denoiser is trained on these images alone, and where noise is correlated
another one that hides the neighbours along x, too (pretrain.blind_extent)::

    python scripts/compare_denoisers.py FOLDER [--noise 40] [--length 3] [--iterations N] [--seeds 1 2 3]

Prints a table of the mean peak signal-to-noise ratio over images, with the range over seeds. Experiments lie in
.benchmarks/denoisers; what is there is not made again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import toml

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.cli import main as run
from auxcpvloss.experiment.denoised_pairs import denoised_pairs
from auxcpvloss.looking.compare.reading import open_experiment
from auxcpvloss.metrics.psnr import psnr

PLACE = Path(__file__).resolve().parents[1] / ".benchmarks" / "denoisers"


def configuration(args: argparse.Namespace, length: int, hidden: int) -> dict[str, Any]:
    """Give the keys that differ from the defaults."""
    return {
        "data": {
            "path": str(args.folder),
            "split": [0.8, 0.1, 0.1],
            "voxel_size": [1, 1, 1],
            "use": 1,
            "degrade": {"gaussian": args.noise, "gaussian_length": length},
        },
        "model": {
            "ndim": 2,
            "downsample_factors": [[2, 2], [2, 2], [2, 2]],
            "num_fmaps": 16,
            "fmap_inc_factors": [2, 2, 2],
            "fmap_dec_factors": [2, 2, 2],
            "padding": "same",
            "train_input_shape": [64, 64],
        },
        "scheme": {"name": "sequential"},
        "training": {"precision": "mixed_bfloat16"},
        "pretrain": {
            "images": ["test"],
            "max_iterations": args.iterations,
            "checkpoints": args.iterations,
            "batch_size": 8,
            "lr": 1e-3,
            "blind_extent": [0, hidden],
        },
    }


def ratios(args: argparse.Namespace, length: int, hidden: int, seed: int) -> tuple[float, float]:
    """Train a denoiser; give the mean ratio of the test images before and after, in dB."""
    name = f"length{length}_hidden{hidden}_seed{seed}"
    config = PLACE / f"{name}.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(toml.dumps(configuration(args, length, hidden)), encoding="utf-8")
    given = ["-c", str(config), "-r", str(PLACE), "-id", name, "--seed", str(seed)]
    if status := run([*given, "-d", "prepare", "mknet", "pretrain", "denoise"]):
        raise SystemExit(status)
    pairs = [pair for pair in denoised_pairs(open_experiment(PLACE / name)) if pair[0].clean is not None]
    clean = [noisy.clean[...] for noisy, _ in pairs if noisy.clean is not None]
    before, after = (
        mean(psnr(image, pair[side].raw[...]) for image, pair in zip(clean, pairs, strict=True)) for side in (0, 1)
    )
    return before, after


def main() -> None:
    """Train, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--noise", type=float, default=40.0, help="standard deviation, in units of the files (40)")
    parser.add_argument("--length", type=int, default=3, help="pixels along x that correlated noise extends over (3)")
    parser.add_argument("--iterations", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    rows = ["| noise | hidden along x | noisy, dB | denoised, dB | gain, dB |", "| --- | --- | --- | --- | --- |"]
    for length, hidden in ((1, 0), (args.length, 0), (args.length, args.length - 1)):
        found = [ratios(args, length, hidden, seed) for seed in args.seeds]
        gains = [after - before for before, after in found]
        before, after = (mean(side) for side in zip(*found, strict=True))
        kind = "independent" if length == 1 else f"averaged over {length} pixels along x"
        spread = f"{mean(gains):.1f} ({min(gains):.1f} to {max(gains):.1f})"
        rows.append(f"| {kind} | {hidden} | {before:.1f} | {after:.1f} | {spread} |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
