"""Networks for the benchmarks of prediction, StarDist-3D's and ours: trained shortly on small worms, once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from baselines.stardist.environment import STARDIST

from bench.measure import CACHE, MeasurementError
from bench.references import stardist
from bench.volumes import worm_file

ROOT = Path(__file__).resolve().parents[3]
STEPS, OUR_ITERATIONS = 400, 300
OUR_CONFIG = f"""
training.max_iterations = {OUR_ITERATIONS}
training.checkpoints = {OUR_ITERATIONS}
training.snapshots = 0
data.synthetic.train = 1
"""


def stardist_network() -> Path:
    """Give the folder of a StarDist-3D network with 96 rays and grid (1, 2, 2)."""
    folder = CACHE / f"stardist/worms_{STEPS}_steps"
    if not (folder / "thresholds.json").is_file():
        print(f"  training StarDist-3D for {STEPS} steps", flush=True)
        volumes = [str(worm_file((80, 80, 240), 250, seed)) for seed in (11, 12)]
        STARDIST.call(stardist.train_steps, training=volumes[0], validation=volumes[1], folder=str(folder), steps=STEPS,
                      grid=[1, 2, 2]).run()  # fmt: skip
    return folder


def our_network() -> Path:
    """Give the folder of an experiment with a 3-label network of 10, 30 and 90 maps, as in the demo."""
    folder = CACHE / "ours/experiments/worms"
    if not (folder / "val/selection.toml").is_file():
        print(f"  training the 3-label network for {OUR_ITERATIONS} iterations", flush=True)
        (CACHE / "ours").mkdir(parents=True, exist_ok=True)
        config = CACHE / "ours/worms.toml"
        config.write_text(OUR_CONFIG, encoding="utf-8")
        given = ["-a", "synthetic", "-s", "threeclass", "-c", str(config), "-id", folder.name, "-r", str(folder.parent)]
        run_program([*given, "-d", "train", "validate_checkpoints"])
    return folder


def run_program(arguments: Sequence[str]) -> None:
    """Run the command line of this program; its output is shown only where it fails."""
    command = [sys.executable, str(ROOT / "run_auxcpvloss.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise MeasurementError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
