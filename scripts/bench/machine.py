"""The machine and the versions that a result was measured with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from auxcpvloss.system.processors import arithmetic, field, set_up_tensorflow

LIBRARIES = ("tensorflow", "keras", "jax", "numpy", "scipy", "numba", "mahotas", "gunpowder", "zarr")


def describe() -> dict[str, Any]:
    """Describe processor, memory, arithmetic of TensorFlow, libraries, and the commit of this program."""
    environment = dict(os.environ)
    set_up_tensorflow(environment)
    computing = arithmetic(environment)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "processor": field(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        "instruction_sets": computing.instruction_sets,
        "cores": computing.threads,
        "onednn": computing.onednn,
        "memory_gib": round(memory / 2**30, 1),
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": commit.stdout.strip(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
