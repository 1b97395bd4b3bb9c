"""The files that a training has written; checksums in its record reveal an edit or a loss."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypedDict

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.training_record import FILES, read_record, record_path
from auxcpvloss.system.checksums import CHANGED, known_digest, sealed_table
from auxcpvloss.system.files import write_text

MISSING = "is missing"

WAITED = "waited_for_data"
"""Column of log.csv: the part of the time, 0..1, that was waited for batches."""


class Entry(TypedDict):
    """How a file is to begin: so many bytes with this checksum. Only a log goes on after them."""

    bytes: int
    sha256: str


def file_problems(experiment: Experiment) -> dict[str, str]:
    """Say which files of the training are missing, or changed since they were written, by their paths within it."""
    found = {name: problem_of(experiment.train_folder / name, entry) for name, entry in _entries(experiment).items()}
    return {name: problem for name, problem in found.items() if problem}


def log_problem(experiment: Experiment, name: str) -> str:
    """Say how a log of the training is missing or changed; "" where it is not, or nothing is known of it."""
    entry = _entries(experiment).get(name)
    return problem_of(experiment.train_folder / name, entry) if entry else ""


def _entries(experiment: Experiment) -> dict[str, Entry]:
    record = read_record(record_path(experiment)) or {}
    entries: dict[str, Entry] = record.get(FILES, {})
    return entries


def note_files(experiment: Experiment, renewed: Collection[Path] = (), last: int | None = None) -> None:
    """Record the checksums of what was written since, in the record of the training.

    A file of which there is a checksum keeps it, unless it is a log that went on as it was.

    Parameters
    ----------
    experiment : Experiment
    renewed : collection of Path
        Files that were written anew, whatever was there before.
    last : int, optional
        Iteration after which the lines of logs are going to be dropped.
    """
    record, files = read_record(record_path(experiment)) or {}, _entries(experiment)
    for path in _files(experiment.train_folder):
        name = path.relative_to(experiment.train_folder).as_posix()
        is_new = path in renewed or name not in files
        if is_new or (path.suffix == ".csv" and not problem_of(path, files[name])):
            files[name] = _entry(path, last)
    write_record(experiment, {**record, FILES: files})


def write_record(experiment: Experiment, record: Mapping[str, Any]) -> None:
    """Write the record of the training, with its checksum."""
    write_text(record_path(experiment), json.dumps(sealed_table(record), indent=2) + "\n")


def _files(folder: Path) -> Iterator[Path]:
    for pattern in ("*.csv", "checkpoints/[!.]*.keras", "snapshots/[!.]*.hdf", "tensorboard/*"):
        yield from sorted(path for path in folder.glob(pattern) if path.is_file())


def _entry(path: Path, last: int | None) -> Entry:
    if path.parent.name == "tensorboard":
        # Only that it is there.
        content = b""
    elif path.suffix == ".csv":
        content = path.read_bytes()
        content = content if last is None else lines_until(content, last)
    else:
        return Entry(bytes=path.stat().st_size, sha256=known_digest(path))
    return Entry(bytes=len(content), sha256=sha256(content).hexdigest())


def lines_until(content: bytes, last: int) -> bytes:
    """Give the lines of a log up to an iteration, but for one that is cut off; no heading where there are none."""
    heading, *lines = content.splitlines(keepends=True) or [b""]
    numbered = [(line, line.partition(b",")[0]) for line in lines if line.endswith(b"\n")]
    kept = [line for line, number in numbered if number.isdigit() and int(number) <= last]
    return b"".join([heading, *kept]) if kept else b""


def problem_of(path: Path, entry: Entry) -> str:
    """Say how a file is missing or changed, by its entry; "" where it is not."""
    if not path.is_file():
        return MISSING
    if path.suffix in (".keras", ".hdf"):
        return "" if known_digest(path) == entry["sha256"] else CHANGED
    with path.open("rb") as file:
        return "" if sha256(file.read(entry["bytes"])).hexdigest() == entry["sha256"] else CHANGED
