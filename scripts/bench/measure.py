"""What all benchmarks share: measurements in processes of their own, taken in turn, and their summary.

A benchmark is a file with a docstring (its first line is its title), ``DURATION``, what it takes in words, and a
function ``measure(options)`` that yields rows::

    def ours(size):
        volume = ...                    # is not measured
        with stopwatch() as figures:
            label(volume)
        return figures                  # seconds, cpu_seconds, peak_bytes, bytes_before; add others

    def theirs(size): ...

    def measure(options):
        sides = in_turn(Call(ours, {"size": 100}), Call(theirs, {"size": 100}), options)
        yield ratio("label.original", "label a volume, against the original's way", sides, at_least=100)
        yield figure("label.bytes", "memory", [each["bytes"] for each in sides[0].figures], "bytes a voxel", at_most=16)

The file's name stands in suite.py, and ``python scripts/bench.py NAME`` runs it. Each call runs in a process of its
own, A B A B, after one uncounted turn of both (which also fills caches of compiled kernels). The names of rows are the
keys of thresholds.toml, which guards ``--quick`` runs against regressions. Only the standard library is imported here:
environments of other programs use `stopwatch`, too.
"""

from __future__ import annotations

import gc
import inspect
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

CHILD = Path(__file__).with_name("child.py")
CACHE = Path(__file__).resolve().parents[2] / ".benchmarks"
"""Environments, trained networks and volumes that benchmarks make once; git ignores it."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """How thoroughly to measure: small inputs that take seconds if `quick`; `pairs` of counted measurements.

    `data` and `config` are folder and configuration for the benchmarks that train on given volumes.
    """

    quick: bool = False
    pairs: int = 5
    data: str = ""
    config: str = ""


@dataclass(frozen=True)
class Call:
    """A function, its keyword arguments (as JSON), and the interpreter and environment variables to call it with."""

    function: Callable[..., Figures]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    python: str | Path = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> Figures:
        """Call the function in a process of its own; end the benchmark with its output if it fails."""
        file = inspect.getsourcefile(self.function)
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "result.json"
            command = [str(self.python), str(CHILD), str(file), self.function.__name__]
            done = subprocess.run(
                [*command, json.dumps(dict(self.arguments)), str(result)],
                env={**os.environ, **self.environment},
                capture_output=True,
                text=True,
                errors="replace",
            )
            if done.returncode:
                raise MeasurementError(f"{self.function.__name__} of {file} failed:\n{done.stdout}{done.stderr}")
            return json.loads(result.read_text(encoding="utf-8"))


class MeasurementError(Exception):
    """A benchmark could not be measured."""


@dataclass(frozen=True)
class Side:
    """All counted measurements of one of two calls that took turns."""

    name: str
    figures: Sequence[Figures]

    def values(self, key: str) -> list[float]:
        """Give one figure of each measurement."""
        return [each[key] for each in self.figures]


@dataclass(frozen=True)
class Row:
    """One line of the page: the median of a value with its range, what it should be, and what it was made from.

    `sides` are names, median seconds and largest peak memory of what was compared.
    """

    name: str
    what: str
    value: float
    low: float
    high: float
    count: int
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    sides: Sequence[Figures] = ()
    note: str = ""

    @property
    def is_reached(self) -> bool:
        """Tell whether the goal, if there is one, is reached."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    def __str__(self) -> str:
        goals = [f"{word} {goal:g}" for word, goal in (("at least", self.at_least), ("at most", self.at_most)) if goal]
        goal = f" ({', '.join(goals)}: {'reached' if self.is_reached else 'NOT reached'})" if goals else ""
        return f"{self.what}: {self.value:.3g} [{self.low:.3g}..{self.high:.3g}] {self.unit}{goal}"


@contextmanager
def stopwatch() -> Iterator[Figures]:
    """Measure a block: wall clock, processor time (also of processes that ended in it), and the peak of memory.

    The dictionary has `bytes_before`, resident at the beginning, and after the block `seconds`, `cpu_seconds` and
    `peak_bytes`, the largest resident size of this process within the block.
    """
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak so far
    figures: Figures = {"bytes_before": _memory("VmRSS")}
    began, cpu = perf_counter(), _cpu_seconds()
    yield figures
    figures |= {"seconds": perf_counter() - began, "cpu_seconds": _cpu_seconds() - cpu, "peak_bytes": _memory("VmHWM")}


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def in_turn(ours: Call, reference: Call, options: Options, warm_up_reference: bool = True) -> tuple[Side, Side]:
    """Run two calls in turn, A B A B, and print each pair; a slow reference without caches needs no warming up."""
    first, second = turns([ours, reference], options, 2 if warm_up_reference else 1)
    return first, second


def turns(calls: Sequence[Call], options: Options, warm_up: int | None = None) -> list[Side]:
    """Run several calls in turn, A B C A B C, after an uncounted turn of the first `warm_up` ones (of all)."""
    for call in calls[:warm_up]:
        call.run()
    rounds: list[list[Figures]] = []
    for number in range(1, options.pairs + 1):
        rounds.append([call.run() for call in calls])
        print(f"  {number} of {options.pairs}: {' | '.join(map(_shown, rounds[-1]))}", flush=True)
    return [
        Side(call.function.__name__, list(figures))
        for call, figures in zip(calls, zip(*rounds, strict=True), strict=True)
    ]


def _shown(figures: Figures) -> str:
    peak = f", {figures['peak_bytes'] / 2**30:.2f} GiB" if "peak_bytes" in figures else ""
    return f"{figures['seconds']:.3f} s{peak}"


def ratio(name: str, what: str, sides: Sequence[Side], key: str = "seconds", times: float = 1, **more: Any) -> Row:
    """Say how many times as much of `key` the reference takes, in the median of the pairs; `times` multiplies it."""
    ours, reference = (side.values(key) for side in sides)
    values = [times * theirs / own for own, theirs in zip(ours, reference, strict=True)]
    unit = "times as fast" if key in ("seconds", "cpu_seconds") else "times as much"
    return figure(name, what, values, **{"unit": unit, "sides": [_summary(side, key) for side in sides], **more})


def figure(name: str, what: str, values: Sequence[float], unit: str = "", **more: Any) -> Row:
    """Make a row of measured values; `more` are fields of `Row`."""
    return Row(name, what, median(values), min(values), max(values), len(values), unit, **more)


def _summary(side: Side, key: str) -> Figures:
    """Give what stands beside a ratio: seconds and memory, or what else was compared."""
    if key not in ("seconds", "cpu_seconds", "peak_bytes"):
        return {"name": side.name, key: median(side.values(key))}
    seconds = side.values("seconds" if key == "peak_bytes" else key)
    summary: Figures = {"name": side.name, "seconds": median(seconds)}
    if all("peak_bytes" in figures for figures in side.figures):
        summary["peak_bytes"] = max(side.values("peak_bytes"))
    return summary
