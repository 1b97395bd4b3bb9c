"""Tables of center points: one `z, y, x, id`, or `z, y, x`, a line."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.text import decoded

HEADER = "z,y,x,id"
MAX_ID = 2**53  # up to here numbers are read exactly
MAX_SHOWN = 100  # letters of a line in a message


def read_centers(file: File) -> NDArray[np.float64]:
    """Read a table; a first line that begins with a letter is its header.

    Returns
    -------
    (N, 4) array of float64
        z, y, x in voxels, and the id of the label; 0 in lines without one.

    Raises
    ------
    InputError
        The columns have names in another order, a line is not three or four finite numbers, or an id is no positive
        integer.
    """
    return np.array([row for _, row in _rows(file)], np.float64).reshape(-1, 4)


def line_numbers(file: File) -> list[int]:
    """Line in the file, from 1, of every row that `read_centers` gives."""
    return [number for number, _ in _rows(file)]


def numbered(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give every point an id of its own: those of the table, or 1, 2, ... where one of them is missing or repeated."""
    ids = centers[:, 3]
    if (ids > 0).all() and len(np.unique(ids)) == len(ids):
        return centers
    return np.column_stack([centers[:, :3], np.arange(1, len(centers) + 1)])


def format_centers(centers: NDArray[np.floating]) -> str:
    """Write a table, with its header, to a thousandth of a voxel."""
    text = io.StringIO()
    np.savetxt(text, centers, fmt="%.3f,%.3f,%.3f,%d", header=HEADER, comments="")
    return text.getvalue()


def _rows(file: File) -> Iterator[tuple[int, list[float]]]:
    with reading(file), file.open("rb") as stream:
        text = decoded(file, stream.read())
    for number, line in enumerate(text.splitlines(), start=1):
        if number == 1 and line.lstrip(' "')[:1].isalpha():
            # "z (px)" and "Z" are fine; x before z, or an index before them, would be read as another place.
            if [name.strip(' "').lower()[:1] for name in line.split(",")[:3]] != ["z", "y", "x"]:
                raise InputError(
                    f"{file}, line 1: the columns are {line[:MAX_SHOWN]!r}; expected z, y, x (in voxels) and "
                    f"optionally id, in this order{_separators(text)}"
                )
        elif line.strip():
            row = _row(line)
            if not row:
                raise InputError(
                    f"{file}, line {number}: {line[:MAX_SHOWN]!r}; expected z, y, x in voxels and, optionally, the "
                    f"label number{_separators(text)}"
                )
            yield number, row


def _separators(text: str) -> str:
    """Say what to do about a table of a language that writes decimal commas, and so no commas between columns."""
    for mark, name in {";": "semicolon", "\t": "tab"}.items():
        if mark in text:
            has, first = (" and decimal commas", "every comma by a point, then ") if "," in text else ("", "")
            return f". The table has {name}s{has}: replace {first}every {name} by a comma"
    return ""


def _row(line: str) -> list[float]:
    """Give z, y, x and the id, 0 where there is none; nothing for a line that is no center."""
    try:
        row = [float(value.strip(' "')) for value in line.split(",")]
    except ValueError:
        row = []
    if len(row) == 3:
        row.append(0.0)
    elif len(row) == 4 and (not 1 <= row[3] <= MAX_ID or row[3] % 1):
        row = []
    return row if len(row) == 4 and np.isfinite(row).all() else []
