"""The libraries that Keras can compute with: which one, what it needs to be told before it is imported, its devices."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.processors import Arithmetic, arithmetic, usable_cores

VARIABLE = "KERAS_BACKEND"
DEFAULT = "tensorflow"
"""Value of ``general.backend`` that experiments had before there was the key."""


DETERMINISTIC = "xla_gpu_deterministic_ops"


@dataclass(frozen=True)
class Backend:
    """A library, as people know it, and how it is installed with pip, without and with support of GPUs."""

    title: str
    install: str
    install_for_gpus: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """What it reads from the environment on import, unless it is set there."""
    on_processors: str = ""
    """What people should know who have no GPU."""


BACKENDS = {
    "tensorflow": Backend("TensorFlow", "tensorflow", "'tensorflow[and-cuda]'", {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}),
    # Memory as it is needed, not three quarters of the GPU at once.
    "jax": Backend(
        "JAX",
        "jax",
        "'jax[cuda13]'",
        {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
        "JAX is for GPUs: on processors, convolutions in three dimensions take 15 to 40 times as long as TensorFlow's",
    ),
    "torch": Backend("PyTorch", "torch", "torch"),
}
"""By the values of ``general.backend``, which are the names of the modules and of the packages, too."""


def chosen() -> str:
    """Name the backend of this process."""
    return os.environ.get(VARIABLE) or DEFAULT


def choose_backend(name: str, environment: MutableMapping[str, str], deterministic: bool = True) -> None:
    """Have Keras compute with a backend, for the rest of the process; nothing is imported.

    Parameters
    ----------
    name : str
        One of `BACKENDS`.
    environment : mapping
        That of the process.
    deterministic : bool
        Whether XLA must use operations that give the same bits each time on a GPU; others: `network.backend`.

    Raises
    ------
    InputError
        Keras was imported with another one.
    """
    if (keras := sys.modules.get("keras")) is not None:
        if (other := keras.config.backend()) != name:
            raise InputError(
                f"general.backend = {name!r}, but Keras was imported with the backend {other!r} before, and cannot "
                "change it. Start Python anew, and import auxcpvloss and load the model before anything imports Keras."
            )
        return
    environment[VARIABLE] = name
    for variable, value in BACKENDS[name].variables.items():
        environment.setdefault(variable, value)
    if name == "jax":
        flags = environment.get("XLA_FLAGS", "")
        if deterministic and DETERMINISTIC not in flags:
            environment["XLA_FLAGS"] = f"{flags} --{DETERMINISTIC}=true".strip()
        if (cache := _cache(environment)) is not None:
            environment.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
        if (cores := usable_cores()) < len(os.sched_getaffinity(0)):
            # JAX knows nothing of quotas, either.
            environment.setdefault("NPROC", str(cores))


def need_backend(name: str) -> None:
    """Refuse a backend that is not installed.

    Raises
    ------
    InputError
        Says how to install it.
    """
    if name not in sys.modules and find_spec(name) is None:
        backend = BACKENDS[name]
        gpu = backend.install_for_gpus
        also = f"; for an NVIDIA GPU: pip install {gpu}" if gpu != backend.install else ""
        raise InputError(
            f"general.backend = {name!r}: {backend.title} is not installed for {sys.executable}. Install it (pip "
            f"install {backend.install}{also}), or choose another backend."
        )


def home(environment: Mapping[str, str]) -> Path | None:
    """Give the folder of the user; None where nothing says which, as for one whom only a container knows."""
    if place := environment.get("HOME"):
        return Path(place)
    with suppress(RuntimeError):
        return Path.home()
    return None


def _cache(environment: Mapping[str, str]) -> Path | None:
    """Folder of what XLA has compiled: another one for each kind of processor, as code of one may crash another."""
    own = home(environment)
    if not (base := environment.get("XDG_CACHE_HOME") or (own and own / ".cache")):
        return None
    kind = sha256(arithmetic(environment).instruction_sets.encode()).hexdigest()[:8]
    return Path(base, "auxcpvloss", f"xla-{kind}")


def gpus() -> list[str]:
    """Names of the GPUs that the chosen backend can use; imports it."""
    name = chosen()
    if name == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    if name == "torch":
        import torch

        return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return [str(tf.config.experimental.get_device_details(device).get("device_name", "GPU")) for device in found]


def processors(environment: Mapping[str, str]) -> Arithmetic:
    """Say what the chosen backend computes with on processors; only TensorFlow is told whether to use oneDNN."""
    here = arithmetic(environment)
    return here if chosen() == "tensorflow" else here._replace(onednn="")


def computes_on() -> str:
    """Say on what kind of arithmetic the bits of a training depend: a GPU, or threads and instruction sets.

    Of TensorFlow, the name is left out, as in records of before there was a choice.
    """
    device = "a GPU" if gpus() else str(processors(os.environ))
    return device if chosen() == "tensorflow" else f"{BACKENDS[chosen()].title}, {device}"


@contextmanager
def hidden() -> Iterator[None]:
    """Hide the backends that are not imported yet from libraries that import them where they find them."""
    absent = [name for name in BACKENDS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            if sys.modules.get(name) is None:
                sys.modules.pop(name, None)
