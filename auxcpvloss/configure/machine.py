"""What this machine computes with, and how many iterations of a training fit into some minutes on it."""

from __future__ import annotations

import math
import os

from auxcpvloss.config import Config
from auxcpvloss.configure import recipe
from auxcpvloss.configure.decide import Machine
from auxcpvloss.system.backends import choose_backend, gpus
from auxcpvloss.system.processors import usable_cores


def this_machine(config: Config) -> Machine:
    """Look at this machine; imports the backend."""
    choose_backend(config.general.backend, os.environ, config.general.deterministic)
    from auxcpvloss.network.compiled import is_made_for_bfloat16

    found, cores = gpus(), usable_cores()
    name = found[0] if found else f"{cores} core{'s' * (cores != 1)}"
    return Machine("gpu" if found else "cpu", name, is_made_for_bfloat16())


def iterations_in(minutes: float, speed: float) -> int:
    """Give the number of iterations, two digits of it, that fit into some minutes at so many a second."""
    number = 60 * minutes * speed
    if number <= recipe.LEAST_ITERATIONS:
        return recipe.LEAST_ITERATIONS
    unit = 10 ** int(math.log10(number) - 1)
    return int(number // unit * unit)
