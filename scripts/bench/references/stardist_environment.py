"""An environment of its own with StarDist, made on first use from the package index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.measure import CACHE, MeasurementError

PACKAGES = ("stardist==0.9.2", "tensorflow==2.19.*", "tf-keras==2.19.*")
ENVIRONMENT = {
    "TF_USE_LEGACY_KERAS": "1",  # csbdeep is written for Keras 2
    "TF_ENABLE_ONEDNN_OPTS": "1",  # as for ours; TensorFlow alone leaves it off on some processors
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}


def interpreter() -> Path:
    """Give the Python of the environment."""
    folder = CACHE / "stardist/environment"
    python, whole = folder / "bin/python", folder / "whole"
    if not whole.is_file():
        print(f"  installing {', '.join(PACKAGES)} into {folder}", flush=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], install):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise MeasurementError(f"no environment for StarDist: {' '.join(command)}\n{done.stdout}{done.stderr}")
        whole.touch()
    return python
