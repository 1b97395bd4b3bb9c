"""What training and validation wrote, read back, and the figures of an experiment."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection_file import read_selection
from auxcpvloss.experiment.training_files import log_problem, note_files
from auxcpvloss.looking.figures.experiment import experiment_figures, read_grid, read_log, read_vectors, waited_for_data
from auxcpvloss.network.batch import Batch
from auxcpvloss.stages.train.log import TrainingLog
from auxcpvloss.stages.train.loop import _snapshot
from auxcpvloss.system.errors import InputError
from tests.conftest import configure
from tests.stages.conftest import EVERY_STAGE


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """Nothing is there yet."""
    return Experiment(tmp_path / "e", configure())


def snapshot(experiment: Experiment, iteration: int, value: float, **more: np.ndarray) -> Path:
    """A batch of two patches whose targets are smaller than the input."""
    raw = np.arange(2 * 8**3, dtype=np.float32).reshape(2, 1, 8, 8, 8)
    target = np.full((2, 3, 4, 4, 4), value, np.float32)
    labels = np.zeros((2, 1, 4, 4, 4), np.uint8)
    path = experiment.train_folder / "snapshots" / f"batch_{iteration:08d}.hdf"
    _snapshot(path, Batch(raw, {"threeclass": labels, "cpv": target}, labels), {"pred_cpv": target + 1, **more})
    return path


def test_where_nothing_was_written_there_is_nothing_to_show(experiment: Experiment) -> None:
    assert experiment_figures(experiment) == ({}, [])


def test_losses_come_back_as_they_were_logged(experiment: Experiment) -> None:
    experiment.train_folder.mkdir(parents=True)
    with TrainingLog(experiment.train_folder, 0) as log:
        for iteration in (1, 2):
            log.add({"loss": 3.0 / iteration, "cpv_loss": 1.0})
            log.write(iteration, 1e-3, 5.0, 0.25)
    table = read_log(experiment.train_folder / "log.csv")
    assert table is not None
    assert table.to_dict() == {"loss": {1: 3.0, 2: 1.5}, "cpv_loss": {1: 1.0, 2: 1.0}}
    assert waited_for_data(experiment) == 0.25


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("iteration,val_loss,score,metric,params\n1,0.5,,,\n2,,0.25,confusion_matrix.avAP,x\n", [np.nan, 0.25]),
        # The last line is being written.
        ("iteration,score\n1,0.75\n2,0.", [0.75]),
    ],
)
def test_lines_may_lack_numbers(tmp_path: Path, text: str, scores: list[float]) -> None:
    path = tmp_path / "validation.csv"
    path.write_text(text)
    table = read_log(path)
    assert table is not None
    assert {"metric", "params"}.isdisjoint(table)
    assert np.array_equal(table["score"], scores, equal_nan=True)


@pytest.mark.parametrize("text", ["iteration,loss\n1,much\n", "loss\n1\n", "iteration,loss\nx,1\n"])
def test_a_damaged_log_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text("iteration,loss\n")
    assert read_log(path) is None
    path.write_text(text)
    with pytest.raises(InputError, match=r"log\.csv: not readable as a table of losses"):
        read_log(path)


def test_vectors_are_those_of_the_first_patch_of_the_newest_snapshot(experiment: Experiment) -> None:
    snapshot(experiment, 2, 1.0)
    path = snapshot(experiment, 10, 2.0)
    (path.parent / "not_finite_00000011.hdf").touch()
    vectors = read_vectors(path)
    assert vectors is not None
    raw, predicted, target = vectors
    assert np.array_equal(raw, np.arange(8**3).reshape(8, 8, 8)[2:6, 2:6, 2:6])
    assert np.array_equal(target, np.full((3, 4, 4, 4), 2))
    assert np.array_equal(predicted, np.full((3, 4, 4, 4), 3))
    (figure,) = experiment_figures(experiment)[0].values()
    assert figure.get_suptitle() == "a patch of the training, iteration 10"
    path.write_bytes(b"nothing")
    figures, (problem,) = experiment_figures(experiment)
    assert (figures, "batch_00000010.hdf: cannot be read" in problem) == ({}, True)


def test_figures_of_an_experiment_that_was_trained_and_validated(every_stage: Path, tmp_path: Path) -> None:
    shutil.copytree(every_stage / "root" / "e", tmp_path / "e")
    experiment = Experiment(tmp_path / "e", load([ConfigFile("test", EVERY_STAGE)]))
    grid, log = read_grid(experiment), read_log(experiment.train_folder / "log.csv")
    assert grid is not None
    assert log is not None
    assert (grid.checkpoints, len(grid.sets)) == ([1, 2], 2)
    assert (grid.values.shape, list(log)) == ((2, 2), ["loss", "cpv_loss", "threeclass_loss"])
    figures, problems = experiment_figures(experiment)
    assert (problems, list(figures)) == ([], ["training", "validation"])
    selected = read_selection(experiment)
    assert f"selected: checkpoint {selected.checkpoint}," in figures["validation"].get_suptitle()
    assert list(figures["training"].axes[1].lines[-1].get_xdata()) == [selected.checkpoint] * 2
    assert list(figures["training"].axes[1].lines[0].get_ydata()) == grid.values.max(axis=0).tolist()


def test_a_log_that_goes_on_keeps_its_first_lines_byte_by_byte(tmp_path):
    before = b"iteration,loss\r\n1,0.5\r\n2,0.25\r\n"
    (tmp_path / "log.csv").write_bytes(before + b"3,0.125\r\n")
    with TrainingLog(tmp_path, 2):
        assert (tmp_path / "log.csv").read_bytes() == before


def test_a_log_that_an_earlier_version_began_goes_on_with_its_columns(tmp_path):
    before = b"iteration,loss,learning_rate,iterations_per_second\r\n1,0.5,0.01,2.000\r\n"
    (tmp_path / "log.csv").write_bytes(before)
    with TrainingLog(tmp_path, 1) as log:
        log.add({"loss": 0.25})
        log.write(2, 0.01, 3.0, 0.5)
    assert (tmp_path / "log.csv").read_bytes() == before + b"2,0.25,0.01,3.000\r\n"


def test_a_line_that_a_full_disk_cut_off_is_no_edit(tmp_path):
    experiment, before = Experiment(tmp_path, configure()), b"iteration,loss\r\n10,0.5\r\n"
    experiment.train_folder.mkdir()
    path = experiment.train_folder / "log.csv"
    # The beginning of iteration 20.
    path.write_bytes(before + b"2")
    note_files(experiment, last=10)
    with TrainingLog(experiment.train_folder, 10):
        assert path.read_bytes() == before
    assert log_problem(experiment, "log.csv") == ""
