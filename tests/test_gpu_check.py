"""The check of a machine with a GPU, in small, on a processor."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import TEST_BACKEND

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    from gpu import convolutions, network

    return convolutions, network


def test_what_is_missing_is_said_and_the_rest_is_done(tmp_path):
    if find_spec("torch"):
        pytest.skip("PyTorch is installed")
    command = [
        sys.executable,
        SCRIPTS / "gpu_check.py",
        "--small",
        "--backends",
        "torch",
        "--json",
        tmp_path / "a.json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("missing: torch") == 4
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["versions"]["torch"] == "missing"
    assert next(iter(found["results"])) == "torch, convolutions"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["gpu_check.py", "--json", "none/a.json"], "--json none/a.json: there is no folder none"),
        (["gpu_check.py", "--workers", "-1"], "--workers -1: "),
        (["bench.py", "--list", "--pairs", "0"], "--pairs 0: at least one is needed"),
        (["bench.py", "--list", "--json", "a.json"], "--json a.json: File exists"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_measured(tmp_path, arguments, expected):
    (tmp_path / "a.json").touch()
    command = [sys.executable, SCRIPTS / arguments[0], *arguments[1:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr


def test_convolutions_of_bfloat16_are_compared_with_those_of_float32(gpu):
    found = gpu[0].measure("jax", "small", 1)
    assert found["right"]
    for row in found["shapes"]:
        # It is another precision, and not a wrong one.
        assert all(0 < error < 0.02 for error in row["errors"].values())


def test_a_network_is_measured_and_gives_the_same_bits_again(gpu):
    found = gpu[1].measure(TEST_BACKEND, "small", "float32", 1)
    assert found["same_bits_again"]
    assert min(found[key] for key in ("first_step_s", "step_ms", "tflop_per_s", "predicted_mvoxel_per_s")) > 0
