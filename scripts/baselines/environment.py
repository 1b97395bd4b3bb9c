"""An environment of its own for another program, made on first use from the package index; calls run in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.measure import CACHE, Call, Figures, MeasurementError


@dataclass(frozen=True)
class Environment:
    """What to install for another program, and the environment variables to call it with.

    Attributes
    ----------
    program : str
        Its name, for people.
    packages : tuple of str
        As pip takes them. The environment is made again when they change.
    variables : mapping
    """

    program: str
    packages: tuple[str, ...]
    variables: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where the environment lies."""
        return CACHE / self.program.lower().replace(" ", "").replace("-", "") / "environment"

    def interpreter(self) -> Path:
        """Give the Python of the environment; a `MeasurementError` holds what pip says if it cannot be made."""
        python, whole = self.folder / "bin/python", self.folder / "whole"
        if not whole.is_file() or whole.read_text(encoding="utf-8").split() != list(self.packages):
            print(f"  installing {', '.join(self.packages)} into {self.folder}", flush=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *self.packages]
            for command in ([sys.executable, "-m", "venv", "--clear", str(self.folder)], install):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    output = f"{' '.join(command)}\n{done.stdout}{done.stderr}"
                    raise MeasurementError(f"no environment for {self.program}: {output}")
            whole.write_text("\n".join(self.packages), encoding="utf-8")
        return python

    def call(self, function: Callable[..., Figures], **arguments: object) -> Call:
        """Call a function in the environment."""
        return Call(function, arguments, self.interpreter(), self.variables)
