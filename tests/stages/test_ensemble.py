"""An experiment that averages the predictions of others (``prediction.ensemble``)."""

import json
import shutil
import warnings

import numpy as np
import pytest
import tifffile
import zarr
from scipy.special import softmax

from auxcpvloss import InputError, load_model
from auxcpvloss.cli import main
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.checkpoints import ENSEMBLE
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.ensemble import members
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.stages.order import wanted
from auxcpvloss.stages.repeats import check_members, warn_of_members
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.volume.prediction import checkpoint_digest
from tests.edits import write_without_checksum
from tests.stages.test_apply import volume

STATES = ("whole", "stale", "missing", "broken")
STAGES = ("validate_checkpoints", "predict", "label", "evaluate", "report")


@pytest.fixture(scope="module")
def root(gpu_part, tmp_path_factory):
    """Two trained experiments, run and twin, of which twin was trained for half as long; and their ensemble, both."""
    place = gpu_part.copy(tmp_path_factory.mktemp("ensemble"))
    shutil.copytree(place / "run", place / "twin")
    (place / "twin/train/checkpoints/00000090.keras").unlink()
    (place / "run/train/checkpoints/00000045.keras").unlink()
    for name in ("run", "twin"):
        assert main(["-id", name, "-r", str(place), "-d", "validate_checkpoints"]) == 0
    command = ["--ensemble", "run", str(place / "twin"), "-id", "both", "-r", str(place)]
    assert main([*command, "-d", *STAGES]) == 0
    return place


def stored(root):
    array = zarr.open_array(str(root / f"both/test/processed/{ENSEMBLE}/e.zarr/volumes/pred_threeclass"), mode="r")
    return softmax(array[:], axis=0)


def test_predictions_are_the_mean_probabilities_of_the_members(root):
    each = [softmax(load_model(root / name, "last").predict(volume(4))["threeclass"], axis=0) for name in ("run", "twin")]  # fmt: skip
    assert np.abs(each[0] - each[1]).max() > 0.1
    np.testing.assert_allclose(stored(root), np.mean(each, axis=0), atol=1e-5)


def test_every_stage_goes_on_from_there(root, capfd):
    assert (root / "both/report.html").is_file()
    assert list((root / "both").glob(f"test/evaluated/{ENSEMBLE}/*/summary.csv"))
    # Once more: nothing is made again, and status knows of no training.
    assert main(["-id", "both", "-r", str(root), "-d", *STAGES]) == 0
    assert "made again" not in capfd.readouterr().out
    assert main(["-id", "both", "-r", str(root), "-d", "status"]) == 0
    # The files that volumes were prepared from are gone.
    rows = capfd.readouterr().out.splitlines()
    for stage in STAGES:
        assert {"whole"} == {word for line in rows if f" {stage} " in line for word in line.split() if word in STATES}
    assert not [line for line in rows for word in ("mknet", "stale") if word in line]
    assert main(["-id", "both", "-r", str(root), "-d", *STAGES, "--dry-run"]) == 0
    assert capfd.readouterr().out.count("2 networks (prediction.ensemble)") == 2
    assert {"train", "mknet"} == set(wanted(["all"], Choice())) - set(wanted(["all"], Choice(), is_ensemble=True))
    assert main(["compare", str(root / "both"), "-o", str(root / "compared")]) == 0


def test_a_loaded_ensemble_does_what_the_stages_do(root):
    found = load_model(root / "both").predict(volume(4))["threeclass"]
    assert np.array_equal(softmax(found, axis=0), stored(root))


def test_several_models_are_averaged_without_an_experiment(root, tmp_path):
    models = [root / "run", root / "twin"]
    with warnings.catch_warnings(action="ignore"):
        # They may have been selected with other thresholds.
        model = load_model(models)
    assert [member.checkpoint for member in model.members] == [90, 45]
    assert np.array_equal(softmax(model.predict(volume(4))["threeclass"], axis=0), stored(root))
    with pytest.raises(InputError, match="'best'"):
        load_model(models, checkpoint="last")
    tifffile.imwrite(tmp_path / "e.tif", volume(4), photometric="minisblack")
    command = ["segment", str(tmp_path / "e.tif"), "-r", str(root), "-o", str(tmp_path), "--voxel-size", "1", "1", "1"]
    assert main([*command, "--model", "run", "--model", "twin"]) == 0
    record = json.loads((tmp_path / "e_labels.json").read_text())
    assert record["model"] == " + ".join(map(str, models))
    # Of one of them alone other labels would be made.
    assert main([*command, "--model", "run"]) == 2


