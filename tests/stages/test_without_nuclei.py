"""Volumes in which there is nothing to be found: no AP of theirs is averaged, and nothing is selected by them."""

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import toml
import zarr

from auxcpvloss.cli import main
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import file_digest
from auxcpvloss.experiment.validation import parameter_sets
from auxcpvloss.methods.threeclass import perfect, target
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.train.monitor import Monitor
from auxcpvloss.stages.validate_checkpoints.scoring import read_values
from auxcpvloss.stages.volume.prediction import prediction_of
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import InputError
from tests.conftest import SMALL, TINY, blobs, configure, merge
from tests.stages.running import perform

SHAPE = (12, 20, 24)
NUCLEI = blobs(SHAPE, 4, seed=3)
NONE = np.zeros_like(NUCLEI)


def write(folder: Path, masks: dict[str, np.ndarray]) -> str:
    for name, mask in masks.items():
        for kind, array in (("images", np.arange(mask.size).reshape(SHAPE) % 251), ("masks", mask)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / kind / f"{name}.tif", array.astype(np.uint8), photometric="minisblack")
    return str(folder)


def predicted(experiment: Experiment, split: str, found: dict[str, np.ndarray]) -> None:
    """Write predictions of a network that is sure of these labels."""
    run = Run(experiment)
    experiment.checkpoints.path(4).parent.mkdir(parents=True, exist_ok=True)
    experiment.checkpoints.path(4).write_text("weights")
    for sample in experiment.samples(split):
        of = Subject(split, 4, sample, experiment.params)
        group = zarr.open_group(str(experiment.processed(split, 4, sample.name)), mode="w")
        group["volumes/pred_threeclass"] = perfect(target(found[sample.name]))
        group.attrs["made_from"] = prediction_of(run, of).record


@pytest.fixture
def experiment(tmp_path) -> Experiment:
    """Of a network that finds all nuclei, and one in the empty volume `false`."""
    places = {
        "val_data": write(tmp_path / "val", {"full": NUCLEI, "blank": NONE}),
        "test_data": write(tmp_path / "test", {"blank": NONE, "false": NONE, "full": NUCLEI}),
    }
    made = Experiment(tmp_path / "root/e", configure(data={"input_format": "tif", "allow_repeats": True, **places}, model={"method": "threeclass"}))  # fmt: skip
    perform(made, "prepare")
    predicted(made, "val", {"full": NONE, "blank": NONE})
    predicted(made, "test", {"full": NUCLEI, "blank": NONE, "false": np.where(NUCLEI == 1, NUCLEI, 0)})
    return made


def test_means_are_over_volumes_with_nuclei(experiment, capsys):
    perform(experiment, "label", "evaluate", "report", checkpoint=4)
    folder = experiment.evaluated("test", 4, experiment.params)
    with (folder / "summary.csv").open() as file:
        rows = {row["volume"]: (row["AP 0.5"], row["SEG"][:4], row["detection AP"]) for row in csv.DictReader(file)}
    assert rows["full"] == rows["mean"] == ("1.000000", "0.99", "1.000000")
    assert rows["blank"] == rows["false"] == ("", "", "")
    assert rows["pooled"] == ("0.800000", "0.99", "0.800000")
    with (folder / "scores.csv").open() as file:
        scores = {(row["volume"], row["metric"]): float(row["value"]) for row in csv.DictReader(file)}
    assert scores["false", "confusion_matrix.th_0_5.FP"] == 1
    assert not [key for key in scores if key[0] in ("blank", "false") and key[1].endswith(("AP", "recall", "SEG"))]
    told = " ".join(capsys.readouterr().out.split())
    assert "false has no nuclei: left out of the means; pooled scores count its 1 false positives" in told
    page = experiment.report_path.read_text()
    assert "No nuclei, and so no AP: blank, false. Left out of means; all 1 results there are wrong." in page
    assert "1.000, one volume" in page


def test_tables_in_which_they_were_averaged_are_written_again(experiment, capsys):
    perform(experiment, "label", "evaluate", checkpoint=4)
    folder = experiment.evaluated("test", 4, experiment.params)
    before, scores = (folder / "summary.csv").read_bytes(), (folder / "full.toml").stat().st_ino
    entries = json.loads((folder / "made_from.json").read_text())
    (folder / "summary.csv").write_text("mean 1")
    del entries["summary.csv"]["made_from"]["without nuclei"]
    entries["summary.csv"]["sha256"] = file_digest(folder / "summary.csv")
    (folder / "made_from.json").write_text(json.dumps(entries))
    perform(experiment, "evaluate", checkpoint=4)
    assert "summary made again: without nuclei was not recorded, is ['blank', 'false']" in capsys.readouterr().out
    assert ((folder / "summary.csv").read_bytes(), (folder / "full.toml").stat().st_ino) == (before, scores)


def test_what_finds_nothing_is_not_selected_by_them(experiment, capsys):
    perform(experiment, "validate_checkpoints")
    (score,) = read_values(Run(experiment), {4: parameter_sets(experiment)})
    assert (score.values, score.value) == ((0.0,), 0)
    assert tomllib.loads(experiment.selection_path.read_text())["score"] == 0
    assert "left out, since without nuclei there is no AP: blank" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(InputError, match="cross_validate: needs at least two"):
        perform(experiment, "cross_validate")


def test_by_them_alone_nothing_is_selected(tmp_path, capsys):
    config = merge(TINY, {
        "data": {"input_format": "tif", "train_data": write(tmp_path / "train", {"a": NUCLEI}), "val_data": write(tmp_path / "val", {"blank": NONE})},
        "model": {**SMALL, "test_input_shape": [24, 24, 24]},
    })  # fmt: skip
    (tmp_path / "e.toml").write_text(toml.dumps(config))
    arguments = ["-c", str(tmp_path / "e.toml"), "-r", str(tmp_path / "root"), "-d"]
    assert main([*arguments, "prepare", "train", "validate_checkpoints"]) == 2
    out, err = (" ".join(text.split()) for text in capsys.readouterr())
    assert "no nuclei, and so no AP: blank; left out of means" in out
    told = err
    assert "no validation volume has nuclei (blank)" in told
    assert "data.val_data" in told
    assert not (tmp_path / "root/e/train/checkpoints").exists()
    of = {"data": config["data"], "model": config["model"]}
    early, loss = (configure(**of, training={key: 1}) for key in ("early_stop", "validation_batches"))
    with pytest.raises(InputError, match=r"set training\.early_stop = 0"):
        Monitor(Run(Experiment(tmp_path / "root/e", early)), 0)
    assert Monitor(Run(Experiment(tmp_path / "root/e", loss)), 0).wanted
