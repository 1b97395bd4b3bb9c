"""What a command runs on, and how much memory it takes."""

from __future__ import annotations

import os
import platform
import resource
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

JOBS = ("SLURM_JOB_ID", "JOB_ID")
VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "KERAS_BACKEND", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS", "PYTHONHASHSEED",
    "TF_CUDNN_DETERMINISTIC", "TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS", "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_GPU_ALLOCATOR", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_USE_LEGACY_KERAS", "TF_XLA_FLAGS",
    *JOBS,
)  # fmt: skip
"""Of the environment these are recorded, no others: they may be secret (Terraform's passwords begin with TF_, too)."""

MIB = 2**20


def machine() -> dict[str, Any]:
    """Host, system, model of the processor, and how many of its cores this process may use."""
    return {
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
    }


def processor() -> str:
    """Model of the processor; its architecture where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Give the variables that a run depends on, or that name the job that it is part of."""
    return {key: value for key, value in sorted(variables.items()) if key in VARIABLES}


def gpus() -> list[str]:
    """Names of the GPUs that TensorFlow sees; none as long as nobody has imported it."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return []
    devices = tensorflow.config.list_physical_devices("GPU")
    details = [tensorflow.config.experimental.get_device_details(device) for device in devices]
    return [str(detail.get("device_name", "GPU")) for detail in details]


def forget_peak() -> None:
    """Begin a new measurement of `peak_memory`, where the system allows it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Give the most memory (resident) of this process since `forget_peak`, or where that has no effect ever, in MiB."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 // MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // MIB


def children_memory() -> int:
    """Give the most memory of any process that this one started and that has ended, in MiB: a bound from above.

    Linux counts for a child what its parent held when it was started, too.
    """
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 // MIB
