"""One command at a time in a folder; a dead one holds nobody up."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import toml

from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.system import lock
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lock import alone, locked
from auxcpvloss.system.lock_holder import SILENCE, Holder, read
from auxcpvloss.system.processes import is_alive, start_of
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
HOLD = """
import logging, sys, time
from pathlib import Path
from auxcpvloss.system import lock
logging.disable()
lock.BEAT = 0.05
with lock.locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of x."""
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "x"], cwd=ROOT, stdout=-1, stderr=-1, text=True) as process:  # fmt: skip
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def held_by(folder: Path, holder: Holder, silent: float = 0) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / ".lock"
    path.write_text(json.dumps(asdict(holder)))
    os.utime(path, (time.time() - silent,) * 2)
    return path


def dead() -> Holder:
    """Has the number of a process that lives, and began at another time."""
    return replace(Holder.me(), start=Holder.me().start - 1)


def elsewhere() -> Holder:
    return replace(Holder.me(), place="elsewhere.0", host="elsewhere", pid=7)


def test_a_folder_is_held_by_one_at_a_time_and_free_afterwards(tmp_path):
    with locked(tmp_path / "x"):
        said = rf"x: in use by process {os.getpid()} on {os.uname().nodename} since 20.*Wait for it"
        with pytest.raises(InputError, match=said), locked(tmp_path / "x"):
            pass
        assert [path.name for path in (tmp_path / "x").iterdir()] == [".lock"]
    assert not list(tmp_path.iterdir()), "a folder into which nothing was put is not left behind"
    with suppress(KeyError), locked(tmp_path / "x"):
        (tmp_path / "x" / "made").touch()
        raise KeyError
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["made"]


def test_a_second_command_ends_with_one_line_and_changes_nothing(tmp_path, holder, capfd):
    (tmp_path / "x.toml").write_text(toml.dumps(TINY))
    (tmp_path / "x" / "config.toml").write_text("")

    def state():
        # The heart of the holder beats.
        return {path: path.name == ".lock" or path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    before = state()
    arguments = ["-c", str(tmp_path / "x.toml"), "-r", str(tmp_path), "-d", "prepare"]
    assert main(arguments) == INPUT_ERROR
    error = capfd.readouterr().err
    assert error.startswith(f"{tmp_path / 'x'}: in use by process {holder.pid} on ")
    assert (len(error.splitlines()), state()) == (1, before)
    assert main([*arguments, "--dry-run"]) == 0, "a plan needs no lock"
    # Killed, and not even asked by its parent how it ended: it holds nobody up.
    os.kill(holder.pid, signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    with locked(tmp_path / "x"):
        assert read(tmp_path / "x" / ".lock").pid == os.getpid()


def test_a_command_with_bad_input_leaves_no_trace(tmp_path, capfd):
    (tmp_path / "x.toml").write_text(toml.dumps({**TINY, "data": {"path": str(tmp_path / "nowhere"), "voxel_size": [1, 1, 1]}}))  # fmt: skip
    assert main(["-c", str(tmp_path / "x.toml"), "-r", str(tmp_path / "a/b"), "-d", "prepare"]) == INPUT_ERROR
    assert "nowhere" in capfd.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("holder", [dead(), replace(dead(), pid=2**31), Holder("half")])
def test_a_dead_holder_is_followed(tmp_path, holder):
    held_by(tmp_path, holder, silent=SILENCE + 5)
    with locked(tmp_path):
        assert read(tmp_path / ".lock").pid == os.getpid()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"token": "a", "unknown": 1}'])
def test_what_cannot_be_read_counts_as_held_until_it_is_old(tmp_path, content):
    path = tmp_path / ".lock"
    path.write_text(content)
    with pytest.raises(InputError, match="unknown host"), locked(tmp_path):
        pass
    os.utime(path, (time.time() - SILENCE - 5,) * 2)
    with locked(tmp_path):
        pass


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


ODD = {
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to a lock": lambda path: path.symlink_to(held_by(path.parent / "other", dead())),
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": lambda path: bind(path),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_what_is_no_file_is_named_at_once(tmp_path, monkeypatch, make):
    # The name of a socket must be short.
    monkeypatch.chdir(tmp_path)
    make(Path(".lock"))
    with pytest.raises(InputError, match=r"\.lock: not a file, but .*Remove it"), locked(Path()):
        pass
    Path(".lock").rename(".tmp-odd-.lock")
    with locked(Path()):
        pass


@pytest.mark.parametrize("token", ["../../x", "a/b", "", "a" * 300, 5, None, ["a"], "a\0b", "\ud800", "\n"], ids=repr)
def test_an_odd_token_is_no_name_of_a_file(tmp_path, token):
    path = held_by(tmp_path, replace(dead(), token=token))
    with pytest.raises(InputError, match=f"unknown host.*; if it no longer runs, remove {path}"), locked(tmp_path):
        pass
    held_by(tmp_path, replace(dead(), token=token), silent=SILENCE + 5)
    with locked(tmp_path):
        assert [each.name for each in tmp_path.iterdir()] == [".lock"]


ODD_FIELDS = {"pid": "7", "start": 1.5, "place": None, "host": ["a"], "since": {}, "command": 5}


@pytest.mark.parametrize("content", [*({key: value} for key, value in ODD_FIELDS.items()), {"pid": True}], ids=str)
def test_odd_fields_make_a_lock_unreadable(tmp_path, content):
    (tmp_path / ".lock").write_text(json.dumps({**asdict(Holder.me()), **content}))
    assert read(tmp_path / ".lock").token.startswith("unreadable-")


def test_a_lock_of_brackets_or_of_megabytes_is_unreadable(tmp_path):
    for content in ("[" * 60_000, " " * 10_000_000, '{"token": ' * 5000):
        (tmp_path / ".lock").write_text(content)
        assert read(tmp_path / ".lock").token.startswith("unreadable-")


def test_after_the_clock_was_set_back_the_file_is_named(tmp_path):
    path = held_by(tmp_path, elsewhere(), silent=-7200)
    with pytest.raises(InputError, match=f"process 7 on elsewhere .*; if it no longer runs, remove {path}"), locked(tmp_path):  # fmt: skip
        pass
    path.unlink()
    with locked(tmp_path):
        pass


def test_what_a_holder_says_of_itself_is_one_line_without_control_characters(tmp_path):
    held_by(tmp_path, replace(elsewhere(), host="a\nb\x1b[2J", command="\x1b]0;x\x07", since="\r"))
    with pytest.raises(InputError) as refused, locked(tmp_path):
        pass
    assert str(refused.value).isprintable()


def test_a_name_that_is_there_and_not_there_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "ATTEMPTS", 20)

    def exists(*_):
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(os, "link", exists)
    with pytest.raises(InputError, match=r"\.lock: can be neither read nor created. Remove it"), locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_writers_of_a_volume_wait_for_each_other(tmp_path, monkeypatch):
    path, order = tmp_path / "a.zarr", []

    def write():
        with alone(path):
            order.append("second")

    with alone(path), alone(tmp_path / "b.zarr"):
        thread = threading.Thread(target=write)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with alone(path), pytest.raises(InputError, match=f"in use by process {os.getpid()} "), alone(path):
        pass


def test_a_holder_elsewhere_lives_as_long_as_its_heart_beats(tmp_path):
    for silent in (0, SILENCE - 30):
        held_by(tmp_path, elsewhere(), silent)
        with pytest.raises(InputError, match="in use by process 7 on elsewhere"), locked(tmp_path):
            pass
    held_by(tmp_path, elsewhere(), SILENCE + 5)
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_takeover_that_was_killed_is_taken_over(tmp_path):
    last = held_by(tmp_path, dead())
    guard = last.with_name(f".lock-over-{read(last).token}")
    guard.write_text(json.dumps(asdict(dead())))
    again = last.with_name(f".lock-over-{read(guard).token}")
    again.write_text(json.dumps(asdict(dead())))
    (tmp_path / f".tmp-{dead().token}-.lock").write_text(json.dumps(asdict(dead())))
    with locked(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_the_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.02)
    with locked(tmp_path):
        path = tmp_path / ".lock"
        os.utime(path, (0, 0))
        until = time.monotonic() + 10
        while path.stat().st_mtime < time.time() - 60:
            assert time.monotonic() < until
            time.sleep(0.01)


@pytest.mark.parametrize("other", [elsewhere(), None])
def test_who_lost_the_lock_ends_with_a_line(tmp_path, holder, other):
    path = tmp_path / "x" / ".lock"
    if other:
        (tmp_path / "new").write_text(json.dumps(asdict(other)))
        (tmp_path / "new").replace(path)
    else:
        path.unlink()
    _, error = holder.communicate(timeout=20)
    assert holder.returncode == lock.LOST
    assert ("was taken over by process 7 on elsewhere" if other else "was removed") in error
    assert len(error.splitlines()) == 1
    assert (read(path) == other) if other else not path.exists()


def test_without_hard_links_the_lock_is_made_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    held_by(tmp_path, dead())
    for _ in range(2):
        with locked(tmp_path), pytest.raises(InputError), locked(tmp_path):
            pass
    assert not list(tmp_path.iterdir())


def test_processes_are_told_apart_by_when_they_began():
    me = os.getpid()
    assert is_alive(me, start_of(me))
    assert is_alive(me, 0)
    assert not is_alive(me, start_of(me) + 1)
    assert not is_alive(2**22 + 1, 0)
    assert is_alive(1, start_of(1))


# Many processes that want the lock of a dead one, some of which die with it or while they take it. Who is in writes its
# name, and finds it after a moment. Where places differ a heartbeat that stays away is all that tells a dead one.
COMPETE = """
import os, random, signal, sys, threading, time
from pathlib import Path
from auxcpvloss.system import lock, lock_holder
from auxcpvloss.system.errors import InputError