def test_the_weights_of_members_are_recorded(root, tmp_path):
    for name in ("run", "twin"):
        shutil.copytree(root / name, tmp_path / name)
    change = {"prediction": {"ensemble": [str(tmp_path / "run"), str(tmp_path / "twin")]}}
    config = load([ConfigFile.read(root / "run/config.toml"), ConfigFile("test", change)])
    before = checkpoint_digest(Experiment(tmp_path / "new", config), ENSEMBLE)
    shutil.copy(tmp_path / "run/train/checkpoints/00000090.keras", tmp_path / "twin/train/checkpoints/00000045.keras")
    assert checkpoint_digest(Experiment(tmp_path / "new", config), ENSEMBLE) != before
    record = zarr.open_group(str(root / f"both/test/processed/{ENSEMBLE}/e.zarr"), mode="r").attrs["made_from"]
    assert record["checkpoint"] == before


def test_volumes_that_members_have_seen_are_refused_for_test(root):
    experiment = Experiment(root / "both", load([ConfigFile.read(root / "both/config.toml")]))
    run = Run(experiment)
    check_members(run, experiment.samples("test"))
    for split in ("train", "val"):
        with pytest.raises(InputError, match=r"a member of the ensemble, was trained on it or validated with it"):
            check_members(run, experiment.samples(split))
    warn_of_members(run, experiment.samples("val"))
    assert not run.notes.told
    warn_of_members(run, experiment.samples("train"))
    assert [words.split(",")[0] for words in run.notes.told] == ["run", "twin"]
    allowed = experiment.config.data.model_copy(update={"allow_repeats": True})
    config = experiment.config.model_copy(update={"data": allowed})
    check_members(Run(Experiment(root / "both", config)), experiment.samples("train"))


def changed(root, tmp_path, old, new):
    """A member whose configuration differs."""
    folder = tmp_path / "other"
    shutil.copytree(root / "twin", folder)
    path = folder / "config.toml"
    text = path.read_text()
    assert old in text
    write_without_checksum(path, text.replace(old, new))
    return folder


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('normalize = "percentile"', 'normalize = "min_max"', "preprocessing is"),
        ("lr = 0.004", "lr = 0.002", "checkpoints of another training: optimizer.lr"),
    ],
)
def test_members_that_do_not_go_together_are_refused(root, tmp_path, old, new, expected):
    names = [str(root / "run"), str(changed(root, tmp_path, old, new))]
    config = load([ConfigFile.read(root / "run/config.toml"), ConfigFile("test", {"prediction": {"ensemble": names}})])
    with pytest.raises(InputError, match=expected):
        members(Experiment(tmp_path / "new", config), ENSEMBLE)


def test_members_need_the_heads_of_the_ensemble(root, tmp_path):
    change = {"prediction": {"ensemble": [str(root / "run")]}, "model": {"auxiliary": ["cpv", "edt"]}}
    config = load([ConfigFile.read(root / "run/config.toml"), ConfigFile("test", change)])
    with pytest.raises(InputError, match="its method threeclass_cpv has no head edt"):
        members(Experiment(tmp_path / "new", config), ENSEMBLE)


def test_wrong_members_are_refused_in_a_message(root, tmp_path, capfd):
    base = ["-r", str(root), "-c", str(root / "run/config.toml")]
    for arguments, words in (
        (["-id", "new", "--ensemble", "run", "none", "-d", "predict"], "none: not an experiment"),
        (["-id", "new", "--ensemble", "both", "-d", "predict"], "is an ensemble itself"),
        (["-id", "new", "--ensemble", "run", "twin", "-d", "train"], "nothing to do for the stage train"),
        (["-id", "run", "--ensemble", "twin", "-d", "predict"], "has weights of its own"),
    ):
        before = (root / "run/config.toml").read_bytes()
        assert main([*base, *arguments]) == 2, arguments
        assert words in capfd.readouterr().err
        assert not (root / "new").exists()
        assert (root / "run/config.toml").read_bytes() == before
