"""Which mirror images of an image are predicted too (``prediction.augment``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Problem
from auxcpvloss.methods import method_of
from auxcpvloss.methods.method import Head
from auxcpvloss.methods.transforms import TRANSFORMS_AS, Transform, exchangeable, transforms
from auxcpvloss.network.shapes import AxisGeometry, Shape


def transforms_of(
    config: Config, geometry: Sequence[AxisGeometry], voxel_size: Sequence[float] | None
) -> list[Transform]:
    """Give the mirror images of which the predictions are averaged; the first is the image itself.

    They are those that training shows to the network: mirrored, and with axes exchanged along which voxels are alike.
    Of the latter, those along which the network is alike.

    Parameters
    ----------
    config : Config
    geometry : three of AxisGeometry
        Of the network that predicts.
    voxel_size : (z, y, x) or None
        Of the training volumes; no axes are exchanged where it is not known.
    """
    wanted, shown = config.prediction.augment, _shown(config)
    mirror = shown["mirror"] if wanted != "none" else []
    alike = exchangeable(shown["transpose"], voxel_size) if wanted == "all" and voxel_size is not None else []
    known = [replace(axis, before=0) for axis in geometry]
    groups = [[axis for axis in alike if known[axis] == known[first]] for first in alike]
    return list(transforms(mirror, max(groups, key=len, default=[])))


def _shown(config: Config) -> dict[str, Any]:
    """Give the table [training.augmentation.simple] as it takes effect: mirroring and exchange of axes in training."""
    return config.training.augmentation.applied().tables()["simple"].model_dump()


def problems(config: Config) -> Iterator[Problem]:
    """Find predictions of mirror images asked for of a network that has not seen any."""
    wanted, shown = config.prediction.augment, _shown(config)
    needed = {"none": [], "flips": ["mirror"], "all": ["mirror", "transpose"]}[wanted]
    if needed and not any(shown[key] for key in needed):
        augmentation, reasons = config.training.augmentation, [f"simple.{key} = []" for key in needed]
        if any(getattr(augmentation.tables()["simple"], key) for key in needed):
            reasons = [f"without = {augmentation.without}"]
        keys = " and ".join(f"training.augmentation.{reason}" for reason in reasons)
        yield ("prediction", "augment"), f"{wanted!r}, but the network has seen no mirror images: {keys}; use 'none'"


def voxels_before(config: Config) -> Shape:
    """Give the voxels before a tile that its prediction depends on: of mirrored affinities, one."""
    if config.prediction.augment == "none":
        return 0, 0, 0
    mirror, shifted = _shown(config)["mirror"], any(map(is_shifted, method_of(config).heads))
    z, y, x = (int(shifted and axis in mirror) for axis in range(3))
    return z, y, x


def is_shifted(head: Head) -> bool:
    """Whether a head relates voxels to the ones before them: its mirror image has no value of the first voxels."""
    mirrored = Transform(mirrored=(True, True, True))
    return any(channel.shifted is not None for channel in TRANSFORMS_AS[head.transforms_as](mirrored, head.channels))
