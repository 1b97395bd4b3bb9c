"""StarDist-3D as its authors set it up in their example for 3D; these functions run in its own environment.

Volumes come as .npz files with an image and labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

RAYS = 96
RANDOM = np.random.default_rng(1)
# Ours counts a pair if IoU > t, StarDist if IoU >= t.
THRESHOLDS = tuple(0.1 * tenths + 1e-6 for tenths in range(1, 10))


def read(file: str) -> tuple[np.ndarray, np.ndarray]:
    """Give the image, with percentiles 1 and 99.8 mapped to 0 and 1, and the labels of a volume."""
    from csbdeep.utils import normalize

    with np.load(file) as arrays:
        image, labels = (arrays[name] for name in arrays.files)
    return normalize(image, 1, 99.8), labels.astype(np.int32)


def seed(number: int) -> None:
    """Draw weights, patches and augmentations anew from a number."""
    import tf_keras

    global RANDOM
    tf_keras.utils.set_random_seed(number)
    RANDOM = np.random.default_rng(number)


def augment(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flip and turn in the plane, since microscopy is not symmetric along z, and change intensities."""
    if image.shape[1] == image.shape[2] and RANDOM.random() < 0.5:
        image, labels = image.transpose(0, 2, 1), labels.transpose(0, 2, 1)
    for axis in (1, 2):
        if RANDOM.random() < 0.5:
            image, labels = np.flip(image, axis), np.flip(labels, axis)
    return image * RANDOM.uniform(0.6, 2) + RANDOM.uniform(-0.2, 0.2), labels


def new_model(folder: str, grid: Sequence[int], anisotropy: Sequence[float] | None = None, **config: Any) -> Any:
    """Make a StarDist-3D network with the defaults: a U-Net of depth 2 with 32 maps, 96 rays."""
    from stardist.models import Config3D, StarDist3D
    from stardist.rays3d import Rays_GoldenSpiral

    rays = Rays_GoldenSpiral(RAYS, anisotropy=anisotropy)
    options = {"n_channel_in": 1, "train_tensorboard": False, "use_gpu": False, **config}
    made = Config3D(rays=rays, grid=tuple(grid), anisotropy=anisotropy, **options)
    return StarDist3D(made, name=Path(folder).name, basedir=str(Path(folder).parent))


def load_model(folder: str) -> Any:
    """Load a network."""
    from stardist.models import StarDist3D

    return StarDist3D(None, name=Path(folder).name, basedir=str(Path(folder).parent))


def anisotropy_of(labelled: Sequence[np.ndarray]) -> tuple[float, ...]:
    """Compute the anisotropy from the median extents of the nuclei."""
    from stardist import calculate_extents

    extents = calculate_extents(list(labelled))
    return tuple((np.max(extents) / extents).tolist())


def grid_of(anisotropy: Sequence[float]) -> tuple[int, ...]:
    """Choose the grid as in the example."""
    return tuple(1 if each > 1.5 else 2 for each in anisotropy)
