"""A training as users run it, on generated volumes: how fast it is, and how much of it waits for batches."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from gpu.network import INPUTS, MODELS

ROOT = Path(__file__).resolve().parents[2]


def measure(library: str, size: str, precision: str, iterations: int, workers: int) -> dict[str, Any]:
    """Prepare generated volumes and train on them; the second half of the iterations counts."""
    import toml

    train, test = INPUTS[size]
    every = max(1, iterations // 2)
    volumes = {"train": 2, "val": 1, "test": 1, "shape": [train + 20] * 3, "nuclei": (train + 20) ** 3 // 5000}
    shapes = {"train_input_shape": [train] * 3, "test_input_shape": [test] * 3}
    logs = {"max_iterations": 2 * every, "checkpoints": 2 * every, "snapshots": 0, "log_every": every}
    tables = {
        "general": {"backend": library},
        "data": {"input_format": "synthetic", "voxel_size": [1, 1, 1], "synthetic": volumes},
        "model": {"method": "threeclass_cpv", **MODELS[size], **shapes},
        "training": {"precision": precision, "num_workers": workers, **logs},
    }
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "check.toml").write_text(toml.dumps(tables), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "auxcpvloss",
            "-c",
            place / "check.toml",
            "-r",
            place,
            "-d",
            "prepare",
            "train",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or done.stdout.strip())
        with (place / "check/train/log.csv").open(encoding="utf-8") as file:
            last = list(csv.DictReader(file))[-1]
    return {
        "workers": workers,
        "iterations_per_second": float(last["iterations_per_second"]),
        "waited_for_batches": float(last["waited_for_data"]),
    }
