"""From a folder to what is written: measure, decide, and time some steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from auxcpvloss.config import Config, ConfigFile
from auxcpvloss.configure import recipe
from auxcpvloss.configure.decide import Machine, decide
from auxcpvloss.configure.decision import Decision, as_tables
from auxcpvloss.configure.facts import Facts, VolumeFacts, lengths, summarize
from auxcpvloss.configure.machine import iterations_in, this_machine
from auxcpvloss.configure.measure import measure_volume
from auxcpvloss.configure.speed import BUSY, busy, iterations_per_second
from auxcpvloss.configure.volumes import Volumes, find_volumes
from auxcpvloss.data.sources.source import Source
from auxcpvloss.experiment.configuration import load
from auxcpvloss.network.architectures import check_memory
from auxcpvloss.system.terminal import Terminal

MOST_WARNINGS = 5
TIMED = 3
"""Volumes of which batches are made to time steps."""


@dataclass(frozen=True)
class Plan:
    """What is to be written.

    Attributes
    ----------
    decisions : sequence of Decision
    measured : sequence of (what, value)
        For people.
    warnings : sequence of str
    has_test : bool
        Whether there are volumes for a test.
    """

    decisions: Sequence[Decision]
    measured: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    has_test: bool


def make_plan(
    folder: str, given: Mapping[str, Any], minutes: float, iterations: int | None, terminal: Terminal
) -> Plan:
    """Measure the volumes of a folder, or of the places that keys of [data] name, and decide.

    Parameters
    ----------
    folder : str
    given : mapping
        Keys of [data].
    minutes : float
        Of the training, if no number of `iterations` is given.
    iterations : int, optional
    terminal : Terminal
        Shows progress.

    Raises
    ------
    InputError
        No volumes to train on, or one is not fit for it.
    """
    volumes = find_volumes(folder, given)
    measured, odd = _measure(volumes, terminal)
    facts = summarize([found for _, found in measured])
    machine = this_machine(load([]))
    warnings = [*_few(odd), *_about_splits(volumes)]
    if iterations is None:
        decided = [*volumes.decisions, *decide(facts, machine, 10**6, "")]
        typical = sorted(measured, key=lambda each: (prod(each[1].shape), each[0].name))[:TIMED]
        terminal.say(f"timing some steps of the training on {machine.name}")
        if (load_of_others := busy()) > BUSY:
            warnings.append(
                f"other programs kept this machine busy (load {load_of_others:.1f} per core) while steps were timed: "
                "training.max_iterations is too small for the time it may take alone; --iterations sets it"
            )
        speed = iterations_per_second(_checked(decided), [source for source, _ in typical])
        iterations = iterations_in(minutes, speed)
        why = f"{minutes:g} minutes at {speed:.2g} iterations a second, as timed on this machine, {machine.name}"
    else:
        why = "as given"
    decisions = [*volumes.decisions, *decide(facts, machine, iterations, why)]
    check_memory(_checked(decisions))
    return Plan(decisions, _for_people(facts, volumes, machine), warnings, bool(volumes.sources["test"]))


def _checked(decisions: Sequence[Decision]) -> Config:
    return load([ConfigFile("configure", as_tables(decisions))])


def _measure(volumes: Volumes, terminal: Terminal) -> tuple[list[tuple[Source, VolumeFacts]], list[str]]:
    """Measure training volumes, not all of them if there are many; gives what is odd, too."""
    train = volumes.sources["train"]
    chosen = [train[number * len(train) // recipe.MOST_VOLUMES] for number in range(recipe.MOST_VOLUMES)]
    chosen = chosen if len(train) > recipe.MOST_VOLUMES else list(train)
    found, odd, preprocessing = [], [], load([]).preprocessing
    with terminal.progress("volumes", len(chosen)) as bar:
        for number, source in enumerate(chosen):
            bar.update(number, source.name)
            facts, words = measure_volume(source, volumes.data, preprocessing)
            found.append((source, facts))
            odd += [f"{source.name}: {each}" for each in words]
    return found, odd


def _few(odd: Sequence[str]) -> list[str]:
    more = len(odd) - MOST_WARNINGS
    return [*odd[:MOST_WARNINGS], *([f"{more} more of this kind; prepare shows all"] if more > 0 else [])]


def _about_splits(volumes: Volumes) -> list[str]:
    """Warn of what makes scores too good, or impossible."""
    names = {split: [source.name for source in found] for split, found in volumes.sources.items()}
    told = []
    if any(each.key == "data.val_data" for each in volumes.decisions) and not names["val"]:
        told.append("the training volumes serve for validation, too: its scores are too good")
    if not names["test"]:
        told.append("no volumes for a test: nothing is going to be scored that was not seen in training or validation")
    return told


def _for_people(facts: Facts, volumes: Volumes, machine: Machine) -> list[tuple[str, str]]:
    kind = "points" if facts.are_points else "nuclei"
    looked = f", {facts.volumes} of train looked at" if facts.volumes < len(volumes.sources["train"]) else ""
    rows = [
        ("volumes" if facts.ndim == 3 else "images", f"{volumes.count}{looked}"),
        ("smallest size of a training volume, voxels", lengths(facts.shape, facts.ndim)),
        ("size of a voxel", lengths(facts.voxel_size, facts.ndim)),
        (kind, f"{facts.nuclei:,}"),
        ("extent of the median nucleus, voxels", lengths(facts.extent, facts.ndim)),
    ]
    if not facts.are_points:
        rows.append(("nuclei that touch another one", f"{facts.touching:.0%}"))
    if facts.brightness:
        shares = sorted(each.foreground for each in facts.brightness)
        rows.append(("voxels in nuclei", f"{shares[0]:.1%} to {shares[-1]:.1%}"))
    return [*rows, ("machine", machine.name + (", with bfloat16" if machine.has_bfloat16 else ""))]
