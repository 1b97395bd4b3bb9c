"""The cores and instruction sets of this machine, and how TensorFlow uses them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import NamedTuple

ONEDNN, ONEDNN_LIMITS = "TF_ENABLE_ONEDNN_OPTS", ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
THREADS = "TF_NUM_INTRAOP_THREADS"
WITHOUT_AMX = "AVX512_CORE_BF16"
"""The value of `ONEDNN_LIMITS` that leaves AMX out, and nothing else that processors have for bfloat16."""
ON, OFF = ("1", "true"), ("0", "false")
"""The values of `ONEDNN` that TensorFlow understands; it ignores all others."""

INSTRUCTION_SETS = (
    "avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_int8", "amx_bf16", "amx_fp16", "asimd", "sve", "sve2", "bf16", "i8mm",
)  # fmt: skip
"""Instruction sets with convolutions of their own (x86 and Arm), spelled as in /proc/cpuinfo."""


class Arithmetic(NamedTuple):
    """What the bits of a result depend on if no GPU is used, besides data, configuration and libraries.

    Threads share one operation of the network; oneDNN is on or off, and may be limited to some instruction sets;
    "" where that is not TensorFlow's choice.
    """

    threads: int
    onednn: str
    instruction_sets: str

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        onednn = f", oneDNN {self.onednn}" if self.onednn else ""
        return f"{threads}{onednn}, {self.instruction_sets or 'unknown instruction sets'}"


def set_up_tensorflow(environment: MutableMapping[str, str]) -> None:
    """Set the variables that TensorFlow reads on import, unless they are set or it is imported already.

    TensorFlow alone enables oneDNN only on processors with AVX512-VNNI or AMX, but 3D convolutions are four times as
    fast with it on AVX2. TensorFlow starts a thread for every core that the process is bound to and knows nothing of
    quotas, under which the surplus threads only wait for each other.
    """
    if "tensorflow" in sys.modules:
        return
    environment.setdefault(ONEDNN, "1")
    if (cores := usable_cores()) < len(os.sched_getaffinity(0)):
        environment.setdefault(THREADS, str(cores))


def avoid_amx(environment: MutableMapping[str, str]) -> None:
    """Keep oneDNN from AMX, where the processor has it and nobody has limited instruction sets; before it computes."""
    is_limited = any(environment.get(name) for name in ONEDNN_LIMITS)
    if "AMX_BF16" in arithmetic(environment).instruction_sets.split() and not is_limited:
        environment[ONEDNN_LIMITS[0]] = WITHOUT_AMX


def arithmetic(environment: Mapping[str, str]) -> Arithmetic:
    """Return what TensorFlow computes with under these environment variables."""
    enabled = environment.get(ONEDNN, "").lower()
    onednn = "on" if enabled in ON else "off" if enabled in OFF else "as TensorFlow chooses"
    limit = next((value for name in ONEDNN_LIMITS if (value := environment.get(name))), None)
    if limit and onednn != "off":
        onednn += f" up to {limit}"
    threads = environment.get(THREADS, "")
    flags = {flag for name in ("flags", "Features") for flag in field(Path("/proc/cpuinfo"), name).split()}
    known = " ".join(name.upper() for name in INSTRUCTION_SETS if name in flags)
    return Arithmetic(int(threads) if threads.isdecimal() and int(threads) else usable_cores(), onednn, known)


def has_bfloat16(environment: Mapping[str, str]) -> bool:
    """Whether convolutions use instructions of the processor for bfloat16 under these environment variables."""
    found = arithmetic(environment)
    known = {"AVX512_BF16", "AMX_BF16"} & set(found.instruction_sets.split())
    return found.onednn in ("on", f"on up to {WITHOUT_AMX}") and bool(known)


def usable_cores(root: Path = Path("/")) -> int:
    """Count the cores that this process is bound to, or as many as the quotas of its control groups allow if fewer.

    `root` is the folder that contains ``proc`` and ``sys``.
    """
    return min([len(os.sched_getaffinity(0)), *(max(1, ceil(quota)) for quota in _quotas(root))])


def field(path: Path, name: str) -> str:
    """Return the first value of ``name: value`` in a file of the system; "" if there is none."""
    pairs = (line.partition(":") for line in _lines(path))
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "")


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quotas, in cores, of the control groups (version 1 and 2) of this process and of their parents."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, group = line.split(":", maxsplit=2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mounts = [root / "sys/fs/cgroup" / name for name in (("cpu", controllers) if controllers else ("",))]
        mount = next((each for each in mounts if each.is_dir()), mounts[0])
        place = mount / group.lstrip("/")
        # A container may see the host's name of the group, while the mount starts at the group itself.
        for folder in (place, *(parent for parent in place.parents if parent.is_relative_to(mount))):
            texts = [*_lines(folder / "cpu.cfs_quota_us"), *_lines(folder / "cpu.cfs_period_us")]
            quota, *period = " ".join(texts or _lines(folder / "cpu.max")).split() or ["max"]
            # "max" and -1 mean no quota.
            if quota.isdecimal() and period:
                yield int(quota) / int(period[0])


def _lines(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []
