"""An environment of its own with StarDist, made on first use from the package index; calls run in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.measure import CACHE, Call, Figures, MeasurementError

PACKAGES = ("stardist==0.9.2", "tensorflow==2.19.*", "tf-keras==2.19.*", "tifffile")
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
    if not whole.is_file() or whole.read_text(encoding="utf-8").split() != list(PACKAGES):
        print(f"  installing {', '.join(PACKAGES)} into {folder}", flush=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], install):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise MeasurementError(f"no environment for StarDist: {' '.join(command)}\n{done.stdout}{done.stderr}")
        whole.write_text("\n".join(PACKAGES), encoding="utf-8")
    return python


def stardist_call(function: Callable[..., Figures], **arguments: object) -> Call:
    """Call a function in the environment of StarDist."""
    return Call(function, arguments, interpreter(), ENVIRONMENT)
