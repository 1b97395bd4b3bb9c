"""Tables of center points: one `z, y, x, id` a line."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.source import reading
from auxcpvloss.data.zips import File
from auxcpvloss.errors import InputError

HEADER = "z,y,x,id"


def read_centers(file: File) -> NDArray[np.float64]:
    """Read a table; a first line that begins with a letter is its header.

    Returns
    -------
    (N, 4) array of float64
        z, y, x in voxels, and the id of the label.

    Raises
    ------
    InputError
        A line is not four finite numbers, or an id is no positive integer.
    """
    with reading(file), file.open("rb") as stream:
        lines = stream.read().decode("utf-8-sig").splitlines()
    table = np.array([_row(file, i, line) for i, line in enumerate(lines, start=1) if not _is_header(i, line)])
    return table.reshape(-1, 4)


def format_centers(centers: NDArray[np.floating]) -> str:
    """Write a table, with its header, to a thousandth of a voxel."""
    text = io.StringIO()
    np.savetxt(text, centers, fmt="%.3f,%.3f,%.3f,%d", header=HEADER, comments="")
    return text.getvalue()


def _is_header(number: int, line: str) -> bool:
    return not line.strip() or (number == 1 and line.lstrip(' "')[0].isalpha())


def _row(file: File, number: int, line: str) -> list[float]:
    try:
        row = [float(value) for value in line.split(",")]
    except ValueError:
        row = []
    if len(row) != 4 or not np.isfinite(row).all() or row[3] < 1 or row[3] % 1:
        raise InputError(f"{file}, line {number}: {line!r}; expected z, y, x in voxels and the number of the label")
    return row
