"""Stages on a small disk that is full, in a mount namespace, for which nobody has to be root."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stages.full_disk import STAGES

ROOT = Path(__file__).parents[2]
ALONE = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.fixture(scope="module")
def namespace() -> list[str]:
    """The beginning of a command that may mount."""
    try:
        tried = subprocess.run([*ALONE, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True, text=True, check=False)  # fmt: skip
    except FileNotFoundError as error:
        pytest.skip(f"no small disk can be made: {error}")
    if tried.returncode:
        pytest.skip(f"no small disk can be made: {tried.stderr.strip()}")
    return ALONE


def sweep(namespace: list[str], folder: Path, attempts: int, *stages: str) -> str:
    command = [*namespace, sys.executable, "-m", "tests.stages.full_disk", folder, str(attempts), *stages]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_ends_with_a_line_and_space_is_all_that_is_needed(namespace, tmp_path):
    said = sweep(namespace, tmp_path, 3, "prepare")
    assert re.search(r"worm_0\d\.zarr: the disk is full\. Finished results are kept; free some disk space", said)


@pytest.mark.chaos
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_on_a_full_disk(namespace, tmp_path, stage):
    print(sweep(namespace, tmp_path, 6, stage))


READ_ONLY = """
import subprocess, sys
from pathlib import Path
from auxcpvloss.cli import main
folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
(folder / "root" / "x").mkdir(parents=True)
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
for name in ("x", "new"):
    assert main(["-a", "synthetic", "-r", str(folder / "root"), "-id", name, "-d", "prepare"]) == 2
"""


def test_a_root_that_may_not_be_written_to_is_named(namespace, tmp_path):
    command = [*namespace, sys.executable, "-c", READ_ONLY, tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line, name in zip(done.stderr.splitlines(), ("x", "new"), strict=True):
        assert line.startswith(f"{tmp_path / 'root' / name}")
        assert line.endswith("Read-only file system.")
