"""Augmentations, by name."""

from auxcpvloss.augment.elastic import Elastic
from auxcpvloss.augment.intensity import Intensity
from auxcpvloss.augment.simple import Simple
from auxcpvloss.config.tables.types import Table

AUGMENTATIONS: dict[str, type[Table]] = {"elastic": Elastic, "simple": Simple, "intensity": Intensity}
