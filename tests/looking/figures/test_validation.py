from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from auxcpvloss.looking.figures.validation import NAMES, ScoreGrid, set_labels, validation_surface

SETS: list[dict[str, Any]] = [{"flood": "volume", "fg_thresh": f, "seed_thresh": s} for f in (0.5, 0.9) for s in (0.7, 0.8)]  # fmt: skip
VALUES = np.array([[0.1, 0.2, 0.3], [0.4, np.nan, 0.6], [0.7, 0.8, 0.5], [0.3, 0.2, 0.1]])
GRID = ScoreGrid([100, 200, 300], SETS, VALUES, "confusion_matrix.avAP")


def frames(ax: Axes) -> list[tuple[float, float]]:
    return [patch.get_xy() for patch in ax.patches if isinstance(patch, Rectangle)]


def test_a_column_a_checkpoint_and_a_row_a_set() -> None:
    figure = validation_surface(GRID, (2, 1))
    ax, bar = figure.axes
    assert np.array_equal(np.ma.filled(ax.images[0].get_array(), np.nan), VALUES, equal_nan=True)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["100", "200", "300"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0.5, 0.7", "0.5, 0.8", "0.9, 0.7", "0.9, 0.8"]
    assert ax.get_ylabel() == "fg_thresh, seed_thresh"
    assert bar.get_ylabel() == "avAP (mean over IoU > 0.1 .. 0.9)"
    numbers = {tuple(map(int, text.get_position())): text.get_text() for text in ax.texts}
    assert numbers[1, 2] == "0.800"
    assert (1, 1) not in numbers
    assert frames(ax) == [(0.5, 1.5)]
    assert figure.get_suptitle() == "selected: checkpoint 200, 0.800\nfg_thresh 0.9, seed_thresh 0.7"


def test_nothing_is_framed_where_the_selection_is_not_in_the_table() -> None:
    figure = validation_surface(GRID)
    assert (frames(figure.axes[0]), figure.get_suptitle()) == ([], "")
    assert GRID.place(200, {"fg_thresh": 0.9, "seed_thresh": 0.8}) == (3, 1)
    assert GRID.place(150, SETS[0]) is None
    assert GRID.place(100, {"fg_thresh": 0.1}) is None


def test_many_sets_are_not_all_named_and_have_no_numbers() -> None:
    number = 3 * NAMES
    sets = [{"seed_thresh": i / number} for i in range(number)]
    figure = validation_surface(ScoreGrid([1, 2], sets, np.random.default_rng(0).random((number, 2)), "score"))
    ax = figure.axes[0]
    assert len(ax.get_yticklabels()) == NAMES
    assert not ax.texts
    assert max(figure.get_size_inches()) <= 18


def test_a_single_set_is_named_whole() -> None:
    assert set_labels(SETS[:1]) == (["flood", "fg_thresh", "seed_thresh"], [["volume", "0.5", "0.7"]])
    validation_surface(ScoreGrid([1], SETS[:1], np.array([[0.5]]), "score"), (0, 0)).draw_without_rendering()


def test_no_score_is_refused() -> None:
    with pytest.raises(ValueError, match="no score"):
        validation_surface(GRID._replace(values=np.full((4, 3), np.nan)))
