"""Record a command while it runs."""

from __future__ import annotations

import logging
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import perf_counter
from types import NoneType
from typing import Any

from auxcpvloss.config import dump
from auxcpvloss.data.sources.find import SPLITS
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance import surroundings
from auxcpvloss.experiment.provenance.document import NAME, Document
from auxcpvloss.system.errors import InputError, LeftOutError, StageError
from auxcpvloss.system.files import restore, unused
from auxcpvloss.system.terminal import Terminal

DONE = "done"
OUTCOMES = {
    NoneType: DONE, LeftOutError: "done, but some volumes were left out", InputError: "refused", OSError: "refused",
    StageError: "failed", KeyboardInterrupt: "interrupted",
}  # fmt: skip
"""Outcome of a command by the exception that ended it; any other exception is recorded by its name."""

logger = logging.getLogger(__name__)


class Recorder:
    """Appends a command to ``provenance.json`` of its experiment, and updates it when a stage begins or ends.

    A context manager around all stages. A command that is killed has no ``ended``. If the existing file is broken, it
    is renamed with a warning, and a new one started. `asked` are the stages and their arguments, as plain values.
    """

    def __init__(self, experiment: Experiment, terminal: Terminal, asked: Mapping[str, Any]) -> None:
        self.finished: list[str] = []
        """Stages that are done."""
        self._experiment, self._terminal, self._asked = experiment, terminal, dict(asked)
        self._path = experiment.folder / NAME
        self._before = self._path.read_bytes() if self._path.is_file() else None
        self._aside: Path | None = None
        self._document = Document()
        self._command: dict[str, Any] = {}
        self._began: dict[str, float] = {}

    def __enter__(self) -> Recorder:
        if self._before is not None:
            try:
                self._document = Document.read(self._path)
            except InputError as error:
                name = f"{self._path.stem}-broken-{datetime.now():%Y%m%d-%H%M%S}.json"
                self._aside = self._path.replace(unused(self._path.with_name(name)))
                self._terminal.warn(f"{error} It is kept as {self._aside.name}, and a new record is started.")
        self._command = self._describe()
        self._document.commands.append(self._command)
        surroundings.reset_peak()
        self._document.write(self._path)
        return self

    def begin(self, stage: str) -> None:
        """Record that a stage begins."""
        if stage != "prepare":
            self._keep_data()
        self._keep_peak()
        surroundings.reset_peak()
        self._command["stages"].append({"stage": stage, **self._begin("stage")})
        self._document.write(self._path)

    def end(self) -> None:
        """Record that the current stage is done."""
        self.finished.append(self._command["stages"][-1]["stage"])
        self._command["machine"]["gpus"] = surroundings.gpus()
        self._end_stage(DONE)
        self._document.write(self._path)

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        outcome = next((word for kind, word in OUTCOMES.items() if isinstance(error, kind)), type(error).__name__)
        self._end_stage(outcome)
        if error is None:
            self._keep_data()
        else:
            is_expected = isinstance(error, InputError | StageError | KeyboardInterrupt)
            logger.error("%s", error if is_expected else "ended by an unexpected error", exc_info=not is_expected)
            self._command.update({"message": str(error)} if str(error) else {})
        self._keep_peak()
        self._end("command", self._command, outcome)
        self._command["children_memory_mib"] = surroundings.children_memory()
        try:
            self._document.write(self._path)
        except OSError:
            # What ended the command is more important.
            if error is None:
                raise
            logger.exception("%s could not be written", self._path)

    def take_back(self) -> None:
        """Restore the file as it was before the command."""
        restore(self._path, self._before)
        if self._aside is not None:
            self._aside.unlink()

    def _describe(self) -> dict[str, Any]:
        config = self._experiment.config
        return {
            "command": shlex.join(sys.orig_argv),
            "folder": str(Path.cwd()),
            "asked": self._asked,
            "config": self._document.share("config", dump(config)),
            "seeds": {
                "general.seed": config.general.seed,
                "data.split_seed": config.data.split_seed,
                "data.use_seed": config.data.use_seed,
                "data.degrade.seed": config.data.degrade.seed,
                "data.synthetic.seed": config.data.synthetic.seed,
            },
            "code": surroundings.code_version(),
            "python": platform.python_version(),
            "libraries": self._document.share("libraries", surroundings.libraries()),
            "machine": {**surroundings.machine(), "gpus": []},
            "environment": surroundings.environment(os.environ),
            "process": os.getpid(),
            "data": {},
            **self._begin("command"),
            "stages": [],
        }

    def _begin(self, what: str) -> dict[str, Any]:
        self._began[what] = perf_counter()
        return {"began": _now(), "ended": None, "outcome": None}

    def _end(self, what: str, record: dict[str, Any], outcome: str) -> None:
        record.update(ended=_now(), seconds=round(perf_counter() - self._began[what], 3), outcome=outcome)

    def _end_stage(self, outcome: str) -> None:
        for stage in self._command["stages"][-1:]:
            if stage["ended"] is None:
                self._end("stage", stage, outcome)
                stage["peak_memory_mib"] = self._keep_peak()

    def _keep_data(self) -> None:
        """Record the checksums of the prepared volumes, once, as the experiment has listed and opened them."""
        if self._command["data"]:
            return
        for split in SPLITS:
            # A stage that lacks volumes says so itself.
            with suppress(InputError):
                samples = [self._experiment.prepared(volume) for volume in self._experiment.volumes(split)]
                if found := {sample.name: sample.made_from["checksum"] for sample in samples if sample is not None}:
                    self._command["data"][split] = found

    def _keep_peak(self) -> int:
        """Update the peak memory of the command; return that since the last reset."""
        peak = surroundings.peak_memory()
        self._command["peak_memory_mib"] = max(self._command.get("peak_memory_mib", 0), peak)
        return peak


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
