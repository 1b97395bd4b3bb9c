"""What a command runs with: code, libraries and machine; and how much memory it uses."""

from __future__ import annotations

import os
import platform
import resource
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import auxcpvloss
from auxcpvloss.system import backends
from auxcpvloss.system.processors import arithmetic, field, usable_cores

PACKAGE = Path(auxcpvloss.__file__).parent
CODE = ("auxcpvloss", "config", "run_auxcpvloss.py")
"""Parts of the checkout that a run depends on."""
SECONDS = 20
"""Time limit for git in seconds; it may be slow on network file systems."""

VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "DNNL_MAX_CPU_ISA", "JAX_COMPILATION_CACHE_DIR", "KERAS_BACKEND", "NPROC",
    "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA", "PYTHONHASHSEED",
    "TF_CUDNN_DETERMINISTIC", "TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS", "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_GPU_ALLOCATOR", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_USE_LEGACY_KERAS", "TF_XLA_FLAGS",
    "XLA_FLAGS", "XLA_PYTHON_CLIENT_PREALLOCATE",
    "SLURM_JOB_ID", "JOB_ID",
)  # fmt: skip
"""Variables that a result may depend on, and job numbers. Others may be secret (Terraform's also begin with TF_)."""


@cache
def code_version() -> dict[str, Any]:
    """Return the version of the package, the sha256 of its sources and, in a checkout, the state of its repository."""
    found: dict[str, Any] = {"version": auxcpvloss.__version__, "sources": sources_checksum(PACKAGE)}
    git = git_version(PACKAGE.parent)
    return found if git is None else {**found, "git": git}


def sources_checksum(package: Path) -> str:
    """Return the sha256, in hex, of the names and contents of all files in a folder except compiled Python."""
    whole = sha256()
    for path in sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        digest = sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(package).as_posix()}\0{digest}\n".encode())
    return whole.hexdigest()


def git_version(repository: Path) -> dict[str, Any] | None:
    """Return the commit of a repository and how the program's files differ from it.

    These are ``commit``, ``modified`` (paths, including untracked files) and, if there are any, ``diff`` (sha256 of
    git's diff). None if the folder is not the top of a repository, or if git fails.
    """
    # A folder inside another repository has nothing to do with that repository's commits.
    if not (repository / ".git").exists():
        return None
    try:
        commit = _git(repository, "rev-parse", "HEAD").decode().strip()
        status = _git(repository, "status", "--porcelain", "-z", "--no-renames", "--", *CODE).decode(errors="replace")
        modified = sorted(entry[3:] for entry in status.split("\0") if entry)
        diff = _git(repository, "diff", "--binary", "--no-ext-diff", "HEAD", "--", *CODE) if modified else b""
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "modified": modified, **({"diff": sha256(diff).hexdigest()} if modified else {})}


def _git(repository: Path, *arguments: str) -> bytes:
    # GIT_DIR and its like, which git sets for hooks, would select another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=SECONDS, env=environment).stdout


@cache
def libraries() -> dict[str, str]:
    """Return the versions of all installed libraries, by name."""
    # Of several on the path Python imports the first.
    found = [_named(each) for each in distributions()]
    return dict(sorted({name: version for name, version in reversed(found) if name}.items()))


def _named(library: Distribution) -> tuple[str, str]:
    """Give the name and the version of a library; reading all of its description takes milliseconds a library."""
    text = library.read_text("METADATA") or library.read_text("PKG-INFO") or ""
    heading = (line.partition(":") for line in reversed(text.partition("\n\n")[0].splitlines()))
    found = {key: value.strip() for key, _, value in heading}
    return found.get("Name", ""), found.get("Version", "")


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
    """Select those of `VARIABLES` that are set."""
    return {key: variables[key] for key in sorted(VARIABLES) if key in variables}


def gpus() -> list[str]:
    """Return the names of the GPUs that the backend sees; none as long as it is not imported."""
    return backends.gpus() if backends.chosen() in sys.modules else []


def reset_peak() -> None:
    """Restart the measurement of `peak_memory`, if the system allows it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Return the maximum resident memory of this process since `reset_peak`, or since its start, in MiB."""
    peak = field(Path("/proc/self/status"), "VmHWM")
    return (int(peak.split()[0]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // 1024


def children_memory() -> int:
    """Return the maximum resident memory of any child process that has ended, in MiB.

    This is an upper bound: Linux includes what the parent held when it started the child.
    """
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
