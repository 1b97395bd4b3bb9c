"""What a program does that heeds signals: real processes, without the libraries, so that they start at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auxcpvloss.system.signals import MESSAGE, STATUS, Deferred, Ended

ROOT = Path(__file__).parents[2]
WAYS = {
    "ends where it is": "time.sleep(30)",
    "says nothing twice": "import contextlib\nwith contextlib.suppress(KeyboardInterrupt): time.sleep(30)\nraise ValueError",
    "where the exception is lost": "class A:\n    def __del__(self): time.sleep(30)\nA()\ntime.sleep(60)",
    "while a module is read": "sys.path.insert(0, sys.argv[1])\ntry: import slow\nexcept BaseException: pass\ntime.sleep(60)",
    "while it tidies up": "import atexit\natexit.register(time.sleep, 60)\nsignals.PATIENCE = 1\ntime.sleep(60)",
    "when told twice": "with signals.Deferred():\n    time.sleep(0.6)\n    print('first', flush=True)\n    time.sleep(60)",
}


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("way", WAYS)
def test_the_program_ends_with_a_line(way, number, tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    body = "".join(f"    {line}\n" for line in WAYS[way].splitlines())
    (tmp_path / "auxcpvloss_cli.py").write_text(
        f"import sys, time\nfrom auxcpvloss.system import signals\ndef main():\n    print('ready', flush=True)\n{body}"
    )
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import auxcpvloss_cli; sys.modules['auxcpvloss.cli'] = auxcpvloss_cli\n"
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from auxcpvloss.__main__ import main; raise SystemExit(main())"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path, ROOT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(number)
        if way == "when told twice":
            assert process.stdout.readline() == "first\n"
            process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (STATUS[number], f"{MESSAGE[number]}\n")


def under_way(number: int, way: str, done: list[str]) -> None:
    with Deferred() as signals:
        os.kill(os.getpid(), number)
        done.append("to the end")
        assert signals.number == number
        if way == "error":
            raise ValueError("mine")
        if way == "released":
            with signals.released():
                done.append("begun")


@pytest.mark.parametrize("way", ["", "released"])
@pytest.mark.parametrize("number", STATUS)
def test_what_is_under_way_is_finished_and_what_may_be_interrupted_not_begun(number, way):
    before, done = {each: signal.getsignal(each) for each in STATUS}, []
    with pytest.raises(Ended) as ended:
        under_way(number, way, done)
    assert (done, ended.value.status) == (["to the end"], STATUS[number])
    assert {each: signal.getsignal(each) for each in STATUS} == before


def test_an_error_is_not_hidden_by_a_signal():
    with pytest.raises(ValueError, match="mine"):
        under_way(signal.SIGTERM, "error", [])
