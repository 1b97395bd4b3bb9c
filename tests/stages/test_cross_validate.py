import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.cli import main
from auxcpvloss.experiment.validation import Score
from auxcpvloss.methods import METHODS
from auxcpvloss.stages.cross_validate import cross_validated
from auxcpvloss.system.errors import InputError
from tests.stages.running import perform

PARAMS = METHODS["threeclass"].params


def score(checkpoint: int, *values: float) -> Score:
    return Score(checkpoint, PARAMS(), values)


def test_what_is_best_on_one_half_is_scored_on_the_other():
    scores = [score(1, 0.9, 0.1, 0.7), score(2, 0.2, 0.8, 0.6), score(3, 0.9, 0.8, 0.1)]
    one, two = cross_validated(scores, ["a", "b", "c"], [["a", "c"], ["b"]])
    assert (one.chosen_on, one.scored_on) == (["a", "c"], ["b"])
    assert (one.chosen.checkpoint, one.chosen.value, one.held_out.values) == (1, 0.8, (0.1,))
    # Of the equals 2 and 3 the first.
    assert (two.chosen.checkpoint, two.chosen.value, two.held_out.values) == (2, 0.8, (0.2, 0.6))


@given(
    st.lists(st.lists(st.integers(0, 10).map(lambda n: n / 10), min_size=5, max_size=5), min_size=1, max_size=6),
    st.sets(st.integers(0, 4), min_size=1, max_size=4),
)
def test_folds_against_arrays(rows, first):
    names, table = list("abcde"), np.array(rows)
    halves = [[names[i] for i in range(5) if (i in first) == wanted] for wanted in (True, False)]
    folds = cross_validated([score(n, *row) for n, row in enumerate(rows)], names, halves)
    for fold, wanted in zip(folds, (True, False), strict=True):
        on = np.array([(i in first) == wanted for i in range(5)])
        best = int(np.argmax(table[:, on].mean(axis=1).round(9)))
        assert fold.chosen.checkpoint == fold.held_out.checkpoint == best
        assert fold.held_out.values == tuple(table[best, ~on])
    assert sorted(name for fold in folds for name in fold.scored_on) == names


def test_the_stage_uses_what_is_there_and_writes_a_table(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path, train=False)
    arguments = ["-r", str(root), "-id", "run", "-d", "validate_checkpoints", "cross_validate"]
    assert main(arguments) == 0
    with (root / "run/val/cross_validation.csv").open() as file:
        *folds, mean = list(csv.DictReader(file))
    assert sorted(fold["chosen_on"] for fold in folds) == ["c", "d"]
    assert [fold["chosen_on"] for fold in folds] == [fold["scored_on"] for fold in folds[::-1]]
    held_out = [float(fold["score_held_out"]) for fold in folds]
    assert float(mean["score_held_out"]) == pytest.approx(np.mean(held_out), abs=1e-6)
    # With two volumes the score of a half is that of a volume, and of all of them the validation gives the mean.
    with (root / "run/val/scores.csv").open() as file:
        best = max(float(row["confusion_matrix.th_0_1.AP"]) for row in csv.DictReader(file))
    # Both are rounded to six digits.
    assert np.mean([float(fold["score_chosen"]) for fold in folds]) >= best - 1e-6 > 0
    text = capfd.readouterr().out
    assert f"= {np.mean(held_out):.3f}, mean over 2 volumes, each held out once" in text
    before = {path: path.stat().st_mtime_ns for path in (root / "run/val").glob("evaluated/*/*/*")}
    assert main([*arguments[:-2], "cross_validate"]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in (root / "run/val").glob("evaluated/*/*/*")}


def test_one_volume_cannot_be_halved(prepared):
    with pytest.raises(InputError, match="needs at least two validation volumes with labels, but there is only worm_02"):  # fmt: skip
        perform(prepared, "cross_validate")
