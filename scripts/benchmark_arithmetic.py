"""Measure how fast a setup trains with and without oneDNN, TensorFlow's fast convolutions.

    python scripts/benchmark_arithmetic.py [--isa AVX2] [--iterations 20] [--pairs 3] [-a synthetic] [-s threeclass_cpv]

Trainings with and without it take turns, in processes of their own, on volumes that are prepared before; --isa limits
the instruction sets that oneDNN uses (ONEDNN_MAX_CPU_ISA), as on an older processor. Prints the median seconds of an
iteration of each training, the first two of which are left out, and the ratio of each pair. Let nothing else compute.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 2
"""Iterations that are left out: TensorFlow compiles the network in the first."""


def run(arguments: list[str], environment: dict[str, str]) -> None:
    """Run the command line; its output is shown only where it fails."""
    command = [sys.executable, str(ROOT / "run_auxcpvloss.py"), *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def seconds(log: Path) -> float:
    """Median seconds of an iteration."""
    with log.open(newline="", encoding="utf-8") as file:
        rates = [float(row["iterations_per_second"]) for row in csv.DictReader(file)]
    return statistics.median(1 / rate for rate in rates[WARM_UP:])


def measure(args: argparse.Namespace, folder: Path) -> None:
    """Print a line for each pair of trainings, and the median ratio."""
    config = folder / "short.toml"
    config.write_text(
        f"[training]\nmax_iterations = {args.iterations}\ncheckpoints = {args.iterations}\nlog_every = 1\n"
        "snapshots = 0\nvalidation_batches = 0\nearly_stop = 0\n",
        encoding="utf-8",
    )
    given = ["-a", args.app, "-s", args.setup, "-c", str(config), "-r", str(folder / "experiments")]
    limit = {"ONEDNN_MAX_CPU_ISA": args.isa} if args.isa else {}
    run([*given, "-id", "prepared", "-d", "prepare"], {})
    print(f"{args.setup}, {args.iterations} iterations, instruction sets: {args.isa or 'all'}", flush=True)
    ratios = []
    for pair in range(args.pairs):
        each = []
        for onednn in ("1", "0"):
            name = f"onednn_{onednn}_{pair}"
            run([*given, "-id", name, "-d", "train"], {"TF_ENABLE_ONEDNN_OPTS": onednn, **limit})
            each.append(seconds(folder / "experiments" / name / "train" / "log.csv"))
        ratios.append(each[1] / each[0])
        print(f"with oneDNN {each[0]:.3f} s, without {each[1]:.3f} s: {ratios[-1]:.2f} times as fast", flush=True)
    print(f"median of {args.pairs} pairs: {statistics.median(ratios):.2f} times as fast with oneDNN")


def main() -> None:
    """Measure in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isa", default="")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("-a", "--app", default="synthetic")
    parser.add_argument("-s", "--setup", default="threeclass_cpv")
    with tempfile.TemporaryDirectory() as folder:
        measure(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    main()
