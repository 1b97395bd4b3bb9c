"""The file ``provenance.json``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text

FORMAT = 1
SHARED = ("config", "libraries")
"""Tables that commands share: stored once under their sha256, which each command holds under the same key."""

_Stage = Annotated[str, Field(pattern="^[a-z_]+$")]
"""Name of a stage. `repeat_command` puts it on a command line, so it must not be anything else."""


class _Asked(BaseModel):
    stages: list[_Stage]
    which: Literal["best", "last"]
    checkpoint: int | None
    term_after_predict: bool


class _Git(BaseModel):
    commit: str
    modified: list[str]


class _Code(BaseModel):
    version: str
    sources: str
    git: _Git | None = None


class _Machine(BaseModel):
    processor: str
    cores: int


class _StageRun(BaseModel):
    stage: _Stage
    outcome: str | None


class _Command(BaseModel):
    asked: _Asked
    config: str
    libraries: str
    code: _Code
    python: str
    machine: _Machine
    environment: dict[str, str]
    data: dict[str, dict[str, str]]
    stages: list[_StageRun]
    outcome: str | None


class _Content(BaseModel):
    """The keys that the program reads; the file has more, for people."""

    format: Literal[1]
    commands: list[_Command]
    config: dict[str, dict[str, Any]]
    libraries: dict[str, dict[str, str]]

    @model_validator(mode="after")
    def _has_shared_tables(self) -> Self:
        for command in self.commands:
            if command.config not in self.config or command.libraries not in self.libraries:
                raise ValueError("a table that a command shares is missing")
        return self


class Document:
    """What the commands of an experiment recorded, oldest first.

    Attributes
    ----------
    commands : list of dict
        Plain values, explained in docs/repeating.md. A command that was killed has no ``ended``.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.commands: list[dict[str, Any]] = content["commands"]
        self._shared: dict[str, dict[str, Any]] = {name: content[name] for name in SHARED}

    @classmethod
    def empty(cls) -> Document:
        """Create a document without commands."""
        return cls({"commands": [], **{name: {} for name in SHARED}})

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read what `write` wrote.

        Raises
        ------
        InputError
            The file is missing or broken.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            _Content.model_validate(content)
        except FileNotFoundError:
            raise InputError(f"{path}: not there: no command was recorded for this experiment.") from None
        except ValidationError as error:
            detail = error.errors()[0]
            place = ".".join(map(str, detail["loc"])) or "the whole file"
            raise InputError(f"{path}: not a record of commands: {place}: {detail['msg']}.") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not readable as JSON: {error}.") from None
        return cls(content)

    def write(self, path: Path) -> None:
        """Write the file atomically."""
        content = {"format": FORMAT, "commands": self.commands, **self._shared}
        write_text(path, json.dumps(content, indent=1) + "\n")

    def share(self, name: str, table: Mapping[str, Any]) -> str:
        """Store a table that commands share; return its sha256."""
        key = sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
        self._shared[name].setdefault(key, dict(table))
        return key

    def config(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Return the effective configuration of a command as nested tables."""
        return dict(self._shared["config"][command["config"]])

    def libraries(self, command: Mapping[str, Any]) -> dict[str, str]:
        """Return the versions of all libraries installed when a command ran, by name."""
        return dict(self._shared["libraries"][command["libraries"]])

    def repeat_command(self, folder: Path) -> str:
        """Return the command line that repeats an experiment in a second folder, ``<name>_again``.

        It runs every stage that was begun, with the configuration of the last command, which ``config.toml`` holds.

        Parameters
        ----------
        folder : Path
            Folder of the experiment.
        """
        stages = dict.fromkeys(run["stage"] for command in self.commands for run in command["stages"])
        asked = self.commands[-1]["asked"]
        checkpoint = ["--test-checkpoint", asked["which"]]
        if asked["checkpoint"] is not None:
            checkpoint = ["--checkpoint", str(asked["checkpoint"])]
        place = ["-r", str(folder.parent), "-id", f"{folder.name}_again", "-c", str(folder / "config.toml")]
        return shlex.join(["python", "run_auxcpvloss.py", *place, *checkpoint, "-d", *stages])


def set_aside(path: Path) -> Path:
    """Rename a broken file, so that nothing in it is lost; return its new path."""
    now = f"{datetime.now():%Y%m%d-%H%M%S}"
    names = [path.with_name(f"{path.stem}-broken-{now}{more}{path.suffix}") for more in ("", *range(-1, -100, -1))]
    aside = next(name for name in names if not name.exists())
    path.replace(aside)
    return aside
