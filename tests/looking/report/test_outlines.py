import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auxcpvloss.looking.report.outlines import outline_paths

Edge = tuple[int, int, int, int]


def edges_of(path: str) -> list[Edge]:
    """The unit edges that a path walks along, each with its smaller end first."""
    found = []
    for loop in re.findall(r"M[^z]*z", path):
        column, row = map(int, re.match(r"M(\d+) (\d+)", loop).groups())
        begin = (row, column)
        steps = [(kind, int(length)) for kind, length in re.findall(r"([hv])(-?\d+)", loop)]
        for kind, length in [*steps, ("z", 0)]:
            if kind == "z":
                kind, length = ("h", begin[1] - column) if row == begin[0] else ("v", begin[0] - row)
                assert (row == begin[0]) or (column == begin[1]), "closed by a slanted line"
            for _ in range(abs(length)):
                step = 1 if length > 0 else -1
                after = (row, column + step) if kind == "h" else (row + step, column)
                found.append((*min((row, column), after), *max((row, column), after)))
                row, column = after
    return found


def brute_force(labels: np.ndarray, label: int) -> list[Edge]:
    found = []
    padded = np.pad(labels, 1)
    for row, column in np.argwhere(labels == label).tolist():
        r, c = row + 1, column + 1
        for other, edge in (
            (padded[r - 1, c], (row, column, row, column + 1)),
            (padded[r + 1, c], (row + 1, column, row + 1, column + 1)),
            (padded[r, c - 1], (row, column, row + 1, column)),
            (padded[r, c + 1], (row, column + 1, row + 1, column + 1)),
        ):
            if other != label:
                found.append(edge)
    return found


@given(arrays(np.uint8, (6, 7), elements=st.integers(0, 3)), st.sets(st.integers(1, 3)))
def test_outlines_are_the_edges_of_pixels_each_once(labels, asked):
    """Also where instances touch, at a side or at a corner, and where they have holes."""
    others, these = outline_paths(labels, sorted(asked))
    expected = [sorted(e for one in ids for e in brute_force(labels, one)) for ids in ({1, 2, 3} - asked, asked)]
    assert (sorted(edges_of(others)), sorted(edges_of(these))) == (expected[0], expected[1])


def test_a_square_takes_four_commands():
    labels = np.zeros((5, 5), int)
    labels[1:4, 1:4] = 7
    assert outline_paths(labels, [7]) == ("", "M1 1h3v3h-3z")
