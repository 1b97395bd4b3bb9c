"""A chain on another backend than that of the other tests."""

import json
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.system.backends import BACKENDS
from tests import TEST_BACKEND
from tests.conftest import merge
from tests.stages.conftest import EVERY_STAGE

OTHER = "jax" if TEST_BACKEND == "tensorflow" else "tensorflow"
PROGRAM = """
import sys
from auxcpvloss.cli import main
status = main()
print([name for name in ("tensorflow", "torch") if name in sys.modules])
sys.exit(status)
"""


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A folder with an experiment of every stage, and what its command said."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "e.toml").write_text(toml.dumps(merge(EVERY_STAGE, {"general": {"backend": OTHER}})))
    # Its name is e, too.
    (folder / "here").mkdir()
    (folder / "here/e.toml").write_text(toml.dumps(merge(EVERY_STAGE, {"training": {"max_iterations": 3}})))
    command = [sys.executable, "-c", PROGRAM, "-c", folder / "e.toml", "-r", folder / "root", "-d", "all"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_every_stage_runs_and_records_the_backend(chain):
    folder, said = chain
    # No stage imports TensorFlow where it is not used.
    assert OTHER == "tensorflow" or said.splitlines()[-1] == "[]"
    assert list((folder / "root/e/train/tensorboard").glob("events*"))
    assert (folder / "root/e/report.html").is_file()
    made_with = json.loads((folder / "root/e/train/made_from.json").read_text())["made_with"]
    assert made_with[OTHER] == version(OTHER)
    assert OTHER == "tensorflow" or (made_with["arithmetic"].startswith("JAX, "), TEST_BACKEND in made_with) == (True, False)  # fmt: skip


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_backend_that_is_not_installed_is_refused_before_anything_is_written(tmp_path, more):
    (tmp_path / "e.toml").write_text(toml.dumps(merge(EVERY_STAGE, {"general": {"backend": "torch"}})))
    command = [sys.executable, "-c", PROGRAM, "-c", tmp_path / "e.toml", "-r", tmp_path / "root", "-d", "mknet", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "general.backend = 'torch': PyTorch is not installed for" in done.stderr
    assert "Install it (pip install torch), or choose another backend." in done.stderr
    assert not (tmp_path / "root").exists()


def test_the_training_goes_on_with_another_backend_and_says_so(chain, capfd):
    folder, _ = chain
    command = ["-c", str(folder / "here/e.toml"), "-r", str(folder / "root")]
    assert main([*command, "-d", "train", "predict"]) == 0
    said = capfd.readouterr().out
    now, then = (f"{name} {version(name)}" for name in (TEST_BACKEND, OTHER))
    assert "continuing from the checkpoint of iteration 2" in said
    assert f"made with {then}, now {now}, are kept" in said
    assert "the bits differ from those of a training without the interruption" in said
    assert BACKENDS["jax"].title in said
