"""A volume that is to be prepared, and one that is."""

import shutil
from pathlib import Path

import pytest

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from tests.data.volumes import make_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of one test volume with labels."""
    make_folder(tmp_path / "data", "a")
    return tmp_path / "data"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where it is to be stored as a sample."""
    return tmp_path / "prepared" / "a.zarr"


@pytest.fixture
def sample(prepared: Experiment, tmp_path: Path) -> Sample:
    """A training volume with labels, to be damaged."""
    (source, *_) = prepared.samples("train")
    shutil.copytree(source.path, tmp_path / source.path.name)
    shutil.copy(source.path.with_suffix(".csv"), tmp_path)
    return Sample(source.name, tmp_path / source.path.name)
