"""Which GPU the network runs on: chosen before TensorFlow is imported, which then sees no other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import MutableMapping
from contextlib import suppress
from typing import NamedTuple

from auxcpvloss.system.processors import arithmetic

SECONDS = 30
"""Time limit in seconds: nvidia-smi hangs if the driver does."""

FREE = 0.1
"""A GPU is free if no process computes on it and at most this part of its memory is used (by a display, say)."""


class Device(NamedTuple):
    """What the network runs on and what is wrong with that, for people; and whether TensorFlow should find a GPU."""

    text: str
    warning: str = ""
    is_gpu: bool = True


class Gpu(NamedTuple):
    """A line of nvidia-smi; memory in MiB."""

    number: int
    uuid: str
    used: int
    total: int
    name: str


def choose_device(environment: MutableMapping[str, str]) -> Device:
    """Choose a GPU, and set the variables of an environment by which CUDA and TensorFlow learn of it.

    ``CUDA_VISIBLE_DEVICES`` is obeyed if it is set. Otherwise, the GPU is one on which no process computes and of which
    the least memory is used, according to nvidia-smi. TensorFlow takes memory as it needs it, not all at once.
    """
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    processors = f"on the CPU ({arithmetic(environment)})"
    if chosen is not None and chosen.strip() in ("", "-1"):
        return Device(f"{processors} because CUDA_VISIBLE_DEVICES = {chosen!r}", is_gpu=False)
    environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if chosen is not None:
        return Device(f"on GPU {chosen} because CUDA_VISIBLE_DEVICES = {chosen!r}")
    if (program := shutil.which("nvidia-smi", path=environment.get("PATH"))) is None:
        return Device(f"no GPU: {processors}", is_gpu=False)
    try:
        gpus = _gpus(_ask(program, "gpu=index,uuid,memory.used,memory.total,name", environment))
    except (OSError, subprocess.SubprocessError) as error:
        return Device(f"no GPU: {processors}", f"nvidia-smi failed: {_reason(error)}", is_gpu=False)
    if not gpus:
        # There may be one all the same, and TensorFlow would find it.
        return Device("on the device that TensorFlow finds", "the output of nvidia-smi is not understood", is_gpu=False)
    computing: set[str] = set()
    # Some containers do not tell which GPUs processes compute on.
    with suppress(OSError, subprocess.SubprocessError):
        computing = {line.strip() for line in _ask(program, "compute-apps=gpu_uuid", environment).splitlines()}
    best = min(gpus, key=lambda gpu: (gpu.uuid in computing, gpu.used, gpu.number))
    # CUDA counts the fastest first unless told to count as nvidia-smi does.
    environment.update(CUDA_DEVICE_ORDER="PCI_BUS_ID", CUDA_VISIBLE_DEVICES=str(best.number))
    text = f"on GPU {best.number} of {len(gpus)} ({best.name}, {best.used:,} of {best.total:,} MiB used)"
    if best.uuid not in computing and best.used <= FREE * best.total:
        return Device(text)
    return Device(
        text,
        "no GPU is free; this one has the most free memory. CUDA_VISIBLE_DEVICES chooses another, '' none",
    )


def _ask(program: str, query: str, environment: MutableMapping[str, str]) -> str:
    command = [program, f"--query-{query}", "--format=csv,noheader,nounits"]
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=True, timeout=SECONDS, env=dict(environment)
    ).stdout


def _gpus(text: str) -> list[Gpu]:
    """Read lines such as ``0, GPU-5c1f, 4, 81559, NVIDIA H100``; leave out any without numbers."""
    found = re.findall(r"(?m)^ *(\d+) *, *([^,\n]*?) *, *(\d+) *, *(\d+) *, *(.*?)\s*$", text)
    return [Gpu(int(number), uuid, int(used), int(total), name) for number, uuid, used, total, name in found]


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        # It complains on standard output.
        lines = (error.stdout + error.stderr).strip().splitlines()
        return lines[0] if lines else f"exit status {error.returncode}"
    return str(error)


def computes_on() -> str:
    """Say on what kind of arithmetic the bits of a training depend: a GPU, or threads and instruction sets."""
    return "a GPU" if gpus_of_tensorflow() else str(arithmetic(os.environ))


def gpus_of_tensorflow() -> int:
    """Count the GPUs that TensorFlow can use; imports it."""
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))
