"""All rules, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auxcpvloss.configure.decision import Decision
from auxcpvloss.configure.facts import Facts
from auxcpvloss.configure.rules.intensities import intensities
from auxcpvloss.configure.rules.network import coarsest, network
from auxcpvloss.configure.rules.training import deformation, method, precision, schedule
from auxcpvloss.configure.rules.voxels import in_target_voxels, resampling, target_voxels


@dataclass(frozen=True)
class Machine:
    """What computes.

    Attributes
    ----------
    device : str
        "cpu" or "gpu", as in the recipe.
    name : str
        For people.
    has_bfloat16 : bool
        Whether it computes fast in bfloat16.
    """

    device: str
    name: str
    has_bfloat16: bool


def decide(facts: Facts, machine: Machine, iterations: int, why: str) -> Iterator[Decision]:
    """Decide all keys that do not depend on where the volumes are.

    Parameters
    ----------
    facts : Facts
    machine : Machine
    iterations : int
        Of the training.
    why : str
        From what their number follows.
    """
    size, _ = target_voxels(facts, machine.device)
    # Whatever is counted in voxels is so in those that the network sees.
    seen = in_target_voxels(facts, size)
    if facts.ndim == 2:
        yield Decision("model.ndim", 2, "images of one plane; sizes have two numbers, y and x")
    yield from resampling(facts, machine.device)
    yield from intensities(facts)
    yield from method(seen)
    yield from network(seen, machine.device)
    yield from schedule(iterations, why)
    yield from precision(machine.has_bfloat16, seen, coarsest(seen, machine.device))
    yield from deformation(seen)
