"""Start-up: commands that compute nothing.

Help, errors of the configuration, and a finished experiment (a tiny one) whose `-d all` finds everything done. There is
no reference; the first line is what Python itself takes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measure import CACHE, Call, Figures, MeasurementError, Options, Row, figure, stopwatch, turns

DURATION = "2 minutes"
ROOT = Path(__file__).resolve().parents[2]

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


def command(arguments: Sequence[str], status: int) -> Figures:
    """Run Python with these arguments."""
    with stopwatch() as figures:
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise MeasurementError(f"{arguments}: exit status {done.returncode}, not {status}: {done.stderr}")
    return {name: figures[name] for name in ("seconds", "cpu_seconds")}


def measure(options: Options) -> Iterator[Row]:
    """Give the seconds of each command."""
    place = CACHE / "startup"
    place.mkdir(parents=True, exist_ok=True)
    (place / "wrong.toml").write_text("[optimizer]\nlr = -1.0\n", encoding="utf-8")
    (place / "tiny.toml").write_text(TINY, encoding="utf-8")
    program, root = ["-m", "auxcpvloss"], str(place / "experiments")
    again = [*program, "-r", root, "-id", "tiny"]
    # Makes the experiment, or what of it is stale.
    Call(command, {"arguments": [*again, "-c", str(place / "tiny.toml"), "-d", "all"], "status": 0}).run()
    commands = {
        "python": ("python -c pass", ["-c", "pass"], 0, None),
        "import": ("import auxcpvloss", ["-c", "import auxcpvloss"], 0, 0.2),
        "help": ("--help", [*program, "--help"], 0, 0.5),
        "error": ("an error of the configuration", [*program, "-c", str(place / "wrong.toml"), "-d", "all"], 2, 0.5),
        "status": ("-d status of a finished experiment", [*again, "-d", "status"], 0, 3.0),
        "again": ("-d all of a finished experiment", [*again, "-d", "all"], 0, 3.0),
    }
    sides = turns(
        [Call(command, {"arguments": given, "status": status}) for _, given, status, _ in commands.values()], options
    )
    for (name, (words, _, _, limit)), side in zip(commands.items(), sides, strict=True):
        yield figure(f"startup.{name}", words, side.values("seconds"), "s", at_most=limit)
