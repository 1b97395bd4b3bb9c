"""Measure how long commands take that compute nothing: help, errors of the configuration, a finished experiment.

    python scripts/benchmark_startup.py [--runs N] [--experiment FOLDER] [--json FILE]

FOLDER is a finished experiment, of which `-d all` is run again; without one, a tiny experiment is made first. Times are
medians in seconds: of the clock, and of the processor, which other programs disturb less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
PYTHON = [sys.executable]

TINY = """\
[data]
input_format = "synthetic"
voxel_size = [1.0, 1.0, 1.0]
synthetic = { shape = [20, 20, 24], nuclei = 3, train = 1, val = 1, test = 1 }
[model]
padding = "same"
train_input_shape = [8, 8, 8]
test_input_shape = [24, 24, 24]
num_fmaps = 2
num_repetitions = 1
downsample_factors = [[2, 2, 2]]
fmap_inc_factors = [2]
fmap_dec_factors = [2]
[training]
max_iterations = 2
checkpoints = 1
snapshots = 0
num_workers = 0
"""


def measure(runs: int = 5, experiment: Path | None = None) -> dict[str, dict[str, float]]:
    """Give the seconds of each command: {command: {"clock", "processor", "limit"}}."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "wrong.toml").write_text("[optimizer]\nlr = -1.0\n", encoding="utf-8")
        program = [*PYTHON, "-m", "auxcpvloss"]
        if experiment is None:
            experiment = place / "root" / "tiny"
            (place / "tiny.toml").write_text(TINY, encoding="utf-8")
            _run([*program, "-c", str(place / "tiny.toml"), "-r", str(experiment.parent), "-d", "all"])
        again = [*program, "-r", str(experiment.parent), "-id", experiment.name, "-d", "all"]
        commands = {
            "python -c pass": ([*PYTHON, "-c", "pass"], 0, 0.0),
            "import auxcpvloss": ([*PYTHON, "-c", "import auxcpvloss"], 0, 0.2),
            "auxcpvloss --help": ([*program, "--help"], 0, 0.5),
            "an error of the configuration": ([*program, "-c", str(place / "wrong.toml"), "-d", "all"], 2, 0.5),
            "-d status of a finished experiment": ([*again[:-1], "status"], 0, 3.0),
            "-d all of a finished experiment": (again, 0, 3.0),
        }
        times = {name: [_run(command, status) for _ in range(runs)] for name, (command, status, _) in commands.items()}
    return {
        name: {
            "clock": statistics.median(each[0] for each in found),
            "processor": statistics.median(each[1] for each in found),
            "limit": commands[name][2],
        }
        for name, found in times.items()
    }


def _run(command: Sequence[str], status: int = 0) -> tuple[float, float]:
    """Run a command; give the seconds that it took of the clock, and of processors."""
    before, began = os.times(), perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    clock, after = perf_counter() - began, os.times()
    if done.returncode != status:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}, not {status}: {done.stderr}")
    user = after.children_user - before.children_user
    return clock, user + after.children_system - before.children_system


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each command (default: 5)")
    parser.add_argument("--experiment", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    args = parser.parse_args()
    figures = measure(args.runs, args.experiment and args.experiment.resolve())
    for name, seconds in figures.items():
        limit = f"   limit {seconds['limit']:g}" if seconds["limit"] else ""
        print(f"{name:<36}{seconds['clock']:7.2f} s   {seconds['processor']:6.2f} s of processors{limit}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
