from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from auxcpvloss.repeat.results import compare

SCORES = 'made_from = "{}"\n[confusion_matrix]\nAP = {}\n'
CHECKPOINT, TABLE = "train/checkpoints/00000002.keras", "test/evaluated/2/seed_0.5/worm.toml"


def write_checkpoint(path: Path, date: str, kernel: float) -> None:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/conv/vars/0"] = np.full((2, 2), kernel, np.float32)
        file["optimizer/vars/0"] = 7
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", date)
        archive.writestr("model.weights.h5", content.getvalue())


@pytest.fixture
def two(tmp_path) -> tuple[Path, Path]:
    """Folders with equal weights and scores, made at different times."""
    for name in ("original", "repeat"):
        write_checkpoint(tmp_path / name / CHECKPOINT, f"date of the {name}", 0.1)
        for place, text in ((TABLE, SCORES.format(name, 0.5)), ("val/scores.csv", "checkpoint,AP\n2,0.5\n")):
            (tmp_path / name / place).parent.mkdir(parents=True)
            (tmp_path / name / place).write_text(text)
    return tmp_path / "original", tmp_path / "repeat"


def test_dates_do_not_count(two):
    assert compare(*two) == (["bitwise equal: 1 of 1 checkpoints, 2 of 2 files of scores"], True)


def test_the_last_bit_of_a_weight_counts(two):
    write_checkpoint(two[1] / CHECKPOINT, "later", float(np.nextafter(np.float32(0.1), np.float32(1))))
    lines, equal = compare(*two)
    assert lines == [
        f"{CHECKPOINT}: 1 of 2 arrays differ, by at most 7.45e-09",
        "not bitwise equal: 0 of 1 checkpoints, 2 of 2 files of scores are",
    ]
    assert not equal


def test_a_score_that_differs_is_named(two):
    (two[1] / TABLE).write_text(SCORES.format("repeat", 0.25))
    (two[1] / "val/scores.csv").write_text("checkpoint,AP\n2,0.4\n")
    lines, equal = compare(*two)
    assert lines[:2] == [f"{TABLE}: confusion_matrix.AP was 0.5, is 0.25", "val/scores.csv: another text"]
    assert not equal


@pytest.mark.parametrize(("missing", "there"), [(0, "repeat"), (1, "original")])
def test_what_is_on_one_side_only_is_named(two, missing, there):
    shutil.rmtree(two[missing] / "train")
    lines, equal = compare(*two)
    assert lines[0] == f"{CHECKPOINT}: only in the {there}"
    assert not equal
