"""A table that a training writes line by line, as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from auxcpvloss.experiment.training_files import lines_until
from auxcpvloss.system.files import write_text, writing


class Table:
    """Lines whose first column is the iteration.

    Parameters
    ----------
    path : Path
    first : int
        Iteration that the training goes on from; later lines of an earlier attempt are dropped.
    """

    def __init__(self, path: Path, first: int) -> None:
        self._path = path
        if path.is_file():
            # With the ends of its lines as they are, or it would be another file than was recorded.
            write_text(path, lines_until(path.read_bytes(), first).decode())
        self._file = path.open("a+", newline="", encoding="utf-8")
        self._file.seek(0)
        # One begun by an earlier version goes on with the columns that it has.
        self._columns = next(csv.reader(self._file), [])

    def write(self, *rows: Mapping[str, object]) -> None:
        """Write lines at once."""
        with writing(self._path):
            writer = csv.DictWriter(self._file, self._columns or list(rows[0]), extrasaction="ignore")
            if not self._columns:
                self._columns = list(writer.fieldnames)
                writer.writeheader()
            writer.writerows(rows)
            self._file.flush()

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error, such as a full disk, it cannot write what it still has.
        with suppress(Exception) if kind else writing(self._path):
            self._file.close()
