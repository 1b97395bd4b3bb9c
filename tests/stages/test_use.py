"""Experiments that train on a part of the volumes."""

import shutil

import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.system.errors import InputError
from tests.conftest import merge
from tests.data.volumes import make_folder
from tests.stages.conftest import EVERY_STAGE


@pytest.fixture
def ask(tmp_path, capfd):
    """Runs stages on a folder of 4 training and 3 validation volumes with data.use and the like; what was said."""
    for split, volumes in {"train": "abcd", "val": "efg", "test": "h"}.items():
        make_folder(tmp_path / "data" / split, volumes)
    base = {"data": {"input_format": "tif", "path": str(tmp_path / "data")}}

    def run(*stages, status=0, **data):
        (tmp_path / "e.toml").write_text(toml.dumps(merge(merge(EVERY_STAGE, base), {"data": data})))
        assert main(["-c", str(tmp_path / "e.toml"), "-r", str(tmp_path / "root"), "-d", *stages]) == status
        said = capfd.readouterr()
        return " ".join((said.out + said.err).split())

    return run


def test_only_what_serves_is_prepared_and_told(ask, tmp_path):
    text = ask("prepare", use=0.5)
    assert "2 of 4 training volumes (data.use, seed 0)" in text
    assert "2 of 3 validation volumes (data.use, seed 0)" in text
    assert "2 train, 2 val, 1 test volumes" in text
    few = {path.stem for path in tmp_path.glob("root/data/*/*/*.zarr")}
    assert len(few) == 5
    # More of them lie in the same place.
    text = ask("prepare", use={"*": 3})
    assert "4 of them whole already" in text or "5 of them whole already" in text
    assert few < {path.stem for path in tmp_path.glob("root/data/*/*/*.zarr")}
    assert len(list(tmp_path.glob("root/data/*"))) == 1
    assert "3 of 4 training volumes" in ask("status", use={"*": 3})
    assert "training volumes" not in ask("prepare")


def test_what_cannot_be_drawn_is_said_before_anything_is_written(ask, tmp_path):
    assert "data.use: 'x*': no volume is left for this pattern" in ask("prepare", status=2, use={"x*": 0.5})
    assert "asks for 5 volumes, but only 4 are there" in ask("train", status=2, use=5)
    assert "data.use_val: '*': asks for 4 volumes, but only 3" in ask("all", status=2, use_val=4)
    assert not list(tmp_path.glob("root/*"))


def test_of_prepared_volumes_alone_no_part_is_drawn(ask, tmp_path):
    """They may be a part already."""
    ask("prepare", use=0.5)
    shutil.rmtree(tmp_path / "data")
    config = load([ConfigFile.read(tmp_path / "e.toml")])
    experiment = Experiment(tmp_path / "root" / "e", config)
    with pytest.raises(InputError, match=r"data\.path"):
        experiment.names("train")
    assert experiment.names("test") == ["h"]
