"""Which GPU the network runs on: chosen before the backend is imported, which then sees no other."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import MutableMapping
from contextlib import suppress
from typing import NamedTuple

from auxcpvloss.system.backends import BACKENDS, chosen, processors

SECONDS = 30
"""Time limit in seconds: nvidia-smi hangs if the driver does."""

FREE = 0.1
"""A GPU is free if no process computes on it and at most this part of its memory is used (by a display, say)."""


class Device(NamedTuple):
    """What the network runs on and what is wrong with that, for people; and whether the backend should find a GPU."""

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
    """Choose a GPU, and set the variables of an environment by which CUDA learns of it.

    ``CUDA_VISIBLE_DEVICES`` is obeyed if it is set. Otherwise, the GPU is one on which no process computes and of which
    the least memory is used, according to nvidia-smi.
    """
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    cpu = f"on the CPU ({processors(environment)})"
    if visible is not None and visible.strip() in ("", "-1"):
        return Device(f"{cpu} because CUDA_VISIBLE_DEVICES = {visible!r}", is_gpu=False)
    if visible is not None:
        return Device(f"on GPU {visible} because CUDA_VISIBLE_DEVICES = {visible!r}")
    if (program := shutil.which("nvidia-smi", path=environment.get("PATH"))) is None:
        return Device(f"no GPU: {cpu}", is_gpu=False)
    try:
        gpus = _gpus(_ask(program, "gpu=index,uuid,memory.used,memory.total,name", environment))
    except (OSError, subprocess.SubprocessError) as error:
        return Device(f"no GPU: {cpu}", f"nvidia-smi failed: {_reason(error)}", is_gpu=False)
    if not gpus:
        # There may be one all the same, and the backend would find it.
        where = f"on the device that {BACKENDS[chosen()].title} finds"
        return Device(where, "the output of nvidia-smi is not understood", is_gpu=False)
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
