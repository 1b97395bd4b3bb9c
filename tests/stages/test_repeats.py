"""Images that serve for training and for testing, by the command line."""

import shutil

import numpy as np
import pytest
import tifffile
import toml

from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.stages.repeats import check_repeats
from auxcpvloss.stages.run import Run
from tests.conftest import TINY, configure, merge
from tests.data.volumes import make_folder


@pytest.fixture
def place(tmp_path):
    for split, names in (("train", "ab"), ("val", "c"), ("test", "de")):
        make_folder(tmp_path / "data" / split, names)
    return tmp_path


def prepare(place, *stages, **data):
    tables = merge(TINY, {"data": {"path": str(place / "data"), "input_format": "auto", **data}})
    (place / "my.toml").write_text(toml.dumps(tables))
    return main(["-c", str(place / "my.toml"), "-r", str(place / "root"), "-d", *(stages or ["prepare"])])


def repeat(place, split, name="a"):
    """Store the image of a test volume for another split, too: with another type, compression and mask."""
    raw = tifffile.imread(place / "data" / "test" / "images" / "e.tif").astype(np.uint16)
    tifffile.imwrite(place / "data" / split / "images" / f"{name}.tif", raw, compression="zlib", metadata=None)
    return place / "data" / split / "images" / f"{name}.tif"


@pytest.mark.parametrize(("split", "name"), [("train", "a"), ("val", "c")])
def test_a_test_volume_that_serves_elsewhere_is_refused(place, capsys, split, name):
    path = repeat(place, split, name)
    assert prepare(place) == INPUT_ERROR
    error = capsys.readouterr().err
    assert f"test/images/e.tif: the same image as {path} ({split})" in error
    assert "data.allow_repeats = true" in error
    assert not list((place / "root").rglob("*.zarr"))
    # What was allowed once is refused without the key, too.
    assert prepare(place, allow_repeats=True) == 0
    assert prepare(place) == INPUT_ERROR


def test_a_test_volume_that_comes_later_is_compared_with_what_is_prepared(place, capsys):
    assert prepare(place) == 0
    for kind in ("images", "masks"):
        (place / "more" / kind).mkdir(parents=True)
        shutil.copy(place / "data" / "train" / kind / "b.tif", place / "more" / kind / "renamed.tif")
    image = place / "more" / "images" / "renamed.tif"
    assert prepare(place, test_data=str(place / "more")) == INPUT_ERROR
    assert f"{image}: the same image as" in capsys.readouterr().err
    # Nothing is scored without labels.
    shutil.rmtree(place / "more" / "masks")
    assert prepare(place, test_data=str(place / "more")) == 0
    assert f"warning: {image}: the same image as" in "".join(capsys.readouterr())


def test_validation_on_the_training_volumes_stays_possible(place):
    assert prepare(place, val_data=str(place / "data" / "train")) == 0


def test_training_volumes_need_not_be_there_to_test_others(place):
    config = configure(data={"train_data": "/does/not/exist", "test_data": str(place / "data" / "test")})
    check_repeats(Run(Experiment(place / "root" / "e", config)), {Volume("test", "d"): "a checksum"})
