"""The settings of Keras, which other projects leave in the home folder and in variables: this program uses its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from auxcpvloss.system.backends import DEFAULT, VARIABLE, choose_backend, chosen, home

HOME = "KERAS_HOME"
OWN: dict[str, Any] = {"floatx": "float32", "image_data_format": "channels_last", "epsilon": 1e-7}
"""Settings of ``keras.json`` and of ``keras.config``, at their defaults."""

_passed_over: list[str] = []
_backends: list[str] = []
"""What the environment asked for."""


def set_up_keras(environment: MutableMapping[str, str]) -> None:
    """Set the variables that Keras reads on import, unless it is imported already."""
    if "keras" in sys.modules:
        return
    if backend := environment.get(VARIABLE):
        _backends.append(backend)
    # Until a configuration says which, see `choose_backend`.
    environment[VARIABLE] = DEFAULT
    own = home(environment)
    folder = environment.get(HOME) or (own and own / ".keras")
    if folder and (others := _others(path := Path(folder, "keras.json"))):
        _passed_over.append(f"{others} in {path}")
        # There is no keras.json there, and none can be written.
        environment[HOME] = os.devnull


def passed_over() -> str:
    """Name the settings of other projects that do not apply; "" if there are none."""
    others = [f"{VARIABLE}={each} (general.backend decides)" for each in _backends if each != chosen()]
    return " and ".join([*others, *_passed_over])


def use_own_settings(backend: str) -> None:
    """Change the settings of Keras where the caller imported it with others before.

    Raises
    ------
    InputError
        It runs on another backend.
    """
    import keras

    choose_backend(backend, os.environ)
    for name, value in OWN.items():
        if getattr(keras.config, name)() != value:
            getattr(keras.config, f"set_{name}")(value)


def _others(path: Path) -> str:
    """Name the settings of a file that differ from ours in more than the backend, which a variable decides."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        # Keras does not use it either.
        return ""
    if not isinstance(found, dict):
        return "what is no table"
    return ", ".join(f"{name} = {found[name]}" for name, value in OWN.items() if found.get(name, value) != value)
