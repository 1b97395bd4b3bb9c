"""Nuclei instance segmentation in 3D microscopy, with center point vectors as auxiliary task."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.keras_settings import set_up_keras
from auxcpvloss.system.processors import set_up_tensorflow

if TYPE_CHECKING:
    from auxcpvloss.apply.model import Model

__version__ = "0.1.0"
__all__ = ["InputError", "load_model"]

# Here, because nothing in the package can import TensorFlow or Keras earlier.
set_up_tensorflow(os.environ)
set_up_keras(os.environ)


def load_model(
    folder: str | Path | Sequence[str | Path], checkpoint: str | int = "best", diameter: float | None = None
) -> Model:
    """Load a trained network, to segment arrays: ``load_model("experiments/NAME").segment(image)``.

    Parameters
    ----------
    folder : path or sequence of path
        Of the experiment. Needed are config.toml, val/selection.toml, train/made_from.json and the checkpoint. Of
        several experiments the predictions are averaged, and the parameters are those of the first one. Or
        "pretrained": the network that comes with the program.
    checkpoint : {"best", "last"}, int or str
        The selected one, the newest one, that of an iteration, or a mean of several ("mean_3000-4000").
    diameter : float, optional
        Of the median nucleus, in voxels along x, for the network that comes with the program: by default, it is
        estimated for each image.

    Returns
    -------
    Model
        With the methods `segment` and `predict`.

    Raises
    ------
    InputError
        There is no such experiment or checkpoint, or it is damaged, or keys have changed since the training. Or its
        ``general.backend`` is not installed, or Keras was imported with another one before.
    """
    # The rest of the package takes a second to import.
    from auxcpvloss.apply.pretrained import load_any

    return load_any(folder, checkpoint, diameter)
