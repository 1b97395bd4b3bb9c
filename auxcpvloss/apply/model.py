"""A trained network, with what was selected for it, as a function of arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auxcpvloss.config.units import Vector
from auxcpvloss.data.grids import Grid, nearest
from auxcpvloss.data.store import prepare_image
from auxcpvloss.data.target_grid import move_found, seen
from auxcpvloss.data.untrusted.limits import available_memory
from auxcpvloss.data.verify import check_image
from auxcpvloss.data.voxel_sizes import mismatch
from auxcpvloss.experiment.ensemble import Member, members
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.pretraining import HEAD, need_denoiser
from auxcpvloss.experiment.selection_file import Selection
from auxcpvloss.experiment.trained_on import recorded_voxel_sizes
from auxcpvloss.methods import Params
from auxcpvloss.network.tiling import Tiling
from auxcpvloss.pipeline.averaged import joint_tiling
from auxcpvloss.pipeline.scan import Network, scan_volume
from auxcpvloss.stages.volume.arithmetic import precision_for
from auxcpvloss.stages.volume.denoising import denoise
from auxcpvloss.stages.volume.networks import predictor, tilings_of
from auxcpvloss.system.errors import InputError

Report = Callable[[int, int], None]
"""Called with tiles done and tiles in all."""


def nothing(done: int, total: int) -> None:
    """Report nothing."""


class Model:
    """A checkpoint of an experiment, with the parameters of post-processing that go with it.

    It does what the stages predict and label do, bit by bit, and writes no file. The network stays in memory.

    Attributes
    ----------
    experiment : Experiment
    checkpoint : int
        Iterations that the network was trained for.
    params : Params
        Parameters of post-processing.
    members : list of Member
        The networks: one, unless the experiment is an ensemble.
    """

    def __init__(self, experiment: Experiment, selection: Selection) -> None:
        self.experiment = experiment
        self.checkpoint: Checkpoint = selection.checkpoint
        self.params: Params = selection.params
        self.members = members(experiment, selection.checkpoint)
        self._network: tuple[Any, Network] | None = None

    def __repr__(self) -> str:
        name = f"{self.experiment.folder.name}, {self.experiment.method.name}"
        return f"<Model {name}, checkpoint {self.checkpoint}: {self.params.describe()}>"

    @property
    def names(self) -> list[str]:
        """What people know its networks by."""
        return [str(member.experiment.folder) for member in self.members]

    @property
    def limits(self) -> list[str]:
        """What to tell people before they trust it."""
        return []

    @property
    def settings(self) -> dict[str, Any]:
        """What its results depend on besides image, checkpoint and parameters."""
        return {}

    def found(self) -> dict[str, float]:
        """Give what was found out about the last image, besides its nuclei."""
        return {}

    def remark_on(self, voxel_size: Vector) -> str:
        """Say if voxels are larger or smaller than those of the training; "" if they are not, or nothing is known."""
        size = np.asarray(voxel_size, float)
        if size.shape != (3,) or not np.isfinite(size).all() or size.min() <= 0:
            raise InputError(f"voxel_size: {voxel_size!r}; expected three positive numbers, along z, y, x")
        known, config = recorded_voxel_sizes(self.experiment), self.experiment.config
        if config.data.target_voxel_size:
            # To which it is resampled.
            size = np.asarray(config.data.target_voxel_size)
        other = mismatch((float(size[0]), float(size[1]), float(size[2])), known, config.model.ndim)
        return other and f"{other}; resample the image"

    def segment(
        self, image: ArrayLike, voxel_size: Vector | None = None, report: Report = nothing
    ) -> NDArray[np.uint32]:
        """Find the nuclei of an image.

        Memory: the image in single precision, the prediction (``prediction.dtype``), and what the watershed needs.

        Parameters
        ----------
        image : (Z, Y, X) array of numbers
            As the microscope gives it; (Y, X) for a network of images.
        voxel_size : (z, y, x), optional
            A warning says if the network was trained on voxels of another size. With ``data.target_voxel_size`` the
            image is resampled from this size (by default ``data.voxel_size``), and what is found is given back.
        report : callable, optional
            Called with the numbers of tiles that are predicted, and of all.

        Returns
        -------
        array of uint32
            Of the shape of the image: a number for each nucleus, 0 for background.

        Raises
        ------
        InputError
            The image has another number of axes, or is empty, constant or not finite; or the size of its voxels is
            needed.
        """
        predicted, here, there = self._predict(image, voxel_size, report)
        found, are_points = self.params.decode(predicted), self.experiment.method.task == "detection"
        if there != here:
            found = move_found(found, there.padded(self.experiment.config.data.padding), here, are_points)
        return self._as_given(found, np.ndim(image), here == there)

    def predict(
        self, image: ArrayLike, voxel_size: Vector | None = None, report: Report = nothing
    ) -> dict[str, NDArray[Any]]:
        """Give what the network says of an image, by head: arrays with the channels first; see `segment`."""
        predicted, here, there = self._predict(image, voxel_size, report)
        if there != here:
            padded = there.padded(self.experiment.config.data.padding)
            predicted = {head: nearest(array, padded, here) for head, array in predicted.items()}
        return {head: self._as_given(array, np.ndim(image), here == there) for head, array in predicted.items()}

    def _predict(
        self, image: ArrayLike, voxel_size: Vector | None, report: Report
    ) -> tuple[dict[str, NDArray[Any]], Grid, Grid]:
        """Give the heads, padded, the grid of the image, and that of the heads without the padding."""
        config = self.experiment.config
        raw = self._volume(np.asarray(image))
        remark = "" if voxel_size is None else self.remark_on(voxel_size)
        here, there = self._grids(raw.shape, voxel_size)
        check_image(raw, "the image", config.data, config.preprocessing, config.model.ndim, here, there)
        if remark:
            warnings.warn(f"the image: {remark}", stacklevel=3)
        prepared = self._denoised(prepare_image(raw, config.data, config.preprocessing, here, there))
        z, y, x = prepared.shape
        tilings = tilings_of(self.members, (z, y, x), available_memory() / 2)
        arrays = {
            head.name: np.zeros((head.channels, *prepared.shape), config.prediction.dtype)
            for head in self.experiment.method.predicted_heads(self.params)
        }
        scan_volume(prepared, self._network_of(tilings, prepared), joint_tiling(tilings), arrays, report)
        return arrays, here, there

    def _denoised(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Denoise an image, if the scheme of the experiment has the network see denoised ones."""
        if not self.experiment.config.scheme.denoises:
            return image
        denoiser, checkpoint = need_denoiser(self.experiment)
        networks, precision = [Member(denoiser, checkpoint)], denoiser.config.training.precision
        z, y, x = image.shape
        tilings = tilings_of(networks, (z, y, x), available_memory() / 2)
        return denoise(image, predictor(networks, tilings, (HEAD,), (precision,)), joint_tiling(tilings))

    def _grids(self, shape: tuple[int, ...], voxel_size: Vector | None) -> tuple[Grid, Grid]:
        """Give the grid of the image, and the one that the network sees; the same where no size is known."""
        data, (z, y, x) = self.experiment.config.data, shape
        size = data.voxel_size if voxel_size is None else voxel_size
        if not len(size):
            if data.target_voxel_size:
                raise InputError(
                    "voxel_size: not known, but data.target_voxel_size resamples images; give it (z, y, x)"
                )
            plain = Grid((z, y, x), (1.0, 1.0, 1.0))
            return plain, plain
        here = Grid((z, y, x), (float(size[0]), float(size[1]), float(size[2])))
        return here, seen(here, data)

    def _network_of(self, tilings: Sequence[Tiling], image: NDArray[np.float32]) -> Network:
        precisions = []
        for member in self.members:
            precision, why_not = precision_for(member.experiment, member.checkpoint, self.params, image)
            precisions.append(precision)
            if why_not:
                warnings.warn(f"prediction.precision = 'auto' is float32 for the image: {why_not}", stacklevel=4)
        key = tuple(tilings), tuple(precisions)
        if self._network is None or self._network[0] != key:
            # One at a time: another is only for images of another size.
            self._network = None
            heads = [head.name for head in self.experiment.method.predicted_heads(self.params)]
            self._network = key, predictor(self.members, tilings, heads, precisions)
        return self._network[1]

    def _volume(self, image: NDArray[Any]) -> NDArray[Any]:
        is_plane = self.experiment.config.model.ndim == 2 and image.ndim == 2
        if image.ndim != 3 and not is_plane:
            expected = "Y, X" if self.experiment.config.model.ndim == 2 else "Z, Y, X"
            raise InputError(
                f"the image: an array of {' x '.join(map(str, image.shape)) or 'no'} voxels, {image.ndim} axes; "
                f"expected one channel with the axes {expected}"
            )
        return image[np.newaxis] if is_plane else image

    def _as_given(self, array: NDArray[Any], ndim: int, is_padded: bool) -> NDArray[Any]:
        """Cut off the padding; of a plane that was given without an axis z, give none."""
        padding = self.experiment.config.data.padding if is_padded else (0, 0, 0)
        inside = tuple(slice(size, -size or None) for size in padding)
        return array[(..., *inside)] if ndim == 3 else array[(..., *inside)][..., 0, :, :]
