import json
import os
import subprocess
import sys

import keras
import pytest

from auxcpvloss.methods import method_of
from auxcpvloss.network.compiled import build_network
from auxcpvloss.system import keras_settings
from auxcpvloss.system.backends import choose_backend
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.keras_settings import set_up_keras
from tests.conftest import configure


@pytest.mark.parametrize(
    ("table", "backend", "words"),
    [
        ({"backend": "torch", "floatx": "float32"}, None, ""),
        (
            {"backend": "tensorflow", "floatx": "float16"},
            "torch",
            "KERAS_BACKEND=torch (general.backend decides) and floatx = float16 in ",
        ),
        ({"image_data_format": "channels_first", "epsilon": 1}, "", "image_data_format = channels_first, epsilon = 1 "),
        ([1], "tensorflow", "what is no table in "),
    ],
)
def test_settings_of_other_projects_do_not_apply(tmp_path, monkeypatch, table, backend, words):
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(keras_settings, "_passed_over", [])
    monkeypatch.setattr(keras_settings, "_backends", [])
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(table))
    environment = {"HOME": str(tmp_path)} | ({} if backend is None else {"KERAS_BACKEND": backend})
    set_up_keras(environment)
    assert environment["KERAS_BACKEND"] == "tensorflow"
    assert ("KERAS_HOME" in environment) == bool(words)
    assert keras_settings.passed_over().startswith(words)


def test_keras_imported_by_the_program_has_its_settings(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "float16", "image_data_format": "channels_first"}')
    program = (
        "import auxcpvloss, keras\n"
        "print(keras.config.backend(), keras.config.floatx(), keras.config.image_data_format())"
    )
    environment = {**os.environ, "KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "tensorflow float32 channels_last"


def test_a_network_has_its_settings_whatever_the_caller_set_before(monkeypatch):
    config = configure()
    try:
        keras.config.set_floatx("float64")
        keras.config.set_image_data_format("channels_first")
        network = build_network(config, method_of(config), config.model.test_input_shape)
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")
    assert network.input.dtype == "float32"
    assert network.output["threeclass"].shape[-1] == 3
    monkeypatch.setattr(keras.config, "backend", lambda: "numpy")
    with pytest.raises(InputError, match="imported with the backend 'numpy'"):
        build_network(config, method_of(config), config.model.test_input_shape)


def test_a_user_without_a_home_needs_none(monkeypatch):
    """As one whom only a container knows."""
    monkeypatch.delenv("HOME")
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    set_up_keras(environment := {})
    assert environment == {"KERAS_BACKEND": "tensorflow"}
    choose_backend("jax", environment)
    assert "JAX_COMPILATION_CACHE_DIR" not in environment
