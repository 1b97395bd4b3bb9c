"""The network that comes with the program, trained on generated nuclei alone: docs/pretrained.md.

The folder of this package is like that of an experiment, with what applying the network needs: ``config.toml``, with
the parameters of post-processing, and the weights. ``card.toml`` says what it was made from, and what it is not for.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from auxcpvloss.config import ConfigFile
from auxcpvloss.data.synthetic.tissue import DIAMETER as DIAMETER
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment

NAME = "pretrained"
"""Word by which it is asked for, in place of the folder of an experiment."""
FOLDER = Path(__file__).parent


@cache
def card() -> dict[str, Any]:
    """Read what the network was made from, how well it does, and what it is not for."""
    return tomllib.loads((FOLDER / "card.toml").read_text(encoding="utf-8"))


def experiment() -> Experiment:
    """Give the folder and its configuration; images are resampled to the voxels that the network knows."""
    return Experiment(FOLDER, load([ConfigFile.read(FOLDER / "config.toml")]))


def weights() -> Path:
    """Give the file of the weights."""
    known = experiment()
    return known.checkpoints.path(known.checkpoints.iterations()[-1])
