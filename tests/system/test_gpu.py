"""The choice of a GPU, with executables that answer as nvidia-smi does."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import toml

from auxcpvloss.system.backends import BACKENDS, processors
from auxcpvloss.system.gpu import choose_device
from tests import TEST_BACKEND
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
BUSY = "0, GPU-a, 60123, 81559, NVIDIA H100"
TAKEN = "1, GPU-b, 512, 81559, NVIDIA H100"
EMPTY = "2, GPU-c, 700, 81559, NVIDIA H100"


def nvidia_smi(folder: Path, gpus: str, processes: str = "", status: int = 0) -> dict[str, str]:
    """Environment in which such a program is found."""
    program = folder / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\n"
        f'case "$1" in\n--query-gpu=*) cat <<"END"\n{gpus}\nEND\nexit {status};;\n'
        f'--query-compute-apps=*) cat <<"END"\n{processes}\nEND\nesac\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_the_free_one_among_busy_ones_is_taken(tmp_path):
    environment = nvidia_smi(tmp_path, f"{BUSY}\n{TAKEN}\n{EMPTY}", "GPU-a\nGPU-b\nGPU-b")
    assert choose_device(environment) == ("on GPU 2 of 3 (NVIDIA H100, 700 of 81,559 MiB used)", "", True)
    assert environment["CUDA_VISIBLE_DEVICES"] == "2"
    # The numbers of nvidia-smi are those of the bus.
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_of_free_ones_the_emptiest_is_taken_where_processes_are_not_told(tmp_path):
    environment = nvidia_smi(tmp_path, f"{BUSY}\n{EMPTY}\n{TAKEN}")
    assert (choose_device(environment).warning, environment["CUDA_VISIBLE_DEVICES"]) == ("", "1")


@pytest.mark.parametrize(
    ("gpus", "processes", "taken"),
    [
        (f"{BUSY}\n{TAKEN}\n{EMPTY}", "GPU-a\nGPU-b\nGPU-c", "1"),
        (BUSY, "", "0"),
        (f"{BUSY}\n{TAKEN.replace('512', '70000')}", "", "0"),
    ],
)
def test_where_none_is_free_the_one_with_most_room_is_taken_with_a_warning(tmp_path, gpus, processes, taken):
    environment = nvidia_smi(tmp_path, gpus, processes)
    assert "no GPU is free" in choose_device(environment).warning
    assert environment["CUDA_VISIBLE_DEVICES"] == taken


def test_a_line_without_numbers_is_left_out(tmp_path):
    environment = nvidia_smi(tmp_path, f"0, GPU-x, [N/A], [N/A], NVIDIA\n{EMPTY}")
    assert choose_device(environment).text.startswith("on GPU 2")


@pytest.mark.parametrize("text", ["", "No devices were found", "a, b, c", "0, GPU-a, [Unknown Error], 3, x", "\ufffd"])
def test_what_is_not_understood_is_left_to_the_backend(tmp_path, text):
    environment = nvidia_smi(tmp_path, text)
    assert "not understood" in choose_device(environment).warning
    assert "CUDA_VISIBLE_DEVICES" not in environment


def test_a_failing_nvidia_smi_is_no_error(tmp_path):
    environment = nvidia_smi(tmp_path, "NVIDIA-SMI has failed: no driver.\nMake sure ...", status=9)
    device = choose_device(environment)
    assert device.warning == "nvidia-smi failed: NVIDIA-SMI has failed: no driver."
    assert device.text.startswith("no GPU: on the CPU (")
    assert not device.is_gpu
    (tmp_path / "nvidia-smi").write_bytes(b"\0\1 no program")
    assert "nvidia-smi failed" in choose_device(environment).warning


def test_without_nvidia_smi_there_is_no_gpu(tmp_path):
    assert choose_device({"PATH": str(tmp_path)}) == (f"no GPU: on the CPU ({processors({})})", "", False)


def test_what_the_environment_says_is_done(tmp_path):
    environment = nvidia_smi(tmp_path, EMPTY) | {"CUDA_VISIBLE_DEVICES": "5"}
    before = dict(environment)
    assert choose_device(environment).text == "on GPU 5 because CUDA_VISIBLE_DEVICES = '5'"
    assert environment == before
    for none in ("", "-1"):
        assert "on the CPU" in choose_device(environment | {"CUDA_VISIBLE_DEVICES": none}).text


WATCHED = """
import sys
from auxcpvloss.stages import order as stages
choose = stages.choose_device
def watched(environment):
    print("before Keras:", "keras" not in sys.modules)
    return choose(environment)
stages.choose_device = watched
from auxcpvloss.cli import main
sys.exit(main())
"""


def test_it_is_chosen_before_the_backend_is_imported_and_said(tmp_path):
    environment = {**os.environ, **nvidia_smi(tmp_path, f"{BUSY}\n97{EMPTY[1:]}")}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    (tmp_path / "mine.toml").write_text(toml.dumps(TINY))
    arguments = ["-c", str(tmp_path / "mine.toml"), "-r", str(tmp_path / "root"), "-d"]
    python = [sys.executable, "-c", WATCHED, *arguments]
    done = subprocess.run([*python, "prepare", "mknet"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # fmt: skip
    assert "before Keras: True" in done.stdout
    assert "mknet                on GPU 97 of 2 (NVIDIA H100, 700 of 81,559 MiB used)" in done.stdout
    # There is none of that number: it is said that processors work.
    assert f"{BACKENDS[TEST_BACKEND].title} finds no GPU" in done.stdout
    done = subprocess.run([*python, "prepare"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "GPU" not in done.stdout
    assert "before Keras" not in done.stdout
