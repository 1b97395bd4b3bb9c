"""The same network on every backend."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from auxcpvloss.cli import main
from auxcpvloss.system.backends import choose_backend, hidden
from auxcpvloss.system.errors import InputError
from tests import TEST_BACKEND
from tests.network import on_backend
from tests.network.small import small, trainer

ROOT = Path(__file__).parents[2]
OTHERS = [name for name in ("tensorflow", "jax", "torch") if name != TEST_BACKEND]


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Initial weights, and what comes of them here."""
    weights = tmp_path_factory.mktemp("weights") / "0.keras"
    trainer(small(optimizer={"lr_schedule": "cosine", "clip_norm": 1.0, "average": 0.6})).save(weights)
    return weights, on_backend.results(weights)


@pytest.mark.parametrize("other", OTHERS)
def test_the_weights_after_ten_steps_agree_to_within_rounding(ours, other, tmp_path):
    """Also with layers frozen at first, of which all of the optimizer's variables stay."""
    if find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    weights, here = ours
    environment = {**os.environ, "AUXCPVLOSS_TEST_BACKEND": other}
    command = [sys.executable, "-m", "tests.network.on_backend", weights, tmp_path / "there.npz"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # Other libraries import JAX, too.
    assert ("'tensorflow'" in done.stdout.splitlines()[-1]) == (other == "tensorflow")
    there = np.load(tmp_path / "there.npz")
    assert set(there.files) == set(here)
    np.testing.assert_allclose(there["losses"], here["losses"], rtol=1e-5)
    for name in here:
        np.testing.assert_allclose(there[name], here[name], rtol=1e-3, atol=2e-5, err_msg=name)


def test_what_is_not_installed_is_said_before_anything_is_written(tmp_path, monkeypatch, capsys):
    if find_spec("torch"):
        pytest.skip("PyTorch is installed")
    for name in ("keras", "KERAS_BACKEND"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    (tmp_path / "e.toml").write_text('general.backend = "torch"\ndata.input_format = "synthetic"\n')
    assert main(["-c", str(tmp_path / "e.toml"), "-r", str(tmp_path / "root"), "-d", "mknet"]) == 2
    error = capsys.readouterr().err
    assert "general.backend = 'torch': PyTorch is not installed" in error
    assert "pip install torch" in error
    assert not (tmp_path / "root").exists()


def test_the_backend_of_a_process_stays():
    with pytest.raises(InputError, match=f"general.backend = '{OTHERS[0]}', but Keras was imported with the backend"):
        choose_backend(OTHERS[0], os.environ)


def test_what_is_hidden_is_there_again_afterwards(monkeypatch):
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with hidden():
        assert sys.modules["torch"] is None
        with pytest.raises(ImportError):
            import jax  # noqa: F401
    assert "torch" not in sys.modules
    assert "jax" not in sys.modules


def test_jax_keeps_what_it_compiled(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    environment = {"XDG_CACHE_HOME": str(tmp_path), "XLA_FLAGS": "--xla_dump_to=x"}
    choose_backend("jax", environment)
    assert Path(environment["JAX_COMPILATION_CACHE_DIR"]).parent == tmp_path / "auxcpvloss"
    assert environment["XLA_FLAGS"] == "--xla_dump_to=x --xla_gpu_deterministic_ops=true"
    assert (environment["KERAS_BACKEND"], environment["XLA_PYTHON_CLIENT_PREALLOCATE"]) == ("jax", "false")
    choose_backend("jax", mine := {"JAX_COMPILATION_CACHE_DIR": "mine"}, deterministic=False)
    assert (mine["JAX_COMPILATION_CACHE_DIR"], "XLA_FLAGS" in mine) == ("mine", False)
