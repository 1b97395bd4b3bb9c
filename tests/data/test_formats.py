"""The registry of formats, and that a change of a file is noticed though checksums are remembered."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.config.places import config_folder
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.data.sources import FORMATS
from auxcpvloss.data.sources.find import Catalogue
from auxcpvloss.data.sources.format import Format, by_stem, visible
from auxcpvloss.data.sources.source import Image, Source
from tests.data.volumes import blobs, configured, make_folder


@dataclass(frozen=True)
class NpyImage(Image):
    path: Path

    def read(self):
        return np.load(self.path, allow_pickle=False)

    def files(self):
        return {"image": self.path}


def npy_volumes(place, data):
    return [Source(name, str(path), NpyImage(path)) for name, path in by_stem(visible(place), (".npy",)).items()]


NPY = Format("npy", "<name>.npy", is_in=lambda place, data: any(place.glob("*.npy")), volumes=npy_volumes)


@pytest.mark.parametrize("asked", ["auto", "npy"])
def test_a_new_format_is_a_class_and_a_line(tmp_path, capsys, monkeypatch, asked):
    (tmp_path / "test").mkdir()
    np.save(tmp_path / "test" / "a.npy", blobs()[0])
    (tmp_path / "my.toml").write_text("[data]\nvoxel_size = [1, 1, 1]\n")
    place = ["--test-data", str(tmp_path), "--input-format", asked]
    arguments = ["-c", str(tmp_path / "my.toml"), "-r", str(tmp_path / "root"), *place, "-d", "prepare"]
    assert main(arguments) == INPUT_ERROR
    assert "a.npy" in capsys.readouterr().err or asked == "npy"
    monkeypatch.setitem(FORMATS, "npy", NPY)
    assert main(arguments) == 0
    (path,) = (tmp_path / "root").rglob("a.zarr")
    assert open_sample(path).shape == (20, 22, 40)


def test_each_format_is_named_where_the_key_is_explained():
    comment = (config_folder() / "default.toml").read_text().partition("input_format =")[0].rpartition("\n\n")[2]
    for name in FORMATS:
        assert name in comment


def test_a_split_is_listed_once(tmp_path):
    make_folder(tmp_path / "test", "ab")
    catalogue = Catalogue(configured(path=tmp_path, train_data="/does/not/exist"))
    found = catalogue.sources("test")
    assert [source.name for source in found] == ["a", "b"]
    (tmp_path / "test" / "images" / "a.tif").unlink()
    assert catalogue.sources("test") is found
    assert catalogue.sources("val") == []


@pytest.fixture
def hashed(monkeypatch):
    """Files of which a checksum was computed, in order."""
    seen, digest = [], hashlib.file_digest

    def counted(file, kind):
        seen.append(file.name)
        return digest(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    return seen


def age(folder, seconds=10):
    for file in folder.rglob("*"):
        status = file.stat()
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns - seconds * 10**9))


def test_a_checksum_is_computed_again_only_when_a_file_changed(tmp_path, hashed):
    make_folder(tmp_path, "a")
    age(tmp_path)

    def checksum():
        return Catalogue(configured(test_data=tmp_path)).sources("test")[0].checksum()

    before = checksum()
    assert (checksum(), len(hashed)) == (before, 2)
    mask = tmp_path / "masks" / "a.tif"
    status, content = mask.stat(), mask.read_bytes()
    mask.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    # Also where size and time of writing are as before.
    os.utime(mask, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert checksum() != before
    assert len(hashed) == 4


def test_of_a_file_that_was_just_written_nothing_is_remembered(tmp_path, hashed):
    make_folder(tmp_path, "a", masks=False)
    (source,) = Catalogue(configured(test_data=tmp_path)).sources("test")
    assert source.checksum() == source.checksum()
    assert len(hashed) == 2
