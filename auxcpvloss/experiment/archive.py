"""Results that are no longer what the configuration asks for: told once, and moved out of the way, not deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

from auxcpvloss.system.files import discard, write_text

FOLDER = "superseded"

logger = logging.getLogger(__name__)


@dataclass
class Notes:
    """What one command has told about earlier results, so that it tells each thing once.

    Attributes
    ----------
    say : callable
        Tells a person a line.
    told : dict
        The lines by their topics, in order.
    begun : str
        Name of the folder in superseded/ that this command moves results to; "" until it is needed.
    config : str
        The experiment's config.toml as it was before this command; goes with the results.
    """

    say: Callable[[str], None] = logger.info
    told: dict[str, str] = field(default_factory=dict)
    begun: str = ""
    config: str = ""

    def tell(self, line: str, topic: str = "") -> None:
        """Say a line, unless it, or one on the same topic, was said before."""
        if (topic or line) not in self.told:
            self.told[topic or line] = line
            self.say(line)


def place(folder: Path, notes: Notes) -> Path:
    """Where this command moves stale results of an experiment to: one folder a command, named by its time."""
    if not notes.begun:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        names = (f"{stamp}{f'-{number}' if number else ''}" for number in count())
        notes.begun = next(name for name in names if not (folder / FOLDER / name).exists())
    return folder / FOLDER / notes.begun


def set_aside(folder: Path, path: Path, notes: Notes, overwrite: bool) -> None:
    """Move a stale result of an experiment to superseded/<time>/<its path>, or delete it; says once where to.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    path : Path
        A file or folder in it; need not be there.
    notes : Notes
        Of the command.
    overwrite : bool
        Whether to delete it (``general.overwrite``).
    """
    if not path.exists():
        return
    if overwrite:
        discard(path)
        return
    to = place(folder, notes) / path.relative_to(folder)
    # One path can be stale twice in a command; neither is lost.
    to = next(free for number in count() if not (free := _numbered(to, number)).exists())
    to.parent.mkdir(parents=True, exist_ok=True)
    if notes.config and not (frozen := place(folder, notes) / "config.toml").exists():
        write_text(frozen, notes.config)
    path.rename(to)
    notes.tell(f"what was there before is kept in {place(folder, notes)}")


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path
