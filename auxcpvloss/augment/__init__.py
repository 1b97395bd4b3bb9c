"""Augmentations: random changes of training patches, one file each."""

from typing import Any

from auxcpvloss.augment.augmentation import Augmentation
from auxcpvloss.augment.clahe import CLAHE
from auxcpvloss.augment.contrast import CONTRAST
from auxcpvloss.augment.defect import DEFECT
from auxcpvloss.augment.dropout import DROPOUT
from auxcpvloss.augment.elastic import ELASTIC
from auxcpvloss.augment.gamma import GAMMA
from auxcpvloss.augment.gaussian_blur import GAUSSIAN_BLUR
from auxcpvloss.augment.gaussian_noise import GAUSSIAN_NOISE
from auxcpvloss.augment.impulse_noise import IMPULSE_NOISE
from auxcpvloss.augment.intensity import INTENSITY
from auxcpvloss.augment.median_blur import MEDIAN_BLUR
from auxcpvloss.augment.poisson_noise import POISSON_NOISE
from auxcpvloss.augment.simple import SIMPLE
from auxcpvloss.augment.zoom import ZOOM
from auxcpvloss.config.tables import Config

# In the order in which they are applied.
AUGMENTATIONS: tuple[Augmentation[Any], ...] = (
    ELASTIC,
    ZOOM,
    SIMPLE,
    INTENSITY,
    CLAHE,
    GAUSSIAN_BLUR,
    MEDIAN_BLUR,
    CONTRAST,
    GAMMA,
    GAUSSIAN_NOISE,
    POISSON_NOISE,
    IMPULSE_NOISE,
    DROPOUT,
    DEFECT,
)


def switched_off(config: Config) -> Config:
    """Return a configuration by which patches are as they are in the volumes."""
    every = {"without": [each.name for each in AUGMENTATIONS]}
    augmentation = config.training.augmentation.model_copy(update=every).applied()
    training = config.training.model_copy(update={"augmentation": augmentation})
    return config.model_copy(update={"training": training})
