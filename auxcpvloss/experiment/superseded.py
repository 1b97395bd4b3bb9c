"""Results that are no longer what the configuration asks for: told once, and moved out of the way, not deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from auxcpvloss.system.files import discard, unused, write_text

FOLDER = "superseded"

logger = logging.getLogger(__name__)


@dataclass
class Notes:
    """What one command has told about earlier results, so that it tells each thing once."""

    say: Callable[[str], None] = logger.info
    told: dict[str, str] = field(default_factory=dict)
    """Lines by topic, in order."""
    begun: str = ""
    """Name of the folder in superseded/ to which this command moves results; "" until it is needed."""
    config: str = ""
    """The experiment's config.toml as it was before this command; it is kept beside the results."""

    def tell(self, line: str, topic: str = "") -> None:
        """Say a line, unless it, or one on the same topic, was said before."""
        if (topic or line) not in self.told:
            self.told[topic or line] = line
            self.say(line)


def place(folder: Path, notes: Notes) -> Path:
    """Return the folder to which this command moves stale results of an experiment; its name is the time."""
    notes.begun = notes.begun or unused(folder / FOLDER / f"{datetime.now():%Y%m%d-%H%M%S}").name
    return folder / FOLDER / notes.begun


def set_aside(folder: Path, path: Path, notes: Notes, overwrite: bool) -> None:
    """Move a stale result in the folder of an experiment to superseded/<time>/<its path>; say once where to.

    With `overwrite` (``general.overwrite``) it is deleted. The path, a file or folder, need not exist.
    """
    if not path.exists():
        return
    if overwrite:
        discard(path)
        return
    # One path can be stale twice in a command; neither is lost.
    to = unused(place(folder, notes) / path.relative_to(folder))
    to.parent.mkdir(parents=True, exist_ok=True)
    if notes.config and not (frozen := place(folder, notes) / "config.toml").exists():
        write_text(frozen, notes.config)
    path.rename(to)
    notes.tell(f"earlier results are kept in {place(folder, notes)}")
