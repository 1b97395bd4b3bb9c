"""Whatever changes in a stored volume is told when it is read; what was written before there were checksums is whole."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from auxcpvloss.data.checksums import ATTRIBUTE, NAME
from auxcpvloss.data.missing_chunks import lacking, open_whole, read
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.data.samples import Sample
from auxcpvloss.system.checksums import reading_hdf
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import replacing_hdf


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def content(path: Path) -> tuple[object, ...]:
    """All that is read of a sample."""
    sample = Sample(path.stem, path)
    assert sample.truth is not None
    arrays = [(each.dtype.str, each.shape, each.voxel_size, each.offset, read(each).tobytes()) for each in (sample.raw, sample.truth)]  # fmt: skip
    return (*arrays, sample.max_extent, sample.made_from, sample.centers().tobytes())


def test_a_flipped_bit_in_any_file_of_a_volume_is_told(sample):
    rng, before = random.Random(1), content(sample.path)
    files = [path for path in (*sample.path.rglob("*"), sample.path.with_suffix(".csv")) if path.is_file()]
    assert len(files) > 10
    for path in files:
        bit = rng.randrange(8 * path.stat().st_size)
        flip(path, bit)
        assert open_sample(sample.path) is None or path.name[0].isdecimal(), path
        # That there is a group between the folder and the arrays is known without its description.
        if path != sample.path / "volumes/.zgroup":
            with pytest.raises(InputError, match=r"Remove .* and repeat the command"):
                content(sample.path)
        flip(path, bit)
    assert content(sample.path) == before


def test_each_lost_file_of_a_volume_is_told(sample):
    """That of the labels' description, too, without which a volume would be one without labels."""
    for path in [path for path in (*sample.path.rglob("*"), sample.path.with_suffix(".csv")) if path.is_file()]:
        aside = path.rename(path.with_name("aside"))
        assert open_sample(sample.path) is None, path
        aside.rename(path)
    assert open_sample(sample.path) is not None


def test_chunks_that_were_exchanged_are_told(sample):
    one, other = sample.path / "volumes/raw/0.0.0", sample.path / "volumes/gt_labels/0.0.0"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    with pytest.raises(InputError, match="damaged"):
        content(sample.path)


def older(sample: Sample) -> None:
    """Make a sample what it was before there were checksums."""
    (sample.path / NAME).unlink()
    attributes = json.loads((sample.path / ".zattrs").read_text())
    kept = {key: each for key, each in attributes.items() if key not in (ATTRIBUTE, "centers")}
    (sample.path / ".zattrs").write_text(json.dumps(kept))


def test_a_volume_of_before_is_whole_and_a_lost_array_of_it_is_told(sample):
    before = content(sample.path)
    older(sample)
    assert open_sample(sample.path) is not None
    assert content(sample.path) == before
    assert lacking(open_whole(sample.path)) == ""
    (sample.path / "volumes/gt_labels/.zarray").unlink()
    assert open_sample(sample.path) is None
    assert lacking(open_whole(sample.path)) == "the description of gt_labels is missing"


def test_a_flipped_bit_in_an_hdf_file_is_told_or_changes_nothing(tmp_path):
    path, rng = tmp_path / "a.hdf", random.Random(1)
    with replacing_hdf(path) as file:
        file["volumes/a"] = np.arange(1000)
        file.attrs["made_from"] = "{}"
    for _ in range(60):
        bit = rng.randrange(8 * path.stat().st_size)
        flip(path, bit)
        try:
            with reading_hdf(path) as file:
                assert bit < 8 * 512
                assert (file["volumes/a"][:] == np.arange(1000)).all()
        except InputError as error:
            assert "changed since it was written" in str(error)  # noqa: PT017
        flip(path, bit)
    path.write_bytes(path.read_bytes()[512:])
    with reading_hdf(path) as file:
        assert file["volumes/a"][3] == 3