folder, number, places = Path(sys.argv[1]), 8, sys.argv[2] == "places"
log = folder / "log"
log.touch()

def going_on(until=time.time() + 50):
    return log.stat().st_size < 20 * 3 and time.time() < until

def compete(seed):
    random.seed(seed)
    lock.BEAT, lock_holder.SILENCE = 0.05, 2.0
    if places:
        lock_holder.PLACE = f"place{seed % 3}"
    while going_on():
        try:
            with lock.locked(folder):
                (folder / "inside").write_text(str(os.getpid()))
                with log.open("a") as file:
                    file.write("in\\n")
                time.sleep(random.random() * 0.01)
                if (folder / "inside").read_text() != str(os.getpid()):
                    with log.open("a") as file:
                        file.write("not alone\\n")
                if random.random() < 0.2:
                    os._exit(9)
        except InputError:
            time.sleep(random.random() * 0.005)

def start(seed):
    child = os.fork()
    if not child:
        compete(seed)
        os._exit(0)
    return child

seed = number
children = {start(seed) for seed in range(number)}
while going_on():
    time.sleep(0.003)
    victim = random.choice(sorted(children))
    if random.random() < 0.1:
        os.kill(victim, signal.SIGKILL)
    for child in sorted(children):
        if os.waitpid(child, os.WNOHANG)[0]:
            children.remove(child)
            children.add(start(seed := seed + 1))
for child in children:
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("where", ["one place", pytest.param("places", marks=pytest.mark.chaos)])
def test_many_that_want_the_lock_of_the_dead_never_hold_it_together(tmp_path, where):
    held_by(tmp_path, dead())
    subprocess.run([sys.executable, "-c", COMPETE, tmp_path, where], cwd=ROOT, check=True, timeout=90)
    said = (tmp_path / "log").read_text().splitlines()
    assert set(said) == {"in"}
    assert len(said) >= 20
