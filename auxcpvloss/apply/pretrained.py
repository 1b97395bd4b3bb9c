"""The network that comes with the program, on images whose nuclei are of any size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auxcpvloss.apply.diameter import PARAMS, estimate
from auxcpvloss.apply.loading import load, start_backend
from auxcpvloss.apply.model import Model, Report, nothing
from auxcpvloss.config.units import Vector
from auxcpvloss.experiment import pretrained
from auxcpvloss.experiment.pretrained import DIAMETER
from auxcpvloss.experiment.selection_file import Selection
from auxcpvloss.network.checkpoint import check_checkpoint
from auxcpvloss.system.errors import InputError

LEAST_DIAMETER, MOST_DIAMETER = 3.0, 1000.0
"""Of nuclei, in voxels along x: smaller ones have no shape."""


class Pretrained(Model):
    """The network that comes with the program: images are resampled so that their nuclei are as large as it knows.

    Attributes
    ----------
    diameter : float or None
        Of the median nucleus, in voxels along x; None: estimated for each image.
    used : float or None
        Diameter with which the last image was segmented.
    """

    def __init__(self, diameter: float | None = None) -> None:
        experiment = pretrained.experiment()
        super().__init__(experiment, Selection(experiment.checkpoints.iterations()[-1], experiment.params))
        self.diameter = diameter
        self.used: float | None = None
        params = self.params.model_copy(update=PARAMS)
        self._measuring = Model(experiment, Selection(self.checkpoint, params))

    def __repr__(self) -> str:
        size = "estimated" if self.diameter is None else f"{self.diameter:g} voxels"
        return f"<Model pretrained, {self.experiment.method.name}, diameter {size}: {self.params.describe()}>"

    @property
    def names(self) -> list[str]:
        """Give the word by which it is asked for."""
        return [pretrained.NAME]

    @property
    def limits(self) -> list[str]:
        """Say what it was not made for."""
        return [f"the pretrained network knows generated nuclei only. {pretrained.card()['not_for']}"]

    @property
    def settings(self) -> dict[str, Any]:
        """What its results depend on besides image, checkpoint and parameters."""
        return {"diameter": self.diameter}

    def found(self) -> dict[str, float]:
        """Give the diameter with which the last image was segmented."""
        return {} if self.used is None else {"diameter": self.used}

    def segment(
        self, image: ArrayLike, voxel_size: Vector | None = None, report: Report = nothing
    ) -> NDArray[np.uint32]:
        """Find the nuclei of an image, see `Model.segment`; voxels of unknown size are cubes."""
        return super().segment(image, self._known_voxels(image, voxel_size), report)

    def predict(
        self, image: ArrayLike, voxel_size: Vector | None = None, report: Report = nothing
    ) -> dict[str, NDArray[Any]]:
        """Give what the network says of an image, see `Model.predict`."""
        return super().predict(image, self._known_voxels(image, voxel_size), report)

    def _known_voxels(self, image: ArrayLike, voxel_size: Vector | None) -> Vector:
        """Give the size of the voxels in units of those in which the median nucleus is as wide as the network knows."""
        size = (1.0, 1.0, 1.0) if voxel_size is None else voxel_size
        self.remark_on(size)
        relative = np.asarray(size, float) / size[2]
        self.used = self.diameter
        if self.used is None:
            volume = self._volume(np.asarray(image))
            self.used = estimate(volume, _vector(relative), self._measuring.segment, super().segment)
        return _vector(relative * DIAMETER / self.used)


def load_any(
    folder: str | Path | Sequence[str | Path], checkpoint: str | int = "best", diameter: float | None = None
) -> Model:
    """Load networks of experiments, or the one that comes with the program; see `auxcpvloss.load_model`."""
    if folder not in (pretrained.NAME, [pretrained.NAME]):
        if diameter is not None:
            raise InputError(
                f"diameter: only for the model {pretrained.NAME!r}. The network of an experiment knows the size of its "
                "voxels; data.target_voxel_size resamples images to it."
            )
        return load(folder, checkpoint)
    if checkpoint not in ("best", "last"):
        raise InputError(f"checkpoint: {checkpoint!r}; the model {pretrained.NAME!r} has only one; omit it")
    if diameter is not None:
        _check_diameter(diameter)
    model = Pretrained(diameter)
    start_backend(model.experiment.config)
    check_checkpoint(pretrained.weights())
    return model


def _vector(sizes: NDArray[np.floating]) -> Vector:
    z, y, x = map(float, sizes)
    return z, y, x


def _check_diameter(diameter: Any) -> None:
    is_number = isinstance(diameter, int | float) and not isinstance(diameter, bool)
    if not is_number or not LEAST_DIAMETER <= diameter <= MOST_DIAMETER:
        raise InputError(
            f"diameter: {diameter!r}; expected that of the median nucleus, in voxels along x: a number from "
            f"{LEAST_DIAMETER:g} to {MOST_DIAMETER:g}"
        )
