"""Several data sets in a folder, each in one of its own."""

import pytest

from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.system.errors import InputError
from tests.data.test_sources import write_arrays
from tests.data.volumes import blobs, configured, make_folder


def names(**data) -> dict[str, list[str]]:
    return {split: [source.name for source in sources] for split, sources in find_sources(configured(**data)).items()}


def test_the_volumes_of_all_are_named_by_their_folder(tmp_path):
    """Of any format; and drawn into splits, or of those that they lie in."""
    make_folder(tmp_path / "flat" / "U2OS", "abc")
    write_arrays(tmp_path / "flat" / "HeLa" / "a.zarr", *blobs())
    every = ["HeLa_a", "U2OS_a", "U2OS_b", "U2OS_c"]
    assert names(train_data=tmp_path / "flat")["train"] == every
    drawn = names(path=tmp_path / "flat", split=[0.5, 0.25, 0.25])
    assert sorted(name for each in drawn.values() for name in each) == every
    assert {split: len(each) for split, each in drawn.items()} == {"train": 2, "val": 1, "test": 1}
    for split, volumes in {"train": "ab", "val": "c"}.items():
        make_folder(tmp_path / "below" / split / "U2OS", volumes)
        make_folder(tmp_path / "beside" / "U2OS" / split, volumes)
        make_folder(tmp_path / "beside" / "HeLa" / split, volumes[:1])
    make_folder(tmp_path / "below" / "test", "d")
    assert names(path=tmp_path / "below") == {"train": ["U2OS_a", "U2OS_b"], "val": ["U2OS_c"], "test": ["d"]}
    assert names(path=tmp_path / "beside") == {
        "train": ["HeLa_a", "U2OS_a", "U2OS_b"],
        "val": ["HeLa_c", "U2OS_c"],
        "test": [],
    }
    (source,) = find_sources(configured(train_data=tmp_path / "flat" / "HeLa"), ["train"])["train"]
    assert (source.name, source.read_raw().shape) == ("a", blobs()[0].shape)


def test_what_is_no_data_set_beside_others_is_refused(tmp_path):
    make_folder(tmp_path / "U2OS", "a")
    (tmp_path / "HeLa" / "raws").mkdir(parents=True)
    with pytest.raises(InputError, match=r"HeLa: no volumes .*found raws"):
        names(path=tmp_path)
    (tmp_path / "HeLa").rename(tmp_path / ".HeLa")
    assert names(train_data=tmp_path)["train"] == ["U2OS_a"]
    make_folder(tmp_path / "HeLa" / "train", "b")
    with pytest.raises(InputError, match="HeLa has folders of splits, but U2OS has none"):
        names(path=tmp_path)


def test_two_volumes_of_one_name_are_refused(tmp_path):
    make_folder(tmp_path / "a", ["b_c"])
    make_folder(tmp_path / "a_b", ["c"])
    with pytest.raises(InputError, match=r"both are called a_b_c"):
        names(train_data=tmp_path)
