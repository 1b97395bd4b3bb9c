"""What the stages write, as auxcpvloss compare reads it; the rest is in tests/compare."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from auxcpvloss.cli import main
from auxcpvloss.data.checksums import seal
from auxcpvloss.looking.compare.comparison import RunComparison, compare
from auxcpvloss.looking.compare.drawing import draw_volumes, read_outcome
from auxcpvloss.looking.compare.reading import read_run
from auxcpvloss.looking.figures.palette import COLORBLIND, PAPER


@pytest.fixture
def root(every_stage, tmp_path) -> Path:
    """A root with two experiments, copies of one that every stage was run for, and its volumes."""
    shutil.copytree(every_stage / "root" / "data", tmp_path / "data")
    for name in ("a", "b"):
        shutil.copytree(every_stage / "root" / "e", tmp_path / name)
    return tmp_path


def read(root: Path) -> RunComparison:
    return compare([("one", read_run(root / "a")), ("other", read_run(root / "b"))])


def test_tables_and_figures_of_what_the_stages_wrote(root, capsys):
    assert main(["compare", f"one={root / 'a'}", f"other={root / 'b'}", "--paper", "--colors", "colorblind"]) == 0
    text = capsys.readouterr().out
    assert "other and one are not distinguishable on these data by avAP: +0.000, but there is only one run of one" in text  # fmt: skip
    assert "mean of 1 test volume" in text
    figures = {f"figure_{number}.png" for number in (3, 4, 5, 6)}
    assert figures <= {path.name for path in (root / "comparison").iterdir()}
    assert (root / "comparison" / "report.html").read_text().count("data:image/png") >= len(figures)


def test_volumes_are_shown_as_they_were_scored(root):
    comparison = read(root)
    (volume,), run = comparison.volumes, comparison.groups[0].runs[0]
    counts = run.scores[volume]["confusion_matrix"]["hoefener"]
    found = read_outcome(run, volume, "one").comparison.detections.counts
    assert (found.tp, found.fp, found.fn) == (counts["TP"], counts["FP"], counts["FN"])
    (models, volumes), (_, others) = (draw_volumes(comparison, colors)[0] for colors in (PAPER, COLORBLIND))
    assert [models.figure.axes[row].get_ylabel() for row in (0, 4)] == ["one", "other"]
    assert volumes.figure.axes[0].get_ylabel() == f"only: {volume}"
    images = [[image.get_array() for ax in each.figure.axes for image in ax.images] for each in (volumes, others)]
    assert not all(np.array_equal(*pair) for pair in zip(*images, strict=True))


def test_without_the_volumes_or_with_others_there_are_tables_only(root):
    (path,) = (root / "data").glob("*/test/*.zarr")
    group = zarr.open_group(str(path))
    group.attrs["made_from"] = {**group.attrs["made_from"], "checksum": "another"}
    seal(group)
    figures, why = draw_volumes(read(root), PAPER)
    assert (figures, why.endswith("has changed since it was scored")) == ([], True)
    shutil.rmtree(root / "data")
    figures, why = draw_volumes(read(root), PAPER)
    assert not figures
    assert why.startswith("figures 5 and 6 are omitted because volumes or results are missing: ")
