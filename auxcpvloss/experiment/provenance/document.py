"""The file ``provenance.json``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, create_model

from auxcpvloss.experiment.means import PATTERN
from auxcpvloss.system.checksums import CHANGED, is_changed_table, sealed_table
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text

NAME = "provenance.json"
FORMAT = 1
SHARED = ("config", "libraries")
"""Tables shared by commands: stored once under their sha256; each command holds the sha256 under the same key."""

_Stage = Annotated[str, Field(pattern="^[a-z_]+$")]
"""Name of a stage. `repeat_command` puts it on a command line, so it must not be anything else."""


def _table(**fields: Any) -> Any:
    """Create the model of a table; a key without a default is required."""
    given: dict[str, Any] = {key: kind if isinstance(kind, tuple) else (kind, ...) for key, kind in fields.items()}
    return create_model("_Table", **given)


_Mean = Annotated[str, Field(pattern=f"^{PATTERN.pattern}$")]

_Command = _table(
    asked=_table(
        stages=list[_Stage], which=Literal["best", "last"], checkpoint=int | _Mean | None, term_after_predict=bool
    ),
    config=str,
    libraries=str,
    code=_table(version=str, sources=str, git=(_table(commit=str, modified=list[str]) | None, None)),
    python=str,
    machine=_table(processor=str, cores=int),
    environment=dict[str, str],
    data=dict[str, dict[str, str]],
    stages=list[_table(stage=_Stage, outcome=str | None)],  # type: ignore[misc]
    outcome=str | None,
)
_Content = _table(
    format=Literal[1],
    commands=list[_Command],  # type: ignore[valid-type]
    config=dict[str, dict[str, Any]],
    libraries=dict[str, dict[str, str]],
)
"""The keys that the program reads; the file has more, for users."""


def problem(path: Path) -> str:
    """Say how a record of commands is damaged; "" where it is not."""
    try:
        Document.read(path)
    except InputError as error:
        return str(error).removeprefix(f"{path}: ").rstrip(".")
    return ""


class Document:
    """What the commands of an experiment recorded: plain values, explained in docs/repeating.md, oldest first."""

    def __init__(self, content: Mapping[str, Any] | None = None) -> None:
        self.commands: list[dict[str, Any]] = content["commands"] if content else []
        self._shared: dict[str, dict[str, Any]] = {name: content[name] if content else {} for name in SHARED}

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read what `write` wrote; an `InputError` says if the file is missing or broken."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            _Content.model_validate(content)
            if any(command[name] not in content[name] for command in content["commands"] for name in SHARED):
                raise ValueError("a shared table that a command refers to is missing")
            if is_changed_table(content):
                raise ValueError(CHANGED)
        except FileNotFoundError:
            raise InputError(f"{path}: missing: no command was recorded for this experiment.") from None
        except ValidationError as error:
            detail = error.errors()[0]
            place = ".".join(map(str, detail["loc"])) or "the whole file"
            raise InputError(f"{path}: not a valid record of commands: {place}: {detail['msg']}.") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not a valid record of commands: {error}.") from None
        return cls(content)

    def write(self, path: Path) -> None:
        """Write the file atomically."""
        content = {"format": FORMAT, "commands": self.commands, **self._shared}
        write_text(path, json.dumps(sealed_table(content), indent=1) + "\n")

    def share(self, name: str, table: Mapping[str, Any]) -> str:
        """Store a table that commands share; return its sha256."""
        key = sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
        self._shared[name].setdefault(key, dict(table))
        return key

    def shared(self, name: str, command: Mapping[str, Any]) -> dict[str, Any]:
        """Return the effective configuration ("config"), or the versions of all "libraries", of a command."""
        return dict(self._shared[name][command[name]])

    def repeat_command(self, folder: Path) -> str:
        """Return the command line that repeats the experiment in `folder` in a second one, ``<name>_again``.

        It runs every stage that was begun, with the configuration of the last command, which ``config.toml`` holds.
        """
        stages = dict.fromkeys(run["stage"] for command in self.commands for run in command["stages"])
        asked = self.commands[-1]["asked"]
        number = asked["checkpoint"]
        checkpoint = ["--test-checkpoint", asked["which"]] if number is None else ["--checkpoint", str(number)]
        place = ["-r", str(folder.parent), "-id", f"{folder.name}_again", "-c", str(folder / "config.toml")]
        return shlex.join(["python", "run_auxcpvloss.py", *place, *checkpoint, "-d", *stages])
