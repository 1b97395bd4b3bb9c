"""Training with and without oneDNN, TensorFlow's fast convolutions.

Short trainings of the demo, of which the first two iterations are left out. ONEDNN_MAX_CPU_ISA=AVX2, if it is set,
limits the instruction sets that oneDNN uses, as on an older processor.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Call, Figures, Options, Row, in_turn, ratio

DURATION = "15 minutes"
WARM_UP = 2
"""Iterations that are left out: TensorFlow compiles the network in the first."""


def training(iterations: int) -> Figures:
    """Train on the demo's data, and give the mean seconds of an iteration."""
    from auxcpvloss.cli import main

    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "short.toml"
        config.write_text(
            f"[training]\nmax_iterations = {iterations}\ncheckpoints = {iterations}\nlog_every = 1\nsnapshots = 0\n",
            encoding="utf-8",
        )
        given = ["-a", "synthetic", "-s", "threeclass_cpv", "-c", str(config), "-r", folder, "-id", "training"]
        if status := main([*given, "-d", "train"]):
            raise SystemExit(status)
        with (Path(folder) / "training/train/log.csv").open(newline="", encoding="utf-8") as log:
            done = [(int(row["iteration"]), float(row["iterations_per_second"])) for row in csv.DictReader(log)]
    # The rate is that since the beginning.
    at = {iteration: iteration / rate for iteration, rate in done}
    return {"seconds": (at[iterations] - at[WARM_UP]) / (iterations - WARM_UP)}


def measure(options: Options) -> Iterator[Row]:
    """Compare the seconds of an iteration."""
    given = {"iterations": 8 if options.quick else 20}
    with_it, without = (Call(training, given, environment={"TF_ENABLE_ONEDNN_OPTS": onednn}) for onednn in "10")
    sides = in_turn(with_it, without, options, warm_up_reference=False)
    yield ratio("onednn.training", "training step with oneDNN, against the same without", sides)
