"""Which GPU the network runs on: chosen before TensorFlow is imported, which then sees no other."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import MutableMapping
from typing import NamedTuple

from auxcpvloss.system.processors import arithmetic

GPU_QUERY = "--query-gpu=index,uuid,memory.used,memory.total,name"
PROCESS_QUERY = "--query-compute-apps=gpu_uuid"
FORMAT = "--format=csv,noheader,nounits"
SECONDS = 30
"""nvidia-smi hangs where a driver does; nobody should wait for that."""

FREE = 0.1
"""A GPU is free if no process computes on it and at most this part of its memory is used (by a display, say)."""


class Device(NamedTuple):
    """What the network runs on, in words for people.

    Attributes
    ----------
    text : str
    warning : str
        Empty, or what is not as it should be.
    is_gpu : bool
        Whether TensorFlow should find a GPU.
    """

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
    """Choose a GPU, and set the variables by which CUDA and TensorFlow learn of it.

    What ``CUDA_VISIBLE_DEVICES`` says is done. Else it is the GPU that no process computes on and of which the least
    memory is used, as nvidia-smi tells. TensorFlow takes memory as it needs it, not all at once.

    Parameters
    ----------
    environment : mapping
        ``os.environ``.
    """
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    processors = f"on the processors ({arithmetic(environment)})"
    if chosen is not None and chosen.strip() in ("", "-1"):
        return Device(f"{processors}, since CUDA_VISIBLE_DEVICES = {chosen!r}", is_gpu=False)
    environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if chosen is not None:
        return Device(f"on GPU {chosen}, since CUDA_VISIBLE_DEVICES = {chosen!r}")
    if (program := shutil.which("nvidia-smi", path=environment.get("PATH"))) is None:
        return Device(f"no GPU: {processors}", is_gpu=False)
    try:
        gpus = _gpus(_ask(program, GPU_QUERY, environment))
    except (OSError, subprocess.SubprocessError) as error:
        return Device(f"no GPU: {processors}", f"nvidia-smi failed: {_reason(error)}", is_gpu=False)
    if not gpus:
        # There may be one all the same, and TensorFlow would find it.
        return Device("on what TensorFlow finds", "what nvidia-smi says of GPUs is not understood", is_gpu=False)
    return _take(gpus, _computing(program, environment), environment)


def _take(gpus: list[Gpu], computing: set[str], environment: MutableMapping[str, str]) -> Device:
    best = min(gpus, key=lambda gpu: (gpu.uuid in computing, gpu.used, gpu.number))
    # CUDA counts the fastest first unless told to count as nvidia-smi does.
    environment.update(CUDA_DEVICE_ORDER="PCI_BUS_ID", CUDA_VISIBLE_DEVICES=str(best.number))
    text = f"on GPU {best.number} of {len(gpus)} ({best.name}, {best.used:,} of {best.total:,} MiB used)"
    if best.uuid not in computing and best.used <= FREE * best.total:
        return Device(text)
    return Device(text, "no GPU is free; this one has the most room. CUDA_VISIBLE_DEVICES chooses another, '' none")


def _ask(program: str, query: str, environment: MutableMapping[str, str]) -> str:
    command = [program, query, FORMAT]
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=True, timeout=SECONDS, env=dict(environment)
    ).stdout


def _gpus(text: str) -> list[Gpu]:
    """Read lines such as ``0, GPU-5c1f, 4, 81559, NVIDIA H100``; one that tells no numbers is left out."""
    found = []
    for line in text.splitlines():
        number, uuid, used, total, name = [*(part.strip() for part in line.split(",", maxsplit=4)), *[""] * 5][:5]
        if number.isdecimal() and used.isdecimal() and total.isdecimal():
            found.append(Gpu(int(number), uuid, int(used), int(total), name))
    return found


def _computing(program: str, environment: MutableMapping[str, str]) -> set[str]:
    """Give the GPUs that processes compute on; none where it is not told, as in some containers."""
    try:
        return {line.strip() for line in _ask(program, PROCESS_QUERY, environment).splitlines()}
    except (OSError, subprocess.SubprocessError):
        return set()


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        # It complains on standard output.
        lines = (error.stdout + error.stderr).strip().splitlines()
        return lines[0] if lines else f"exit status {error.returncode}"
    return str(error)


def gpus_of_tensorflow() -> int:
    """Count the GPUs that TensorFlow can use; imports it."""
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))
