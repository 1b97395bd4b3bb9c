"""The file ``provenance.json``."""

from __future__ import annotations

import json
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
"""Tables that commands have in common: kept once, under their sha256, which each command has under the same name."""


class Asked(BaseModel):
    """What a command was to do. The names of stages go to a command line again, so they must be nothing else."""

    stages: list[Annotated[str, Field(pattern="^[a-z_]+$")]]
    which: Literal["best", "last"]
    checkpoint: int | None
    term_after_predict: bool


class Git(BaseModel):
    """What git says of the code."""

    commit: str
    modified: list[str]


class Code(BaseModel):
    """Which code ran."""

    version: str
    sources: str
    git: Git | None = None


class Machine(BaseModel):
    """What of the machine the result may depend on."""

    processor: str
    cores: int


class Stage(BaseModel):
    """A stage that was begun."""

    stage: Annotated[str, Field(pattern="^[a-z_]+$")]
    outcome: str | None


class Command(BaseModel):
    """What is read of a command; it has more, for people."""

    asked: Asked
    config: str
    libraries: str
    code: Code
    python: str
    machine: Machine
    environment: dict[str, str]
    data: dict[str, dict[str, str]]
    stages: list[Stage]
    outcome: str | None


class Content(BaseModel):
    """The file, as far as it is read."""

    format: Literal[1]
    commands: list[Command]
    config: dict[str, dict[str, Any]]
    libraries: dict[str, dict[str, str]]

    @model_validator(mode="after")
    def _shared_tables_are_there(self) -> Self:
        for command in self.commands:
            if command.config not in self.config or command.libraries not in self.libraries:
                raise ValueError("a table that a command shares is missing")
        return self


class Document:
    """What the commands of an experiment recorded, oldest first.

    Attributes
    ----------
    commands : list of dict
        Plain values; docs/repeating.md explains each. One that was killed has no ``ended``.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.commands: list[dict[str, Any]] = content["commands"]
        self._shared: dict[str, dict[str, Any]] = {name: content[name] for name in SHARED}

    @classmethod
    def empty(cls) -> Document:
        """Give one without commands."""
        return cls({"commands": [], **{name: {} for name in SHARED}})

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read what `write` wrote.

        Raises
        ------
        InputError
            There is none, or it is broken.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{path}: not there: no command was recorded for this experiment.") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not readable as JSON: {error}.") from None
        try:
            Content.model_validate(content)
        except ValidationError as error:
            detail = error.errors()[0]
            place = ".".join(map(str, detail["loc"])) or "the whole"
            raise InputError(f"{path}: not a record of commands: {place}: {detail['msg']}.") from None
        return cls(content)

    def write(self, path: Path) -> None:
        """Write it at once."""
        content = {"format": FORMAT, "commands": self.commands, **self._shared}
        write_text(path, json.dumps(content, indent=1) + "\n")

    def share(self, name: str, table: Mapping[str, Any]) -> str:
        """Keep a table that commands have in common, and give its sha256."""
        key = sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
        self._shared[name].setdefault(key, dict(table))
        return key

    def config(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Nested tables of the effective configuration of a command."""
        return dict(self._shared["config"][command["config"]])

    def libraries(self, command: Mapping[str, Any]) -> dict[str, str]:
        """Versions of all libraries that were installed for a command, by name."""
        return dict(self._shared["libraries"][command["libraries"]])


def set_aside(path: Path) -> Path:
    """Rename a file that is broken, so that nothing in it is lost; gives its new path."""
    now = f"{datetime.now():%Y%m%d-%H%M%S}"
    names = (
        path.with_name(f"{path.stem}-broken-{now}{more}{path.suffix}") for more in ("", *map("-{}".format, range(99)))
    )
    aside = next(name for name in names if not name.exists())
    path.replace(aside)
    return aside
