"""Samples that are written anew while other processes read them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from auxcpvloss.data.open_samples import hold_sample, open_sample, open_version
from auxcpvloss.data.sample_places import versions
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.store import write_sample
from auxcpvloss.system import readers
from auxcpvloss.system.files import MINE, PLACE
from auxcpvloss.system.readers import is_read, mark, marking
from tests.data.volumes import blobs, configured, preprocessing, write_tiff

ROOT = Path(__file__).parents[2]
READ = """
import sys
from pathlib import Path
from zlib import crc32
from auxcpvloss.data.open_samples import hold_sample
from auxcpvloss.system.readers import marking
with marking():
    sample = hold_sample(Path(sys.argv[1]))
    print("held", flush=True)
    sys.stdin.readline()
    print(crc32(sample.raw[:]), crc32(sample.labels[:]), crc32(sample.centers()))
"""


@pytest.fixture
def reader(folder, path):
    """A process that holds a sample, and tells what it holds when it is asked."""
    written(folder, path)
    with subprocess.Popen([sys.executable, "-c", READ, path], cwd=ROOT, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def written(folder, path, **keys):
    data = configured(test_data=folder, **keys)
    return write_sample(find_sources(data, ["test"])["test"][0], path, data, preprocessing())


def change(folder, seed):
    for kind, array in zip(("images", "masks"), blobs(seed=seed), strict=True):
        write_tiff(folder / kind / "a.tif", array)


def content(sample):
    return f"{crc32(sample.raw[:])} {crc32(sample.labels[:])} {crc32(sample.centers())}\n"


def state(path):
    return {each: (each.stat().st_ino, each.stat().st_mtime_ns) for each in path.rglob("*")}


def test_the_same_sample_is_left_as_it_is(folder, path):
    written(folder, path)
    before = state(path.parent)
    written(folder, path)
    # The folder has held a lock and a temporary folder meanwhile.
    assert state(path.parent) == before


def test_one_that_was_written_by_other_versions_or_is_damaged_is_replaced(folder, path, monkeypatch):
    for harm in (lambda file: file.write_bytes(b"x" * 99), Path.unlink):
        before = written(folder, path).raw[:]
        harm(path / "volumes/raw/0.0.0")
        np.testing.assert_array_equal(written(folder, path).raw[:], before)
    monkeypatch.setattr("auxcpvloss.data.store.versions_of", lambda *_: {"numpy": "another"})
    written(folder, path)
    assert open_sample(path).made_with == {"numpy": "another"}
    assert list(versions(path)) == [0]


def test_one_whose_arrays_on_the_grid_of_the_files_are_damaged_is_replaced(folder, path):
    keys = {"voxel_size": (1.0, 1.0, 1.0), "target_voxel_size": (2.0, 2.0, 2.0)}
    for name in ("raw", "gt_labels"):
        whole = written(folder, path, **keys).original
        (path / "original" / name / "0.0.0").write_bytes(b"x" * 99)
        for _ in range(2):
            sample = written(folder, path, **keys).original
        assert sample == whole
        assert sample.raw[:].any()
        assert sample.labels[:].any()


def test_to_look_for_a_sample_makes_no_folder(tmp_path):
    assert hold_sample(tmp_path / "none" / "a.zarr") is None
    assert not (tmp_path / "none").exists()


def test_a_reader_keeps_what_it_opened_and_the_next_opens_the_new_one(folder, path, reader):
    held = content(open_sample(path))
    for seed in (5, 6, 7):
        change(folder, seed)
        new = content(written(folder, path))
        assert content(open_sample(path)) == new != held
        # As the processes that make batches do.
        assert content(open_version(path)) == held
    # Of those that nobody reads only the last is left.
    assert sorted(versions(path)) == [0, 3]
    assert reader.communicate("\n", timeout=20)[0] == held
    assert not list(path.parent.rglob(f"{readers.PREFIX}*"))
    change(folder, 8)
    assert written(folder, path).path == path
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.csv", "a.zarr"]


def test_a_volume_without_labels_is_stored_beside_the_one_that_is_read(folder, path, reader):
    shutil.rmtree(folder / "masks")
    new = written(folder, path)
    assert not new.has_truth
    assert open_sample(path) == new
    assert sorted(versions(path)) == [0, 1]


def test_a_reader_that_was_killed_holds_nothing(folder, path, reader):
    reader.kill()
    reader.wait()
    assert list(path.glob(f"{readers.PREFIX}*"))
    with marking():
        hold_sample(path)
        assert [each.name for each in path.glob(f"{readers.PREFIX}*")] == [f"{readers.PREFIX}{MINE}"]
    change(folder, 5)
    assert written(folder, path).path == path


def test_marks_of_other_hosts_count_for_a_day(tmp_path):
    other = tmp_path / f"{readers.PREFIX}elsewhere.0-5-5"
    other.touch()
    (tmp_path / f"{readers.PREFIX}{PLACE}-999999999-5").touch()
    assert is_read(tmp_path)
    os.utime(other, (0, 0))
    assert not is_read(tmp_path)
    mark(tmp_path)
    assert not is_read(tmp_path), "only commands leave marks"


def test_marks_are_refreshed(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "REFRESH", 0.01)
    with marking():
        mark(tmp_path)
        (own,) = tmp_path.iterdir()
        os.utime(own, (0, 0))
        for _ in range(1000):
            if own.stat().st_mtime:
                break
            readers.Event().wait(0.01)
        assert own.stat().st_mtime
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_data_that_must_not_be_written_to_are_read_all_the_same(folder, path):
    written(folder, path)
    path.parent.chmod(0o500)
    with marking():
        assert hold_sample(path) is not None


# Each content is told by its checksums; what is held stays, and what is opened meanwhile is whole.
RACE = """
import sys, time
from pathlib import Path
from zlib import crc32
from auxcpvloss.data.open_samples import hold_sample, open_sample
from auxcpvloss.system.readers import marking
path, end, known, rounds = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:], 0
while not end.exists():
    with marking():
        sample = hold_sample(path)
        for _ in range(2):
            assert f"{crc32(sample.raw[:])} {crc32(sample.labels[:])} {crc32(sample.centers())}\\n" in known
            time.sleep(0.02)
            assert open_sample(path) is not None
    rounds += 1
print(rounds)
"""


def test_readers_beside_a_writer_find_one_content_or_the_other(folder, path, tmp_path):
    known, end = [], tmp_path / "end"
    for seed in (5, 6):
        change(folder, seed)
        known.append(content(written(folder, path)))
    arguments = [sys.executable, "-c", RACE, path, end, *known]
    processes = [subprocess.Popen(arguments, cwd=ROOT, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    try:
        for turn in range(20):
            change(folder, 5 + turn % 2)
            written(folder, path)
    finally:
        end.touch()
        done = [process.communicate(timeout=60) for process in processes]
    assert [error for _, error in done] == ["", ""]
    assert all(int(rounds) > 0 for rounds, _ in done)
    change(folder, 9)
    written(folder, path)
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.csv", "a.zarr"]
