"""Run the experiments of a sweep on this machine, some of them at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import NamedTuple

from auxcpvloss.sweep.runs import SweepRun

VISIBLE = "CUDA_VISIBLE_DEVICES"
PACKAGE = Path(__file__).parents[2]


class Share(NamedTuple):
    """What one of the runs at a time has of the machine: cores, and a GPU, by what `VISIBLE` is to say."""

    cores: frozenset[int]
    gpu: str | None


class Ended(NamedTuple):
    """A run that has ended: its exit status, 0 where all was made, and what it printed last."""

    run: SweepRun
    status: int
    last_line: str


def shares(jobs: int, cores: Sequence[int], gpus: Sequence[str]) -> list[Share]:
    """Divide the machine.

    Parameters
    ----------
    jobs : int
        Runs at a time.
    cores : sequence of int
        That the program may use. Where there are fewer than runs, some have the same one.
    gpus : sequence of str
        Names of GPUs, each of which computes for the same number of runs, or one more; with one or none, nothing is
        chosen.
    """
    found = []
    for number in range(jobs):
        own = cores[number::jobs] or [cores[number % len(cores)]]
        found.append(Share(frozenset(own), gpus[number % len(gpus)] if len(gpus) > 1 else None))
    return found


def visible_gpus(environment: Mapping[str, str]) -> list[str]:
    """Name the GPUs that the program may use: as the environment says, or all that the driver lists."""
    if VISIBLE in environment:
        return [name for name in environment[VISIBLE].split(",") if name.strip()]
    with suppress(OSError, subprocess.SubprocessError):
        asked = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout.split()
    return []


def command_of(run: SweepRun, stages: Sequence[str], overwrite: bool) -> list[str]:
    """Give the command that makes what a run lacks."""
    given = ["-c", str(run.config_path), "-r", str(run.root), "-id", run.name]
    return [sys.executable, "-m", "auxcpvloss", *given, "-d", *stages, *(["--overwrite"] if overwrite else [])]


def perform(
    runs: Sequence[SweepRun], stages: Sequence[str], jobs: int, overwrite: bool, begins: Callable[[SweepRun], None]
) -> Iterator[Ended]:
    """Run experiments, each in a process of its own, and yield each when it has ended.

    A signal, or a caller that stops, ends those that run: they go on from there with the same command.

    Parameters
    ----------
    runs : sequence of SweepRun
    stages : sequence of str
    jobs : int
        Runs at a time.
    overwrite : bool
    begins : callable
        Called with each run when it begins.
    """
    free: SimpleQueue[Share] = SimpleQueue()
    for share in shares(jobs, sorted(os.sched_getaffinity(0)), visible_gpus(os.environ)):
        free.put(share)
    processes: set[subprocess.Popen[bytes]] = set()
    ending = Event()

    def one(run: SweepRun) -> Ended:
        share = free.get()
        # Of this thread alone, from which the process inherits it: its threads and workers are as many as its cores.
        os.sched_setaffinity(0, share.cores)
        environment = {**os.environ, **({VISIBLE: share.gpu} if share.gpu is not None else {})}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PACKAGE), os.environ.get("PYTHONPATH"))))
        try:
            with run.output_path.open("wb") as output:
                command = command_of(run, stages, overwrite)
                # Of Ctrl-C it is told by us: a second signal would end it at once, in the middle of an iteration.
                process = subprocess.Popen(
                    command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
                )
                processes.add(process)
                if ending.is_set():
                    # It began while the others were told to end.
                    process.terminate()
                begins(run)
                status = process.wait()
                processes.discard(process)
        finally:
            free.put(share)
        return Ended(run, status, _last_line(run.output_path))

    with ThreadPoolExecutor(jobs) as pool:
        waiting: set[Future[Ended]] = {pool.submit(one, run) for run in runs}
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            ending.set()
            for future in waiting:
                future.cancel()
            for process in list(processes):
                process.terminate()


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
