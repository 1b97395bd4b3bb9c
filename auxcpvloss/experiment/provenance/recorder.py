"""Record a command while it runs."""

from __future__ import annotations

import logging
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

from auxcpvloss.config import dump
from auxcpvloss.data.sources.find import SPLITS
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance import machine
from auxcpvloss.experiment.provenance.code import code_version, libraries
from auxcpvloss.experiment.provenance.document import Document, set_aside
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.files import replacing
from auxcpvloss.system.terminal import Terminal

NAME = "provenance.json"
DONE = "done"
OUTCOMES: tuple[tuple[type[BaseException], str], ...] = (
    (InputError, "refused"),
    (OSError, "refused"),
    (StageError, "failed"),
    (KeyboardInterrupt, "interrupted"),
)
"""What a command that an exception ended is called; any other exception gives its own name."""

logger = logging.getLogger(__name__)


class Recorder:
    """Appends a command to ``provenance.json`` of its experiment, and keeps it up to date as stages begin and end.

    A context, from before the first stage to after the last one. A command that is killed has no ``ended``.

    Parameters
    ----------
    experiment : Experiment
    terminal : Terminal
        Told where what is there is broken; it is then renamed, and a new record begun.
    asked : mapping
        Stages, and the arguments that go with them, as plain values.
    """

    def __init__(self, experiment: Experiment, terminal: Terminal, asked: Mapping[str, Any]) -> None:
        self.finished: list[str] = []
        self._experiment, self._terminal, self._asked = experiment, terminal, dict(asked)
        self._path = experiment.folder / NAME
        self._before = self._path.read_bytes() if self._path.is_file() else None
        self._aside: Path | None = None
        self._document = Document.empty()
        self._command: dict[str, Any] = {}
        self._stage: dict[str, Any] = {}
        self._began = self._stage_began = 0.0

    def __enter__(self) -> Recorder:
        if self._before is not None:
            try:
                self._document = Document.read(self._path)
            except InputError as error:
                self._aside = set_aside(self._path)
                self._terminal.warn(f"{error} It is kept as {self._aside.name}, and a new one is begun.")
        began, self._began = _now(), perf_counter()
        self._command = self._describe(began)
        self._document.commands.append(self._command)
        machine.forget_peak()
        self._document.write(self._path)
        return self

    def begin(self, stage: str) -> None:
        """Record that a stage begins."""
        if stage != "prepare":
            self._look_at_data()
        self._keep_peak()
        machine.forget_peak()
        self._stage_began = perf_counter()
        self._stage = {"stage": stage, "began": _now(), "ended": None, "outcome": None}
        self._command["stages"].append(self._stage)
        self._document.write(self._path)

    def end(self) -> None:
        """Record that the stage that was begun is done."""
        self.finished.append(self._stage["stage"])
        self._command["machine"]["gpus"] = machine.gpus()
        self._end_stage(DONE)
        self._document.write(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outcome = _outcome(error)
        self._end_stage(outcome)
        if error is None:
            self._look_at_data()
        elif str(error):
            self._command["message"] = str(error)
        self._keep_peak()
        self._command.update(ended=_now(), seconds=_since(self._began), outcome=outcome)
        self._command["children_memory_mib"] = machine.children_memory()
        try:
            self._document.write(self._path)
        except OSError:
            # What ended the command is what people have to be told.
            if error is None:
                raise
            logger.exception("%s could not be written", self._path)

    def take_back(self) -> None:
        """Leave the file as it was before the command."""
        if self._aside is not None:
            self._aside.replace(self._path)
        elif self._before is None:
            self._path.unlink(missing_ok=True)
        else:
            with replacing(self._path) as beside:
                beside.write_bytes(self._before)

    def _describe(self, began: str) -> dict[str, Any]:
        config = self._experiment.config
        tables = dump(config)
        return {
            "command": shlex.join(sys.orig_argv),
            "folder": str(Path.cwd()),
            "asked": self._asked,
            "config": self._document.share("config", tables),
            "seeds": {
                "general.seed": config.general.seed,
                "data.split_seed": config.data.split_seed,
                "data.synthetic.seed": config.data.synthetic.seed,
            },
            "code": code_version(),
            "python": platform.python_version(),
            "libraries": self._document.share("libraries", libraries()),
            "machine": {**machine.machine(), "gpus": []},
            "environment": machine.environment(os.environ),
            "process": os.getpid(),
            "data": {},
            "began": began,
            "ended": None,
            "outcome": None,
            "stages": [],
        }

    def _end_stage(self, outcome: str) -> None:
        if self._stage and self._stage["ended"] is None:
            peak = self._keep_peak()
            self._stage.update(ended=_now(), seconds=_since(self._stage_began), peak_memory_mib=peak, outcome=outcome)

    def _keep_peak(self) -> int:
        """Note the most memory of the command, and give that since the measurement began anew, as with each stage."""
        peak = machine.peak_memory()
        self._command["peak_memory_mib"] = max(self._command.get("peak_memory_mib", 0), peak)
        return peak

    def _look_at_data(self) -> None:
        """Record the checksum of every prepared volume, once they are what the command works on."""
        if self._command["data"]:
            return
        for split in SPLITS:
            try:
                volumes = self._experiment.volumes(split)
            except InputError:
                # Of no concern here: a stage that needs them says so.
                continue
            opened = {volume.name: self._experiment.prepared(volume) for volume in volumes}
            found = {name: sample.made_from["checksum"] for name, sample in opened.items() if sample is not None}
            if found:
                self._command["data"][split] = found


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return DONE
    return next((word for kind, word in OUTCOMES if isinstance(error, kind)), type(error).__name__)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _since(began: float) -> float:
    return round(perf_counter() - began, 3)
