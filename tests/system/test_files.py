import errno
import os
from pathlib import Path

import pytest

from auxcpvloss.system.files import MINE, PLACE, discard, replacing, write_text
from auxcpvloss.system.processes import start_of


class InterruptError(Exception):
    pass


def write(folder: Path, text: str, stop: bool = False) -> None:
    with replacing(folder) as beside:
        beside.mkdir()
        (beside / "a").write_text(text)
        if stop:
            raise InterruptError


def test_a_folder_is_replaced_at_once_or_not_at_all(tmp_path):
    folder = tmp_path / "x.zarr"
    write(folder, "one")
    with pytest.raises(InterruptError):
        write(folder, "two", stop=True)
    assert (folder / "a").read_text() == "one"
    write(folder, "three")
    assert (folder / "a").read_text() == "three"
    discard(folder)
    assert not list(tmp_path.iterdir())


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    me = os.getpid()
    of = {
        "dead": f"{PLACE}-999999999-5",
        # The number was given out again.
        "replaced": f"{PLACE}-{me}-{start_of(me) - 1}",
        "living": f"{PLACE}-1-{start_of(1)}",
        "elsewhere": "elsewhere.0-5-5",
        "elsewhere, long ago": "elsewhere.0-6-5",
        "by a release before": "elsewhere-5",
    }
    folders = {name: tmp_path / f".tmp-{who}-x.zarr" for name, who in of.items()}
    for folder in folders.values():
        (folder / "inside").mkdir(parents=True)
        os.utime(folder, (0, 0))
    os.utime(folders["elsewhere, long ago"] / "inside", (0, 0))
    write(tmp_path / "x.zarr", "one")
    assert [name for name, folder in folders.items() if folder.exists()] == ["living", "elsewhere", "by a release before"]  # fmt: skip


def test_what_was_written_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    order = []

    def fsync(number):
        order.append(Path(f"/proc/self/fd/{number}").resolve().name)

    monkeypatch.setattr(os, "fsync", fsync)
    rename = Path.replace

    def replace(self, to):
        rename(self, to)
        order.append(f"replace {to.name}")

    monkeypatch.setattr(Path, "replace", replace)
    write(tmp_path / "new" / "x.zarr", "one")
    tmp = f".tmp-{MINE}-x.zarr"
    assert order == [tmp_path.name, "a", tmp, "replace x.zarr", "new"]
    order.clear()
    write_text(tmp_path / "y", "one")
    assert order == [f".tmp-{MINE}-y", "replace y", tmp_path.name]


def test_a_file_system_that_refuses_to_flush_is_put_up_with_and_a_full_one_is_not(tmp_path, monkeypatch):
    number = errno.EINVAL

    def fsync(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path / "x.zarr", "one")
    number = errno.EDQUOT
    with pytest.raises(OSError, match=os.strerror(number)) as refused:
        write(tmp_path / "x.zarr", "two")
    assert refused.value.filename == str(tmp_path / "x.zarr")
    assert (tmp_path / "x.zarr" / "a").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]


@pytest.mark.parametrize("number", [errno.EEXIST, errno.ENOTEMPTY])
def test_a_name_that_is_never_free_is_an_error_that_names_the_file(tmp_path, monkeypatch, number):
    def refuse(self, to):
        raise OSError(number, os.strerror(number), str(self), None, str(to))

    monkeypatch.setattr(Path, "replace", refuse)
    for make in (lambda: write_text(tmp_path / "y", "one"), lambda: write(tmp_path / "x.zarr", "one")):
        with pytest.raises(OSError, match=os.strerror(number)) as refused:
            make()
        assert refused.value.errno == number
    assert not list(tmp_path.iterdir())
