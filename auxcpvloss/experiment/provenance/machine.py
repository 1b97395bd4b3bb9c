"""The machine that a command runs on, and how much memory it uses."""

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

from auxcpvloss.system.processors import arithmetic, field, usable_cores

VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "DNNL_MAX_CPU_ISA", "KERAS_BACKEND", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA", "PYTHONHASHSEED",
    "TF_CUDNN_DETERMINISTIC", "TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS", "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_GPU_ALLOCATOR", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_USE_LEGACY_KERAS", "TF_XLA_FLAGS",
    "SLURM_JOB_ID", "JOB_ID",
)  # fmt: skip
"""Environment variables that are recorded. Others may be secret (Terraform's passwords begin with TF_, too)."""


def machine() -> dict[str, Any]:
    """Return host, system, processor model and the arithmetic of this process."""
    return {
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "processor": field(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        "cores": usable_cores(),
        **arithmetic(os.environ)._asdict(),
    }


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Select the variables that a result may depend on, and those that name the job of a batch system."""
    return {key: value for key, value in sorted(variables.items()) if key in VARIABLES}


def gpus() -> list[str]:
    """Return the names of the GPUs that TensorFlow sees; none as long as it is not imported."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return []
    devices = tensorflow.config.list_physical_devices("GPU")
    details = [tensorflow.config.experimental.get_device_details(device) for device in devices]
    return [str(detail.get("device_name", "GPU")) for detail in details]


def reset_peak() -> None:
    """Restart the measurement of `peak_memory`, if the system allows it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Return the maximum resident memory of this process since `reset_peak`, or since its start, in MiB."""
    peak = field(Path("/proc/self/status"), "VmHWM")
    kib = int(peak.split()[0]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib // 1024


def children_memory() -> int:
    """Return the maximum resident memory of any child process that has ended, in MiB.

    This is an upper bound: Linux includes what the parent held when it started the child.
    """
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
